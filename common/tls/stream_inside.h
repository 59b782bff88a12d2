/* What the parts of a TLS stream share: stream_handshake.h opens it, stream.c carries bytes, over stream_socket.h. */
#ifndef LUBDUB_TLS_STREAM_INSIDE_H
#define LUBDUB_TLS_STREAM_INSIDE_H

#include <ev.h>
#include <openssl/ssl.h>

#include "ev/transport.h"
#include "tls/context.h"
#include "tls/kept.h"
#include "tls/shop.h"

enum lubdub_tls_stream_state {
    LUBDUB_TLS_STREAM_HELLO,
    LUBDUB_TLS_STREAM_QUEUE,
    LUBDUB_TLS_STREAM_HANDSHAKE,
    LUBDUB_TLS_STREAM_OPEN,
    LUBDUB_TLS_STREAM_OVER,
};

/* While a server's side is not open. */
struct lubdub_tls_opening {
    struct lubdub_gate_place place;
    bool has_heard; /* the client has sent a byte */
};

struct lubdub_tls_stream {
    struct lubdub_transport base;
    struct lubdub_tls_context *context;
    struct lubdub_shop *shop;
    struct lubdub_transport_counts *counts;
    ev_io *io;
    SSL *ssl;
    struct lubdub_tls_opening *opening;
    struct lubdub_kept input;  /* from the socket, not decrypted: a ClientHello, or what the session had no room for */
    struct lubdub_kept output; /* encrypted, and the socket had no room */
    uint8_t state;             /* enum lubdub_tls_stream_state */
    uint8_t end;               /* enum lubdub_cause that the socket told behind the bytes of input */
    bool owes_byte;            /* the last byte that was given to write: encrypted, and not told as taken */
    bool is_shut;
    bool has_goodbye; /* the peer said that nothing more comes */
};

static inline bool lubdub_tls_stream_is_server(const struct lubdub_tls_stream *stream)
{
    return stream->context->role == LUBDUB_ROLE_SERVER;
}

/* Whether the shop has input that OpenSSL did not read. */
static inline bool lubdub_tls_stream_has_input_left(const struct lubdub_tls_stream *stream)
{
    return stream->shop->input_at < stream->shop->input_length;
}

#endif
