/* TCP sockets as a heartbeat wants them: non-blocking, no delay, short queues. */
#ifndef LUBDUB_EV_SOCKET_H
#define LUBDUB_EV_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include <lubdub/cause.h>
#include <lubdub/session.h>

#include "address.h"

/*
 * Options for a connected or connecting socket: TCP_NODELAY, and a queue of unsent bytes in the kernel so short
 * that a heartbeat waits behind one frame at most (TCP_NOTSENT_LOWAT). What a kernel lacks is left out.
 */
void lubdub_socket_tune(int socket);

/* A new non-blocking, close-on-exec TCP socket of the address's family; -1 and errno. */
int lubdub_socket_new(const struct lubdub_address *address);

/* What a socket's errno means for the peer: refused, timeout, closed, reset or unreachable. */
enum lubdub_cause lubdub_socket_cause(int error);

/*
 * What the kernel says of the peer (TCP_INFO): has its machine acknowledged what we sent? One unacknowledged segment
 * says nothing before it is older than the longest delayed ACK (RFC 1122: under 500 ms; Linux: 40 to 200 ms) and
 * a round trip, unless it was sent again already.
 */
enum lubdub_path lubdub_socket_path(int socket);

/* Closes with RST: nothing lingers, the port is free. */
void lubdub_socket_reset(int socket);

#endif
