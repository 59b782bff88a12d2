/* Turns a session's events into events for the application. */
#include "client/library/session.h"

#include <stdlib.h>

#include "client/library/end.h"
#include "client/library/progress.h"
#include "ev/clock.h"
#include "ev/container_of.h"

static enum lubdub_error open_link(struct lubdub_client *client, int socket,
                                   const struct lubdub_session_settings *opening)
{
    const char *host = lubdub_server_list_current(&client->rules.servers)->server.host;

    if (client->rules.tls == NULL) {
        return lubdub_link_open(&client->link, &client->group, socket, LUBDUB_ROLE_CLIENT, opening);
    }
    return lubdub_link_open_tls(&client->link, &client->group, socket, LUBDUB_ROLE_CLIENT, opening, client->rules.tls,
                                client->rules.tls_name != NULL ? client->rules.tls_name : host);
}

void lubdub_client_open_session(struct lubdub_client *client, int socket, lubdub_time now)
{
    struct lubdub_session_settings opening = client->rules.session;

    if (opening.incarnation == 0) {
        client->incarnation = client->incarnation == 0 ? lubdub_clock_realtime() : client->incarnation + 1;
        opening.incarnation = client->incarnation;
    }
    client->has_link = true;
    if (open_link(client, socket, &opening) != LUBDUB_ERROR_OK) {
        struct lubdub_client_event event = lubdub_client_event_new(client, LUBDUB_CLIENT_DOWN, now);

        client->has_link = false;
        event.cause = LUBDUB_CAUSE_SHUTDOWN;
        event.text = lubdub_client_text("no memory was left");
        lubdub_client_fail(client, &event);
    } else {
        lubdub_client_tell_health(client);
    }
}

void lubdub_client_collect_counts(struct lubdub_client *client, bool loses_pending)
{
    struct lubdub_probe_counts counts;

    lubdub_session_probe_counts(&client->link.session, &counts);
    client->totals.sent += counts.sent;
    client->totals.acked += counts.acked;
    client->totals.late += counts.late;
    client->totals.narrow += counts.narrow;
    client->totals.lost += loses_pending ? counts.sent - counts.acked : counts.timed_out - counts.late;
}

void lubdub_client_tell_content(struct lubdub_client *client)
{
    client->owes_content =
        client->content != NULL &&
        lubdub_session_set_content(&client->link.session, client->content, client->content_length) == LUBDUB_ERROR_FULL;
}

static void on_up(struct lubdub_client *client, const struct lubdub_event *from, lubdub_time now)
{
    struct lubdub_client_event event;

    client->state = LUBDUB_CLIENT_STATE_UP;
    client->session_number = from->session_number;
    client->up_at = now;
    client->totals.sessions++;
    lubdub_server_list_current(&client->rules.servers)->last_good = client->remote;
    lubdub_connector_free(client->connector);
    client->connector = NULL;
    lubdub_client_tell_content(client);

    event = lubdub_client_event_new(client, LUBDUB_CLIENT_UP, now);
    event.interval = lubdub_session_interval(&client->link.session);
    event.expiry = lubdub_session_expiry(&client->link.session);
    event.is_resumed = from->is_resumed;
    event.last_end = (enum lubdub_cause)from->options.last_end;
    event.paths = lubdub_link_paths(&client->link);
    lubdub_client_tell(client, &event);
}

static void on_grant_changed(struct lubdub_client *client, lubdub_time now)
{
    struct lubdub_client_event event = lubdub_client_event_new(client, LUBDUB_CLIENT_GRANT_CHANGED, now);

    event.interval = lubdub_session_interval(&client->link.session);
    event.expiry = lubdub_session_expiry(&client->link.session);
    lubdub_client_tell(client, &event);
}

