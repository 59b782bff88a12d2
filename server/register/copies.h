/* What the register knows, in copies, for any thread. No call holds the register's lock for long. */
#ifndef LUBDUB_SERVER_REGISTER_COPIES_H
#define LUBDUB_SERVER_REGISTER_COPIES_H

#include <stdbool.h>

#include "server/register/concerns.h"
#include "server/register/history.h"
#include "server/register/known.h"

struct lubdub_register;

struct register_label {
    char key[LUBDUB_LABEL_KEY_LIMIT + 1];
    char value[LUBDUB_LABEL_VALUE_LIMIT + 1];
};

struct register_identity {
    char identity[LUBDUB_IDENTITY_LIMIT + 1]; /* or a pattern */
    size_t length;
    bool is_pattern;
    bool is_expected;
    bool is_missing;
    bool is_elsewhere; /* expected, and up at another node */
    bool is_flapping;
    uint64_t expected; /* how many: 1 for an identity */
    uint64_t up;       /* how many are, at other nodes too */

    /* of an identity */
    enum known_state state;
    bool is_restored; /* AWAY, and from the state file: the server itself does not know it */
    uint64_t session; /* 0: none */
    uint64_t since_ms;
    uint64_t connects;
    uint64_t losses; /* ends that nobody asked for */
    struct known_end ends[KNOWN_ENDS];
    size_t end_count; /* the last first */

    struct register_label labels[LUBDUB_LABEL_COUNT_LIMIT]; /* of the list of the expected */
    size_t label_count;
};

/* Returns false where nothing is known of it. */
bool register_find(struct lubdub_register *reg, const char *identity, size_t length, struct register_identity *found);

/*
 * The next one, from *cursor on, which begins as 0: first the lines of the list of the expected, then the others that
 * are known. One that comes or goes meanwhile is there once or not at all. Returns false at the end.
 */
bool register_next(struct lubdub_register *reg, uint64_t *cursor, struct register_identity *found);

/* The same for the list of the expected alone. */
bool register_next_expected(struct lubdub_register *reg, uint64_t *cursor, struct register_identity *found);

struct register_summary {
    uint64_t known;
    uint64_t restored;         /* away since an earlier server */
    uint64_t expected_up;      /* lines of the list: there, */
    uint64_t expected_waiting; /* not there, for no longer than the grace, */
    uint64_t expected_missing; /* and missing */
    uint64_t flapping;
    uint64_t outages; /* so far */
    uint64_t gone_restored;
    uint64_t rejected_by_cause[LUBDUB_CAUSE_CAPACITY]; /* so far, without a BYE */
    uint64_t rejected_by_reason[REGISTER_REASONS + 1]; /* with a BYE; the last place: of other reasons */
    uint64_t pauses[REGISTER_PAUSES];                  /* of accepting */
    uint64_t state_written_ms;                         /* 0: never */
    bool state_failed;                                 /* the last time */

    struct history_minute recent[3];               /* the last 5 minutes, hour, day */
    struct history_minute timeline[HISTORY_SHOWN]; /* the present minute first */
    struct history_mark marks[HISTORY_MARKS];      /* the last first */
    size_t mark_count;
};

/* Sessions that are late or not well; sessions[] are their numbers. Returns how many, REGISTER_CONCERNS at most. */
#define REGISTER_CONCERNS CONCERNS
size_t register_concerns(struct lubdub_register *reg, uint64_t sessions[REGISTER_CONCERNS],
                         struct concern items[REGISTER_CONCERNS]);

void register_summary(struct lubdub_register *reg, struct register_summary *summary);

#endif
