/* Makes the copies of sessions and of identities without one that the application is given. */
#ifndef LUBDUB_SERVER_LIBRARY_SESSION_COPY_H
#define LUBDUB_SERVER_LIBRARY_SESSION_COPY_H

#include <lubdub/server.h>

#include "server/library/departed.h"
#include "server/library/peer.h"
#include "server/library/pool.h"

/* What a reader takes along from a record, in a moment and without allocating. */
struct lubdub_glimpse {
    uint64_t session;
    unsigned marks;
    uint64_t heard_at;
    uint64_t probes;
    uint64_t messages;
    uint32_t interval_ms;
    uint32_t expiry_ms;
    uint64_t connected_at; /* milliseconds */
    uint16_t port;
    size_t saying_length;
    uint8_t saying[LUBDUB_SAYING_LIMIT];
    union {
        struct lubdub_peer peer;
        uint8_t room[LUBDUB_PEER_LIMIT];
    };
};

/* For a reader that is in (pool.h). False: no session is listed at this index. */
bool lubdub_glimpse_take(const struct lubdub_pool *pool, uint32_t index, struct lubdub_glimpse *glimpse);

/* One block of memory, which leads nowhere; NULL without memory. */
struct lubdub_server_session *lubdub_session_copy(const struct lubdub_glimpse *glimpse, lubdub_time now);

/* The same of an identity that is away or gone. grace_now: of the clock of grace times. */
struct lubdub_server_session *lubdub_session_copy_departed(const struct lubdub_departed_view *view, lubdub_time now,
                                                           lubdub_time grace_now);

#endif
