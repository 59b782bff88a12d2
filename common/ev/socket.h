/* Sets up TCP sockets for heartbeats (non-blocking, no delay, short queues), and reads and writes them. */
#ifndef LUBDUB_EV_SOCKET_H
#define LUBDUB_EV_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include <lubdub/cause.h>
#include <lubdub/session.h>

#include "ev/address.h"

struct tcp_info;

/*
 * Options for a connected or connecting socket: TCP_NODELAY, and a queue of unsent bytes in the kernel so short
 * that a heartbeat waits behind one frame at most (TCP_NOTSENT_LOWAT). What a kernel lacks is left out.
 */
void lubdub_socket_tune(int socket);

/* Linux, include/uapi/linux/in.h. */
#define LUBDUB_PROTOCOL_MPTCP 262

/*
 * Whether the socket was made, or accepted, with Multipath TCP. It may have fallen back to plain TCP since; what a
 * listener accepted from a client that speaks plain TCP is a plain socket.
 */
bool lubdub_socket_may_have_paths(int socket);

/*
 * A new non-blocking, close-on-exec TCP socket of the address's family; -1 and errno. With Multipath TCP if that is
 * wanted and this kernel has it (paths.h), else plain.
 */
int lubdub_socket_new(const struct lubdub_address *address, bool wants_multipath);

/* Whether the descriptor is a socket of TCP. */
bool lubdub_socket_is_tcp(int socket);

/* Whether it has a peer. */
bool lubdub_socket_is_connected(int socket);

/* The cause that a socket's errno means: refused, timeout, closed, reset or unreachable. */
enum lubdub_cause lubdub_socket_cause(int error);

/* What the kernel knows of the peer's kernel (TCP_INFO), and whether anything waits to be read. */
void lubdub_socket_look(int socket, struct lubdub_evidence *evidence);

/* The kernel's estimate of the connection's round trip, smoothed; 0: none. */
lubdub_duration lubdub_socket_round_trip(int socket);
/* What one TCP_INFO says; has_unread is left as it is. */
void lubdub_socket_weigh(const struct tcp_info *info, struct lubdub_evidence *evidence);

/*
 * recv() and send() that give no signal and are no points of cancellation: no thread that calls them is ever cancelled.
 * Bytes that are sent as the last leave with the FIN of the shutdown() that follows, in one segment.
 */
ssize_t lubdub_socket_receive(int socket, void *bytes, size_t capacity);
ssize_t lubdub_socket_send(int socket, const void *bytes, size_t length);
ssize_t lubdub_socket_send_last(int socket, const void *bytes, size_t length);

/* Whether the peer's end of file, or an RST, has arrived, perhaps behind bytes that are not read yet. */
bool lubdub_socket_has_ended(int socket);

/* Closes with RST: nothing lingers, the port is free. */
void lubdub_socket_reset(int socket);

#endif
