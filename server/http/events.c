/*
 * A stream that has sent all is suspended, and the ticking thread wakes all streams when there is something new, at
 * most every 20 ms. Numbers of events begin at the time in microseconds, so that those of an earlier server are
 * smaller.
 */
#define _GNU_SOURCE
#include "server/http/events.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ev/clock.h"
#include "ev/thread.h"
#include "program/events/json.h"
#include "program/events/kept.h"
#include "server/http/summary.h"
#include "server/http/text.h"

#define WAKE_EVERY (20 * LUBDUB_MILLISECOND)
#define TICK LUBDUB_SECOND
#define LINE_SIZE ((size_t)32 * 1024)
#define PORTION ((size_t)64 * 1024) /* what a stream formats at once */

struct stream {
    struct stream *next;
    struct events *events;
    struct MHD_Connection *connection;
    uint64_t next_id;
    uint64_t tick; /* the last that it was told */
    bool is_suspended;
    struct text text; /* being sent */
    size_t sent;
};

struct events {
    struct source *source;
    pthread_t thread;
    char *line; /* the daemon's thread formats in it */

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t news;
    struct lubdub_event_kept *ring[EVENTS_KEPT]; /* the event with the number N at N % EVENTS_KEPT; NULL: no memory */
    uint64_t first_id;
    uint64_t next_id;
    bool has_news; /* since the streams were woken */
    bool is_ending;
    uint64_t tick;
    struct text tick_text;
    struct stream *streams;
};

/* ---- the ring ---- */

void events_tell(struct events *events, const struct lubdub_event_line *line)
{
    struct lubdub_event_kept *kept = lubdub_event_keep(line);
    struct lubdub_event_kept *old;

    pthread_mutex_lock(&events->lock);
    old = events->ring[events->next_id % EVENTS_KEPT];
    events->ring[events->next_id % EVENTS_KEPT] = kept;
    events->next_id++;
    if (!events->has_news && events->streams != NULL) {
        events->has_news = true;
        pthread_cond_signal(&events->news);
    }
    pthread_mutex_unlock(&events->lock);
    free(old);
}

/* ---- what a stream sends ---- */

static uint64_t oldest(const struct events *events)
{
    return events->next_id - events->first_id > EVENTS_KEPT ? events->next_id - EVENTS_KEPT : events->first_id;
}

static void put_lost(struct stream *stream)
{
    uint64_t first = oldest(stream->events);

    if (stream->next_id < first) {
        text_format(&stream->text, "event: lost\ndata: {\"count\":%" PRIu64 "}\n\n", first - stream->next_id);
        atomic_fetch_add(&stream->events->source->events_lost, first - stream->next_id);
        stream->next_id = first;
    }
}

/* Copied under the lock, for which loops wait; formatted without it. Returns whether there was one. */
static bool put_next(struct stream *stream)
{
    struct events *events = stream->events;
    const struct lubdub_event_kept *kept = NULL;
    struct lubdub_event_line line;
    uint64_t id = 0;
    size_t length;

    pthread_mutex_lock(&events->lock);
    put_lost(stream);
    if (stream->next_id < events->next_id) {
        id = stream->next_id++;
        kept = events->ring[id % EVENTS_KEPT];
    }
    if (kept != NULL) {
        lubdub_event_kept_line(kept, &line);
    }
    pthread_mutex_unlock(&events->lock);
    if (id == 0) {
        return false;
    }
    length = kept != NULL ? lubdub_event_line_json(&line, events->line, LINE_SIZE) : 0;
    if (length == 0) {
        text_format(&stream->text, "event: lost\ndata: {\"count\":1}\n\n");
        return true;
    }
    text_format(&stream->text, "id: %" PRIu64 "\ndata: ", id);
    text_put(&stream->text, events->line, length);
    text_put(&stream->text, "\n\n", 2);
    return true;
}

static void put_tick(struct stream *stream)
{
    if (stream->tick != stream->events->tick && stream->events->tick_text.length > 0) {
        stream->tick = stream->events->tick;
        text_format(&stream->text, "event: tick\ndata: ");
        text_put(&stream->text, stream->events->tick_text.bytes, stream->events->tick_text.length);
        text_put(&stream->text, "\n\n", 2);
    }
}

/* Fills the text; where nothing is to be said, the stream is suspended. Returns whether it goes on. */
static bool fill(struct stream *stream)
{
    struct events *events = stream->events;
    bool goes_on;

    stream->text.length = stream->sent = 0;
    while (stream->text.length < PORTION && put_next(stream)) {
    }
    pthread_mutex_lock(&events->lock);
    put_tick(stream);
    goes_on = !events->is_ending && !stream->text.has_failed;
    if (goes_on && stream->text.length == 0) {
        stream->is_suspended = true;
        MHD_suspend_connection(stream->connection);
    }
    pthread_mutex_unlock(&events->lock);
    return goes_on;
}

static ssize_t on_read(void *user_data, uint64_t position, char *target, size_t most)
{
    struct stream *stream = user_data;
    size_t length;
    (void)position;

    if (stream->sent == stream->text.length && !fill(stream)) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    length = stream->text.length - stream->sent;
    length = length < most ? length : most;
    if (length > 0) {
        memcpy(target, stream->text.bytes + stream->sent, length);
        stream->sent += length;
    }
    return (ssize_t)length;
}

