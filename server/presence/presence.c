/* Runs the thread, keeps the connections, and takes what the loops note. */
#define _GNU_SOURCE
#include "server/presence/presence.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ev/clock.h"
#include "ev/container_of.h"
#include "ev/thread.h"
#include "server/presence/claims.h"
#include "server/presence/lost.h"
#include "server/presence/memory.h"
#include "server/presence/nodes.h"
#include "server/presence/state.h"

#define DEADLINE (2 * LUBDUB_SECOND)
#define WAIT_LEAST (200 * LUBDUB_MILLISECOND)
#define WAIT_MOST (5 * LUBDUB_SECOND)
#define OUTPUT_LIMIT ((size_t)4 * 1024 * 1024)
#define COMMAND_LIMIT 8192
#define LEAVING_PATIENCE (2 * LUBDUB_SECOND)
#define PACE 0.01 /* seconds; a tick of claims.c */
#define BEATS_IN_LEASE 4

/* ---- the connections ---- */

/*
 * Each connection is a boot of its own. What was sent over the one before may still be on its way, and must not be done
 * any more; and a Redis that took another one's place may know claims of ours that we have released since.
 */
static void on_up(void *user_data)
{
    struct presence *presence = user_data;

    (void)presence_draw_boot(presence);
    presence->counter = 0;
    presence_log(presence, false, "redis: connected");
    presence->trouble_count = 0;
    presence->refused_until = 0;
    presence_load_scripts(presence);
    presence_forget_lost(presence);
    presence_observer_begin_anew(&presence->observer);
    presence_ask_for_memory(presence);
}

static void on_down(const char *why, void *user_data)
{
    struct presence *presence = user_data;

    if (atomic_exchange(&presence->is_up, false)) {
        presence->trouble_count = 0;
    }
    if (presence_is_news(presence, why)) {
        presence_log(presence, true, "redis: away, heartbeats go on reason=\"%s\"", why);
    }
    presence->is_joined = false;
    presence->is_sweeping = false;
    presence_forget_lost(presence);
    presence->scripts_missing = PRESENCE_SCRIPTS;
    presence->has_told_silence = false;
    presence_redis_drop(presence->listener, why); /* there may be another master now */
}

/* What was published before was not heard: each session is claimed again, and learns whether it moved. */
static void on_subscribed(const redisReply *reply, void *user_data)
{
    struct presence *presence = user_data;

    if (reply != NULL && presence->is_joined) {
        presence_claim_all(presence);
    }
}

static void on_listener_up(void *user_data)
{
    struct presence *presence = user_data;
    char channel[sizeof PRESENCE_CHANNELS + PRESENCE_NODE_SIZE];
    const char *arguments[] = {"SUBSCRIBE", channel};

    snprintf(channel, sizeof channel, "%s%s", PRESENCE_CHANNELS, presence->settings.node);
    (void)presence_redis_command(presence->listener, 2, arguments, NULL, on_subscribed, presence);
}

static void on_listener_down(const char *why, void *user_data)
{
    (void)why, (void)user_data; /* the other connection says it */
}

static bool open_connections(struct presence *presence)
{
    /* After a failover a node that came back first counts how long the others stand still. */
    lubdub_duration wait_most = lubdub_duration_shorter(WAIT_MOST, presence->settings.lease / 2);
    struct presence_redis_settings settings = {
        .loop = presence->loop,
        .url = &presence->settings.url,
        .tls = presence->settings.tls,
        .deadline = DEADLINE,
        .wait_least = lubdub_duration_shorter(WAIT_LEAST, wait_most),
        .wait_most = wait_most,
        .output_limit = OUTPUT_LIMIT,
        .command_limit = COMMAND_LIMIT,
        .on_up = on_up,
        .on_down = on_down,
        .user_data = presence,
    };

    presence->redis = presence_redis_new(&settings);
    settings.on_up = on_listener_up;
    settings.on_down = on_listener_down;
    settings.on_push = presence_on_push;
    settings.command_limit = 64;
    presence->listener = presence_redis_new(&settings);
    return presence->redis != NULL && presence->listener != NULL;
}

/* ---- the thread ---- */

static void on_wake(struct ev_loop *loop, ev_async *wake, int revents)
{
    struct presence *presence = container_of(wake, struct presence, wake);
    (void)revents;

    /* In a tick: an end is told before the identity's grace time begins, and the two are then seen together. */
    if (!ev_is_active(&presence->pace)) {
        ev_timer_again(loop, &presence->pace);
    }
}

