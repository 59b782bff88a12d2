/*
 * Small messages of one size between the coordinator and a process of the swarm, over a socketpair.
 *
 * What is sent waits in memory until the other side takes it, however long that is, and goes out in one piece at the
 * end of a turn of the loop; what comes is read in bounded pieces, whatever waits to go out. So neither side ever keeps
 * the other, and nothing is lost while both live.
 */
#ifndef LUBDUB_SWARM_CLIENTS_CHANNEL_H
#define LUBDUB_SWARM_CLIENTS_CHANNEL_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

#include "ev/address.h"

enum swarm_message_kind {
    /* commands; that the channel is closed is the last one */
    SWARM_CONNECT, /* server: all that are absent or frozen connect there */
    SWARM_STRIKE,  /* client, fault; answered by STRUCK */
    SWARM_RETURN,  /* client: connects again, if it is absent */
    SWARM_RECORD,  /* flag: round trips are recorded from now on, or are not */
    SWARM_LEAVE,   /* all say goodbye; GONE follows */
    SWARM_DROP,    /* all sockets are closed without a word; no DOWN follows */
    SWARM_SYNC,    /* number; answered by SYNCED, after all that was done before, with all counts up to date */

    /* news */
    SWARM_READY,   /* flag: it works; else the counts hold why not */
    SWARM_UP,      /* client, session, at */
    SWARM_DOWN,    /* client, cause, at; flag: it was due at a moment, late_by before `at` */
    SWARM_STRUCK,  /* client, fault; flag: it was done, at; else the client was not up */
    SWARM_SETTLED, /* number of CONNECTs so far: the ramp has passed all, and no attempt is under way */
    SWARM_GONE,    /* after LEAVE: no socket is left */
    SWARM_SYNCED,  /* number */
};

struct swarm_message {
    uint8_t kind; /* enum swarm_message_kind */
    uint8_t fault;
    uint8_t cause;
    bool flag;
    union {
        uint32_t client; /* of the whole swarm */
        uint32_t number;
    };
    union {
        struct lubdub_address server;
        struct {
            lubdub_time at;
            uint64_t session;
            int64_t late_by;
        };
    };
};

struct swarm_channel {
    struct ev_loop *loop;
    ev_io input;
    ev_io output;     /* active while the socket takes no more */
    ev_prepare flush; /* at the end of a turn */
    void (*on_message)(void *user_data, const struct swarm_message *message);
    /* The other side has closed or died, or there was no memory for what waits; the channel is closed. */
    void (*on_end)(void *user_data);
    void *user_data;
    bool is_open;
    struct swarm_message partial; /* the beginning of the next message */
    size_t partial_length;
    uint8_t *waiting;
    size_t waiting_length;
    size_t waiting_sent; /* of that */
    size_t waiting_capacity;
};

/* Takes the socket over and makes it non-blocking. */
void swarm_channel_open(struct swarm_channel *channel, struct ev_loop *loop, int socket,
                        void (*on_message)(void *user_data, const struct swarm_message *message),
                        void (*on_end)(void *user_data), void *user_data);

/* Goes out at the end of this turn. On a closed channel nothing happens. */
void swarm_channel_send(struct swarm_channel *channel, const struct swarm_message *message);

/* What waits is lost. on_end does not come. Also from inside on_message; twice does no harm. */
void swarm_channel_close(struct swarm_channel *channel);

#endif
