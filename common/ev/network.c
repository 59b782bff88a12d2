/* Parses networks, and compares the bits that their addresses have in common. */
#include "ev/network.h"

#include <arpa/inet.h>
#include <string.h>

#define BITS 128
#define BITS_OF_IPV4 32

/* "0" to "128", and nothing else. */
static bool parse_bits(const char *text, size_t length, unsigned most, unsigned *bits)
{
    size_t i;

    *bits = 0;
    if (length == 0 || length > 3 || (length > 1 && text[0] == '0')) {
        return false;
    }
    for (i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        *bits = *bits * 10 + (unsigned)(text[i] - '0');
    }
    return *bits <= most;
}

/* A mask of the byte at this index: its bits that are among the first so many of all. */
static uint8_t mask(unsigned index, unsigned bits)
{
    unsigned before = index * 8;

    if (bits <= before) {
        return 0;
    }
    return (uint8_t)(bits - before >= 8 ? 0xff : 0xff << (8 - (bits - before)));
}

bool lubdub_network_parse(struct lubdub_network *network, const char *text, size_t length)
{
    const char *slash = memchr(text, '/', length);
    size_t host_length = slash != NULL ? (size_t)(slash - text) : length;
    struct lubdub_address address;
    char host[INET6_ADDRSTRLEN];
    unsigned most;
    unsigned i;

    if (host_length >= sizeof host || memchr(text, '%', length) != NULL || memchr(text, '[', length) != NULL) {
        return false;
    }
    memcpy(host, text, host_length);
    host[host_length] = '\0';
    if (!lubdub_address_parse(&address, host, 0)) {
        return false;
    }
    most = lubdub_address_is_ipv4(&address) && memchr(host, ':', host_length) == NULL ? BITS_OF_IPV4 : BITS;
    network->bits = most;
    if (slash != NULL && !parse_bits(slash + 1, length - host_length - 1, most, &network->bits)) {
        return false;
    }
    network->bits += BITS - most;
    memcpy(network->ip, address.ip, sizeof network->ip);
    for (i = 0; i < sizeof network->ip; i++) {
        if ((network->ip[i] & ~mask(i, network->bits)) != 0) {
            return false;
        }
    }
    return true;
}

bool lubdub_network_has(const struct lubdub_network *network, const struct lubdub_address *address)
{
    unsigned i;

    for (i = 0; i < sizeof network->ip; i++) {
        if (((network->ip[i] ^ address->ip[i]) & mask(i, network->bits)) != 0) {
            return false;
        }
    }
    return true;
}
