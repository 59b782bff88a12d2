/* What is known of one identity: whether it is there, how its sessions ended, and whether it is expected. */
#ifndef LUBDUB_SERVER_REGISTER_KNOWN_H
#define LUBDUB_SERVER_REGISTER_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/cause.h>
#include <lubdub/option.h>
#include <lubdub/time.h>

#define KNOWN_ENDS 20 /* the last of an identity that are kept */
#define KNOWN_NOWHERE UINT32_MAX

enum known_state {
    KNOWN_NEVER, /* expected, and never seen */
    KNOWN_UP,
    KNOWN_AWAY, /* its grace time runs, or it was up when the server that wrote the state file ended */
    KNOWN_GONE,
};

/* "never", "up", "away", "gone". */
const char *known_state_word(enum known_state state);

struct watch;

struct known_end {
    uint64_t at_ms; /* since 1970 */
    uint32_t lasted_s;
    uint8_t cause; /* enum lubdub_cause */
};

struct known {
    struct known *chain; /* index.h */
    struct known *older; /* that left before and after it (store.h), among those without a session */
    struct known *newer;
    uint32_t hash;
    uint32_t place;           /* in the store */
    uint32_t due_place;       /* in the heap of deadlines; KNOWN_NOWHERE: not there */
    struct watch *watch;      /* watch.h; NULL: it is not expected */
    struct watch *next_watch; /* the same in a newer list that is being taken */

    uint64_t session;       /* 0: none */
    lubdub_time since;      /* of the register's clock: the last change of state */
    lubdub_time missing_at; /* is missing then, or is looked for elsewhere; LUBDUB_TIME_NEVER: no */
    lubdub_time perhaps_at; /* was at another node then, or may have been; 0: never */
    lubdub_time gone_at;    /* the same for one that was up when an earlier server ended */
    lubdub_time calm_at;    /* the same for one that is flapping: it is not any more */
    uint64_t since_ms;      /* since 1970; 0: never */
    uint64_t connects;
    uint32_t losses; /* ends that nobody asked for */
    uint8_t state;   /* enum known_state */
    bool is_missing;
    bool is_elsewhere; /* up at another node, when it was looked for last */
    bool is_flapping;
    bool is_listed; /* among those without a session */

    uint8_t end_count;
    uint8_t end_room;
    uint8_t end_first; /* the oldest */
    struct known_end *ends;

    uint8_t length;
    char identity[];
};

/* Zeroed but for the identity and what means "none". NULL without memory. Valid identities only. */
struct known *known_new(const char *identity, size_t length);
void known_free(struct known *known);

struct lubdub_slice known_identity(const struct known *known);

/* Keeps the end, and forgets the oldest of too many. Without memory it is not kept. */
void known_add_end(struct known *known, const struct known_end *end);

/* The end with this number, 0 is the last; number < end_count. */
const struct known_end *known_end_at(const struct known *known, size_t number);

#endif
