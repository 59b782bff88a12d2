/*
 * The life of a client: a round over its servers, a session, a wait, and again.
 *
 *     STOPPED ──start──▶ CONNECTING ──WELCOME──▶ UP ◀──ack──▶ DOWN (where it stays connected)
 *                         ▲      │ none left     │ the session ends
 *                         │      ▼               ▼
 *                         └── WAITING ◀──────────┤
 *                                                └──▶ STOPPING ──▶ STOPPED
 *
 * What is decided inside a callback is done by `timer`, later: then nothing of ours is on the stack, and the link of the
 * last session, which may still wait for its peer's end of file, is free again. State and timer are set before the
 * application hears of it, so that it may decide otherwise there.
 */
#define _GNU_SOURCE
#include <lubdub/client.h>

#include <stdlib.h>
#include <sys/random.h>

#include "backoff.h"
#include "client_settings.h"
#include "clock.h"
#include "connector.h"
#include "container_of.h"
#include "link.h"

/* What the timer, or the link when it is closed, is to go on with. */
enum next_move {
    NEXT_NOTHING,
    NEXT_ROUND,  /* over all servers */
    NEXT_SERVER, /* of this round; it is the list's current one */
    NEXT_STOPPED,
};

struct lubdub_client {
    struct lubdub_link_group group;
    struct lubdub_link link; /* has_link: it is open */
    ev_timer timer;
    struct lubdub_connector *connector; /* NULL once connected */
    struct lubdub_client_rules rules;
    struct lubdub_backoff backoff;
    lubdub_client_callback callback;
    void *user_data;
    struct lubdub_client_counts totals; /* of sessions that are over */
    struct lubdub_address remote;
    lubdub_time up_at;
    uint64_t session_number;
    uint64_t incarnation; /* the last one used; of our own making unless the settings fix it */
    unsigned depth;       /* functions of ours on the stack */
    uint8_t state;        /* enum lubdub_client_state */
    uint8_t next_move;    /* enum next_move */
    uint8_t health;
    uint8_t stop_reason;
    bool has_link;
    bool has_remote;
    bool owes_shutdown; /* stopped while there was a session, and nobody was told yet */
    bool is_freed;
    char block[] __attribute__((aligned(16))); /* what the rules point into */
};

/* ---- being on the stack ---- */

static void enter(struct lubdub_client *client)
{
    client->depth++;
}

static void dispose_if_freed(struct lubdub_client *client)
{
    if (!client->is_freed || client->depth > 0 || client->group.step_count > 0) {
        return;
    }
    if (client->has_link) {
        lubdub_link_abort(&client->link);
    }
    lubdub_link_group_clear(&client->group);
    free(client);
}

static void leave(struct lubdub_client *client)
{
    client->depth--;
    dispose_if_freed(client);
}

static void on_rest(struct lubdub_link_group *group)
{
    dispose_if_freed(container_of(group, struct lubdub_client, group));
}

/* ---- telling ---- */

static struct lubdub_client_event new_event(const struct lubdub_client *client, enum lubdub_client_event_kind kind,
                                            lubdub_time now)
{
    return (struct lubdub_client_event){
        .kind = kind,
        .now = now,
        .server = &lubdub_server_list_current(&client->rules.servers)->server,
        .remote = client->has_remote ? &client->remote : NULL,
        .session = client->session_number,
    };
}

static void tell(struct lubdub_client *client, const struct lubdub_client_event *event)
{
    if (client->callback != NULL && !client->is_freed) {
        client->callback(client, event, client->user_data);
    }
}

/* Whether it is still as we left it before the application was told. */
static bool is_still(const struct lubdub_client *client, enum lubdub_client_state state)
{
    return !client->is_freed && client->state == state;
}

/* ---- what comes next ---- */

static void arm(struct lubdub_client *client, lubdub_duration wait)
{
    struct ev_loop *loop = client->group.reactor->loop;

    ev_timer_stop(loop, &client->timer);
    ev_now_update(loop); /* libev counts from its own idea of now, which may be old */
    ev_timer_set(&client->timer, (ev_tstamp)wait / (ev_tstamp)LUBDUB_SECOND, 0);
    ev_timer_start(loop, &client->timer);
}