static void on_end(void *user_data)
{
    struct stream *stream = user_data;
    struct events *events = stream->events;
    struct stream **place = &events->streams;

    pthread_mutex_lock(&events->lock);
    while (*place != stream) {
        place = &(*place)->next;
    }
    *place = stream->next;
    pthread_mutex_unlock(&events->lock);
    atomic_fetch_sub(&events->source->streams, 1);
    text_clear(&stream->text);
    free(stream);
}

/* ---- a new stream ---- */

/* Behind the event with this number. */
static uint64_t start_of(const struct events *events, const char *last_id)
{
    char *end;
    uint64_t last = last_id != NULL ? strtoull(last_id, &end, 10) : 0;

    if (last_id == NULL || end == last_id || *end != '\0' || last >= events->next_id) {
        return events->next_id;
    }
    return last + 1 > events->first_id ? last + 1 : events->first_id;
}

struct MHD_Response *events_stream(struct events *events, struct MHD_Connection *connection, const char *last_id,
                                   unsigned most)
{
    struct stream *stream = calloc(1, sizeof *stream);
    struct MHD_Response *response;

    if (stream == NULL || atomic_load(&events->source->streams) >= most) {
        free(stream);
        return NULL;
    }
    stream->events = events;
    stream->connection = connection;
    text_format(&stream->text, "retry: 1000\n\n");
    response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, on_read, stream, on_end);
    if (response == NULL) {
        text_clear(&stream->text);
        free(stream);
        return NULL;
    }
    atomic_fetch_add(&events->source->streams, 1);
    pthread_mutex_lock(&events->lock);
    stream->next_id = start_of(events, last_id);
    if (last_id != NULL && strtoull(last_id, NULL, 10) + 1 < events->first_id) {
        text_format(&stream->text, "event: lost\ndata: {\"restarted\":true}\n\n"); /* of an earlier server: how many? */
    }
    stream->next = events->streams;
    events->streams = stream;
    pthread_mutex_unlock(&events->lock);
    return response;
}

/* ---- the thread that ticks ---- */

/* Under the lock. */
static void wake_all(struct events *events)
{
    struct stream *stream;

    events->has_news = false;
    for (stream = events->streams; stream != NULL; stream = stream->next) {
        if (stream->is_suspended) {
            stream->is_suspended = false;
            MHD_resume_connection(stream->connection);
        }
    }
}

/* Under the lock, which is let go of while the numbers are asked for. */
static void tick(struct events *events)
{
    struct text text = {0};

    pthread_mutex_unlock(&events->lock);
    summary_write_tick(events->source, &text);
    pthread_mutex_lock(&events->lock);
    text_clear(&events->tick_text);
    events->tick_text = text;
    events->tick++;
}

static void wait_until(struct events *events, lubdub_time until)
{
    const struct timespec time = {.tv_sec = (time_t)(until / LUBDUB_SECOND), .tv_nsec = (long)(until % LUBDUB_SECOND)};

    pthread_cond_timedwait(&events->news, &events->lock, &time);
}

static void *work(void *argument)
{
    struct events *events = argument;
    lubdub_time tick_at = lubdub_clock_now();
    lubdub_time wake_at = tick_at;

    pthread_mutex_lock(&events->lock);
    while (!events->is_ending) {
        lubdub_time now = lubdub_clock_now();
        bool is_time = now >= tick_at;

        if (is_time) {
            tick_at = lubdub_time_after(now, TICK);
            if (events->streams != NULL) {
                tick(events);
            }
        }
        if (is_time || (events->has_news && now >= wake_at)) {
            wake_all(events);
            wake_at = lubdub_time_after(now, WAKE_EVERY);
        }
        wait_until(events, events->has_news && wake_at < tick_at ? wake_at : tick_at);
    }
    pthread_mutex_unlock(&events->lock);
    return NULL;
}

static int start_thread(struct events *events)
{
    return lubdub_thread_start(&events->thread, work, events, "lubdub-streams");
}

static int init_locks(struct events *events)
{
    pthread_condattr_t attributes;
    int error = pthread_mutex_init(&events->lock, NULL);

    if (error == 0) {
        error = pthread_condattr_init(&attributes);
    }
    if (error == 0) {
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        error = pthread_cond_init(&events->news, &attributes);
        pthread_condattr_destroy(&attributes);
    }
    return error;
}

int events_open(struct events **opened, struct source *source)
{
    struct events *events = calloc(1, sizeof *events);
    int error;

    if (events == NULL) {
        return ENOMEM;
    }
    events->source = source;
    events->first_id = events->next_id = lubdub_clock_realtime() / LUBDUB_MICROSECOND;
    events->line = malloc(LINE_SIZE);
    error = events->line == NULL ? ENOMEM : init_locks(events);
    if (error == 0) {
        error = start_thread(events);
    }
    if (error != 0) {
        free(events->line);
        free(events);
        return error;
    }
    *opened = events;
    return 0;
}

void events_end(struct events *events)
{
    pthread_mutex_lock(&events->lock);
    events->is_ending = true;
    pthread_cond_signal(&events->news);
    pthread_mutex_unlock(&events->lock);
    pthread_join(events->thread, NULL);
    pthread_mutex_lock(&events->lock);
    wake_all(events); /* they end now, and none is suspended again */
    pthread_mutex_unlock(&events->lock);
}

void events_free(struct events *events)
{
    size_t i;

    if (events == NULL) {
        return;
    }
    for (i = 0; i < EVENTS_KEPT; i++) {
        free(events->ring[i]);
    }
    text_clear(&events->tick_text);
    pthread_cond_destroy(&events->news);
    pthread_mutex_destroy(&events->lock);
    free(events->line);
    free(events);
}