static void on_ack(struct lubdub_client *client, const struct lubdub_event *from, lubdub_time now)
{
    bool was_down = client->state == LUBDUB_CLIENT_STATE_DOWN;
    struct lubdub_client_event event = lubdub_client_event_new(
        client, from->kind == LUBDUB_EVENT_ACKED ? LUBDUB_CLIENT_ACKED : LUBDUB_CLIENT_LATE_ACK, now);

    event.sequence = from->sequence;
    event.round_trip = from->round_trip;
    event.content = from->content;
    event.length = from->length;
    if (was_down) {
        lubdub_client_stay(client);
    }
    if (client->owes_content) {
        lubdub_client_tell_content(client);
    }
    lubdub_client_tell(client, &event);
    if (was_down && lubdub_client_is_still(client, LUBDUB_CLIENT_STATE_UP)) {
        event = lubdub_client_event_new(client, LUBDUB_CLIENT_UP, now);
        event.interval = lubdub_session_interval(&client->link.session);
        event.expiry = lubdub_session_expiry(&client->link.session);
        event.is_recovered = true;
        event.paths = lubdub_link_paths(&client->link);
        lubdub_client_tell(client, &event);
    }
}

static void on_message(struct lubdub_client *client, const struct lubdub_event *from, lubdub_time now)
{
    struct lubdub_client_event event = lubdub_client_event_new(client, LUBDUB_CLIENT_MESSAGE, now);

    event.sequence = from->sequence;
    event.content = from->content;
    event.length = from->length;
    lubdub_client_tell(client, &event);
}

static void on_health(struct lubdub_client *client, const struct lubdub_event *from, lubdub_time now)
{
    struct lubdub_client_event event = lubdub_client_event_new(client, LUBDUB_CLIENT_HEALTH, now);

    event.health = from->health;
    event.was_health = from->was_health;
    event.content = from->content;
    event.length = from->length;
    lubdub_client_tell(client, &event);
}

void lubdub_client_deliver(struct lubdub_client *client)
{
    struct lubdub_outside_message *message;

    while ((message = lubdub_outside_take(&client->outside)) != NULL) {
        bool is_here = message->session == client->session_number && client->state != LUBDUB_CLIENT_STATE_STOPPING;
        enum lubdub_error error =
            is_here ? lubdub_link_send(&client->link, message->content, message->length) : LUBDUB_ERROR_WRONG_STATE;

        if (error == LUBDUB_ERROR_FULL) {
            lubdub_outside_put_back(&client->outside, message); /* until the session has room: that is an event */
            return;
        }
        client->dropped += error != LUBDUB_ERROR_OK;
        free(message);
    }
}

static void on_room(struct lubdub_client *client, lubdub_time now)
{
    struct lubdub_client_event event = lubdub_client_event_new(client, LUBDUB_CLIENT_ROOM, now);

    lubdub_client_deliver(client); /* they have waited longer than what the application may send now */
    lubdub_client_tell(client, &event);
}

static struct lubdub_client_event new_end(const struct lubdub_client *client, const struct lubdub_event *from,
                                          lubdub_time now)
{
    struct lubdub_client_event event = lubdub_client_event_new(client, LUBDUB_CLIENT_DOWN, now);

    event.cause = from->cause;
    event.sequence = from->sequence;
    event.waited_for = from->waited_for;
    event.deadline = from->deadline;
    event.adaptive = from->adaptive;
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
    client->silence = (uint8_t)from->cause;
    if (client->stay_limit > 0 && client->rules.reconnects) {
        client->leave_due = lubdub_time_after(now, client->stay_limit);
        lubdub_client_go_on(client, LUBDUB_CLIENT_STATE_DOWN, LUBDUB_NEXT_LEAVE, client->stay_limit);
    } else {
        client->state = LUBDUB_CLIENT_STATE_DOWN;
    }
    lubdub_client_tell(client, &event);
}

/* After a session, as *event describes its end. */
static void go_down(struct lubdub_client *client, struct lubdub_client_event *event)
{
    /* That of a rival for the identity was no good session. */
    lubdub_duration expiry =
        event->cause == LUBDUB_CAUSE_REPLACED ? UINT64_MAX : lubdub_session_expiry(&client->link.session);

    lubdub_server_list_current(&client->rules.servers)->behind = client->remote;
    lubdub_backoff_note_session(&client->backoff, event->connected_for, expiry);
    lubdub_client_go_down(client, event);
}

