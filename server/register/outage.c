/* Counts ends in bursts, and judges each burst by its size. */
#include "server/register/outage.h"

#include <string.h>

#define WINDOW (5 * LUBDUB_SECOND)
#define SETTLED (1 * LUBDUB_SECOND)
#define LATEST (5 * LUBDUB_SECOND)
#define OVER (10 * LUBDUB_SECOND)
#define AGAIN LUBDUB_MINUTE

bool outage_is_wished(enum lubdub_cause cause)
{
    return cause == LUBDUB_CAUSE_BYE || cause == LUBDUB_CAUSE_REPLACED || cause == LUBDUB_CAUSE_SHUTDOWN;
}

static bool is_large(const struct outage_burst *burst)
{
    return (burst->count >= 10 && burst->count >= burst->sessions / 100) ||
           (burst->count >= 5 && burst->count >= burst->sessions / 2);
}

static bool is_same(const struct outage_label *candidate, const struct lubdub_label *label)
{
    return candidate->key_length == label->key.length && candidate->value_length == label->value.length &&
           memcmp(candidate->key, label->key.data, label->key.length) == 0 &&
           memcmp(candidate->value, label->value.data, label->value.length) == 0;
}

static void count_label(struct outage_burst *burst, const struct lubdub_label *label)
{
    struct outage_label *candidate;
    size_t i;

    for (i = 0; i < burst->label_count; i++) {
        if (is_same(&burst->labels[i], label)) {
            burst->labels[i].count++;
            return;
        }
    }
    if (burst->label_count == OUTAGE_CANDIDATES || label->key.length > sizeof candidate->key ||
        label->value.length > sizeof candidate->value) {
        return;
    }
    candidate = &burst->labels[burst->label_count++];
    memcpy(candidate->key, label->key.data, label->key.length);
    memcpy(candidate->value, label->value.data, label->value.length);
    candidate->key_length = label->key.length;
    candidate->value_length = label->value.length;
    candidate->count = 1;
}

static void begin(struct outage *outage, lubdub_time now, uint64_t sessions)
{
    outage->burst = (struct outage_burst){.first_at = now, .last_at = now, .sessions = sessions};
    outage->noticed_at = 0;
}

void outage_note(struct outage *outage, lubdub_time now, uint64_t sessions, enum lubdub_cause cause,
                 const struct lubdub_label *labels, size_t label_count)
{
    struct outage_burst *burst = &outage->burst;
    size_t i;

    if (outage_is_wished(cause)) {
        return;
    }
    if (burst->count == 0 || (outage->noticed_at == 0 && lubdub_time_between(burst->first_at, now) > WINDOW)) {
        begin(outage, now, sessions);
    }
    burst->count++;
    burst->last_at = now;
    burst->by_cause[(size_t)cause < LUBDUB_CAUSE_CAPACITY ? cause : LUBDUB_CAUSE_NONE]++;
    for (i = 0; i < label_count; i++) {
        count_label(burst, &labels[i]);
    }
    if (outage->noticed_at == 0 && is_large(burst)) {
        outage->noticed_at = now;
    }
}

lubdub_time outage_deadline(const struct outage *outage)
{
    lubdub_time quiet = lubdub_time_after(outage->burst.last_at, outage->told_at != 0 ? OVER : SETTLED);
    lubdub_time latest;

    if (outage->noticed_at == 0) {
        return outage->told_at == 0
                   ? LUBDUB_TIME_NEVER
                   : lubdub_time_after(outage->burst.count > 0 ? outage->burst.last_at : outage->told_at, OVER);
    }
    latest = outage->told_at != 0 ? lubdub_time_after(outage->told_at, AGAIN)
                                  : lubdub_time_after(outage->noticed_at, LATEST);
    return quiet < latest ? quiet : latest;
}

static void keep_common_labels(struct outage_burst *burst)
{
    size_t kept = 0;
    size_t i;

    for (i = 0; i < burst->label_count; i++) {
        if ((uint64_t)burst->labels[i].count * 10 >= (uint64_t)burst->count * 9) {
            burst->labels[kept++] = burst->labels[i];
        }
    }
    burst->label_count = kept;
}

bool outage_take(struct outage *outage, lubdub_time now, struct outage_burst *burst)
{
    if (outage_deadline(outage) > now) {
        return false;
    }
    if (outage->noticed_at == 0) {
        outage->told_at = 0; /* it is over */
        return false;
    }
    *burst = outage->burst;
    keep_common_labels(burst);
    outage->told_at = now;
    outage->burst = (struct outage_burst){.last_at = now};
    outage->noticed_at = 0;
    return true;
}
