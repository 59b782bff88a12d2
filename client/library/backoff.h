/*
 * Draws how long a client waits before it tries again: capped exponential backoff with full jitter. Pure; the same seed
 * gives the same waits.
 *
 * Each wait is drawn from the whole of 0 to a range that doubles with every wait, from the minimum to the maximum. The
 * first one too: a thousand clients that lose their server at once do not come back at once.
 */
#ifndef LUBDUB_CLIENT_LIBRARY_BACKOFF_H
#define LUBDUB_CLIENT_LIBRARY_BACKOFF_H

#include <stdint.h>

#include <lubdub/time.h>

/* A server may ask for a longer wait, but is not believed in (docs/protocol.md, section 4, retry_after_ms). */
#define LUBDUB_RETRY_AFTER_LIMIT LUBDUB_HOUR

struct lubdub_backoff {
    lubdub_duration minimum;
    lubdub_duration maximum;
    lubdub_duration range; /* the next wait is drawn from 0 to this */
    uint64_t random;       /* the generator's state */
};

/* minimum is at least 1 ns and at most maximum. */
void lubdub_backoff_init(struct lubdub_backoff *backoff, lubdub_duration minimum, lubdub_duration maximum,
                         uint64_t seed);

/*
 * How long to wait now. Not less than at_least, which is what a server asked for (0: nothing); the jitter comes on top
 * of it, and is then up to half as long, so that clients that were all told the same do not come all together.
 */
lubdub_duration lubdub_backoff_next(struct lubdub_backoff *backoff, lubdub_duration at_least);

/*
 * The same after another client took the identity. Grows faster and never comes at once: two clients that were given
 * the same name by mistake must not throw each other out as fast as they can.
 */
lubdub_duration lubdub_backoff_next_replaced(struct lubdub_backoff *backoff);

/*
 * A session lasted this long, and had this expiry. The range starts anew after three expiries, for a server that lived
 * so long did not die of admitting its clients; but not before twice the minimum, and at the latest after twice the
 * maximum. An expiry of UINT64_MAX, for a session that a rival for the identity ended: only then.
 */
void lubdub_backoff_note_session(struct lubdub_backoff *backoff, lubdub_duration lasted, lubdub_duration expiry);

#endif
