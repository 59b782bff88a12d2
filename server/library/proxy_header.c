/* Judges a header of the PROXY protocol field by field, as soon as the field is there. */
#include "server/library/proxy_header.h"

#include <stdbool.h>
#include <string.h>

#define FIXED 16 /* all that stands before the addresses */
#define IPV4_LENGTH 12
#define IPV6_LENGTH 36

static const uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

enum { VERSION_2 = 2 };
enum { COMMAND_LOCAL = 0, COMMAND_PROXY = 1 };
enum { FAMILY_NONE = 0x00, FAMILY_TCP4 = 0x11, FAMILY_TCP6 = 0x21, FAMILY_UNIX = 0x31 };
enum { TLV_CRC32C = 0x03 };

static enum lubdub_proxy_header_result wrong(struct lubdub_proxy_header *header, const char *fault)
{
    header->fault = fault;
    return LUBDUB_PROXY_HEADER_WRONG;
}

static bool begins_like(const uint8_t *bytes, size_t length, const void *beginning, size_t beginning_length)
{
    return memcmp(bytes, beginning, length < beginning_length ? length : beginning_length) == 0;
}

/* Where the version is 1, a line of text is told apart from everything else by its first byte. */
static const char *judge_signature(const uint8_t *bytes, size_t length)
{
    static const char version_1[] = "PROXY ";

    if (begins_like(bytes, length, signature, sizeof signature)) {
        return NULL;
    }
    return begins_like(bytes, length, version_1, sizeof version_1 - 1)
               ? "the PROXY header is of version 1, and only version 2 is taken"
               : "there is no PROXY header, and the connection comes from a network of proxies";
}

static const char *judge_fixed(const uint8_t *bytes)
{
    unsigned command = bytes[12] & 0x0f;
    unsigned family = bytes[13];

    if (bytes[12] >> 4 != VERSION_2) {
        return "the version in the PROXY header is not 2";
    }
    if (command != COMMAND_LOCAL && command != COMMAND_PROXY) {
        return "the command in the PROXY header is neither LOCAL nor PROXY";
    }
    if (command == COMMAND_PROXY && family != FAMILY_NONE && family != FAMILY_TCP4 && family != FAMILY_TCP6 &&
        family != FAMILY_UNIX) {
        return "the transport in the PROXY header is not TCP over IPv4 or IPv6";
    }
    return NULL;
}

static size_t length_of_addresses(unsigned family)
{
    switch (family) {
    case FAMILY_TCP4:
        return IPV4_LENGTH;
    case FAMILY_TCP6:
        return IPV6_LENGTH;
    default:
        return 0;
    }
}

/* CRC-32C (RFC 3720, appendix B.4), a bit at a time: headers are short. The four bytes at `hole` count as 0. */
static uint32_t checksum(const uint8_t *bytes, size_t length, size_t hole)
{
    uint32_t crc = 0xffffffff;
    size_t i;
    unsigned bit;

    for (i = 0; i < length; i++) {
        crc ^= i >= hole && i < hole + 4 ? 0 : bytes[i];
        for (bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0x82f63b78 & (0 - (crc & 1)));
        }
    }
    return ~crc;
}

static const char *judge_tlvs(const uint8_t *bytes, size_t length, size_t at)
{
    while (at < length) {
        size_t value_at = at + 3;
        size_t value_length = value_at <= length ? (size_t)bytes[at + 1] << 8 | bytes[at + 2] : 0;

        if (value_at > length || value_length > length - value_at) {
            return "a TLV runs past the end of the PROXY header";
        }
        if (bytes[at] == TLV_CRC32C) {
            const uint8_t *told = bytes + value_at;

            if (value_length != 4) {
                return "the checksum in the PROXY header is not 4 bytes long";
            }
            if (checksum(bytes, length, value_at) !=
                ((uint32_t)told[0] << 24 | (uint32_t)told[1] << 16 | (uint32_t)told[2] << 8 | told[3])) {
                return "the checksum in the PROXY header is wrong";
            }
        }
        at = value_at + value_length;
    }
    return NULL;
}

/* The source stands first, then the destination, then the ports of both. */
static void take_address(const uint8_t *bytes, bool is_ipv4, struct lubdub_address *address)
{
    const uint8_t *port = bytes + FIXED + (is_ipv4 ? 8 : 32);

    memset(address, 0, sizeof *address);
    if (is_ipv4) {
        address->ip[10] = address->ip[11] = 0xff;
        memcpy(address->ip + 12, bytes + FIXED, 4);
    } else {
        memcpy(address->ip, bytes + FIXED, 16);
    }
    address->port = (uint16_t)(port[0] << 8 | port[1]);
}

enum lubdub_proxy_header_result lubdub_proxy_header_read(const uint8_t *bytes, size_t length,
                                                         struct lubdub_proxy_header *header)
{
    const char *fault = judge_signature(bytes, length);
    unsigned family;

    header->length = FIXED;
    if (fault != NULL) {
        return wrong(header, fault);
    }
    if (length < FIXED) {
        return LUBDUB_PROXY_HEADER_IS_SHORT;
    }
    fault = judge_fixed(bytes);
    if (fault != NULL) {
        return wrong(header, fault);
    }
    family = (bytes[12] & 0x0f) == COMMAND_LOCAL ? FAMILY_NONE : bytes[13];
    header->length += (size_t)bytes[14] << 8 | bytes[15];
    if (header->length > LUBDUB_PROXY_HEADER_LIMIT) {
        return wrong(header, "the PROXY header is longer than 4096 bytes");
    }
    if (header->length - FIXED < length_of_addresses(family)) {
        return wrong(header, "the length in the PROXY header is too short for its addresses");
    }
    if (length < header->length) {
        return LUBDUB_PROXY_HEADER_IS_SHORT;
    }
    if (length_of_addresses(family) == 0) {
        /* What stands behind is not ours to know: a LOCAL header may have anything, and a path has no TLVs that matter.
         */
        return (bytes[12] & 0x0f) == COMMAND_LOCAL ? LUBDUB_PROXY_HEADER_LOCAL : LUBDUB_PROXY_HEADER_UNKNOWN;
    }
    fault = judge_tlvs(bytes, header->length, FIXED + length_of_addresses(family));
    if (fault != NULL) {
        return wrong(header, fault);
    }
    take_address(bytes, family == FAMILY_TCP4, &header->address);
    return LUBDUB_PROXY_HEADER_CLIENT;
}
