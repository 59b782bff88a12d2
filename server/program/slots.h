/*
 * Keeps a bounded table from keys to places: it knows which of a great many names were busy lately. Its memory is
 * fixed. The hash is keyed at start, as names come from peers.
 *
 * A key may stand in eight places. When all are taken, the key that will be idle first is replaced, unless it is
 * pinned.
 */
#ifndef LUBDUB_SERVER_PROGRAM_SLOTS_H
#define LUBDUB_SERVER_PROGRAM_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

#define SLOTS_NONE SIZE_MAX

struct slot {
    uint64_t key;           /* 0: free */
    lubdub_time busy_until; /* set by the user: how long it is worth while to remember */
    bool is_pinned;         /* set by the user: may not give way */
};

struct slots {
    struct slot *items;
    size_t count;
    uint64_t secret[2];
};

/* count is a multiple of eight. Returns false without memory. */
bool slots_init(struct slots *slots, size_t count);
void slots_clear(struct slots *slots);

/* The key of these bytes (SipHash-2-4); never 0. */
uint64_t slots_key(const struct slots *slots, const void *bytes, size_t length);

/* The place of a key, or SLOTS_NONE. */
size_t slots_find(const struct slots *slots, uint64_t key);

/* The same, and takes a place for it if need be: then *is_new, and the slot is zeroed but for its key. */
size_t slots_claim(struct slots *slots, uint64_t key, bool *is_new);

/* Frees a place. */
void slots_free(struct slots *slots, size_t place);

/*
 * A leaky bucket as a meter, kept as the point in time up to which all is used: `burst` at once, then one a period.
 * Zero is an empty one. _take returns false, and counts nothing, where it was too many.
 */
bool bucket_has_room(lubdub_time used_to, lubdub_duration period, unsigned burst, lubdub_time now);
bool bucket_take(lubdub_time *used_to, lubdub_duration period, unsigned burst, lubdub_time now);

/* Counts an event that cannot be refused; the debt ends at the burst. */
void bucket_charge(lubdub_time *used_to, lubdub_duration period, unsigned burst, lubdub_time now);

#endif
