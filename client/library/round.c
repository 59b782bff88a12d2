/* A round over the servers until one has us, and the wait before the next round. */
#include "client/library/internal.h"

#include "ev/clock.h"

/* ---- ends ---- */

/* After an end: the next round or the end of all. Returns the wait. */
static lubdub_duration plan_return(struct lubdub_client *client, enum lubdub_cause cause, lubdub_time now)
{
    lubdub_duration wait;

    if (!client->rules.reconnects) {
        lubdub_client_plan(client, LUBDUB_CLIENT_STATE_STOPPING, LUBDUB_NEXT_STOPPED, 0);
        return 0;
    }
    wait = cause == LUBDUB_CAUSE_REPLACED
               ? lubdub_backoff_next_replaced(&client->backoff)
               : lubdub_backoff_next(&client->backoff, lubdub_server_list_wait(&client->rules.servers, now));
    lubdub_client_plan(client, LUBDUB_CLIENT_STATE_WAITING, LUBDUB_NEXT_ROUND, wait);
    return wait;
}

void lubdub_client_go_down(struct lubdub_client *client, struct lubdub_client_event *event)
{
    struct lubdub_client_event retrying = lubdub_client_event_new(client, LUBDUB_CLIENT_RETRYING, event->now);

    event->kind = LUBDUB_CLIENT_DOWN;
    retrying.retry_in = plan_return(client, event->cause, event->now);
    client->session_number = 0;
    retrying.session = 0;
    lubdub_client_tell(client, event);
    if (lubdub_client_is_still(client, LUBDUB_CLIENT_STATE_WAITING)) {
        lubdub_client_tell(client, &retrying);
    }
}

void lubdub_client_fail(struct lubdub_client *client, struct lubdub_client_event *event)
{
    if (lubdub_server_list_next(&client->rules.servers, event->now) == NULL) {
        lubdub_client_go_down(client, event);
        return;
    }
    event->kind = LUBDUB_CLIENT_FAILED;
    lubdub_client_plan(client, LUBDUB_CLIENT_STATE_CONNECTING, LUBDUB_NEXT_SERVER, 0);
    lubdub_client_tell(client, event);
}

/* ---- beginnings ---- */

static void on_connector(const struct lubdub_connector_event *from, void *user_data)
{
    struct lubdub_client *client = user_data;
    struct lubdub_client_event event;

    lubdub_client_enter(client);
    client->has_remote = from->address != NULL;
    if (client->has_remote) {
        client->remote = *from->address;
    }
    event = lubdub_client_event_new(client, LUBDUB_CLIENT_CONNECTING, lubdub_clock_now());
    event.cause = from->cause;
    event.text = lubdub_client_text(from->text);
    if (from->kind == LUBDUB_CONNECTOR_CONNECTED || from->kind == LUBDUB_CONNECTOR_GAVE_UP) {
        lubdub_connector_free(client->connector);
        client->connector = NULL;
    }

    switch (from->kind) {
    case LUBDUB_CONNECTOR_TRYING:
        lubdub_client_tell(client, &event);
        break;
    case LUBDUB_CONNECTOR_FAILED:
        event.kind = LUBDUB_CLIENT_FAILED;
        lubdub_client_tell(client, &event);
        break;
    case LUBDUB_CONNECTOR_CONNECTED:
        lubdub_client_open_session(client, from->socket, event.now);
        break;
    case LUBDUB_CONNECTOR_GAVE_UP:
        lubdub_client_fail(client, &event);
        break;
    }
    lubdub_client_leave(client);
}

void lubdub_client_connect(struct lubdub_client *client)
{
    const struct lubdub_server_entry *entry = lubdub_server_list_current(&client->rules.servers);
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
        struct lubdub_client_event event = lubdub_client_event_new(client, LUBDUB_CLIENT_DOWN, lubdub_clock_now());

        event.cause = LUBDUB_CAUSE_SHUTDOWN;
        event.text = lubdub_client_text("no memory was left");
        lubdub_client_fail(client, &event);
    }
}

void lubdub_client_begin_round(struct lubdub_client *client)
{
    lubdub_time now = lubdub_clock_now();

    lubdub_server_list_begin_round(&client->rules.servers);
    if (lubdub_server_list_next(&client->rules.servers, now) != NULL) {
        lubdub_client_connect(client);
    } else { /* the timer was early */
        lubdub_client_plan(client, LUBDUB_CLIENT_STATE_WAITING, LUBDUB_NEXT_ROUND,
                           lubdub_server_list_wait(&client->rules.servers, now));
    }
}
