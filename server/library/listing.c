/*
 * Lists and finds sessions for any thread, without a word to their loops.
 *
 * A cursor is the number of a stage and how far the list has come in it: the pools of the workers, one after the other,
 * then the identities that are away. A session stays in its place, so what is there all the time is found once.
 */
#include <lubdub/server.h>

#include "ev/clock.h"
#include "server/library/grace.h"
#include "server/library/identities.h"
#include "server/library/session_copy.h"
#include "server/library/state.h"

/* So many are copied while a pool or the server's lock is held: a few microseconds. */
#define COPIED_AT_ONCE 4

/* So many places without a session are passed over in that time. */
#define PASSED_AT_ONCE 256

#define STAGE_SHIFT 32

struct chain {
    struct lubdub_server_session *first;
    struct lubdub_server_session **last;
    size_t count;
    size_t most;
};

/* False: no memory. */
static bool append(struct chain *chain, struct lubdub_server_session *session)
{
    if (session == NULL) {
        return false;
    }
    *chain->last = session;
    chain->last = &session->next;
    chain->count++;
    return true;
}

static size_t room(const struct chain *chain)
{
    size_t left = chain->most - chain->count;

    return left < COPIED_AT_ONCE ? left : COPIED_AT_ONCE;
}

/* The records are on their way into the cache before a loop could have to wait for us. */
static void prefetch(const struct lubdub_pool *pool, uint32_t from, uint32_t used)
{
    uint32_t i;

    for (i = from; i < from + COPIED_AT_ONCE && i < used; i++) {
        __builtin_prefetch(&pool->records[i].peer);
        __builtin_prefetch(&pool->records[i].link.session);
    }
}

static bool list_pool(struct lubdub_pool *pool, uint32_t *next, struct chain *chain)
{
    const uint32_t used = pool->used;
    struct lubdub_glimpse glimpses[COPIED_AT_ONCE];
    bool has_memory = true;

    while (*next < used && chain->count < chain->most && has_memory) {
        const uint32_t until = used - *next < PASSED_AT_ONCE ? used : *next + PASSED_AT_ONCE;
        lubdub_time now;
        size_t count = 0;
        size_t i;

        prefetch(pool, *next, used);
        lubdub_pool_enter(pool);
        for (; *next < until && count < room(chain); (*next)++) {
            count += lubdub_glimpse_take(pool, *next, &glimpses[count]);
        }
        lubdub_pool_leave(pool);
        now = lubdub_clock_now();
        for (i = 0; i < count && has_memory; i++) {
            has_memory = append(chain, lubdub_session_copy(&glimpses[i], now));
        }
    }
    *next = *next < used ? *next : UINT32_MAX;
    return has_memory;
}

static bool list_away(struct lubdub_server *server, uint32_t *next, struct chain *chain)
{
    struct lubdub_departed_view views[COPIED_AT_ONCE];
    bool has_memory = true;

    while (*next != UINT32_MAX && chain->count < chain->most && has_memory) {
        size_t count = lubdub_identities_list_away(server, next, views, room(chain));
        lubdub_time grace_now = lubdub_grace_now(&server->workers[0]);
        size_t i;

        for (i = 0; i < count && has_memory; i++) {
            has_memory = append(chain, lubdub_session_copy_departed(&views[i], lubdub_clock_now(), grace_now));
        }
    }
    return has_memory;
}

enum lubdub_error lubdub_server_list(struct lubdub_server *server, uint64_t *cursor, size_t most,
                                     struct lubdub_server_session **first)
{
    struct chain chain = {.last = &chain.first, .most = most};
    bool has_memory = true;
    uint32_t stage;
    uint32_t next;

    if (first != NULL) {
        *first = NULL;
    }
    if (server == NULL || cursor == NULL || first == NULL || most < 1 || most > LUBDUB_SERVER_LIST_LIMIT) {
        return LUBDUB_ERROR_INVALID;
    }
    stage = (uint32_t)(*cursor >> STAGE_SHIFT);
    next = (uint32_t)*cursor;
    while (stage <= server->worker_count && chain.count < most && has_memory) {
        has_memory = stage < server->worker_count ? list_pool(&server->workers[stage].pool, &next, &chain)
                                                  : list_away(server, &next, &chain);
        if (next == UINT32_MAX) {
            stage++;
            next = 0;
        }
    }
    if (!has_memory) {
        lubdub_server_session_free(chain.first);
        return LUBDUB_ERROR_NO_MEMORY;
    }
    *cursor = (uint64_t)stage << STAGE_SHIFT | next;
    *first = chain.first;
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_server_find_session(struct lubdub_server *server, uint64_t session,
                                             struct lubdub_server_session **found)
{
    struct lubdub_glimpse glimpse;
    struct lubdub_pool *pool;
    uint32_t index;
    bool is_there;

    if (server == NULL || found == NULL) {
        return LUBDUB_ERROR_INVALID;
    }
    *found = NULL;
    pool = &lubdub_server_worker(server, session)->pool;
    index = lubdub_number_place(session) / server->worker_count;
    if (session == 0 || index >= pool->used) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    lubdub_pool_enter(pool);
    is_there = lubdub_glimpse_take(pool, index, &glimpse) && glimpse.session == session;
    lubdub_pool_leave(pool);
    if (!is_there) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    *found = lubdub_session_copy(&glimpse, lubdub_clock_now());
    return *found != NULL ? LUBDUB_ERROR_OK : LUBDUB_ERROR_NO_MEMORY;
}

/* The session that the index named may have ended before we could look: then it is looked for anew. */
#define MOST_LOOKS 8

enum lubdub_error lubdub_server_find(struct lubdub_server *server, const char *identity, size_t length,
                                     struct lubdub_server_session **found)
{
    const struct lubdub_slice wanted = {identity, length};
    struct lubdub_departed_view departure;
    enum lubdub_error error = LUBDUB_ERROR_NOT_FOUND;
    uint64_t session;
    unsigned looks;

    if (server == NULL || found == NULL || (identity == NULL && length > 0)) {
        return LUBDUB_ERROR_INVALID;
    }
    *found = NULL;
    if (length == 0 || length > LUBDUB_IDENTITY_LIMIT) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    for (looks = 0; looks < MOST_LOOKS && error == LUBDUB_ERROR_NOT_FOUND; looks++) {
        if (!lubdub_identities_find(server, wanted, &session, &departure)) {
            return LUBDUB_ERROR_NOT_FOUND;
        }
        if (session == 0) {
            *found =
                lubdub_session_copy_departed(&departure, lubdub_clock_now(), lubdub_grace_now(&server->workers[0]));
            return *found != NULL ? LUBDUB_ERROR_OK : LUBDUB_ERROR_NO_MEMORY;
        }
        error = lubdub_server_find_session(server, session, found);
    }
    return error;
}
