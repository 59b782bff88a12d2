/* Moves encrypted bytes between a stream's socket and the shop's buffers, until the end. */
#ifndef LUBDUB_TLS_STREAM_SOCKET_H
#define LUBDUB_TLS_STREAM_SOCKET_H

#include "tls/stream_inside.h"

/*
 * What a call of OpenSSL returns is explained by its queue of errors, which has to be empty before. It mostly is:
 * clearing it costs as much as a twentieth of a record.
 */
void lubdub_tls_forget_errors(void);

/* Sends what OpenSSL has written, behind what waits, and keeps the rest. Returns how the connection proved over. */
enum lubdub_cause lubdub_tls_stream_send_output(struct lubdub_tls_stream *stream, bool is_last);

/* Sends what was kept. */
enum lubdub_cause lubdub_tls_stream_send_kept(struct lubdub_tls_stream *stream);

/* Fills the shop's input: with what was kept, or else from the socket, once. */
void lubdub_tls_stream_receive(struct lubdub_tls_stream *stream);

void lubdub_tls_stream_leave_gate(struct lubdub_tls_stream *stream);

/* The stream is over. problem, static: why; NULL: it was we who left. */
void lubdub_tls_stream_end(struct lubdub_tls_stream *stream, const char *problem);

#endif
