/*
 * Runs the life of a client: a round over its servers, a session, a wait, and again.
 *
 *     STOPPED ──start──▶ CONNECTING ──WELCOME──▶ UP ◀──ack──▶ DOWN (where it stays connected)
 *                         ▲      │ none left     │ the session ends
 *                         │      ▼               ▼
 *                         └── WAITING ◀──────────┤
 *                                                └──▶ STOPPING ──▶ STOPPED
 *
 * `timer` does later what was decided inside a callback: then none of the library's functions is on the stack, and the
 * link of the last session, which may still wait for its peer's end of file, is free again. State and timer are set
 * before the application hears of the decision, so that it may decide otherwise in its callback.
 */
#define _GNU_SOURCE
#include <lubdub/client.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "client/library/progress.h"
#include "client/library/round.h"
#include "client/library/session.h"
#include "client/library/state.h"
#include "core/sized.h"
#include "ev/clock.h"
#include "ev/container_of.h"

/* ---- the timer ---- */

static void finish_stop(struct lubdub_client *client)
{
    struct lubdub_client_event event = lubdub_client_event_new(client, LUBDUB_CLIENT_DOWN, lubdub_clock_now());

    if (client->owes_shutdown) {
        client->owes_shutdown = false;
        event.cause = LUBDUB_CAUSE_SHUTDOWN;
        event.has_reason = true;
        event.reason = client->stop_reason;
        event.was_up = true;
        event.connected_for = lubdub_time_between(client->up_at, event.now);
        lubdub_client_tell(client, &event);
    }
    client->state = LUBDUB_CLIENT_STATE_STOPPED;
    client->session_number = 0;
    client->dropped += lubdub_outside_drop(&client->outside);
    (void)lubdub_outside_has_room_again(&client->outside); /* nothing follows STOPPED */
    lubdub_client_ignore_progress(client);
    event = lubdub_client_event_new(client, LUBDUB_CLIENT_STOPPED, event.now);
    lubdub_client_tell(client, &event);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct lubdub_client *client = container_of(timer, struct lubdub_client, timer);
    enum lubdub_next_move next_move = (enum lubdub_next_move)client->next_move;
    (void)loop, (void)revents;

    if (client->has_link && next_move != LUBDUB_NEXT_LEAVE) {
        return; /* it still says goodbye; lubdub_client_on_link_closed() sets the timer again */
    }
    client->next_move = LUBDUB_NEXT_NOTHING;
    client->thread = pthread_self(); /* the application may have begun in another one */
    lubdub_client_enter(client);
    switch (next_move) {
    case LUBDUB_NEXT_NOTHING:
        break;
    case LUBDUB_NEXT_ROUND:
        lubdub_client_begin_round(client);
        break;
    case LUBDUB_NEXT_SERVER:
        lubdub_client_connect(client);
        break;
    case LUBDUB_NEXT_ADDRESS:
        lubdub_client_connect_to_next_address(client);
        break;
    case LUBDUB_NEXT_LEAVE:
        lubdub_client_leave_silent_server(client);
        break;
    case LUBDUB_NEXT_STOPPED:
        finish_stop(client);
        break;
    }
    lubdub_client_leave(client);
}

/* ---- other threads ---- */

static bool is_own_thread(const struct lubdub_client *client)
{
    return pthread_equal(client->thread, pthread_self()) != 0;
}

static void on_wake(struct ev_loop *loop, ev_async *wake, int revents)
{
    struct lubdub_client *client = container_of(wake, struct lubdub_client, outside.wake);
    enum lubdub_health health;
    enum lubdub_reason reason;
    (void)loop, (void)revents;

    if (client->is_freed) {
        return;
    }
    client->thread = pthread_self();
    lubdub_client_enter(client);
    if (lubdub_outside_take_health(&client->outside, &health)) {
        lubdub_client_set_health(client, health);
    }
    lubdub_client_deliver(client);
    if (lubdub_outside_take_stop(&client->outside, &reason)) {
        (void)lubdub_client_stop(client, reason);
    } else if (lubdub_outside_has_room_again(&client->outside)) {
        struct lubdub_client_event event = lubdub_client_event_new(client, LUBDUB_CLIENT_ROOM, lubdub_clock_now());

        lubdub_client_tell(client, &event);
    }
    lubdub_client_leave(client);
}

/* ---- for the application ---- */

char *lubdub_client_event_remote(const struct lubdub_client_event *event, char *target)
{
    target[0] = '\0';
    return event->remote != NULL ? lubdub_address_format(event->remote, target) : target;
}