static void plan(struct lubdub_client *client, enum lubdub_client_state state, enum next_move next_move,
                 lubdub_duration wait)
{
    client->state = (uint8_t)state;
    client->next_move = (uint8_t)next_move;
    arm(client, wait);
}

/* After an end: the next round or the end of all. Returns the wait. */
static lubdub_duration plan_return(struct lubdub_client *client, enum lubdub_cause cause, lubdub_time now)
{
    lubdub_duration wait;

    if (!client->rules.reconnects) {
        plan(client, LUBDUB_CLIENT_STATE_STOPPING, NEXT_STOPPED, 0);
        return 0;
    }
    wait = cause == LUBDUB_CAUSE_REPLACED
               ? lubdub_backoff_next_replaced(&client->backoff)
               : lubdub_backoff_next(&client->backoff, lubdub_server_list_wait(&client->rules.servers, now));
    plan(client, LUBDUB_CLIENT_STATE_WAITING, NEXT_ROUND, wait);
    return wait;
}

/* Tells of the end that *event describes, and of the return. */
static void go_down(struct lubdub_client *client, struct lubdub_client_event *event)
{
    struct lubdub_client_event retrying = new_event(client, LUBDUB_CLIENT_RETRYING, event->now);

    event->kind = LUBDUB_CLIENT_DOWN;
    retrying.retry_in = plan_return(client, event->cause, event->now);
    client->session_number = 0;
    retrying.session = 0;
    tell(client, event);
    if (is_still(client, LUBDUB_CLIENT_STATE_WAITING)) {
        tell(client, &retrying);
    }
}

/* No session came of it: the next server of the round, or down. */
static void fail(struct lubdub_client *client, struct lubdub_client_event *event)
{
    if (lubdub_server_list_next(&client->rules.servers, event->now) == NULL) {
        go_down(client, event);
        return;
    }
    event->kind = LUBDUB_CLIENT_FAILED;
    plan(client, LUBDUB_CLIENT_STATE_CONNECTING, NEXT_SERVER, 0);
    tell(client, event);
}

/* ---- a session ---- */

/* Adds up what the session counted. Nothing is under way any more; was it lost? */
static void collect_counts(struct lubdub_client *client, bool loses_pending)
{
    struct lubdub_probe_counts counts;

    lubdub_session_probe_counts(&client->link.session, &counts);
    client->totals.sent += counts.sent;
    client->totals.acked += counts.acked;
    client->totals.late += counts.late;
    client->totals.lost += loses_pending ? counts.sent - counts.acked : counts.timed_out - counts.late;
}

static void on_up(struct lubdub_client *client, const struct lubdub_event *from, lubdub_time now)
{
    struct lubdub_client_event event;

    client->state = LUBDUB_CLIENT_STATE_UP;
    client->session_number = from->session_number;
    client->up_at = now;
    client->totals.sessions++;
    lubdub_server_list_current(&client->rules.servers)->last_good = client->remote;

    event = new_event(client, LUBDUB_CLIENT_UP, now);
    event.interval = lubdub_session_interval(&client->link.session);
    event.expiry = lubdub_session_expiry(&client->link.session);
    event.is_resumed = from->is_resumed;
    event.last_end = (enum lubdub_cause)from->options.last_end;
    tell(client, &event);
}

static void on_grant_changed(struct lubdub_client *client, lubdub_time now)
{
    struct lubdub_client_event event = new_event(client, LUBDUB_CLIENT_GRANT_CHANGED, now);

    event.interval = lubdub_session_interval(&client->link.session);
    event.expiry = lubdub_session_expiry(&client->link.session);
    tell(client, &event);
}

static void on_ack(struct lubdub_client *client, const struct lubdub_event *from, lubdub_time now)
{
    bool was_down = client->state == LUBDUB_CLIENT_STATE_DOWN;
    struct lubdub_client_event event = new_event(
        client, from->kind == LUBDUB_EVENT_ACKED ? LUBDUB_CLIENT_ACKED : LUBDUB_CLIENT_LATE_ACK, now);

    event.sequence = from->sequence;
    event.round_trip = from->round_trip;
    event.content = from->content;
    event.length = from->length;
    if (was_down) {
        client->state = LUBDUB_CLIENT_STATE_UP;
    }
    tell(client, &event);
    if (was_down && is_still(client, LUBDUB_CLIENT_STATE_UP)) {
        event = new_event(client, LUBDUB_CLIENT_UP, now);
        event.interval = lubdub_session_interval(&client->link.session);
        event.expiry = lubdub_session_expiry(&client->link.session);
        event.is_recovered = true;
        tell(client, &event);
    }
}

