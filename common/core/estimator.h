/*
 * Learns from a peer's answers how long we wait for it; whole numbers only, so that every build learns the same.
 *
 * The smoothed value and the mean deviation follow RFC 6298 (Jacobson 1988), with its gains:
 *
 *     first sample R:   SRTT = R        RTTVAR = R / 2
 *     then:             RTTVAR = RTTVAR - RTTVAR/4 + |SRTT - R|/4
 *                       SRTT   = SRTT   - SRTT/8   + R/8            usual answer: SRTT + 4 RTTVAR
 *
 * Both forget within a dozen samples. A path that loses one segment in a hundred, or a process that pauses once in a
 * quarter of an hour, is remembered by the worst: the longest sample. It fades by 1/4096 with each later sample (half
 * of it is left after 2839) and never fades below the usual answer.
 */
#ifndef LUBDUB_CORE_ESTIMATOR_H
#define LUBDUB_CORE_ESTIMATOR_H

#include <stdbool.h>
#include <stdint.h>

#include <lubdub/time.h>

/* A client's estimator, for round trips. In microseconds; longer ones than 71 minutes count as 71 minutes. */
struct lubdub_estimator {
    uint32_t smoothed;
    uint32_t deviation;
    uint32_t worst;
    bool has_sample;
};

void lubdub_estimator_init(struct lubdub_estimator *estimator);
void lubdub_estimator_add(struct lubdub_estimator *estimator, lubdub_duration sample);

/* By when nearly every answer is there; 0 before the first. */
lubdub_duration lubdub_estimator_usual(const struct lubdub_estimator *estimator);

/* The longest recent sample, faded. */
lubdub_duration lubdub_estimator_worst(const struct lubdub_estimator *estimator);

/*
 * A server's estimator, for how much later than its interval a session is heard: four bytes, so that a session's record
 * keeps its size. There is no smoothed value, since it is known: no lateness. Counted in 1/65536 of the expiry: a
 * session that is later has already expired.
 */
struct lubdub_lateness {
    uint16_t deviation;
    uint16_t worst;
};

void lubdub_lateness_add(struct lubdub_lateness *lateness, lubdub_duration late_by, lubdub_duration expiry);
lubdub_duration lubdub_lateness_usual(const struct lubdub_lateness *lateness, lubdub_duration expiry);
lubdub_duration lubdub_lateness_worst(const struct lubdub_lateness *lateness, lubdub_duration expiry);

/* The expiry changes; what was learned stays. */
void lubdub_lateness_rescale(struct lubdub_lateness *lateness, lubdub_duration from, lubdub_duration to);

#endif
