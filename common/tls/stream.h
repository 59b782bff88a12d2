/*
 * Carries a session's bytes over TLS: the transport (ev/transport.h) of one connection. A server's goes through
 *
 *     hello      waits for a whole ClientHello, in 2 KiB at most
 *     queue      waits at the gate
 *     handshake  has the objects of OpenSSL
 *     open       carries bytes
 *     over       failed; problem says why
 *
 * and a client's begins with the handshake. What decrypts to more than the session has room for stays in OpenSSL or
 * here, where the loop does not see it: has_input says so.
 */
#ifndef LUBDUB_TLS_STREAM_H
#define LUBDUB_TLS_STREAM_H

#include "ev/transport.h"

extern const struct lubdub_transport_kind lubdub_tls_stream_kind;

#endif
