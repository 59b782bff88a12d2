/*
 * Limits how many frames a peer may send: a leaky bucket as a meter (GCRA, ITU-T I.371), in one 32-bit number.
 *
 * The debt is counted in 1/1024 of the interval. It drains as time passes, and a frame adds half an interval
 * to it, so that twice the granted rate is free for ever; a debt beyond the burst is too many frames.
 * A debt below zero is credit, given for frames that may have piled up while we did not read.
 */
#ifndef LUBDUB_CORE_RATE_LIMIT_H
#define LUBDUB_CORE_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include <lubdub/time.h>

/* Probes that may come at once: between these two, twice as many as one expiry has (docs/protocol.md, section 5). */
#define LUBDUB_SMALLEST_BURST 16
#define LUBDUB_LARGEST_BURST 4096
uint32_t lubdub_rate_limit_burst(uint32_t interval_ms, uint32_t expiry_ms);

/* Lets time pass. */
void lubdub_rate_limit_drain(int32_t *debt, lubdub_duration elapsed, uint32_t interval_ms);

/*
 * The same for a client that tracks its own allowance as the server counts it: rounds against the client, loses no part
 * of the time however often it is called (*since moves on by the time that was drained), and assumes that the peer's
 * clock is slower by a 256th.
 */
void lubdub_rate_limit_drain_own(int32_t *debt, lubdub_time *since, lubdub_time now, uint32_t interval_ms);

/* Counts one frame. False: it was too many, and is not counted. */
bool lubdub_rate_limit_take(int32_t *debt, uint32_t burst);

/* As if the whole burst had been taken just now. */
void lubdub_rate_limit_exhaust(int32_t *debt, uint32_t burst);

/* The rules by which a bucket counts. */
struct lubdub_bucket {
    uint32_t interval_ms;
    uint32_t burst;
};

/* How long it takes to drain; 0 for a credit. */
lubdub_duration lubdub_rate_limit_debt(int32_t debt, uint32_t interval_ms);

/* The debt that drains in this time, but with room left for one frame: so a client that begins anew at a steady rate is
 * not cut. */
int32_t lubdub_rate_limit_owed(lubdub_duration time, struct lubdub_bucket bucket);

/*
 * The same debt or credit in another bucket: it takes as long to drain. But a debt fills no greater part of its
 * bucket than before: a client within the limit stays within it.
 */
int32_t lubdub_rate_limit_rescale(int32_t debt, struct lubdub_bucket from, struct lubdub_bucket to);

/* Whether so many frames more, all at once, would be allowed. */
bool lubdub_rate_limit_has_room(int32_t debt, uint32_t burst, uint64_t frames);

/* Gives credit for the frames that a peer at twice its rate sends in `away`. */
void lubdub_rate_limit_forgive(int32_t *debt, lubdub_duration away, uint32_t interval_ms);

#endif
