/*
 * Notices that many sessions end within a short time, so that one alarm rings and not one for each of them. Pure: time
 * comes in.
 *
 * An outage is ten ends, and one in a hundred of the sessions that there were, within five seconds; or five ends, and
 * half of the sessions. Ends that somebody asked for do not count. It is told when a second has passed without another
 * end, at the latest five seconds after it was noticed; what ends afterwards is told once more, a minute later at the
 * earliest, or when ten seconds have passed without an end.
 */
#ifndef LUBDUB_SERVER_REGISTER_OUTAGE_H
#define LUBDUB_SERVER_REGISTER_OUTAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/cause.h>
#include <lubdub/option.h>
#include <lubdub/time.h>

#define OUTAGE_CANDIDATES 32 /* labels that are compared */

struct outage_label {
    char key[LUBDUB_LABEL_KEY_LIMIT];
    char value[LUBDUB_LABEL_VALUE_LIMIT];
    size_t key_length;
    size_t value_length;
    uint32_t count;
};

struct outage_burst {
    lubdub_time first_at;
    lubdub_time last_at;
    uint64_t sessions; /* that there were before */
    uint32_t count;
    uint32_t by_cause[LUBDUB_CAUSE_CAPACITY];
    struct outage_label labels[OUTAGE_CANDIDATES];
    size_t label_count;
};

/* Zeroed: nothing ended yet. */
struct outage {
    struct outage_burst burst;
    lubdub_time noticed_at; /* 0: the burst is no outage so far */
    lubdub_time told_at;    /* 0: none was told, or that one is over */
};

/* `sessions`: those that were there before this end. */
void outage_note(struct outage *outage, lubdub_time now, uint64_t sessions, enum lubdub_cause cause,
                 const struct lubdub_label *labels, size_t label_count);

/* When outage_take is to be called; LUBDUB_TIME_NEVER. */
lubdub_time outage_deadline(const struct outage *outage);

/* What is to be told now: fills *burst, begins anew, and returns true. Labels in it are those that nine in ten had. */
bool outage_take(struct outage *outage, lubdub_time now, struct outage_burst *burst);

/* Whether somebody asked for an end of this cause: a goodbye, a takeover, a disconnect of our own. */
bool outage_is_wished(enum lubdub_cause cause);

#endif
