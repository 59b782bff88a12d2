/* Keeps each content of probes as long as an ack with it may come. */
#include "core/probe_content.h"

#include <stdlib.h>
#include <string.h>

/* Frees all contents behind this one. */
static void free_older(struct lubdub_probe_content *content)
{
    while (content->next != NULL) {
        struct lubdub_probe_content *older = content->next;

        content->next = older->next;
        free(older);
    }
}

void lubdub_probe_content_clear(struct lubdub_probe_content **newest)
{
    if (*newest != NULL) {
        free_older(*newest);
        free(*newest);
        *newest = NULL;
    }
}

/* Frees the contents that only probes before `oldest` had. Returns how many contents are left. */
static size_t trim(struct lubdub_probe_content *content, uint64_t oldest)
{
    size_t count = 0;

    for (; content != NULL; content = content->next) {
        count++;
        if (content->first <= oldest) {
            free_older(content);
        }
    }
    return count;
}

enum lubdub_error lubdub_probe_content_add(struct lubdub_probe_content **newest, uint64_t oldest, uint64_t first,
                                           const void *content, size_t length)
{
    struct lubdub_probe_content *made;

    if (trim(*newest, oldest) == LUBDUB_PROBE_CONTENTS_LIMIT && (*newest)->first < first) {
        return LUBDUB_ERROR_FULL;
    }
    made = malloc(sizeof *made + length);
    if (made == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    if (*newest != NULL && (*newest)->first == first) { /* no probe has it */
        struct lubdub_probe_content *unused = *newest;

        *newest = unused->next;
        free(unused);
    }
    made->next = *newest;
    made->first = first;
    made->length = length;
    if (length > 0) {
        memcpy(made->bytes, content, length);
    }
    *newest = made;
    return LUBDUB_ERROR_OK;
}

struct lubdub_slice lubdub_probe_content_of(const struct lubdub_probe_content *newest, uint64_t sequence,
                                            struct lubdub_slice of_settings)
{
    for (; newest != NULL; newest = newest->next) {
        if (newest->first <= sequence) {
            return (struct lubdub_slice){newest->bytes, newest->length};
        }
    }
    return of_settings;
}
