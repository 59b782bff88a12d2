/*
 * Looks at the first bytes of a connection: a ClientHello that is whole, a part of one, or something else. A server
 * waits for all of it in a small buffer, since the objects of a handshake take 73 kB once a TLS library has seen three
 * bytes. Pure.
 */
#ifndef LUBDUB_TLS_CLIENT_HELLO_H
#define LUBDUB_TLS_CLIENT_HELLO_H

#include <stddef.h>
#include <stdint.h>

/* The longest that is waited for. Those of today's clients have 200 to 1,900 bytes, with keys for the time after
 * quantum computers. */
#define LUBDUB_CLIENT_HELLO_LIMIT 2048

enum lubdub_client_hello {
    LUBDUB_CLIENT_HELLO_PART, /* so far a ClientHello */
    LUBDUB_CLIENT_HELLO_WHOLE,
    LUBDUB_CLIENT_HELLO_TOO_LONG,
    LUBDUB_CLIENT_HELLO_PLAIN,   /* frames of our own protocol, without TLS */
    LUBDUB_CLIENT_HELLO_HTTP,    /* a plain request of HTTP */
    LUBDUB_CLIENT_HELLO_UNKNOWN, /* neither */
};

/* bytes: all that came so far. */
enum lubdub_client_hello lubdub_client_hello_judge(const uint8_t *bytes, size_t length);

#endif
