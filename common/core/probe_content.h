/*
 * The contents of a client's probes, where they change during a session: an ACK has the content of its own probe, which
 * may be older than the present one. A list, newest first; each serves from one sequence on up to that of the next
 * newer. An empty list, and a sequence older than all: the content of the settings.
 */
#ifndef LUBDUB_CORE_PROBE_CONTENT_H
#define LUBDUB_CORE_PROBE_CONTENT_H

#include <stddef.h>
#include <stdint.h>

#include <lubdub/error.h>
#include <lubdub/option.h>

/* So many are kept while probes with them wait for their acks. */
#define LUBDUB_PROBE_CONTENTS_LIMIT 16

struct lubdub_probe_content {
    struct lubdub_probe_content *next;
    uint64_t first; /* sequence */
    size_t length;
    char bytes[];
};

/*
 * Probes from `first` on have a copy of this content. `oldest` is the oldest sequence of which an ack may still come.
 * FULL: the limit is reached; some other time. NO_MEMORY: nothing has changed.
 */
enum lubdub_error lubdub_probe_content_add(struct lubdub_probe_content **newest, uint64_t oldest, uint64_t first,
                                           const void *content, size_t length);

/* That of this probe. */
struct lubdub_slice lubdub_probe_content_of(const struct lubdub_probe_content *newest, uint64_t sequence,
                                            struct lubdub_slice of_settings);

void lubdub_probe_content_clear(struct lubdub_probe_content **newest);

#endif