static void on_left(const redisReply *reply, void *user_data)
{
    struct presence *presence = user_data;
    (void)reply;

    ev_break(presence->loop, EVBREAK_ALL);
}

/* Asks again and again whether all is written, or the patience over. */
static void on_patience(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct presence *presence = container_of(timer, struct presence, patience);
    bool is_written;
    (void)revents;

    presence_look_again(presence);
    is_written = presence->claims_under_way == 0 && !presence_has_work(presence);

    if (is_written || !presence_redis_is_up(presence->redis) || lubdub_clock_now() >= presence->leaves_by) {
        ev_timer_stop(loop, timer);
        presence_say_left(presence, on_left);
    }
}

static void on_leave(struct ev_loop *loop, ev_async *leave, int revents)
{
    struct presence *presence = container_of(leave, struct presence, leave);
    (void)revents;

    presence->leaves_by = lubdub_time_after(lubdub_clock_now(), LEAVING_PATIENCE);
    presence_pump(presence);
    ev_timer_again(loop, &presence->patience);
}

static void *run(void *user_data)
{
    struct presence *presence = user_data;

    pthread_setname_np(pthread_self(), "presence");
    ev_run(presence->loop, 0);
    return NULL;
}

/* ---- life ---- */

int presence_open(struct presence **opened, const struct presence_settings *settings)
{
    struct presence *presence = calloc(1, sizeof *presence);

    if (presence == NULL) {
        return ENOMEM;
    }
    presence->settings = *settings;
    presence->sweep_due = LUBDUB_TIME_NEVER;
    presence->scripts_missing = PRESENCE_SCRIPTS;
    pthread_mutex_init(&presence->lock, NULL);
    presence_observer_init(&presence->observer, settings->lease / 2);
    presence->loop = ev_loop_new(EVFLAG_AUTO);
    if (presence->loop == NULL || !presence_draw_boot(presence)) {
        presence_close(presence);
        return ENOMEM;
    }
    ev_async_init(&presence->wake, on_wake);
    ev_async_init(&presence->leave, on_leave);
    ev_timer_init(&presence->pace, presence_on_pace, 0, PACE);
    ev_timer_init(&presence->patience, on_patience, 0, PACE);
    ev_timer_init(&presence->beat, presence_on_beat, 0,
                  (ev_tstamp)settings->lease / BEATS_IN_LEASE / (ev_tstamp)LUBDUB_SECOND);
    *opened = presence;
    return 0;
}

int presence_start(struct presence *presence, struct lubdub_server *server)
{
    int error;

    presence->server = server;
    if (!open_connections(presence)) {
        return ENOMEM;
    }
    ev_async_start(presence->loop, &presence->wake);
    ev_async_start(presence->loop, &presence->leave);
    ev_timer_again(presence->loop, &presence->beat);
    error = lubdub_thread_start(&presence->thread, run, presence, "lubdub-presence");
    presence->has_thread = error == 0;
    pthread_mutex_lock(&presence->lock);
    presence->is_started = error == 0;
    pthread_mutex_unlock(&presence->lock);
    return error;
}

static bool concerns(const struct lubdub_server_event *event)
{
    return event->identity.length > 0 &&
           (event->kind == LUBDUB_SERVER_CONNECTED || event->kind == LUBDUB_SERVER_DISCONNECTED ||
            event->kind == LUBDUB_SERVER_LATE || event->kind == LUBDUB_SERVER_RECOVERED ||
            event->kind == LUBDUB_SERVER_HEALTH || event->kind == LUBDUB_SERVER_GONE);
}

void presence_note(struct presence *presence, const struct lubdub_server_event *event)
{
    bool is_first;

    if (!concerns(event)) {
        return;
    }
    pthread_mutex_lock(&presence->lock);
    is_first = presence->dirty.count == 0;
    if (presence->is_started &&
        !presence_dirty_add(&presence->dirty, event->identity.data, event->identity.length,
                            event->kind == LUBDUB_SERVER_CONNECTED ? PRESENCE_NEW : PRESENCE_KNOWN)) {
        presence->has_overflowed = true;
    }
    is_first = is_first && presence->is_started;
    pthread_mutex_unlock(&presence->lock);
    if (is_first) {
        ev_async_send(presence->loop, &presence->wake);
    }
}

