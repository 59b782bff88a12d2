/*
 * Keeps the bytes of a frame that has not come whole. Memory grows with the bytes that came, never with the
 * length that a header declares (trusting that length led to CVE-2014-0160).
 */
#ifndef LUBDUB_CORE_PARTIAL_H
#define LUBDUB_CORE_PARTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: empty. */
struct lubdub_partial {
    uint8_t *bytes;
    uint32_t length;
    uint32_t capacity;
};

/* Appends a copy of these bytes. False: no memory, nothing changed. */
bool lubdub_partial_append(struct lubdub_partial *partial, const uint8_t *bytes, size_t length);

/* Forgets and frees. */
void lubdub_partial_clear(struct lubdub_partial *partial);

/*
 * How many more bytes bring the frame to the next point at which it can be judged: the end of its header,
 * then its own end. 0: it is whole. The header has been judged good once 16 bytes are there.
 */
size_t lubdub_partial_missing(const struct lubdub_partial *partial);

#endif
