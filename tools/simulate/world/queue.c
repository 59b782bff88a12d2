/* Implements a heap in which each node has four children: fewer levels, and the children lie side by side. */
#include "simulate/world/queue.h"

#include <stdlib.h>

#define CHILDREN 4
#define FIRST_CAPACITY 256

static bool is_before(const struct sim_event *one, const struct sim_event *other)
{
    return one->at != other->at ? one->at < other->at : one->order < other->order;
}

static void grow(struct sim_queue *queue)
{
    queue->capacity = queue->capacity > 0 ? queue->capacity * 2 : FIRST_CAPACITY;
    queue->heap = realloc(queue->heap, queue->capacity * sizeof *queue->heap);
    if (queue->heap == NULL) {
        abort();
    }
}

void sim_queue_put(struct sim_queue *queue, lubdub_time at, uint32_t kind, uint32_t subject, uint32_t detail)
{
    const struct sim_event event = {at, queue->order++, subject, detail, kind};
    size_t hole;

    if (queue->count == queue->capacity) {
        grow(queue);
    }
    for (hole = queue->count++; hole > 0; hole = (hole - 1) / CHILDREN) {
        const struct sim_event *parent = &queue->heap[(hole - 1) / CHILDREN];

        if (!is_before(&event, parent)) {
            break;
        }
        queue->heap[hole] = *parent;
    }
    queue->heap[hole] = event;
}

static size_t earliest_child(const struct sim_queue *queue, size_t parent)
{
    size_t first = parent * CHILDREN + 1;
    size_t last = first + CHILDREN < queue->count ? first + CHILDREN : queue->count;
    size_t earliest = first;
    size_t child;

    for (child = first + 1; child < last; child++) {
        if (is_before(&queue->heap[child], &queue->heap[earliest])) {
            earliest = child;
        }
    }
    return earliest;
}

bool sim_queue_take(struct sim_queue *queue, lubdub_time until, struct sim_event *event)
{
    struct sim_event last;
    size_t hole = 0;

    if (queue->count == 0 || queue->heap[0].at > until) {
        return false;
    }
    *event = queue->heap[0];
    last = queue->heap[--queue->count];
    while (hole * CHILDREN + 1 < queue->count) {
        size_t child = earliest_child(queue, hole);

        if (!is_before(&queue->heap[child], &last)) {
            break;
        }
        queue->heap[hole] = queue->heap[child];
        hole = child;
    }
    queue->heap[hole] = last;
    return true;
}

void sim_queue_clear(struct sim_queue *queue)
{
    free(queue->heap);
    *queue = (struct sim_queue){0};
}