void presence_publish(struct presence *presence, const void *event, size_t length)
{
    bool is_first;

    pthread_mutex_lock(&presence->lock);
    is_first = presence->is_started && presence->stream.first == NULL;
    if (presence->is_started) {
        presence_stream_add(&presence->stream, event, length);
    }
    pthread_mutex_unlock(&presence->lock);
    if (is_first) {
        ev_async_send(presence->loop, &presence->wake);
    }
}

enum presence_where presence_find(struct presence *presence, const char *identity, size_t length)
{
    enum presence_where where;

    if (!atomic_load(&presence->is_up)) {
        return PRESENCE_WHERE_UNKNOWN;
    }
    pthread_mutex_lock(&presence->lock);
    where = presence_questions_identity(&presence->questions, identity, length, lubdub_clock_now());
    pthread_mutex_unlock(&presence->lock);
    return where;
}

enum presence_where presence_find_like(struct presence *presence, const char *pattern, size_t length, uint64_t here,
                                       uint64_t *elsewhere)
{
    enum presence_where where;

    *elsewhere = 0;
    pthread_mutex_lock(&presence->lock);
    where = presence_questions_pattern(&presence->questions, pattern, length, here, elsewhere, lubdub_clock_now());
    pthread_mutex_unlock(&presence->lock);
    return atomic_load(&presence->is_up) ? where : PRESENCE_WHERE_UNKNOWN;
}

static int compare_nodes(const void *one, const void *other)
{
    return strcmp(((const struct presence_node *)one)->name, ((const struct presence_node *)other)->name);
}

static struct presence_node myself(struct presence *presence)
{
    struct lubdub_server_counts counts = {.size = offsetof(struct lubdub_server_counts, longest_turn)};
    struct presence_node node = {.state = PRESENCE_NODE_LIVE, .is_self = true};

    lubdub_server_counts(presence->server, &counts);
    node.sessions = counts.sessions;
    strcpy(node.name, presence->settings.node);
    return node;
}

size_t presence_nodes(struct presence *presence, struct presence_node *nodes, size_t most)
{
    bool is_up = atomic_load(&presence->is_up);
    bool is_started;
    size_t count = 0;
    size_t i;

    pthread_mutex_lock(&presence->lock);
    is_started = presence->is_started;
    pthread_mutex_unlock(&presence->lock);
    if (most == 0 || !is_started) {
        return 0; /* the server may not be there */
    }
    nodes[count++] = myself(presence);
    pthread_mutex_lock(&presence->lock);
    for (i = 0; i < presence->shown_count && count < most; i++) {
        if (!presence->shown[i].is_self) {
            nodes[count] = presence->shown[i];
            nodes[count].state = is_up ? nodes[count].state : PRESENCE_NODE_UNKNOWN;
            count++;
        }
    }
    pthread_mutex_unlock(&presence->lock);
    qsort(nodes, count, sizeof *nodes, compare_nodes);
    return count;
}

void presence_counts(struct presence *presence, struct presence_counts *counts)
{
    uint64_t lost;

    pthread_mutex_lock(&presence->lock);
    lost = presence->stream.lost;
    pthread_mutex_unlock(&presence->lock);
    *counts = (struct presence_counts){
        .is_up = atomic_load(&presence->is_up),
        .queued = atomic_load(&presence->queued),
        .answered = atomic_load(&presence->answered),
        .refused = atomic_load(&presence->refused),
        .unanswered = atomic_load(&presence->unanswered),
        .conflicts = atomic_load(&presence->conflicts),
        .buried = atomic_load(&presence->buried),
        .events_lost = lost,
        .moved = atomic_load(&presence->moved),
    };
}

void presence_stop(struct presence *presence)
{
    if (presence == NULL || !presence->has_thread) {
        return;
    }
    ev_async_send(presence->loop, &presence->leave);
    pthread_join(presence->thread, NULL);
    presence->has_thread = false;
    pthread_mutex_lock(&presence->lock);
    presence->is_started = false;
    pthread_mutex_unlock(&presence->lock);
}

void presence_close(struct presence *presence)
{
    if (presence == NULL) {
        return;
    }
    presence_redis_free(presence->redis);
    presence_redis_free(presence->listener);
    presence_dirty_clear(&presence->dirty);
    presence_dirty_clear(&presence->later);
    presence_moves_clear(&presence->moves);
    presence_stream_clear(&presence->stream);
    presence_questions_clear(&presence->questions);
    if (presence->loop != NULL) {
        ev_loop_destroy(presence->loop);
    }
    pthread_mutex_destroy(&presence->lock);
    explicit_bzero(&presence->settings, sizeof presence->settings);
    free(presence);
}
