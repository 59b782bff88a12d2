/*
 * Carries the bytes between this process and Redis: over a connected socket as it is, or over TLS. It never waits.
 *
 * Belongs to the thread of its loop; the socket and its watcher stay the caller's. After each callback in which it read
 * or wrote, the caller calls presence_wire_rest().
 */
#ifndef LUBDUB_SERVER_PRESENCE_WIRE_H
#define LUBDUB_SERVER_PRESENCE_WIRE_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ev/transport.h"

struct presence_wire {
    ev_io *io;
    struct lubdub_transport *tls; /* NULL: bytes go as they are */
    struct lubdub_transports all; /* what TLS needs of a loop */
};

/* Before the first _begin. */
void presence_wire_init(struct presence_wire *wire, struct ev_loop *loop);

/*
 * The watcher's socket is connected. tls NULL: no TLS; name: what the certificate of the other side has to be for.
 * False: no memory, or a name that no certificate can have.
 */
bool presence_wire_begin(struct presence_wire *wire, ev_io *io, struct lubdub_tls *tls, const char *name);

/*
 * Both return how many bytes came or were taken, 0: none now; or -1 when it is over, and why (text that lives until
 * _end). Before the handshake of TLS is done nothing comes, and what is written only drives the handshake on.
 */
ssize_t presence_wire_read(struct presence_wire *wire, uint8_t *input, size_t capacity, const char **why);
ssize_t presence_wire_write(struct presence_wire *wire, const uint8_t *bytes, size_t length, const char **why);

/* Whether the handshake of TLS is done, if there is one. */
bool presence_wire_is_open(const struct presence_wire *wire);

/* Whether there are bytes that the socket does not show: read again at once. */
bool presence_wire_has_input(const struct presence_wire *wire);

/* Which of EV_READ and EV_WRITE to wait for, where the caller has bytes to write or none. */
int presence_wire_wants(const struct presence_wire *wire, bool has_output);

/* False: no memory; the connection cannot go on. */
bool presence_wire_rest(struct presence_wire *wire);

/* Before the socket is closed; may be called without a _begin. */
void presence_wire_end(struct presence_wire *wire);

/* After the last _end. */
void presence_wire_close(struct presence_wire *wire);

#endif