static void on_message(struct lubdub_client *client, const struct lubdub_event *from, lubdub_time now)
{
    struct lubdub_client_event event = new_event(client, LUBDUB_CLIENT_MESSAGE, now);

    event.sequence = from->sequence;
    event.content = from->content;
    event.length = from->length;
    tell(client, &event);
}

static void on_health(struct lubdub_client *client, const struct lubdub_event *from, lubdub_time now)
{
    struct lubdub_client_event event = new_event(client, LUBDUB_CLIENT_HEALTH, now);

    event.health = from->health;
    event.was_health = from->was_health;
    event.content = from->content;
    event.length = from->length;
    tell(client, &event);
}

static struct lubdub_client_event new_end(const struct lubdub_client *client, const struct lubdub_event *from,
                                          lubdub_time now)
{
    struct lubdub_client_event event = new_event(client, LUBDUB_CLIENT_DOWN, now);

    event.cause = from->cause;
    event.sequence = from->sequence;
    event.waited_for = from->waited_for;
    event.deadline = from->deadline;
    event.was_up = client->session_number != 0;
    event.connected_for = event.was_up ? lubdub_time_between(client->up_at, now) : 0;
    return event;
}

/* The connection stays. */
static void on_timed_out(struct lubdub_client *client, const struct lubdub_event *from, lubdub_time now)
{
    struct lubdub_client_event event = new_end(client, from, now);

    event.is_connected = true;
    event.silent_for = lubdub_time_between(client->link.session.heard_at, now);
    client->state = LUBDUB_CLIENT_STATE_DOWN;
    tell(client, &event);
}

static void on_session_down(struct lubdub_client *client, const struct lubdub_event *from, lubdub_time now)
{
    struct lubdub_client_event event = new_end(client, from, now);

    event.silent_for = from->silent_for;
    event.has_reason = from->has_reason;
    event.reason = from->reason_code;
    event.text = from->text;
    collect_counts(client, true);
    if (from->has_retry_after) {
        lubdub_duration wait = from->retry_after < LUBDUB_RETRY_AFTER_LIMIT ? from->retry_after : LUBDUB_RETRY_AFTER_LIMIT;

        lubdub_server_list_current(&client->rules.servers)->not_before = lubdub_time_after(now, wait);
    }
    if (!event.was_up) {
        fail(client, &event);
        return;
    }
    lubdub_backoff_note_session(&client->backoff, event.connected_for);
    go_down(client, &event);
}

static void on_link_event(struct lubdub_link *link, const struct lubdub_event *event, lubdub_time now)
{
    struct lubdub_client *client = container_of(link, struct lubdub_client, link);

    if (client->is_freed) {
        return;
    }
    switch (event->kind) {
    case LUBDUB_EVENT_UP:
        on_up(client, event, now);
        break;
    case LUBDUB_EVENT_GRANT_CHANGED:
        on_grant_changed(client, now);
        break;
    case LUBDUB_EVENT_ACKED:
    case LUBDUB_EVENT_LATE_ACK:
        on_ack(client, event, now);
        break;
    case LUBDUB_EVENT_MESSAGE:
        on_message(client, event, now);
        break;
    case LUBDUB_EVENT_HEALTH:
        on_health(client, event, now);
        break;
    case LUBDUB_EVENT_TIMED_OUT:
        on_timed_out(client, event, now);
        break;
    case LUBDUB_EVENT_DOWN:
        on_session_down(client, event, now);
        break;
    case LUBDUB_EVENT_NONE:
    case LUBDUB_EVENT_HELLO:
    case LUBDUB_EVENT_LATE:
    case LUBDUB_EVENT_RECOVERED:
        break;
    }
}

static void on_link_closed(struct lubdub_link *link)
{
    struct lubdub_client *client = container_of(link, struct lubdub_client, link);

    client->has_link = false;
    /* Where the timer still runs, it goes on by itself. */
    if (!client->is_freed && client->next_move != NEXT_NOTHING && !ev_is_active(&client->timer)) {
        arm(client, 0);
    }
}

/* ---- a connection ---- */

