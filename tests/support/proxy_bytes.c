/* Shares nothing with the toolkit but the bytes. */
#include "proxy_bytes.h"

#include <arpa/inet.h>
#include <string.h>

#include "test.h"

void proxy_bytes_put_fixed(struct wire_bytes *bytes, unsigned version_and_command, unsigned family, size_t length)
{
    const uint8_t rest[4] = {(uint8_t)version_and_command, (uint8_t)family, (uint8_t)(length >> 8), (uint8_t)length};

    wire_bytes_put(bytes, "\r\n\r\n\0\r\nQUIT\n", 12);
    wire_bytes_put(bytes, rest, sizeof rest);
}

void proxy_bytes_put(struct wire_bytes *bytes, const char *address, uint16_t port)
{
    const uint8_t ports[4] = {(uint8_t)(port >> 8), (uint8_t)port, 0x0d, 0x05};
    bool is_ipv4 = strchr(address, ':') == NULL;
    size_t length = is_ipv4 ? 4 : 16;
    uint8_t addresses[32] = {0};

    assert_int_equal(inet_pton(is_ipv4 ? AF_INET : AF_INET6, address, addresses), 1);
    proxy_bytes_put_fixed(bytes, 0x21, is_ipv4 ? 0x11 : 0x21, 2 * length + sizeof ports);
    wire_bytes_put(bytes, addresses, 2 * length); /* the destination matters to nothing */
    wire_bytes_put(bytes, ports, sizeof ports);
}

void proxy_bytes_put_tlv(struct wire_bytes *bytes, unsigned type, const void *value, size_t length)
{
    const uint8_t head[3] = {(uint8_t)type, (uint8_t)(length >> 8), (uint8_t)length};
    size_t whole = ((size_t)bytes->data[14] << 8 | bytes->data[15]) + sizeof head + length;

    bytes->data[14] = (uint8_t)(whole >> 8);
    bytes->data[15] = (uint8_t)whole;
    wire_bytes_put(bytes, head, sizeof head);
    wire_bytes_put(bytes, value, length);
}
