/* Opens and closes the register, takes the server's events, and runs its thread. */
#define _GNU_SOURCE
#include "server/register/register.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ev/clock.h"
#include "ev/thread.h"
#include "server/register/attendance.h"
#include "server/register/expecting.h"
#include "server/register/keeping.h"
#include "server/register/state.h"
#include "server/register/telling.h"

#define TICK LUBDUB_SECOND
#define WRITE_EVERY LUBDUB_SECOND
#define WRITE_SHARE 20                  /* writing takes one part in so many of the time at most */
#define AWAY (500 * LUBDUB_MILLISECOND) /* the thread woke so late: it was away, and everybody else perhaps, too */

static uint64_t now_in_ms(void)
{
    return lubdub_clock_realtime() / LUBDUB_MILLISECOND;
}

/* ---- the server's events ---- */

static void note_end(struct lubdub_register *reg, const struct lubdub_server_event *event, uint64_t now_ms)
{
    lubdub_time was_due = outage_deadline(&reg->outage);
    bool is_loss = !outage_is_wished(event->cause) && !reg->is_draining;

    concerns_note(&reg->concerns, event, now_ms);
    history_end(&reg->history, now_ms, event->cause, is_loss);
    if (!reg->is_draining) {
        outage_note(&reg->outage, event->now, reg->sessions, event->cause, event->labels, event->label_count);
    }
    reg->sessions -= reg->sessions > 0;
    if (event->identity.length > 0) {
        attendance_disconnected(reg, event, event->now, now_ms);
    }
    if (outage_deadline(&reg->outage) < was_due) {
        pthread_cond_signal(&reg->news);
    }
}

static void note_rejection(struct lubdub_register *reg, const struct lubdub_server_event *event, uint64_t now_ms)
{
    history_reject(&reg->history, now_ms);
    if (event->has_reason) {
        reg->rejected_by_reason[event->reason < REGISTER_REASONS ? event->reason : REGISTER_REASONS]++;
    } else {
        reg->rejected_by_cause[(size_t)event->cause < LUBDUB_CAUSE_CAPACITY ? event->cause : 0]++;
    }
}

static enum register_pause pause_of(struct lubdub_slice text)
{
    if (memmem(text.data, text.length, "descriptor", 10) != NULL) {
        return REGISTER_PAUSE_DESCRIPTORS;
    }
    return memmem(text.data, text.length, "memory", 6) != NULL ? REGISTER_PAUSE_MEMORY : REGISTER_PAUSE_OTHER;
}

void register_note(struct lubdub_register *reg, const struct lubdub_server_event *event)
{
    uint64_t now_ms = now_in_ms();

    pthread_mutex_lock(&reg->lock);
    switch (event->kind) {
    case LUBDUB_SERVER_CONNECTED:
        reg->sessions++;
        history_connect(&reg->history, now_ms);
        if (event->identity.length > 0) {
            attendance_connected(reg, event, event->now, now_ms);
        }
        break;
    case LUBDUB_SERVER_DISCONNECTED:
        note_end(reg, event, now_ms);
        break;
    case LUBDUB_SERVER_GONE:
        attendance_gone(reg, event, now_ms);
        break;
    case LUBDUB_SERVER_REJECTED:
        note_rejection(reg, event, now_ms);
        break;
    case LUBDUB_SERVER_PAUSED:
        reg->pauses[pause_of(event->text)]++;
        break;
    case LUBDUB_SERVER_LATE:
    case LUBDUB_SERVER_RECOVERED:
    case LUBDUB_SERVER_HEALTH:
        concerns_note(&reg->concerns, event, now_ms);
        break;
    case LUBDUB_SERVER_DRAINING:
        reg->is_draining = true;
        break;
    default: /* tells nothing of who is there */
        break;
    }
    pthread_mutex_unlock(&reg->lock);
}

void register_mark(struct lubdub_register *reg, enum history_kind kind, uint64_t count)
{
    pthread_mutex_lock(&reg->lock);
    history_mark(&reg->history, now_in_ms(), kind, count);
    pthread_mutex_unlock(&reg->lock);
}

