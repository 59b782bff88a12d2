/*
 * What the files of a link share, and their owner does not see: link.c is what the owner calls, link_wake.c what the
 * loop calls, link_step.c begins and ends the steps of both, and link_stream.c is what a step sees of the socket.
 */
#ifndef LUBDUB_EV_LINK_INSIDE_H
#define LUBDUB_EV_LINK_INSIDE_H

#include <lubdub/step.h>

#include "ev/container_of.h"
#include "ev/link_state.h"

/*
 * A step with its link, on the stack of the function that began it.
 *
 * The loop begins a link's own step: that step reads, calls back and closes. A caller begins a step when it calls a
 * function of the link, perhaps from inside a callback that another link's step made. Such a step writes and does
 * nothing else: reading would put bytes into the buffer from which the outer step still feeds, and calling back would
 * enter the application while it is in the middle of something. What it finds is left to the link's own step, which is
 * due at once.
 */
struct lubdub_link_step {
    struct lubdub_step step;
    struct lubdub_link *link;
    struct lubdub_link_step *outer;
    size_t outer_capacity; /* lent to this step while it runs */
    unsigned writes;
    bool counts;       /* in the suspicion of ourselves */
    bool has_messages; /* a client's */
};

static inline struct lubdub_link *link_of(struct lubdub_step *step)
{
    return container_of(step, struct lubdub_link_step, step)->link;
}

/* Of a link that is not plain; NULL: it is plain, or over. */
static inline struct lubdub_transport *transport_of(const struct lubdub_link *link)
{
    return lubdub_transports_find(&lubdub_link_group(link)->reactor->transports, link->io.fd);
}

static inline bool is_plain(const struct lubdub_link *link)
{
    return transport_of(link) == NULL;
}

static inline struct lubdub_paths *paths_of(const struct lubdub_link *link)
{
    return &lubdub_link_group(link)->reactor->paths;
}

/*
 * The cause that a call found, until the link's own step tells it. The watcher is stopped then and libev does not look
 * at its events, so the cause is kept there, as a negative number: this needs no further byte in a link.
 */
static inline enum lubdub_cause broken_by(const struct lubdub_link *link)
{
    return link->io.events < 0 ? (enum lubdub_cause) - link->io.events : LUBDUB_CAUSE_NONE;
}

#endif
