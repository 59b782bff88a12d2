/* Runs the thread that writes, and parts from it in time. */
#define _GNU_SOURCE
#include "program/events/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ev/clock.h"
#include "ev/thread.h"
#include "program/events/output.h"
#include "program/events/pump.h"
#include "program/events/store.h"

#define DEFAULT_CAPACITY ((size_t)8 * 1024 * 1024)

/* A thread on its way out gets this much longer than the patience, before it is left behind. */
#define FAREWELL (250 * LUBDUB_MILLISECOND)

struct lubdub_event_writer {
    struct lubdub_event_store store;
    struct lubdub_event_pump pump;
    char *path;
    pthread_t thread;
    _Atomic uint64_t accepted; /* lines put into the store */
    _Atomic uint64_t refused;  /* lines that were not */

    /* How thread and closer part; under the store's lock. */
    pthread_cond_t ended;
    bool has_ended;
    bool is_left_behind;
};

void lubdub_event_writer_settings_init(struct lubdub_event_writer_settings *settings)
{
    memset(settings, 0, sizeof *settings);
    settings->descriptor = STDOUT_FILENO;
    settings->capacity = DEFAULT_CAPACITY;
}

static void free_writer(struct lubdub_event_writer *writer)
{
    lubdub_event_pump_clear(&writer->pump);
    lubdub_event_store_clear(&writer->store);
    pthread_cond_destroy(&writer->ended);
    free(writer->path);
    free(writer);
}

static void *run(void *argument)
{
    struct lubdub_event_writer *writer = argument;
    enum lubdub_event_store_result result;
    bool is_left_behind;

    lubdub_event_pump_warm_up(&writer->pump);
    do {
        struct lubdub_event_half *half;

        result = lubdub_event_store_take(&writer->store, lubdub_event_pump_retry_at(&writer->pump), &half);
        lubdub_event_pump_switch(&writer->pump);
        if (result == LUBDUB_EVENT_STORE_LINES) {
            lubdub_event_pump_write(&writer->pump, half);
        } else {
            lubdub_event_pump_report_gap(&writer->pump);
        }
    } while (result != LUBDUB_EVENT_STORE_END);

    pthread_mutex_lock(&writer->store.lock);
    writer->has_ended = true;
    is_left_behind = writer->is_left_behind;
    pthread_cond_signal(&writer->ended);
    pthread_mutex_unlock(&writer->store.lock);
    if (is_left_behind) {
        free_writer(writer);
    }
    return NULL;
}

static int start_thread(struct lubdub_event_writer *writer)
{
    return lubdub_thread_start(&writer->thread, run, writer, "lubdub-events");
}

static int init_ended(pthread_cond_t *ended)
{
    pthread_condattr_t attributes;
    int wrong = pthread_condattr_init(&attributes);

    if (wrong != 0) {
        return wrong;
    }
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    wrong = pthread_cond_init(ended, &attributes);
    pthread_condattr_destroy(&attributes);
    return wrong;
}

int lubdub_event_writer_new(struct lubdub_event_writer **writer, const struct lubdub_event_writer_settings *settings)
{
    struct lubdub_event_writer *made = calloc(1, sizeof *made);
    int descriptor = -1;
    int wrong = ENOMEM;

    if (made == NULL) {
        return ENOMEM;
    }
    if (settings->path != NULL && (made->path = strdup(settings->path)) == NULL) {
        goto free_path;
    }
    descriptor =
        made->path != NULL ? lubdub_event_output_open(made->path) : lubdub_event_output_adopt(settings->descriptor);
    if (descriptor == -1) {
        wrong = errno;
        goto free_path;
    }
    wrong = lubdub_event_pump_init(&made->pump, descriptor, settings->format, settings->on_failed, settings->on_refused,
                                   settings->user_data);
    if (wrong != 0) {
        goto free_path;
    }
    wrong = lubdub_event_store_init(&made->store, settings->capacity);
    if (wrong != 0) {
        goto clear_pump;
    }
    wrong = init_ended(&made->ended);
    if (wrong != 0) {
        goto clear_store;
    }
    wrong = start_thread(made);
    if (wrong != 0) {
        goto clear_ended;
    }
    *writer = made;
    return 0;

clear_ended:
    pthread_cond_destroy(&made->ended);
clear_store:
    lubdub_event_store_clear(&made->store);
clear_pump:
    lubdub_event_pump_clear(&made->pump);
free_path:
    free(made->path);
    free(made);
    return wrong;
}

