/* Declares the parts of a presence for the files of this folder. All but the set of the noted is the thread's. */
#ifndef LUBDUB_SERVER_PRESENCE_STATE_H
#define LUBDUB_SERVER_PRESENCE_STATE_H

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>

#include <lubdub/server.h>

#include "server/presence/claim.h"
#include "server/presence/dirty.h"
#include "server/presence/moves.h"
#include "server/presence/node.h"
#include "server/presence/observer.h"
#include "server/presence/questions.h"
#include "server/presence/redis.h"
#include "server/presence/settings.h"
#include "server/presence/stream.h"

enum presence_script {
    PRESENCE_SCRIPT_CLAIM,
    PRESENCE_SCRIPT_RELEASE,
    PRESENCE_SCRIPT_JOIN,
    PRESENCE_SCRIPT_BEAT,
    PRESENCE_SCRIPT_BURY,
    PRESENCE_SCRIPT_SETTLE,
    PRESENCE_SCRIPT_MISSING,
    PRESENCE_SCRIPTS,
};

#define PRESENCE_HASH_SIZE 41

/* What Redis drops by itself (lost.h), of one connection. */
struct presence_lost {
    bool may_evict; /* as Redis says */
    bool has_told;
    bool has_evicted; /* the next one is known */
    uint64_t evicted; /* so many keys, when it was asked last */
    uint64_t cursor;  /* of the pieces that go with beats */
    bool is_called_for;
    bool looks_at_all; /* from here on: */
    uint64_t all_cursor;
    lubdub_time not_before; /* all are looked at anew */
};

#define PRESENCE_TROUBLES 8
#define PRESENCE_TROUBLE_SIZE 128

struct presence {
    struct presence_settings settings;
    struct lubdub_server *server;
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t lock; /* the next seven */
    struct presence_dirty dirty;
    bool has_overflowed;
    struct presence_stream stream;
    struct presence_questions questions;
    struct presence_node shown[PRESENCE_NODES_MOST]; /* as they were observed last */
    size_t shown_count;
    bool is_started;

    struct ev_loop *loop;
    ev_async wake;  /* something was noted */
    ev_async leave; /* _stop was called */
    ev_timer pace;  /* runs while there is something to write */
    ev_timer beat;
    ev_timer patience; /* of _stop */
    struct presence_redis *redis;
    struct presence_redis *listener; /* subscribed to what other nodes tell this one */

    char boot[PRESENCE_BOOT_SIZE];
    uint64_t counter;
    uint64_t sessions; /* that were told with it */
    char hashes[PRESENCE_SCRIPTS][PRESENCE_HASH_SIZE];
    unsigned scripts_missing; /* that Redis has not confirmed yet */
    bool is_joined;           /* this boot stands in Redis */
    lubdub_time leaves_by;    /* after _stop */
    struct presence_observer observer;

    bool is_claiming; /* as our entry says it */
    bool claims_all;  /* all sessions are claimed anew, from the cursor on */
    bool claims_rest; /* some of these are not written yet */
    uint64_t cursor;
    uint64_t allowance; /* claims that may still be made in this tick */
    unsigned claims_under_way;
    struct presence_dirty later; /* identities that seem to be gone, and are looked at once more */
    struct presence_moves moves;
    struct presence_lost lost;
    lubdub_time refused_until;                               /* Redis has refused to write: no memory, no right */
    char troubles[PRESENCE_TROUBLES][PRESENCE_TROUBLE_SIZE]; /* told since it was up the last time */
    unsigned trouble_count;
    bool has_told_silence; /* of a node that tells no numbers */

    lubdub_time sweep_due; /* LUBDUB_TIME_NEVER: nothing is to be swept */
    bool is_sweeping;
    char sweep_cursor[24];

    _Atomic bool is_up;
    _Atomic uint64_t queued;
    _Atomic uint64_t answered;
    _Atomic uint64_t refused;
    _Atomic uint64_t unanswered;
    _Atomic uint64_t conflicts;
    _Atomic uint64_t buried;
    _Atomic uint64_t moved;
};

/* Tells the owner, as printf does. */
void presence_log(struct presence *presence, bool is_warning, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether this is to be told: each reason once, until Redis is up again, and the first few only. */
bool presence_is_news(struct presence *presence, const char *why);

/* Counts how a command ended; true: Redis did it. What it refuses for now (memory, rights, a script) is minded. */
bool presence_take_result(struct presence *presence, const redisReply *reply);

/* Runs a script; false: not now. keys come before the other arguments; there are 80 of both at most. */
bool presence_run(struct presence *presence, enum presence_script script, int key_count, int count,
                  const char **arguments, const size_t *lengths, presence_reply callback, void *user_data);

/* How long what a dead node held may come up elsewhere before it is absent. */
lubdub_duration presence_patience(const struct presence *presence);

/* Draws a boot; false: the system has no randomness. */
bool presence_draw_boot(struct presence *presence);

/* A new boot, as if the process had begun anew: the beat joins at once, and all is claimed again. */
void presence_reboot(struct presence *presence);

/* Redis is there anew: it is asked for the scripts' hashes, and the next beat joins. */
void presence_load_scripts(struct presence *presence);

#endif