static void open_session(struct lubdub_client *client, int socket, lubdub_time now)
{
    struct lubdub_session_settings opening = client->rules.session;

    if (opening.incarnation == 0) {
        client->incarnation = client->incarnation == 0 ? lubdub_clock_realtime() : client->incarnation + 1;
        opening.incarnation = client->incarnation;
    }
    client->has_link = true; /* the session may be over before the next line */
    if (lubdub_link_open(&client->link, &client->group, socket, LUBDUB_ROLE_CLIENT, &opening) != LUBDUB_ERROR_OK) {
        struct lubdub_client_event event = new_event(client, LUBDUB_CLIENT_DOWN, now);

        client->has_link = false;
        event.cause = LUBDUB_CAUSE_SHUTDOWN;
        event.text = lubdub_client_text("no memory was left");
        fail(client, &event);
    } else if (client->has_link) {
        lubdub_session_set_health(&client->link.session, (enum lubdub_health)client->health);
    }
}

static void on_connector(const struct lubdub_connector_event *from, void *user_data)
{
    struct lubdub_client *client = user_data;
    struct lubdub_client_event event;

    enter(client);
    client->has_remote = from->address != NULL;
    if (client->has_remote) {
        client->remote = *from->address;
    }
    event = new_event(client, LUBDUB_CLIENT_CONNECTING, lubdub_clock_now());
    event.cause = from->cause;
    event.text = lubdub_client_text(from->text);
    if (from->kind == LUBDUB_CONNECTOR_CONNECTED || from->kind == LUBDUB_CONNECTOR_GAVE_UP) {
        lubdub_connector_free(client->connector);
        client->connector = NULL;
    }

    switch (from->kind) {
    case LUBDUB_CONNECTOR_TRYING:
        tell(client, &event);
        break;
    case LUBDUB_CONNECTOR_FAILED:
        event.kind = LUBDUB_CLIENT_FAILED;
        tell(client, &event);
        break;
    case LUBDUB_CONNECTOR_CONNECTED:
        open_session(client, from->socket, event.now);
        break;
    case LUBDUB_CONNECTOR_GAVE_UP:
        fail(client, &event);
        break;
    }
    leave(client);
}

static void connect_to(struct lubdub_client *client, const struct lubdub_server_entry *entry)
{
    const struct lubdub_connector_settings settings = {
        .loop = client->group.reactor->loop,
        .host = entry->server.host,
        .port = entry->server.port,
        .fallback = entry->last_good.port != 0 ? &entry->last_good : NULL,
        .source = client->rules.has_source ? &client->rules.source : NULL,
        .timeout = client->rules.connect_timeout,
        .callback = on_connector,
        .user_data = client,
    };

    client->state = LUBDUB_CLIENT_STATE_CONNECTING;
    client->has_remote = false;
    client->connector = lubdub_connector_start(&settings);
    if (client->connector == NULL) {
        struct lubdub_client_event event = new_event(client, LUBDUB_CLIENT_DOWN, lubdub_clock_now());

        event.cause = LUBDUB_CAUSE_SHUTDOWN;
        event.text = lubdub_client_text("no memory was left");
        fail(client, &event);
    }
}

/* ---- the timer ---- */

static void begin_round(struct lubdub_client *client)
{
    lubdub_time now = lubdub_clock_now();
    const struct lubdub_server_entry *entry;

    lubdub_server_list_begin_round(&client->rules.servers);
    entry = lubdub_server_list_next(&client->rules.servers, now);
    if (entry != NULL) {
        connect_to(client, entry);
    } else { /* the timer was early */
        plan(client, LUBDUB_CLIENT_STATE_WAITING, NEXT_ROUND, lubdub_server_list_wait(&client->rules.servers, now));
    }
}

