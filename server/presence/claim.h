/*
 * Writes and reads what stands in Redis: one string for each identity, and one for each node.
 *
 *     lubdub:id:IDENTITY    NODE BOOT SESSION INCARNATION PROOF STATE SINCE HEALTH ADDRESS LABELS
 *     lubdub:nodes          a hash: NODE → BOOT COUNTER STATE LEASE SESSIONS, and "claiming" until all its sessions are
 * claimed
 *
 * Fields are separated by one blank and hold none: what may have one is percent-encoded, and "-" stands for nothing.
 * INCARNATION has 20 digits, so that text compares as the number does. SINCE is in milliseconds of the real-time clock,
 * for people; nothing is decided by it. docs/guide/scaling.md is for those who read the keys.
 */
#ifndef LUBDUB_SERVER_PRESENCE_CLAIM_H
#define LUBDUB_SERVER_PRESENCE_CLAIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/server.h>

#define PRESENCE_PREFIX "lubdub:"
#define PRESENCE_IDS PRESENCE_PREFIX "id:"
#define PRESENCE_NODES PRESENCE_PREFIX "nodes"
#define PRESENCE_CHANNELS PRESENCE_PREFIX "node:"
#define PRESENCE_EXPECTED PRESENCE_PREFIX "expected:"
#define PRESENCE_EVENTS PRESENCE_PREFIX "events"

#define PRESENCE_NODE_SIZE 65
#define PRESENCE_BOOT_SIZE 17
#define PRESENCE_CLAIM_SIZE 8192

enum presence_state {
    PRESENCE_UP,
    PRESENCE_LATE,
    PRESENCE_AWAY,
    PRESENCE_GONE,
    PRESENCE_ABSENT,  /* its node died, and it came up nowhere else in time */
    PRESENCE_UNKNOWN, /* never written: its node is not live */
};

const char *presence_state_word(enum presence_state state);

/* A claim as it was read. The texts lie in `text`, decoded, and end with zero. */
struct presence_claim {
    const char *node;
    const char *boot;
    uint64_t session;
    const char *incarnation;
    const char *proof;
    enum presence_state state;
    uint64_t since_ms;
    const char *health;
    const char *address;
    const char *labels; /* key=value,key=value; "" for none */
    char text[PRESENCE_CLAIM_SIZE];
};

/* What a claim is made from. */
struct presence_holder {
    const char *node;
    const char *boot;
    const char *proof; /* presence_proof_write(); NULL: none */
};

/*
 * Writes the claim of a session, or of an identity that is away or gone, and ends it with zero. since_ms: see above.
 * Returns its length; 0: it does not fit, which its labels and their limits do not allow.
 */
size_t presence_claim_write(char target[PRESENCE_CLAIM_SIZE], const struct presence_holder *holder,
                            const struct lubdub_server_session *session, enum presence_state state, uint64_t since_ms);

/* False: it is no claim. */
bool presence_claim_read(struct presence_claim *claim, const char *bytes, size_t length);

/* The incarnation as it is compared. */
void presence_incarnation(uint64_t incarnation, char target[21]);

#define PRESENCE_ENTRY_SIZE 128

/* A node's entry as it was read. */
struct presence_entry {
    char text[PRESENCE_ENTRY_SIZE]; /* all of it: a write over it has to name what was there */
    char boot[PRESENCE_BOOT_SIZE];
    uint64_t counter;
    bool is_live;  /* else it was buried, */
    bool has_left; /* or has left */
    uint64_t lease_ms;
    uint64_t sessions; /* that it had when it counted last */
    bool is_claiming;  /* not all its sessions are claimed under this boot yet */
};
bool presence_entry_read(struct presence_entry *entry, const char *bytes, size_t length);

/* 1 to 64 of A-Z a-z 0-9 . _ - */
bool presence_node_is_valid(const char *name);

#endif
