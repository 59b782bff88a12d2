/*
 * Looks names up without keeping the loop waiting: getaddrinfo() in helper threads, at most a few for the whole
 * process, which end when there is nothing to look up.
 *
 * The answer comes in the thread of the loop. A thread that the system's resolver keeps for minutes owns what it needs,
 * so that a request can be cancelled at any time and its loop may be gone when the thread comes back.
 */
#ifndef LUBDUB_EV_RESOLVER_H
#define LUBDUB_EV_RESOLVER_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ev/address.h"

/* Of one name; more are left out. */
#define LUBDUB_RESOLVED_LIMIT 32

struct lubdub_resolver_request;

/* Lives until the callback returns. */
struct lubdub_resolution {
    /* In the system's order (RFC 6724), but IPv6 and IPv4 by turns, none twice. */
    const struct lubdub_address *addresses;
    size_t count;     /* 0: it failed */
    const char *text; /* why it failed. Static, or by gai_strerror() */
};

typedef void (*lubdub_resolver_callback)(const struct lubdub_resolution *resolution, void *user_data);

/* Looks a name up; the port goes into the addresses. The callback comes once. NULL: no memory, no thread. */
struct lubdub_resolver_request *lubdub_resolver_start(struct ev_loop *loop, const char *host, uint16_t port,
                                                      lubdub_resolver_callback callback, void *user_data);

/* The callback does not come any more. Not after it came. */
void lubdub_resolver_cancel(struct lubdub_resolver_request *request);

/*
 * For a caller after its timeout: whether the answer has arrived after all, and is not handed over yet. Then the
 * callback comes before this returns true.
 */
bool lubdub_resolver_hurry(struct lubdub_resolver_request *request);

#endif
