/* Writes headers of the PROXY protocol, version 2, right or wrong, for tests. */
#ifndef LUBDUB_TESTS_SUPPORT_PROXY_BYTES_H
#define LUBDUB_TESTS_SUPPORT_PROXY_BYTES_H

#include "wire_bytes.h"

/* The first 16 bytes; the length is of what is to follow. */
void proxy_bytes_put_fixed(struct wire_bytes *bytes, unsigned version_and_command, unsigned family, size_t length);

/* A whole header of a client from this address, "192.0.2.7" or "2001:db8::7", and no TLV. */
void proxy_bytes_put(struct wire_bytes *bytes, const char *address, uint16_t port);

/* A TLV, and its length is added to that of the header at the start of the bytes. */
void proxy_bytes_put_tlv(struct wire_bytes *bytes, unsigned type, const void *value, size_t length);

#endif
