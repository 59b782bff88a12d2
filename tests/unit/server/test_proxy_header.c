/* Headers of the PROXY protocol: what they tell, and what is wrong with the wrong ones. */
#include "support/test.h"

#include <stdlib.h>
#include <string.h>

#include "server/library/proxy_header.h"
#include "support/proxy_bytes.h"

static char *address_in(const struct wire_bytes *bytes, char *text)
{
    struct lubdub_proxy_header header;

    assert_int_equal(lubdub_proxy_header_read(bytes->data, bytes->length, &header), LUBDUB_PROXY_HEADER_CLIENT);
    return lubdub_address_format(&header.address, text);
}

static void header_tells_the_address_of_a_client(void **state)
{
    char text[LUBDUB_ADDRESS_TEXT_SIZE];
    struct wire_bytes bytes = {0};
    (void)state;

    proxy_bytes_put(&bytes, "192.0.2.7", 4711);
    assert_string_equal(address_in(&bytes, text), "192.0.2.7:4711");
    wire_bytes_clear(&bytes);
    proxy_bytes_put(&bytes, "2001:db8::7", 65535);
    proxy_bytes_put_tlv(&bytes, 0xea, "anything", 8);
    proxy_bytes_put_tlv(&bytes, 0x04, NULL, 0);
    assert_string_equal(address_in(&bytes, text), "[2001:db8::7]:65535");
    wire_bytes_clear(&bytes);
}

/* Byte by byte: it asks for more until it is whole, and never looks behind what is there. */
static void header_may_come_in_pieces_of_any_size(void **state)
{
    struct lubdub_proxy_header header;
    struct wire_bytes bytes = {0};
    size_t whole;
    size_t length;
    (void)state;

    proxy_bytes_put(&bytes, "192.0.2.7", 4711);
    whole = bytes.length;
    wire_bytes_put(&bytes, "LD", 2);
    for (length = 1; length < whole; length++) {
        uint8_t *part = malloc(length);

        memcpy(part, bytes.data, length);
        assert_int_equal(lubdub_proxy_header_read(part, length, &header), LUBDUB_PROXY_HEADER_IS_SHORT);
        assert_in_range(header.length, length + 1, whole);
        free(part);
    }
    assert_int_equal(lubdub_proxy_header_read(bytes.data, bytes.length, &header), LUBDUB_PROXY_HEADER_CLIENT);
    assert_int_equal(header.length, whole);
    wire_bytes_clear(&bytes);
}

static void proxy_may_not_know_or_speak_for_itself(void **state)
{
    static const struct {
        unsigned command;
        unsigned family;
        size_t length;
        enum lubdub_proxy_header_result result;
    } rows[] = {
        {0x20, 0x00, 0, LUBDUB_PROXY_HEADER_LOCAL},   {0x20, 0x11, 3, LUBDUB_PROXY_HEADER_LOCAL},
        {0x21, 0x00, 0, LUBDUB_PROXY_HEADER_UNKNOWN}, {0x21, 0x31, 216, LUBDUB_PROXY_HEADER_UNKNOWN},
        {0x21, 0x00, 7, LUBDUB_PROXY_HEADER_UNKNOWN},
    };
    static const uint8_t rest[216];
    struct lubdub_proxy_header header;
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(rows); i++) {
        struct wire_bytes bytes = {0};

        proxy_bytes_put_fixed(&bytes, rows[i].command, rows[i].family, rows[i].length);
        wire_bytes_put(&bytes, rest, rows[i].length);
        assert_int_equal(lubdub_proxy_header_read(bytes.data, bytes.length, &header), rows[i].result);
        assert_int_equal(header.length, bytes.length);
        wire_bytes_clear(&bytes);
    }
}

