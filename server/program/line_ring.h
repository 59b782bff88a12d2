/*
 * Memory for things of different sizes that live for a short time, most of them in the order in which they came. It
 * lies apart from the heap: after a burst all of it goes back to the system, whatever was allocated meanwhile.
 *
 * What is given back in another order makes room when all that is older has been given back. The caller keeps threads
 * apart.
 */
#ifndef LUBDUB_SERVER_PROGRAM_LINE_RING_H
#define LUBDUB_SERVER_PROGRAM_LINE_RING_H

#include <stdbool.h>
#include <stddef.h>

struct line_ring {
    unsigned char *bytes; /* NULL: nothing was taken yet */
    size_t capacity;
    size_t first; /* of the oldest that is not given back */
    size_t used;  /* bytes behind it, with what is given back among them */
    size_t most;  /* that were used since it was empty */
};

/* Empty, for so many bytes in all. No memory is taken yet. */
void line_ring_init(struct line_ring *ring, size_t capacity);
void line_ring_clear(struct line_ring *ring);

/* So many bytes, aligned for everything; NULL where there is no room, or no memory. */
void *line_ring_take(struct line_ring *ring, size_t size);

/* Gives back what _take returned. */
void line_ring_give(struct line_ring *ring, void *taken);

#endif