static void on_rest(struct lubdub_link_group *group)
{
    lubdub_client_dispose_if_freed(container_of(group, struct lubdub_client, group));
}

static enum lubdub_error init(struct lubdub_client *client, struct ev_loop *loop,
                              const struct lubdub_client_settings *settings)
{
    uint64_t seed = settings->seed;

    if (seed == 0 && getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed) {
        return LUBDUB_ERROR_SYSTEM;
    }
    if (lubdub_link_group_init(&client->group, loop) != LUBDUB_ERROR_OK) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    lubdub_client_rules_init(&client->rules, settings, client->block);
    if (client->rules.tls != NULL) {
        client->rules.tls->kind->hold(client->rules.tls);
    }
    lubdub_backoff_init(&client->backoff, settings->backoff_min, settings->backoff_max, seed);
    ev_timer_init(&client->timer, on_timer, 0, 0);
    client->progress_within = settings->progress_within;
    client->stay_limit = settings->stay_limit;
    client->group.settings = &client->rules.session;
    client->group.on_event = lubdub_client_on_link_event;
    client->group.on_closed = lubdub_client_on_link_closed;
    client->group.on_rest = on_rest;
    lubdub_link_group_gather(&client->group, settings->gather);
    client->group.on_paths = lubdub_client_on_link_paths;
    client->group.may_have_paths = settings->multipath != LUBDUB_MULTIPATH_OFF;
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_client_new(struct lubdub_client **client, struct ev_loop *loop,
                                    const struct lubdub_client_settings *settings, lubdub_client_callback callback,
                                    void *user_data)
{
    struct lubdub_client_settings own;
    struct lubdub_client *made;
    enum lubdub_error error;

    if (client == NULL) {
        return LUBDUB_ERROR_INVALID;
    }
    *client = NULL;
    if (loop == NULL || !lubdub_client_settings_adopt(&own, settings) || lubdub_client_settings_check(&own) != NULL) {
        return LUBDUB_ERROR_INVALID;
    }
    made = calloc(1, sizeof *made + lubdub_client_rules_block_size(&own));
    if (made == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    error = init(made, loop, &own);
    if (error != LUBDUB_ERROR_OK) {
        free(made);
        return error;
    }
    made->callback = callback;
    made->on_freed = own.on_freed;
    made->user_data = user_data;
    made->thread = pthread_self();
    lubdub_outside_init(&made->outside, loop, on_wake);
    *client = made;
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_client_start(struct lubdub_client *client)
{
    if (client == NULL) {
        return LUBDUB_ERROR_INVALID;
    }
    if (client->state != LUBDUB_CLIENT_STATE_STOPPED) {
        return LUBDUB_ERROR_WRONG_STATE;
    }
    client->thread = pthread_self();
    lubdub_client_go_on(client, LUBDUB_CLIENT_STATE_CONNECTING, LUBDUB_NEXT_ROUND, 0);
    lubdub_client_watch_progress(client);
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_client_send(struct lubdub_client *client, const void *content, size_t length)
{
    enum lubdub_error error;

    uint64_t session;

    if (client == NULL || (content == NULL && length > 0)) {
        return LUBDUB_ERROR_INVALID;
    }
    session = client->session_number;
    if (session == 0 || client->state == LUBDUB_CLIENT_STATE_STOPPING) {
        return LUBDUB_ERROR_WRONG_STATE;
    }
    if (!is_own_thread(client)) {
        return length > LUBDUB_CONTENT_LIMIT ? LUBDUB_ERROR_TOO_LONG
                                             : lubdub_outside_send(&client->outside, session, content, length);
    }
    lubdub_client_enter(client);
    error = lubdub_link_send(&client->link, content, length);
    lubdub_client_leave(client);
    return error;
}

void lubdub_client_set_health(struct lubdub_client *client, enum lubdub_health health)
{
    assert(client != NULL && (unsigned)health <= LUBDUB_HEALTH_CRITICAL);
    if (!is_own_thread(client)) {
        lubdub_outside_set_health(&client->outside, health);
        return;
    }
    client->health = (uint8_t)health;
    lubdub_client_tell_health(client);
}

enum lubdub_error lubdub_client_set_token(struct lubdub_client *client, const void *token, size_t length)
{
    char *copy = NULL;

    if (client == NULL || (token == NULL && length > 0)) {
        return LUBDUB_ERROR_INVALID;
    }
    if (length > LUBDUB_TOKEN_LIMIT) {
        return LUBDUB_ERROR_TOO_LONG;
    }
    if (length > 0) {
        copy = malloc(length);
        if (copy == NULL) {
            return LUBDUB_ERROR_NO_MEMORY;
        }
        memcpy(copy, token, length);
    }
    lubdub_client_forget_token(client);
    client->token = copy;
    client->rules.session.token = (struct lubdub_slice){copy, length};
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_client_set_content(struct lubdub_client *client, const void *content, size_t length)
{
    enum lubdub_error error = LUBDUB_ERROR_OK;
    char *copy;

    if (client == NULL || (content == NULL && length > 0)) {
        return LUBDUB_ERROR_INVALID;
    }
    if (length > LUBDUB_CONTENT_LIMIT) {
        return LUBDUB_ERROR_TOO_LONG;
    }
    copy = malloc(length + 1); /* an empty content is one, too */
    if (copy == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    if (client->session_number != 0 && client->state != LUBDUB_CLIENT_STATE_STOPPING) {
        error = lubdub_session_set_content(&client->link.session, content, length);
    }
    if (error != LUBDUB_ERROR_OK && error != LUBDUB_ERROR_FULL && error != LUBDUB_ERROR_WRONG_STATE) {
        free(copy);
        return error;
    }
    if (length > 0) {
        memcpy(copy, content, length);
    }
    free(client->content);
    client->content = copy;
    client->content_length = length;
    client->owes_content = error == LUBDUB_ERROR_FULL;
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_client_stop(struct lubdub_client *client, enum lubdub_reason reason)
{
    if (client == NULL) {
        return LUBDUB_ERROR_INVALID;
    }
    if (client->state == LUBDUB_CLIENT_STATE_STOPPED || client->state == LUBDUB_CLIENT_STATE_STOPPING) {
        return LUBDUB_ERROR_WRONG_STATE;
    }
    if (!is_own_thread(client)) {
        lubdub_outside_stop(&client->outside, reason);
        return LUBDUB_ERROR_OK;
    }
    lubdub_client_enter(client);
    lubdub_connector_free(client->connector);
    client->connector = NULL;
    client->stop_reason = (uint8_t)reason;
    client->owes_shutdown = client->session_number != 0;
    if (client->owes_shutdown) {
        lubdub_client_collect_counts(client, false);
    }
    lubdub_client_go_on(client, LUBDUB_CLIENT_STATE_STOPPING, LUBDUB_NEXT_STOPPED, 0);
    if (client->has_link) {
        lubdub_link_leave(&client->link, reason, NULL, false, 0);
    }
    lubdub_client_leave(client);
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_client_free(struct lubdub_client *client)
{
    bool is_running;

    if (client == NULL) {
        return LUBDUB_ERROR_OK;
    }
    if (client->is_freed) {
        return LUBDUB_ERROR_WRONG_STATE;
    }
    is_running = client->depth > 0 || client->group.step_count > 0;
    client->is_freed = true;
    ev_timer_stop(client->group.reactor->loop, &client->timer);
    lubdub_client_ignore_progress(client);
    lubdub_connector_free(client->connector);
    client->connector = NULL;
    lubdub_client_dispose_if_freed(client);
    return is_running ? LUBDUB_ERROR_LATER : LUBDUB_ERROR_OK;
}

enum lubdub_client_state lubdub_client_state(const struct lubdub_client *client)
{
    return (enum lubdub_client_state)client->state;
}

uint64_t lubdub_client_session(const struct lubdub_client *client)
{
    return client->session_number;
}

int lubdub_client_socket(const struct lubdub_client *client)
{
    return client->has_link ? client->link.io.fd : -1;
}

void lubdub_client_counts(const struct lubdub_client *client, struct lubdub_client_counts *counts)
{
    struct lubdub_client_counts all = client->totals;

    all.dropped = client->dropped;
    if (client->session_number != 0 && !client->owes_shutdown) {
        struct lubdub_probe_counts current;

        lubdub_session_probe_counts(&client->link.session, &current);
        all.sent += current.sent;
        all.acked += current.acked;
        all.late += current.late;
        all.narrow += current.narrow;
        all.lost += current.timed_out - current.late;
    }
    lubdub_sized_give(counts, &all, sizeof all);
}

enum lubdub_error lubdub_client_set_tls(struct lubdub_client *client, struct lubdub_tls *tls)
{
    struct lubdub_tls *old = client->rules.tls;

    if (old == NULL) {
        return LUBDUB_ERROR_WRONG_STATE;
    }
    if (tls == NULL || !lubdub_transport_fits(tls)) {
        return LUBDUB_ERROR_INVALID;
    }
    tls->kind->hold(tls);
    client->rules.tls = tls;
    old->kind->drop(old);
    return LUBDUB_ERROR_OK;
}
