/*
 * Knows which session has which identity, across all workers (docs/protocol.md, section 5, Same identity twice).
 *
 * An identity has one holder, which the index names. A newcomer that takes it over is named at once, and waits until
 * the end of the session before it was told; so the end of the old one is told before the beginning of the new one,
 * whichever threads they belong to. In the same way it waits while the identity is told to be gone.
 *
 *     claim ──┬─ GRANTED                                   it is admitted
 *             ├─ WAITS ──── the holder is ended (its worker) ──── released ── it is admitted
 *             ├─ FOREIGN ── another proof let the holder in: refused
 *             ├─ CONTESTED ── the holder is asked (trial.h) ──┬── it lives: refused
 *             └─ refused                                      └── it does not: claim again, by force
 */
#ifndef LUBDUB_SERVER_LIBRARY_IDENTITIES_H
#define LUBDUB_SERVER_LIBRARY_IDENTITIES_H

#include "server/library/past.h"
#include "server/library/state.h"

enum lubdub_claim_result {
    LUBDUB_CLAIM_GRANTED,
    LUBDUB_CLAIM_WAITS,
    LUBDUB_CLAIM_CONTESTED,   /* the holder started later: it keeps the identity if it lives */
    LUBDUB_CLAIM_ENDED,       /* the newcomer's own connection has ended already: it takes over no identity */
    LUBDUB_CLAIM_FOUGHT_OVER, /* the identity changes hands too often */
    LUBDUB_CLAIM_FOREIGN,     /* the holder was let in by another proof (peer.h) */
    LUBDUB_CLAIM_FULL,
    LUBDUB_CLAIM_NO_MEMORY,
};

struct lubdub_claim {
    enum lubdub_claim_result result;
    uint64_t holder;         /* WAITS, CONTESTED: its session's number; 0: the identity is just told to be gone */
    bool is_news;            /* FOUGHT_OVER: it is to be told */
    struct lubdub_past past; /* GRANTED */
};

/*
 * The record's peer wants its identity. now: of the clock of grace times (grace.h), as in all that follow. beaten: the
 * number of a session that lost to it because it does not answer; 0: none.
 */
void lubdub_identities_claim(struct lubdub_worker *worker, struct lubdub_record *record, uint64_t beaten,
                             lubdub_time now, struct lubdub_claim *claim);

/* How a record stands to the identity of its peer. */
enum lubdub_standing {
    LUBDUB_STANDING_NONE,  /* it claims none, or let it go */
    LUBDUB_STANDING_HAS,   /* it has the identity, and does not wait (any more) */
    LUBDUB_STANDING_WAITS, /* it has the identity, and waits for the end of the session before */
    LUBDUB_STANDING_LOST,  /* another one took the identity over */
};

/* *past: with HAS, if it waited, what was before it. */
enum lubdub_standing lubdub_identities_standing(struct lubdub_worker *worker, struct lubdub_record *record,
                                                struct lubdub_past *past);

/*
 * The record lets go of its identity, if it has one: its session's end was told, or it never became one. A connection
 * that waits for that is released: by a letter, or by a search where that is lost; the one in worker->awaited looks for
 * itself. Else the end is remembered. Returns whether a grace time began.
 */
bool lubdub_identities_leave(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_cause cause,
                             lubdub_time now);

/*
 * Worker 0: an identity whose grace time is over, copied into `identity` (LUBDUB_IDENTITY_LIMIT bytes). False: none.
 * Until _was_told_gone() a newcomer with this identity waits.
 */
bool lubdub_identities_take_gone(struct lubdub_worker *worker, lubdub_time now, char *identity, size_t *length);
void lubdub_identities_was_told_gone(struct lubdub_worker *worker, lubdub_time now);

/* ---- for any thread ---- */

/*
 * The number of the session that has the identity (it may have ended when this returns), or 0 and a copy of its
 * departure. False: nothing is known of it.
 */
bool lubdub_identities_find(struct lubdub_server *server, struct lubdub_slice identity, uint64_t *session,
                            struct lubdub_departed_view *departure);

/* As lubdub_departed_list(). */
size_t lubdub_identities_list_away(struct lubdub_server *server, uint32_t *place, struct lubdub_departed_view *views,
                                   size_t most);

#endif