bool lubdub_event_writer_put(struct lubdub_event_writer *writer, const struct lubdub_event_line *line)
{
    if (writer == NULL) {
        return true;
    }
    if (atomic_load_explicit(&writer->pump.has_failed, memory_order_relaxed) ||
        !lubdub_event_store_put(&writer->store, line)) {
        atomic_fetch_add_explicit(&writer->refused, 1, memory_order_relaxed);
        return false;
    }
    atomic_fetch_add_explicit(&writer->accepted, 1, memory_order_relaxed);
    return true;
}

int lubdub_event_writer_reopen(struct lubdub_event_writer *writer)
{
    int descriptor;

    if (writer == NULL || writer->path == NULL) {
        return 0;
    }
    descriptor = lubdub_event_output_open(writer->path);
    if (descriptor == -1) {
        return errno;
    }
    lubdub_event_output_replace(&writer->pump.output, descriptor);
    lubdub_event_store_wake(&writer->store);
    return 0;
}

bool lubdub_event_writer_failed(const struct lubdub_event_writer *writer)
{
    return writer != NULL && atomic_load(&writer->pump.has_failed);
}

uint64_t lubdub_event_writer_lost(const struct lubdub_event_writer *writer)
{
    return writer != NULL ? atomic_load(&writer->refused) + atomic_load(&writer->pump.lost) : 0;
}

/* Returns whether the thread ended. */
static bool wait_for_end(struct lubdub_event_writer *writer, lubdub_time until)
{
    struct timespec limit = {.tv_sec = (time_t)(until / LUBDUB_SECOND), .tv_nsec = (long)(until % LUBDUB_SECOND)};
    bool has_ended;
    int wrong = 0;

    pthread_mutex_lock(&writer->store.lock);
    while (!writer->has_ended && wrong == 0) {
        wrong = pthread_cond_timedwait(&writer->ended, &writer->store.lock, &limit);
    }
    has_ended = writer->has_ended;
    pthread_mutex_unlock(&writer->store.lock);
    return has_ended;
}

/* Waits as long as the output takes something within the patience, but not for ever. */
static void wait_while_it_writes(struct lubdub_event_writer *writer, lubdub_duration patience)
{
    lubdub_time now = lubdub_clock_now();
    lubdub_time most = lubdub_time_after(now, LUBDUB_EVENT_WRITER_PATIENCES * patience);
    lubdub_time give_up_at = lubdub_time_after(now, patience);
    uint64_t taken = atomic_load(&writer->pump.output.taken);

    lubdub_event_output_limit(&writer->pump.output, give_up_at);
    lubdub_event_store_close(&writer->store);
    while (!wait_for_end(writer, lubdub_time_after(lubdub_clock_now(), patience / 8 + 1))) {
        uint64_t before = taken;

        now = lubdub_clock_now();
        taken = atomic_load(&writer->pump.output.taken);
        if (taken != before && now < give_up_at) {
            give_up_at = lubdub_time_earlier(lubdub_time_after(now, patience), most);
            lubdub_event_output_limit(&writer->pump.output, give_up_at);
        }
        if (now >= lubdub_time_after(give_up_at, FAREWELL)) {
            return;
        }
    }
}

/*
 * Counts what is lost, and leaves a thread that has not ended to itself. Returns whether it has ended; if not, it will
 * free the writer, and nothing here may touch that again.
 */
static bool part(struct lubdub_event_writer *writer, uint64_t *lost)
{
    bool has_ended;

    pthread_mutex_lock(&writer->store.lock);
    has_ended = writer->has_ended;
    *lost = atomic_load(&writer->refused) + atomic_load(&writer->accepted) - atomic_load(&writer->pump.kept);
    if (!has_ended) {
        writer->is_left_behind = true;
        pthread_detach(writer->thread);
    }
    pthread_mutex_unlock(&writer->store.lock);
    return has_ended;
}

uint64_t lubdub_event_writer_close(struct lubdub_event_writer *writer, lubdub_duration patience)
{
    uint64_t lost;

    if (writer == NULL) {
        return 0;
    }
    wait_while_it_writes(writer, patience);
    if (part(writer, &lost)) {
        pthread_join(writer->thread, NULL);
        free_writer(writer);
    }
    return lost;
}