/* The checksum was computed by a program whose CRC-32C of "123456789" is e3069283, as it has to be. */
static void checksum_is_believed_where_it_is_right(void **state)
{
    static const uint8_t right[4] = {0x5b, 0x5d, 0xf2, 0x6e};
    char text[LUBDUB_ADDRESS_TEXT_SIZE];
    struct lubdub_proxy_header header;
    struct wire_bytes bytes = {0};
    (void)state;

    proxy_bytes_put(&bytes, "192.0.2.7", 4711);
    proxy_bytes_put_tlv(&bytes, 0x03, right, sizeof right);
    assert_string_equal(address_in(&bytes, text), "192.0.2.7:4711");
    bytes.data[16] ^= 1;
    assert_int_equal(lubdub_proxy_header_read(bytes.data, bytes.length, &header), LUBDUB_PROXY_HEADER_WRONG);
    assert_string_equal(header.fault, "the checksum in the PROXY header is wrong");
    wire_bytes_clear(&bytes);
}

static void expect_fault(const void *bytes, size_t length, const char *fault)
{
    struct lubdub_proxy_header header;

    assert_int_equal(lubdub_proxy_header_read(bytes, length, &header), LUBDUB_PROXY_HEADER_WRONG);
    assert_string_equal(header.fault, fault);
}

static void expect_fault_of_fixed(unsigned command, unsigned family, size_t length, const char *fault)
{
    struct wire_bytes bytes = {0};

    proxy_bytes_put_fixed(&bytes, command, family, length);
    expect_fault(bytes.data, bytes.length, fault);
    wire_bytes_clear(&bytes);
}

static void each_wrong_field_is_named(void **state)
{
    static const char version_1[] = "PROXY TCP4 192.0.2.7 192.0.2.1 4711 3333\r\n";
    struct wire_bytes bytes = {0};
    size_t length;
    (void)state;

    for (length = 1; length < sizeof version_1; length++) {
        expect_fault(version_1, length, "the PROXY header is of version 1, and only version 2 is taken");
    }
    expect_fault("LD\1\3", 4, "there is no PROXY header, and the connection comes from a network of proxies");
    expect_fault("\r\n\r\n\1", 5, "there is no PROXY header, and the connection comes from a network of proxies");
    expect_fault_of_fixed(0x11, 0x11, 12, "the version in the PROXY header is not 2");
    expect_fault_of_fixed(0x31, 0x11, 12, "the version in the PROXY header is not 2");
    expect_fault_of_fixed(0x22, 0x11, 12, "the command in the PROXY header is neither LOCAL nor PROXY");
    expect_fault_of_fixed(0x21, 0x12, 12, "the transport in the PROXY header is not TCP over IPv4 or IPv6");
    expect_fault_of_fixed(0x21, 0x01, 12, "the transport in the PROXY header is not TCP over IPv4 or IPv6");
    expect_fault_of_fixed(0x21, 0x41, 12, "the transport in the PROXY header is not TCP over IPv4 or IPv6");
    expect_fault_of_fixed(0x21, 0x11, 11, "the length in the PROXY header is too short for its addresses");
    expect_fault_of_fixed(0x21, 0x21, 35, "the length in the PROXY header is too short for its addresses");
    expect_fault_of_fixed(0x21, 0x11, 4081, "the PROXY header is longer than 4096 bytes");

    proxy_bytes_put(&bytes, "192.0.2.7", 4711);
    proxy_bytes_put_tlv(&bytes, 0x01, "h2", 2);
    bytes.data[30] = 3; /* the length in the TLV */
    expect_fault(bytes.data, bytes.length, "a TLV runs past the end of the PROXY header");
    wire_bytes_clear(&bytes);
    proxy_bytes_put(&bytes, "192.0.2.7", 4711);
    proxy_bytes_put_tlv(&bytes, 0x03, "12", 2);
    expect_fault(bytes.data, bytes.length, "the checksum in the PROXY header is not 4 bytes long");
    wire_bytes_clear(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_tells_the_address_of_a_client),
        cmocka_unit_test(header_may_come_in_pieces_of_any_size),
        cmocka_unit_test(proxy_may_not_know_or_speak_for_itself),
        cmocka_unit_test(checksum_is_believed_where_it_is_right),
        cmocka_unit_test(each_wrong_field_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