static void finish_stop(struct lubdub_client *client)
{
    struct lubdub_client_event event = new_event(client, LUBDUB_CLIENT_DOWN, lubdub_clock_now());

    if (client->owes_shutdown) {
        client->owes_shutdown = false;
        event.cause = LUBDUB_CAUSE_SHUTDOWN;
        event.has_reason = true;
        event.reason = client->stop_reason;
        event.was_up = true;
        event.connected_for = lubdub_time_between(client->up_at, event.now);
        tell(client, &event);
    }
    client->state = LUBDUB_CLIENT_STATE_STOPPED;
    client->session_number = 0;
    event = new_event(client, LUBDUB_CLIENT_STOPPED, event.now);
    tell(client, &event);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct lubdub_client *client = container_of(timer, struct lubdub_client, timer);
    enum next_move next_move = (enum next_move)client->next_move;
    (void)loop, (void)revents;

    if (client->has_link) {
        return; /* it says goodbye yet; on_link_closed() brings us back here */
    }
    client->next_move = NEXT_NOTHING;
    enter(client);
    switch (next_move) {
    case NEXT_NOTHING:
        break;
    case NEXT_ROUND:
        begin_round(client);
        break;
    case NEXT_SERVER:
        connect_to(client, lubdub_server_list_current(&client->rules.servers));
        break;
    case NEXT_STOPPED:
        finish_stop(client);
        break;
    }
    leave(client);
}

/* ---- for the application ---- */

char *lubdub_client_event_remote(const struct lubdub_client_event *event, char *target)
{
    target[0] = '\0';
    return event->remote != NULL ? lubdub_address_format(event->remote, target) : target;
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
    lubdub_backoff_init(&client->backoff, settings->backoff_min, settings->backoff_max, seed);
    ev_timer_init(&client->timer, on_timer, 0, 0);
    client->group.settings = &client->rules.session;
    client->group.on_event = on_link_event;
    client->group.on_closed = on_link_closed;
    client->group.on_rest = on_rest;
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_client_new(struct lubdub_client **client, struct ev_loop *loop,
                                    const struct lubdub_client_settings *settings, lubdub_client_callback callback,
                                    void *user_data)
{
    struct lubdub_client_settings own;
    struct lubdub_client *made;
    enum lubdub_error error;

    *client = NULL;
    if (!lubdub_client_settings_adopt(&own, settings) || lubdub_client_settings_check(&own) != NULL) {
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
    made->user_data = user_data;
    *client = made;
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_client_start(struct lubdub_client *client)
{
    if (client->state != LUBDUB_CLIENT_STATE_STOPPED) {
        return LUBDUB_ERROR_WRONG_STATE;
    }
    plan(client, LUBDUB_CLIENT_STATE_CONNECTING, NEXT_ROUND, 0);
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_client_send(struct lubdub_client *client, const void *content, size_t length)
{
    enum lubdub_error error;

    if (client->session_number == 0 || client->state == LUBDUB_CLIENT_STATE_STOPPING) {
        return LUBDUB_ERROR_WRONG_STATE;
    }
    enter(client);
    error = lubdub_link_send(&client->link, content, length);
    leave(client);
    return error;
}

void lubdub_client_set_health(struct lubdub_client *client, enum lubdub_health health)
{
    client->health = (uint8_t)health;
    if (client->has_link) {
        lubdub_session_set_health(&client->link.session, health);
    }
}

void lubdub_client_stop(struct lubdub_client *client, enum lubdub_reason reason)
{
    if (client->state == LUBDUB_CLIENT_STATE_STOPPED || client->state == LUBDUB_CLIENT_STATE_STOPPING) {
        return;
    }
    enter(client);
    lubdub_connector_free(client->connector);
    client->connector = NULL;
    client->stop_reason = (uint8_t)reason;
    client->owes_shutdown = client->session_number != 0;
    if (client->owes_shutdown) {
        collect_counts(client, false);
    }
    plan(client, LUBDUB_CLIENT_STATE_STOPPING, NEXT_STOPPED, 0);
    if (client->has_link) {
        lubdub_link_leave(&client->link, reason, NULL, false, 0);
    }
    leave(client);
}

void lubdub_client_free(struct lubdub_client *client)
{
    if (client == NULL) {
        return;
    }
    client->is_freed = true;
    ev_timer_stop(client->group.reactor->loop, &client->timer);
    lubdub_connector_free(client->connector);
    client->connector = NULL;
    dispose_if_freed(client);
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
    size_t size = counts->size;
    struct lubdub_client_counts all = client->totals;

    if (client->session_number != 0 && !client->owes_shutdown) {
        struct lubdub_probe_counts current;

        lubdub_session_probe_counts(&client->link.session, &current);
        all.sent += current.sent;
        all.acked += current.acked;
        all.late += current.late;
        all.lost += current.timed_out - current.late;
    }
    all.size = size;
    memcpy(counts, &all, size < sizeof all ? size : sizeof all);
}
