/* The register itself, for the files that share it. */
#ifndef LUBDUB_SERVER_REGISTER_STATE_H
#define LUBDUB_SERVER_REGISTER_STATE_H

#include <pthread.h>

#include <lubdub/server.h>

#include "server/register/concerns.h"
#include "server/register/elsewhere.h"
#include "server/register/history.h"
#include "server/register/outage.h"
#include "server/register/remembered.h"
#include "server/register/store.h"
#include "server/register/teller.h"
#include "server/register/watch.h"

/* How long an identity gets to come back after a restart, and one that is expected, where nothing else is said. */
#define REGISTER_GRACE (5 * LUBDUB_SECOND)

/* So many ends of an identity within this time are flapping; it is told again when it has been quiet for as long. */
#define REGISTER_FLAPS 5
#define REGISTER_FLAPS_WITHIN (5 * LUBDUB_MINUTE)

/* Whether an expected identity is at another node is looked at so often; sooner where the answer is on its way. */
#define REGISTER_LOOK LUBDUB_SECOND
#define REGISTER_LOOK_SOON (200 * LUBDUB_MILLISECOND)

/* How many identities are looked at while the lock is held. */
#define REGISTER_PIECE 64

struct lubdub_register {
    const char *node;
    register_tell tell;
    void *user_data;
    struct register_elsewhere elsewhere;
    bool keeps_all; /* identities that are up, too; else only those whose sessions have ended once */
    char *state_path;

    pthread_t thread;
    bool has_thread;
    struct lubdub_server *server; /* the thread asks it; NULL: nobody does */
    uint64_t stalls;              /* that the server had when it was asked last; the thread's, as is the next */
    lubdub_duration stalled_for;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t news;  /* for the thread */
    bool is_leaving;
    lubdub_duration grace;
    lubdub_duration absence; /* that the thread was away in all: its clock stood still meanwhile */
    struct store store;
    struct watch_list list;
    struct expect_file pending;         /* is to become the list */
    struct remembered missing_patterns; /* of before a restart, until a list is taken */
    bool has_pending;
    bool has_started;
    lubdub_time patterns_looked_at; /* whether enough of them are at other nodes */
    bool is_counting;               /* the up of patterns: identities below this place are counted */
    uint32_t counted_to;
    bool is_draining;
    uint64_t sessions;    /* up, with identity or without */
    size_t missing_count; /* identities that are missing */
    size_t flapping_count;
    size_t restored_count;
    uint64_t gone_restored;
    uint64_t rejected_by_cause[LUBDUB_CAUSE_CAPACITY]; /* without a BYE */
    uint64_t rejected_by_reason[REGISTER_REASONS + 1]; /* with a BYE; the last place: of other reasons */
    uint64_t pauses[REGISTER_PAUSES];
    struct concerns concerns;
    struct outage outage;
    uint64_t outage_count;
    struct history history;
    bool is_changed; /* since the state was written */
    uint64_t state_written_ms;
    bool state_failed;
};

/* ---- under the lock ---- */

/* The register's clock: monotonic, without our own absences. */
lubdub_time register_clock(const struct lubdub_register *reg, lubdub_time now);

/* Of the watched line of an identity, or of the server where there is none. */
lubdub_duration register_grace_of(const struct lubdub_register *reg, const struct watch *watch);

#endif
