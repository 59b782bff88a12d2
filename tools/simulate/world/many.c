/* Runs seeds in a few threads that each take the next seed, in batches so that the results never fill the memory. */
#include "simulate/world/many.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 256

struct batch {
    const struct sim_settings *settings;
    const atomic_int *stop;
    uint64_t first;
    unsigned count;
    pthread_mutex_t lock;
    unsigned next;
    struct sim_result results[BATCH];
};

static bool is_stopped(const struct batch *batch)
{
    return batch->stop != NULL && atomic_load(batch->stop) != 0;
}

static bool take(struct batch *batch, unsigned *index)
{
    bool is_left;

    pthread_mutex_lock(&batch->lock);
    is_left = batch->next < batch->count && !is_stopped(batch);
    if (is_left) {
        *index = batch->next++;
    }
    pthread_mutex_unlock(&batch->lock);
    return is_left;
}

static void *work(void *argument)
{
    struct batch *batch = argument;
    unsigned index;

    while (take(batch, &index)) {
        struct sim_settings settings = *batch->settings;

        settings.seed = batch->first + index;
        sim_run(&settings, &batch->results[index]);
    }
    return NULL;
}

static bool run_batch(struct batch *batch, unsigned jobs)
{
    pthread_t *threads = calloc(jobs, sizeof *threads);
    unsigned started = 0;
    unsigned i;

    if (threads == NULL) {
        return false;
    }
    while (started + 1 < jobs && pthread_create(&threads[started], NULL, work, batch) == 0) {
        started++;
    }
    work(batch);
    for (i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    free(threads);
    return true;
}

static void add_detections(struct sim_result *total, const struct sim_result *result)
{
    unsigned observer;
    unsigned kind;
    size_t i;

    for (observer = 0; observer < SIM_OBSERVER_COUNT; observer++) {
        for (kind = 0; kind < 2; kind++) {
            const struct sim_detections *from = &result->detections[observer][kind];

            for (i = 0; i < from->count; i++) {
                sim_detections_add(&total->detections[observer][kind], from->items[i]);
            }
        }
        total->false_alarms[observer] += result->false_alarms[observer];
        total->missed[observer] += result->missed[observer];
    }
}

static void add(struct sim_sum *sum, const struct sim_result *result, uint64_t seed)
{
    struct sim_result *total = &sum->total;

    if (result->has_failed) {
        if (sum->failure_count < SIM_FAILURES_KEPT) {
            struct sim_failure *failure = &sum->failures[sum->failure_count++];

            failure->seed = seed;
            failure->at = result->failed_at;
            memcpy(failure->problem, result->problem, sizeof failure->problem);
        }
        sum->failed++;
    }
    sum->seeds++;
    total->digest = (total->digest ^ result->digest) * 0x9e3779b97f4a7c15u;
    total->digest ^= total->digest >> 31;
    total->happenings += result->happenings;
    total->segments += result->segments;
    total->retransmissions += result->retransmissions;
    total->frames += result->frames;
    total->probes += result->probes;
    total->acks += result->acks;
    total->trickles += result->trickles;
    total->messages += result->messages;
    total->sessions += result->sessions;
    total->faults += result->faults;
    total->absences += result->absences;
    total->verdicts += result->verdicts;
    total->causes += result->causes;
    total->slow_readers += result->slow_readers;
    total->session_time += result->session_time;
    add_detections(total, result);
}

bool sim_run_many(const struct sim_settings *settings, uint64_t first, uint64_t last, unsigned jobs,
                  const atomic_int *stop, struct sim_sum *sum)
{
    struct batch *batch = calloc(1, sizeof *batch);
    bool has_run = batch != NULL;
    unsigned i;

    memset(sum, 0, sizeof *sum);
    if (!has_run) {
        return false;
    }
    batch->settings = settings;
    batch->stop = stop;
    pthread_mutex_init(&batch->lock, NULL);
    while (has_run && first <= last && !is_stopped(batch)) {
        batch->first = first;
        batch->count = last - first < BATCH ? (unsigned)(last - first) + 1 : BATCH;
        batch->next = 0;
        memset(batch->results, 0, sizeof batch->results);
        has_run = run_batch(batch, jobs);
        for (i = 0; i < batch->next; i++) { /* the runs that were begun are done */
            add(sum, &batch->results[i], first + i);
            sim_result_clear(&batch->results[i]);
        }
        first += batch->count;
        if (first == 0) {
            break; /* past the last seed there is */
        }
    }
    pthread_mutex_destroy(&batch->lock);
    free(batch);
    return has_run;
}

void sim_sum_clear(struct sim_sum *sum)
{
    sim_result_clear(&sum->total);
}
