/* Keeps bytes in memory of exactly their length. */
#include "tls/kept.h"

#include <stdlib.h>
#include <string.h>

void lubdub_kept_drop(struct lubdub_kept *kept)
{
    free(kept->bytes);
    *kept = (struct lubdub_kept){0};
}

bool lubdub_kept_add(struct lubdub_kept *kept, const uint8_t *bytes, size_t length)
{
    uint8_t *grown;

    if (length == 0) {
        return true;
    }
    grown = realloc(kept->bytes, kept->length + length);
    if (grown == NULL) {
        return false;
    }
    memcpy(grown + kept->length, bytes, length);
    kept->bytes = grown;
    kept->length += length;
    return true;
}

void lubdub_kept_cut(struct lubdub_kept *kept, size_t length)
{
    if (length == kept->length) {
        lubdub_kept_drop(kept);
    } else if (length > 0) {
        memmove(kept->bytes, kept->bytes + length, kept->length - length);
        kept->length -= length;
    }
}
