/*
 * Opens a TLS stream. A server reads the whole ClientHello before anything of OpenSSL is made, refuses what is none,
 * and waits at the gate (gate.h).
 */
#ifndef LUBDUB_TLS_STREAM_HANDSHAKE_H
#define LUBDUB_TLS_STREAM_HANDSHAKE_H

#include "tls/stream_inside.h"

/* Makes the stream's objects of OpenSSL. name: the server's, of a client. False without memory. */
bool lubdub_tls_stream_connect(struct lubdub_tls_stream *stream, const char *name);

/* Does what may be done for a stream that is not open; reads the socket once at most. */
struct lubdub_transfer lubdub_tls_stream_shake(struct lubdub_tls_stream *stream);

/* A client sends its ClientHello, where it has not. */
struct lubdub_transfer lubdub_tls_stream_begin_handshake(struct lubdub_tls_stream *stream);

#endif
