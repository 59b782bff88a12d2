/* Holds the results of a run: counts, detections, and the check that did not hold. */
#ifndef LUBDUB_SIMULATE_WORLD_RESULT_H
#define LUBDUB_SIMULATE_WORLD_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

#include "simulate/world/settings.h"

/* How long one side took to detect each fault of one kind. */
struct sim_detections {
    lubdub_duration *items;
    size_t count;
    size_t capacity;
};

/* One client's probes when neither side ever gives up: every policy is judged on this. True times. */
struct sim_beat {
    lubdub_time sent_at;
    lubdub_time heard_at;    /* by the server's kernel; LUBDUB_TIME_NEVER: not before the end */
    lubdub_time answered_at; /* the ack, at the client's kernel; LUBDUB_TIME_NEVER: the same */
};

struct sim_trace {
    struct sim_beat *beats;
    size_t count;
    size_t capacity;
};

#define SIM_PROBLEM_SIZE 256

struct sim_result {
    uint64_t digest;
    uint64_t happenings;
    uint64_t segments; /* that set out, all kinds, again and again */
    uint64_t retransmissions;
    uint64_t frames;
    uint64_t probes;
    uint64_t acks;
    uint64_t messages;
    uint64_t sessions; /* that were up */
    uint64_t faults;
    uint64_t absences; /* of processes, forgiven */
    uint64_t verdicts; /* by silence */
    uint64_t causes;   /* of which the cause was known, and was right */
    uint64_t slow_readers;
    uint64_t
        false_alarms[SIM_OBSERVER_COUNT]; /* verdicts on peers that lived and could be reached but for the network */
    uint64_t trickles;                    /* clients cut for too many frames behind a path that trickled */
    uint64_t missed[SIM_OBSERVER_COUNT];  /* contest: trouble that ended before it was noticed */
    lubdub_duration session_time;         /* of all sessions together, as clients saw them */
    struct sim_detections detections[SIM_OBSERVER_COUNT][2]; /* [0]: frozen, [1]: cut */
    bool has_failed;
    lubdub_time failed_at;
    char problem[SIM_PROBLEM_SIZE]; /* what did not hold */
};

void sim_result_clear(struct sim_result *result);

void sim_detections_add(struct sim_detections *detections, lubdub_duration duration);

/* The next probe went out; it was not heard yet. */
void sim_trace_add(struct sim_trace *trace, lubdub_time sent_at);
void sim_trace_clear(struct sim_trace *trace);

#endif
