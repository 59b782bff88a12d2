/*
 * Keeps the events that wait for the hook, oldest first. One subject's events keep their order: none is taken while the
 * one before it still runs. A subject is an identity, or a session without one, or the server itself.
 *
 * Bounded in events and in bytes. Where there is no room, the oldest that wait are left out: the last states are told.
 * The caller keeps threads apart.
 */
#ifndef LUBDUB_SERVER_PROGRAM_HOOK_QUEUE_H
#define LUBDUB_SERVER_PROGRAM_HOOK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "program/events/kept.h"

#define HOOK_QUEUE_EVENTS ((size_t)1024)
#define HOOK_QUEUE_BYTES ((size_t)2 * 1024 * 1024)

struct hook_item {
    struct hook_item *next;
    uint64_t
        subject; /* equal for events of one subject; by chance also for two subjects, which then wait for each other */
    struct lubdub_event_kept *kept;
};

/* Zeroed: empty. */
struct hook_queue {
    struct hook_item *first;
    struct hook_item *last;
    size_t count;
    size_t bytes;
};

/* Copies the line. Returns how many events are left out for it; itself, where there is no memory. */
size_t hook_queue_put(struct hook_queue *queue, const struct lubdub_event_line *line);

/* Takes the oldest whose subject is not among the busy ones, for the caller to hook_item_free(). NULL: there is none.
 */
struct hook_item *hook_queue_take(struct hook_queue *queue, const uint64_t *busy, size_t busy_count);

void hook_item_free(struct hook_item *item);

/* Leaves out all that wait. Returns how many. */
size_t hook_queue_clear(struct hook_queue *queue);

#endif
