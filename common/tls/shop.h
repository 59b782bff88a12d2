/*
 * Keeps what the TLS streams of one loop share: the gate of the handshakes, one buffer for the bytes that came and one
 * for the bytes that go, and one BIO over both, through which OpenSSL reads and writes. One stream is worked on at a
 * time; it takes along what it leaves in the buffers.
 */
#ifndef LUBDUB_TLS_SHOP_H
#define LUBDUB_TLS_SHOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/bio.h>

#include "tls/gate.h"

/* As many bytes as a plain link reads at a time. */
#define LUBDUB_SHOP_INPUT 8192

/* What one call of OpenSSL may write: a flight with a chain of certificates, or what LUBDUB_SHOP_WRITE bytes become. */
#define LUBDUB_SHOP_OUTPUT 65536
#define LUBDUB_SHOP_WRITE 16384

struct lubdub_shop {
    struct lubdub_gate gate;
    BIO *bio;
    size_t input_at; /* OpenSSL has read so far */
    size_t input_length;
    size_t output_length;
    uint8_t input[LUBDUB_SHOP_INPUT];
    uint8_t output[LUBDUB_SHOP_OUTPUT];
};

/* That of a loop; the first call makes it. NULL without memory. */
struct lubdub_shop *lubdub_shop_of(struct lubdub_transports *all);

#endif