/* ---- the thread ---- */

/* Stalls of the server's loops become marks. */
static void ask_server(struct lubdub_register *reg)
{
    /* not as far as longest_recent_turn, which asking begins anew */
    struct lubdub_server_counts counts = {.size = offsetof(struct lubdub_server_counts, longest_turn)};

    lubdub_server_counts(reg->server, &counts);
    if (counts.absences > reg->stalls) {
        register_mark(reg, HISTORY_STALL, (counts.absent_for - reg->stalled_for) / LUBDUB_MILLISECOND);
    }
    reg->stalls = counts.absences;
    reg->stalled_for = counts.absent_for;
}

static lubdub_time mind_outage(struct lubdub_register *reg, lubdub_time now)
{
    struct outage_burst burst;

    if (outage_take(&reg->outage, now, &burst)) {
        reg->outage_count++;
        history_mark(&reg->history, now_in_ms(), HISTORY_OUTAGE, burst.count);
        tell_outage(reg, &burst);
    }
    return outage_deadline(&reg->outage);
}

/* Under the lock, which is let go of. Waits until then, or for news. */
static void wait_until(struct lubdub_register *reg, lubdub_time until)
{
    const struct timespec time = {.tv_sec = (time_t)(until / LUBDUB_SECOND), .tv_nsec = (long)(until % LUBDUB_SECOND)};

    pthread_cond_timedwait(&reg->news, &reg->lock, &time);
}

static lubdub_time sooner(lubdub_time one, lubdub_time other)
{
    return one < other ? one : other;
}

/* Of its clock, in monotonic time. */
static lubdub_time monotonic(const struct lubdub_register *reg, lubdub_time clock)
{
    return clock == LUBDUB_TIME_NEVER ? clock : clock + reg->absence;
}

static void *work(void *argument)
{
    struct lubdub_register *reg = argument;
    lubdub_time now = lubdub_clock_now();
    lubdub_time tick_at = now;
    lubdub_time write_at = now;
    lubdub_time until = now;

    pthread_mutex_lock(&reg->lock);
    while (!reg->is_leaving) {
        now = lubdub_clock_now();
        if (lubdub_time_between(until, now) > AWAY) {
            reg->absence += lubdub_time_between(until, now);
        }
        expecting_take_list(reg);
        if (reg->state_path != NULL && reg->is_changed && now >= write_at) {
            lubdub_time begun_at = lubdub_clock_now();

            keeping_write(reg);
            now = lubdub_clock_now();
            write_at = lubdub_time_after(now, WRITE_EVERY + WRITE_SHARE * lubdub_time_between(begun_at, now));
        }
        if (now >= tick_at) {
            pthread_mutex_unlock(&reg->lock);
            ask_server(reg);
            pthread_mutex_lock(&reg->lock);
            tick_at = lubdub_time_after(now, TICK);
        }
        until = sooner(tick_at, mind_outage(reg, now));
        until = sooner(until, monotonic(reg, attendance_mind(reg, register_clock(reg, now))));
        if (!reg->is_leaving && until > lubdub_clock_now()) {
            wait_until(reg, until);
        }
        until = lubdub_clock_now() < until ? lubdub_clock_now() : until;
    }
    pthread_mutex_unlock(&reg->lock);
    return NULL;
}

static int start_thread(struct lubdub_register *reg)
{
    int error = lubdub_thread_start(&reg->thread, work, reg, "lubdub-register");

    reg->has_thread = error == 0;
    return error;
}

/* ---- for the owner ---- */

static int init_news(pthread_cond_t *news)
{
    pthread_condattr_t attributes;
    int error = pthread_condattr_init(&attributes);

    if (error == 0) {
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        error = pthread_cond_init(news, &attributes);
        pthread_condattr_destroy(&attributes);
    }
    return error;
}

