/* Keeps bytes that wait: for OpenSSL to read, or for the socket to take. */
#ifndef LUBDUB_TLS_KEPT_H
#define LUBDUB_TLS_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: none wait. */
struct lubdub_kept {
    uint8_t *bytes; /* NULL: none */
    size_t length;
};

/* Behind those that wait. False without memory: nothing was added. */
bool lubdub_kept_add(struct lubdub_kept *kept, const uint8_t *bytes, size_t length);

/* Takes so many away in front; the memory goes with the last. */
void lubdub_kept_cut(struct lubdub_kept *kept, size_t length);
void lubdub_kept_drop(struct lubdub_kept *kept);

#endif
