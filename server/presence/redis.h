/*
 * Talks to Redis on a libev loop without ever waiting for it: looks its name up, connects, introduces itself (AUTH,
 * SELECT; with sentinels it asks them where the master is, and the master for its ROLE), pipelines commands, and comes
 * back after every end with a growing wait. Name, connection and every command have one deadline: what is not answered
 * by then is the end of the connection. With rediss:// (or rediss-sentinel://) all of it goes over TLS.
 *
 * One connection; belongs to the thread of its loop. hiredis makes the bytes of commands and reads those of replies.
 */
#ifndef LUBDUB_SERVER_PRESENCE_REDIS_H
#define LUBDUB_SERVER_PRESENCE_REDIS_H

#include <ev.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

#include "server/presence/url.h"

struct presence_redis;

struct presence_redis_settings {
    struct ev_loop *loop;
    const struct presence_url *url; /* must stay */
    struct lubdub_tls *tls;         /* of a client; must stay. For a URL with is_tls, else not looked at */
    lubdub_duration deadline;       /* of a name, a connection, a command */
    lubdub_duration wait_least;     /* before it is tried again; doubles up to */
    lubdub_duration wait_most;
    bool takes_replica;   /* for a reader: Redis need not be the master */
    size_t output_limit;  /* bytes of commands that wait; beyond it _command says false */
    size_t command_limit; /* commands without a reply */

    /* Introduced: commands may be given. */
    void (*on_up)(void *user_data);
    /* After UP, or where it could not be reached; `why` lives until this returns. It is tried again by itself. */
    void (*on_down)(const char *why, void *user_data);
    /* A message of a subscription (SUBSCRIBE is a command like others). NULL: none are expected. */
    void (*on_push)(const redisReply *reply, void *user_data);
    void *user_data;
};

/*
 * The reply of one command, which lives until the callback returns; its type may be an error. NULL: the connection
 * ended before it came, and whether Redis did it is not known.
 */
typedef void (*presence_reply)(const redisReply *reply, void *user_data);

/* In a callback: its reply is the caller's from now on, to be freed with freeReplyObject(). */
void presence_redis_keep(struct presence_redis *redis);

/* Begins to connect, from the loop. NULL without memory. */
struct presence_redis *presence_redis_new(const struct presence_redis_settings *settings);

/* Commands without a reply have their callbacks, with NULL; no other callback comes. NULL does no harm. Not from inside
 * a callback. */
void presence_redis_free(struct presence_redis *redis);

/* Ends its connection, if it has one or is about to; on_down comes at once. Not from inside a callback of the same. */
void presence_redis_drop(struct presence_redis *redis, const char *why);

/* Whether sentinels told both the same master; true without sentinels. Of connections that are up. */
bool presence_redis_has_same_master(const struct presence_redis *one, const struct presence_redis *other);

bool presence_redis_is_up(const struct presence_redis *redis);

/* Bytes of commands that Redis has not taken yet. */
size_t presence_redis_waiting(const struct presence_redis *redis);

/*
 * Copies the arguments. False, and the callback does not come: it is not up, a limit is reached, or no memory is left.
 * lengths NULL: the arguments end with zero. callback NULL: the reply is of no interest.
 */
bool presence_redis_command(struct presence_redis *redis, int count, const char **arguments, const size_t *lengths,
                            presence_reply callback, void *user_data);

#endif