static int open_memory(struct lubdub_register *reg, const struct register_settings *settings)
{
    int error = pthread_mutex_init(&reg->lock, NULL);

    if (error == 0) {
        error = init_news(&reg->news);
    }
    if (error == 0 && settings->state_path != NULL) {
        reg->state_path = strdup(settings->state_path);
        error = reg->state_path == NULL ? ENOMEM : 0;
    }
    if (error == 0 && !store_init(&reg->store)) {
        error = ENOMEM;
    }
    if (!reg->keeps_all && !settings->is_read) {
        reg->store.departed_most = STORE_DEPARTED_UNREAD;
    }
    return error;
}

static void free_all(struct lubdub_register *reg)
{
    watch_list_clear(&reg->list);
    expect_file_clear(&reg->pending);
    remembered_clear(&reg->missing_patterns);
    store_clear(&reg->store);
    free(reg->state_path);
    free(reg);
}

int register_open(struct lubdub_register **opened, const struct register_settings *settings)
{
    struct lubdub_register *reg = calloc(1, sizeof *reg);
    int error;

    if (reg == NULL) {
        return ENOMEM;
    }
    reg->node = settings->node;
    reg->tell = settings->tell;
    reg->user_data = settings->user_data;
    reg->elsewhere = settings->elsewhere;
    reg->grace = settings->grace;
    reg->keeps_all = settings->state_path != NULL || settings->has_expected;
    error = open_memory(reg, settings);
    if (error == 0 && reg->state_path != NULL) {
        error = keeping_read(reg);
    }
    if (error != 0) {
        free_all(reg);
        return error;
    }
    history_mark(&reg->history, now_in_ms(), HISTORY_START, 0);
    *opened = reg;
    return 0;
}

void register_expect(struct lubdub_register *reg, struct expect_file *expect)
{
    struct expect_file old;

    pthread_mutex_lock(&reg->lock);
    old = reg->pending;
    reg->pending = *expect;
    *expect = (struct expect_file){0};
    reg->has_pending = true;
    pthread_cond_signal(&reg->news);
    pthread_mutex_unlock(&reg->lock);
    expect_file_clear(&old);
}

void register_set_grace(struct lubdub_register *reg, lubdub_duration grace)
{
    pthread_mutex_lock(&reg->lock);
    reg->grace = grace;
    pthread_mutex_unlock(&reg->lock);
}

/* Nobody has a session yet. */
static void await_all(struct lubdub_register *reg)
{
    lubdub_time clock = register_clock(reg, lubdub_clock_now());
    struct known *known;
    uint32_t place = 0;
    size_t i;

    while ((known = store_next(&reg->store, &place)) != NULL) {
        if (known->is_missing && known->watch == NULL) { /* was expected when the state was written */
            known->is_missing = false;
            reg->missing_count--;
        }
        attendance_await(reg, known, clock);
    }
    reg->has_started = true;
    remembered_clear(&reg->missing_patterns);
    for (i = 0; i < reg->list.count; i++) {
        attendance_settle_pattern(reg, &reg->list.items[i], clock);
    }
}

int register_start(struct lubdub_register *reg, struct lubdub_server *server)
{
    pthread_mutex_lock(&reg->lock);
    reg->server = server;
    expecting_take_list(reg);
    await_all(reg);
    pthread_mutex_unlock(&reg->lock);
    return start_thread(reg);
}

void register_stop(struct lubdub_register *reg)
{
    if (reg == NULL || !reg->has_thread) {
        return;
    }
    pthread_mutex_lock(&reg->lock);
    reg->is_leaving = true;
    pthread_cond_signal(&reg->news);
    pthread_mutex_unlock(&reg->lock);
    pthread_join(reg->thread, NULL);
    reg->has_thread = false;
}

void register_close(struct lubdub_register *reg)
{
    if (reg == NULL) {
        return;
    }
    register_stop(reg);
    if (reg->state_path != NULL && reg->has_started) {
        pthread_mutex_lock(&reg->lock);
        keeping_write(reg);
        pthread_mutex_unlock(&reg->lock);
    }
    pthread_cond_destroy(&reg->news);
    pthread_mutex_destroy(&reg->lock);
    free_all(reg);
}
