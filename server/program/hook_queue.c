/* Keeps waiting events in a list, and passes over those whose subject is busy. */
#include "server/program/hook_queue.h"

#include <stdlib.h>

static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
    const uint8_t *byte = bytes;
    size_t i;

    for (i = 0; i < length; i++) {
        hash = (hash ^ byte[i]) * 0x100000001b3; /* FNV-1a */
    }
    return hash;
}

static uint64_t subject_of(const struct lubdub_event_line *line)
{
    const char *identity;
    size_t length;
    uint64_t session = 0;

    if (lubdub_event_line_get_string(line, "id", &identity, &length)) {
        return mix(0xcbf29ce484222325, identity, length);
    }
    lubdub_event_line_get_number(line, "session", &session);
    return session;
}

void hook_item_free(struct hook_item *item)
{
    if (item != NULL) {
        free(item->kept);
        free(item);
    }
}

static void remove_after(struct hook_queue *queue, struct hook_item *before, struct hook_item *item)
{
    if (before != NULL) {
        before->next = item->next;
    } else {
        queue->first = item->next;
    }
    if (queue->last == item) {
        queue->last = before;
    }
    queue->count--;
    queue->bytes -= item->kept->length;
}

static void leave_out_first(struct hook_queue *queue)
{
    struct hook_item *item = queue->first;

    remove_after(queue, NULL, item);
    hook_item_free(item);
}

/* NULL without memory. */
static struct hook_item *new_item(const struct lubdub_event_line *line)
{
    struct hook_item *item = calloc(1, sizeof *item);

    if (item == NULL) {
        return NULL;
    }
    item->subject = subject_of(line);
    item->kept = lubdub_event_keep(line);
    if (item->kept == NULL) {
        free(item);
        return NULL;
    }
    return item;
}

size_t hook_queue_put(struct hook_queue *queue, const struct lubdub_event_line *line)
{
    struct hook_item *item = new_item(line);
    size_t left_out = 0;

    if (item == NULL) {
        return 1;
    }
    while (queue->count > 0 && (queue->count == HOOK_QUEUE_EVENTS || queue->bytes + line->length > HOOK_QUEUE_BYTES)) {
        leave_out_first(queue);
        left_out++;
    }
    if (queue->last != NULL) {
        queue->last->next = item;
    } else {
        queue->first = item;
    }
    queue->last = item;
    queue->count++;
    queue->bytes += line->length;
    return left_out;
}

static bool is_among(uint64_t subject, const uint64_t *busy, size_t busy_count)
{
    size_t i;

    for (i = 0; i < busy_count; i++) {
        if (busy[i] == subject) {
            return true;
        }
    }
    return false;
}

struct hook_item *hook_queue_take(struct hook_queue *queue, const uint64_t *busy, size_t busy_count)
{
    struct hook_item *before = NULL;
    struct hook_item *item;

    for (item = queue->first; item != NULL; before = item, item = item->next) {
        if (!is_among(item->subject, busy, busy_count)) {
            remove_after(queue, before, item);
            item->next = NULL;
            return item;
        }
    }
    return NULL;
}

size_t hook_queue_clear(struct hook_queue *queue)
{
    size_t count = queue->count;

    while (queue->first != NULL) {
        leave_out_first(queue);
    }
    return count;
}
