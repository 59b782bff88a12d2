/* Listens on a socket in a worker's loop: accepts in bounded numbers, and pauses when accepting cannot succeed. */
#ifndef LUBDUB_SERVER_LIBRARY_LISTENER_H
#define LUBDUB_SERVER_LIBRARY_LISTENER_H

#include <ev.h>
#include <stdbool.h>

#include <lubdub/error.h>

#include "ev/address.h"
#include "server/library/state.h"

struct lubdub_listener {
    ev_io io;
    ev_timer pause;
    struct lubdub_worker *worker;
    struct lubdub_address address;
    struct lubdub_listener *next;
    bool is_at_reserve; /* the last that was accepted got a descriptor that is not for clients */
    bool is_tls;
    bool lacks;         /* the last attempt found no descriptors or memory, or could not wait, and that was told */
};

/*
 * Binds and listens; accepts nothing before _start. shares_port: others may have the port (SO_REUSEPORT); otherwise
 * the port must be free, and is opened to sharing after that (opens_port), for the other workers of this process.
 * Port 0 is replaced in *address by the port that was got. ADDRESS_IN_USE, PERMISSION, ADDRESS (not one of
 * this machine), SYSTEM (errno), NO_MEMORY.
 */
enum lubdub_error lubdub_listener_new(struct lubdub_listener **listener, struct lubdub_worker *worker,
                                      struct lubdub_address *address, bool shares_port, bool opens_port);
/*
 * The same on a listening socket of the application's: on a copy of its descriptor, so that every worker has one. It is
 * made non-blocking, and gets the options that sockets of ours have. *address is filled. INVALID: no descriptor, or
 * none that listens on TCP. The caller's descriptor stays the caller's.
 */
enum lubdub_error lubdub_listener_adopt(struct lubdub_listener **listener, struct lubdub_worker *worker, int socket,
                                        struct lubdub_address *address);

/* The first descriptor that no client gets, by the limit of now. */
int lubdub_listener_first_reserved(void);

void lubdub_listener_start(struct lubdub_listener *listener);

/* Closes the socket, and with it what was not accepted yet. */
void lubdub_listener_free(struct lubdub_listener *listener);

#endif