void lubdub_client_leave_silent_server(struct lubdub_client *client)
{
    static const char text[] = "it stayed silent for longer than is stayed for";
    lubdub_time now = lubdub_clock_now();
    struct lubdub_client_event event = lubdub_client_event_new(client, LUBDUB_CLIENT_DOWN, now);

    if (lubdub_time_between(client->leave_due, now) > client->stay_limit / 4) { /* we were away ourselves */
        client->leave_due = lubdub_time_after(now, client->stay_limit);
        lubdub_client_go_on(client, LUBDUB_CLIENT_STATE_DOWN, LUBDUB_NEXT_LEAVE, client->stay_limit);
        return;
    }
    event.cause = (enum lubdub_cause)client->silence;
    event.text = lubdub_client_text(text);
    event.was_up = true;
    event.silent_for = lubdub_time_between(client->link.session.heard_at, now);
    event.connected_for = lubdub_time_between(client->up_at, now);
    lubdub_client_collect_counts(client, true);
    go_down(client, &event);
    if (client->has_link && !client->is_freed) {
        lubdub_link_leave(&client->link, LUBDUB_REASON_NORMAL, NULL, false, 0);
    }
}

static void on_session_down(struct lubdub_client *client, const struct lubdub_event *from, lubdub_time now)
{
    struct lubdub_client_event event = new_end(client, from, now);

    event.silent_for = from->silent_for;
    event.has_reason = from->has_reason;
    event.reason = from->reason_code;
    event.text = from->text;
    lubdub_client_collect_counts(client, true);
    if (from->has_retry_after) {
        lubdub_duration wait =
            from->retry_after < LUBDUB_RETRY_AFTER_LIMIT ? from->retry_after : LUBDUB_RETRY_AFTER_LIMIT;

        lubdub_server_entry_rest(lubdub_server_list_current(&client->rules.servers), &client->remote,
                                 lubdub_time_after(now, wait), now);
    }
    if (event.was_up) {
        go_down(client, &event);
        return;
    }
    if (event.cause == LUBDUB_CAUSE_REPLACED) {
        event.text = lubdub_client_text(
            "a session of this identity has a higher incarnation; if it is an old one of our own, the "
            "clock of this machine is behind");
    }
    lubdub_client_fail(client, &event);
}

void lubdub_client_on_link_event(struct lubdub_link *link, const struct lubdub_event *event, lubdub_time now)
{
    struct lubdub_client *client = container_of(link, struct lubdub_client, link);

    if (client->is_freed || client->state == LUBDUB_CLIENT_STATE_STOPPING) {
        return; /* after its goodbye the client does not listen */
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
    case LUBDUB_EVENT_ROOM:
        on_room(client, now);
        break;
    }
}

void lubdub_client_on_link_paths(struct lubdub_link *link, unsigned paths, unsigned was, lubdub_time now)
{
    struct lubdub_client *client = container_of(link, struct lubdub_client, link);
    struct lubdub_client_event event = lubdub_client_event_new(client, LUBDUB_CLIENT_PATHS, now);

    if (client->is_freed || client->state == LUBDUB_CLIENT_STATE_STOPPING) {
        return;
    }
    event.paths = paths;
    event.was_paths = was;
    lubdub_client_tell(client, &event);
}

void lubdub_client_on_link_closed(struct lubdub_link *link)
{
    struct lubdub_client *client = container_of(link, struct lubdub_client, link);

    client->has_link = false;
    /* Where the timer still runs, it goes on by itself. */
    if (!client->is_freed && client->next_move != LUBDUB_NEXT_NOTHING && !ev_is_active(&client->timer)) {
        lubdub_client_go_on(client, (enum lubdub_client_state)client->state, (enum lubdub_next_move)client->next_move,
                            0);
    }
}
