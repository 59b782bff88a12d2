/*
 * Keeps the contents of a client's probes, where they change during a session: an ACK has the content of its own probe,
 * which may be older than the present content. It is a list, newest first; each content serves from its first sequence
 * up to that of the next newer one. The content of the settings serves where the list is empty or all of it is newer.
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

/* The content of the probe with this sequence. */
struct lubdub_slice lubdub_probe_content_of(const struct lubdub_probe_content *newest, uint64_t sequence,
                                            struct lubdub_slice of_settings);

void lubdub_probe_content_clear(struct lubdub_probe_content **newest);

#endif
