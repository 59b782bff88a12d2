/* Keeps a header before each thing: how long it is, and whether it was given back. */
#define _GNU_SOURCE
#include "server/program/line_ring.h"

#include <assert.h>
#include <stdalign.h>
#include <string.h>
#include <sys/mman.h>

/* So much is worth a call of the system when the ring is empty again. */
#define RETURNED_FROM ((size_t)256 * 1024)

struct header {
    alignas(max_align_t) size_t size; /* with the header */
    bool is_given_back;
};

void line_ring_init(struct line_ring *ring, size_t capacity)
{
    *ring = (struct line_ring){.capacity = capacity - capacity % alignof(max_align_t)};
}

void line_ring_clear(struct line_ring *ring)
{
    if (ring->bytes != NULL) {
        munmap(ring->bytes, ring->capacity);
    }
    line_ring_init(ring, ring->capacity);
}

static bool has_memory(struct line_ring *ring)
{
    void *bytes;

    if (ring->bytes != NULL) {
        return true;
    }
    bytes = mmap(NULL, ring->capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bytes == MAP_FAILED) {
        return false;
    }
    ring->bytes = bytes;
    return true;
}

static struct header *put(struct line_ring *ring, size_t size, bool is_given_back)
{
    struct header *header = (struct header *)(ring->bytes + (ring->first + ring->used) % ring->capacity);

    *header = (struct header){.size = size, .is_given_back = is_given_back};
    ring->used += size;
    ring->most = ring->used > ring->most ? ring->used : ring->most;
    return header;
}

void *line_ring_take(struct line_ring *ring, size_t size)
{
    size_t aligned = (size + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    size_t wanted = sizeof(struct header) + aligned;
    size_t end;
    size_t to_the_end;

    if (size > ring->capacity / 2 || !has_memory(ring)) {
        return NULL;
    }
    end = (ring->first + ring->used) % ring->capacity;
    to_the_end = ring->capacity - end;
    if (to_the_end < wanted) {
        /* Nothing is cut in two: the rest of the round stays empty. */
        if (ring->used + to_the_end + wanted > ring->capacity) {
            return NULL;
        }
        if (to_the_end >= sizeof(struct header)) {
            put(ring, to_the_end, true);
        } else {
            ring->used += to_the_end;
        }
    } else if (ring->used + wanted > ring->capacity) {
        return NULL;
    }
    return put(ring, wanted, false) + 1;
}

static void empty(struct line_ring *ring)
{
    if (ring->most >= RETURNED_FROM) {
        madvise(ring->bytes, ring->capacity, MADV_DONTNEED);
    }
    ring->first = ring->used = ring->most = 0;
}

void line_ring_give(struct line_ring *ring, void *taken)
{
    struct header *header = (struct header *)taken - 1;

    assert(!header->is_given_back);
    header->is_given_back = true;
    while (ring->used > 0) {
        size_t to_the_end = ring->capacity - ring->first;
        size_t size = to_the_end;

        if (to_the_end >= sizeof *header) {
            const struct header *oldest = (const struct header *)(ring->bytes + ring->first);

            if (!oldest->is_given_back) {
                return;
            }
            size = oldest->size;
        }
        ring->first = (ring->first + size) % ring->capacity;
        ring->used -= size;
    }
    empty(ring);
}
