/*
 * Declares what may stand between a link and its socket: TLS. A plain link has nothing there and costs no more for it.
 *
 * The loop's reactor keeps the transports in a table by descriptor (struct lubdub_transports), so that a link needs no
 * room for a pointer. What a transport does stands behind a table of functions, so that the libraries of server and
 * client need no TLS library: the application brings it, as a struct lubdub_tls (<lubdub/tls.h>).
 *
 * Except for hold and drop, all of it belongs to the loop's thread, and nothing here calls an application.
 */
#ifndef LUBDUB_EV_TRANSPORT_H
#define LUBDUB_EV_TRANSPORT_H

#include <ev.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/option.h>
#include <lubdub/session.h>
#include <lubdub/step.h>

#include "ev/buckets.h"

/* Both sides of the table of functions must be of the same release, or of one with the same number. */
#define LUBDUB_TRANSPORT_INTERFACE 3

struct lubdub_tls;
struct lubdub_transport;

/*
 * How many handshakes of servers a loop works on. The objects of one take some 46 kB, its arithmetic 0.3 to 1 ms, and
 * the sessions that are up wait meanwhile. All fields are more than 0.
 */
struct lubdub_handshake_limits {
    size_t most;          /* under way */
    size_t per_turn;      /* begun in a turn */
    lubdub_duration work; /* of a turn, for all connections that are not open; one that has begun a step ends it */
    lubdub_duration
        patience; /* after so long in the queue the last one comes first: the client of the first gives up */
};

#define LUBDUB_HANDSHAKES_MOST 256
#define LUBDUB_HANDSHAKES_PER_TURN 8
#define LUBDUB_HANDSHAKE_WORK (4 * LUBDUB_MILLISECOND)
#define LUBDUB_HANDSHAKE_PATIENCE (2500 * LUBDUB_MILLISECOND) /* half the time that a client has by default */

/* What a loop's handshakes came to. Written by the loop's thread, read by any. */
struct lubdub_transport_counts {
    _Atomic uint64_t made; /* connections over TLS */
    _Atomic uint64_t begun;
    _Atomic uint64_t done_1_2;
    _Atomic uint64_t done_1_3;
    _Atomic uint64_t resumed_1_2; /* of those that were done: with the session of an earlier connection */
    _Atomic uint64_t resumed_1_3;
    struct lubdub_buckets lengths; /* of those that were done, from being let in */
    _Atomic uint64_t failed;
    _Atomic uint64_t under_way; /* now: with the memory that a handshake takes */
    _Atomic uint64_t waiting;   /* now: their turn has not come */
    _Atomic uint64_t met_most;  /* those that had to wait because `most` were under way */
    _Atomic uint64_t put_off;   /* turns that left some of the work to the next one, for `per_turn` or `work` */
};

/* The transports of one loop. Zeroed: none. */
struct lubdub_transports {
    struct lubdub_transport **by_descriptor;
    size_t capacity;
    struct ev_loop *loop;
    void *shop; /* what the transports of the loop share; made by the first */
    void (*close_shop)(void *shop);
    struct lubdub_transport_counts counts;
    struct lubdub_handshake_limits limits; /* zeroed: the defaults above. The loop's thread may change them */
};

struct lubdub_transport_kind {
    unsigned interface; /* LUBDUB_TRANSPORT_INTERFACE */

    /* The references that keep a struct lubdub_tls; from any thread. */
    void (*hold)(struct lubdub_tls *tls);
    void (*drop)(struct lubdub_tls *tls);

    /*
     * For a connected socket, which stays the link's, as is the watcher: a transport that has to wait for others feeds
     * it EV_READ when its time has come. name: of the server, checked by a client. NULL without memory.
     */
    struct lubdub_transport *(*begin)(struct lubdub_tls *tls, struct lubdub_transports *all, ev_io *io,
                                      enum lubdub_role role, const char *name);

    /* As the functions of struct lubdub_stream. Before it is open, read goes on with the handshake and gives no bytes.
     */
    struct lubdub_transfer (*read)(struct lubdub_transport *transport, uint8_t *input, size_t capacity);

    /*
     * The last byte counts as taken once the kernel has taken all of what came of the bytes. Before it is open, a
     * client's bytes are not taken, and a server's are dropped: there is nobody to read them.
     */
    struct lubdub_transfer (*write)(struct lubdub_transport *transport, const uint8_t *bytes, size_t length,
                                    bool is_last);

    /* The socket is writable: sends what waits in here. length is of no meaning. */
    struct lubdub_transfer (*flush)(struct lubdub_transport *transport);

    /* Says that nothing more will be written, and shuts the socket's write side. May be called twice. */
    void (*shut)(struct lubdub_transport *transport);

    /* The link's callback ends: what lies in buffers of the loop is kept. False: no memory. */
    bool (*rest)(struct lubdub_transport *transport);

    /* Without a word to the peer. */
    void (*free)(struct lubdub_transport *transport);
};

/* What every transport begins with. Read by the link, written by the transport. */
struct lubdub_transport {
    const struct lubdub_transport_kind *kind;
    bool is_open;    /* the handshake is done */
    bool has_input;  /* holds bytes of the peer that the kernel does not show any more: read without waiting */
    bool has_output; /* bytes wait for the socket to be writable */
    bool is_proven;  /* the peer has a certificate that was checked */
    uint16_t names_length;
    const char *names;   /* of that certificate: each ends with a 0 byte; NULL: none */
    const char *problem; /* why the stream ended, for people; static; NULL: nothing to say */
};

/* What an application hands over begins with this. */
struct lubdub_tls {
    const struct lubdub_transport_kind *kind;
};

/* Whether this library can work with it. */
bool lubdub_transport_fits(const struct lubdub_tls *tls);

/* False: no memory. */
bool lubdub_transports_put(struct lubdub_transports *all, int descriptor, struct lubdub_transport *transport);

/* Frees the one of this descriptor, if there is one. */
void lubdub_transports_remove(struct lubdub_transports *all, int descriptor);

/* All transports are removed. */
void lubdub_transports_clear(struct lubdub_transports *all);

static inline struct lubdub_transport *lubdub_transports_find(const struct lubdub_transports *all, int descriptor)
{
    return (size_t)descriptor < all->capacity ? all->by_descriptor[descriptor] : NULL;
}

#endif
