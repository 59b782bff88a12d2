/*
 * Limits messages to a rate and a burst, kept as one point in time (GCRA, ITU-T I.371, the virtual scheduling
 * form). Each message moves the point by 1/rate; a message is allowed while the point is no further ahead of the clock
 * than the burst takes.
 */
#ifndef LUBDUB_CORE_ALLOWANCE_H
#define LUBDUB_CORE_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

#include <lubdub/time.h>

struct lubdub_rate {
    uint32_t a_second; /* 0: any number is allowed */
    uint32_t burst;
};

/* So many messages beyond the burst may have piled up in an outage of the path. */
#define LUBDUB_ALLOWANCE_PILE 1024

/* Zeroed: nothing was used. */
struct lubdub_allowance {
    lubdub_time used_to;
    lubdub_duration credit; /* for messages that piled up while we did not read, or on the path */
};

/* Counts one message. False: it was too many, and is not counted. */
bool lubdub_allowance_take(struct lubdub_allowance *allowance, struct lubdub_rate rate, lubdub_time now);

/* "more than twice N messages a second, or B at once" into text, which has room for 80 bytes. */
void lubdub_rate_text(char *text, uint32_t a_second, uint32_t burst);

/* When the next message is allowed; not later than now: at once. */
lubdub_time lubdub_allowance_next(const struct lubdub_allowance *allowance, struct lubdub_rate rate);

/* We did not read for `away`. */
void lubdub_allowance_forgive(struct lubdub_allowance *allowance, lubdub_duration away);

/*
 * Nothing was heard of the peer for `silent_for`, and it keeps to half of this rate. What it can have sent meanwhile
 * may come at once, behind the whole burst of before: what of it is more than the burst is allowed, at most
 * LUBDUB_ALLOWANCE_PILE messages. In the long run it is the same rate.
 */
void lubdub_allowance_expect_pile(struct lubdub_allowance *allowance, struct lubdub_rate rate,
                                  lubdub_duration silent_for);

/* How much is used, as the time in which it drains; and the reverse: sets how much is used. */
lubdub_duration lubdub_allowance_debt(const struct lubdub_allowance *allowance, lubdub_time now);
void lubdub_allowance_owe(struct lubdub_allowance *allowance, lubdub_duration debt, lubdub_time now);

#endif
