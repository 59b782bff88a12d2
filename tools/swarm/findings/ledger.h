/*
 * The ground truth and what became of it: every fault that was injected, every verdict of both sides, matched. Pure.
 *
 *     ledger_up       identity 7 is connected, session 41 (and what was falsely said of 7 before is corrected)
 *     ledger_inject   freeze on 7 at t                       an observation is open
 *     ledger_verdict  the server: session 41 of 7 is hung    it is detected
 *     ledger_settle   the time is over                       what is still open was missed
 *
 * A verdict that no injection explains is a false alarm, counted once for each session: when one side gives a living
 * peer up, the other one sees the end of the connection, which is a consequence. The side that judged is to blame,
 * whichever report arrives first; where both or neither judged, the side with the earlier verdict.
 *
 * A fault that concerns both sides makes two observations, one beside the other, the client's first.
 */
#ifndef LUBDUB_SWARM_FINDINGS_LEDGER_H
#define LUBDUB_SWARM_FINDINGS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "swarm/orders/fault.h"

/* What is to happen after an injection. */
enum swarm_expectation {
    SWARM_MUST_NOTICE,
    SWARM_MAY_NOTICE,
    SWARM_MUST_NOT_NOTICE,
};

enum swarm_outcome {
    SWARM_OPEN,
    SWARM_DETECTED,
    SWARM_WRONG_CAUSE, /* noticed, and called something else */
    SWARM_MISSED,      /* not noticed in time */
    SWARM_SPARED,      /* nobody had to notice, and nobody did */
    SWARM_FALSE_ALARM, /* a living peer was given up */
    SWARM_UNDECIDED,   /* the run ended before the time was over */
    SWARM_EXCUSED,     /* looked like a false alarm; the peer had died, and not by our hand */
};

struct swarm_observation {
    lubdub_time injected_at;  /* 0: nothing was injected */
    lubdub_time decided_at;   /* 0: no verdict */
    lubdub_time corrected_at; /* of a false alarm: when the client was connected again; 0: not in this run */
    int64_t late_by;          /* of the verdict, behind its own deadline; negative: before it */
    uint32_t identity;
    uint8_t fault; /* enum swarm_fault */
    uint8_t side;  /* enum swarm_side: the one that is to notice; after a verdict, the one that did */
    uint8_t expectation;
    uint8_t outcome;
    uint8_t cause;      /* enum lubdub_cause, of the verdict */
    uint8_t heard_from; /* bit for each side that has given its verdict on this session */
    bool has_deadline;  /* the verdict was due at a deadline; else the kernel or the peer brought it about */
    bool has_twin;      /* the next one is the same fault, for the server */
};

struct swarm_verdict {
    enum swarm_side side;
    uint32_t identity;
    uint64_t session; /* 0: the identity's present one */
    lubdub_time at;
    enum lubdub_cause cause;
    bool has_deadline; /* it was due at a moment: one of silence, not of news */
    int64_t late_by;   /* how long after that moment it came; 0 without one */
};

struct swarm_case;

struct swarm_ledger {
    struct swarm_case *cases; /* one for each identity; 8 bytes */
    uint32_t identity_count;
    struct swarm_observation *observations;
    size_t count;
    size_t capacity;
    size_t open_count; /* of those that must be noticed */
    size_t noticed_count;
    size_t false_count;
    size_t stale_count;      /* verdicts on sessions that are not there any more, or never were */
    size_t unrecorded_count; /* what there was no memory for */
};

/* For identities 0 to count - 1. False: no memory. */
bool swarm_ledger_init(struct swarm_ledger *ledger, uint32_t identity_count);
void swarm_ledger_clear(struct swarm_ledger *ledger);

/* The identity has a new session since `now`. What came before is closed for it. */
void swarm_ledger_up(struct swarm_ledger *ledger, uint32_t identity, uint64_t session, lubdub_time now);

/*
 * Something was done at `now` that ends, or does not end, the identity's session. An earlier fault that nobody had to
 * notice is over with that, and the identity was spared.
 */
void swarm_ledger_inject(struct swarm_ledger *ledger, enum swarm_fault fault, uint32_t identity, lubdub_time now,
                         enum swarm_expectation expectation);

void swarm_ledger_verdict(struct swarm_ledger *ledger, const struct swarm_verdict *verdict);

/* Whether the identity was given up although it lives, and has had no session since. */
bool swarm_ledger_is_mistaken(const struct swarm_ledger *ledger, uint32_t identity);

/*
 * The time for verdicts is over: what is open and was injected before `missed_before` is missed (or spared); the rest
 * stays undecided. LUBDUB_TIME_NEVER: the time is over for all.
 */
void swarm_ledger_settle(struct swarm_ledger *ledger, lubdub_time missed_before);

/* The server died at about `since`, not by our hand: what clients said from then on was right. */
void swarm_ledger_server_died(struct swarm_ledger *ledger, lubdub_time since);

/*
 * The process that had these clients died at about `since`, and not as a fault: what the server said of them from then
 * on was right.
 */
void swarm_ledger_clients_died(struct swarm_ledger *ledger, uint32_t first, uint32_t count, lubdub_time since);

#endif
