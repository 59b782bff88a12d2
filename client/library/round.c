/* Tries the servers of a round one after the other. */
#include "client/library/round.h"

#include "client/library/end.h"
#include "client/library/session.h"
#include "ev/clock.h"

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
    if (from->kind == LUBDUB_CONNECTOR_GAVE_UP) {
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
    const struct lubdub_connector_settings settings = {
        .loop = client->group.reactor->loop,
        .entry = lubdub_server_list_current(&client->rules.servers),
        .source = client->rules.has_source ? &client->rules.source : NULL,
        .timeout = client->rules.connect_timeout,
        .multipath = client->rules.multipath,
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

void lubdub_client_connect_to_next_address(struct lubdub_client *client)
{
    client->state = LUBDUB_CLIENT_STATE_CONNECTING;
    lubdub_connector_go_on(client->connector);
}

void lubdub_client_begin_round(struct lubdub_client *client)
{
    lubdub_time now = lubdub_clock_now();

    lubdub_server_list_begin_round(&client->rules.servers);
    if (lubdub_server_list_next(&client->rules.servers, now) != NULL) {
        lubdub_client_connect(client);
    } else { /* the timer was early */
        lubdub_client_go_on(client, LUBDUB_CLIENT_STATE_WAITING, LUBDUB_NEXT_ROUND,
                            lubdub_server_list_wait(&client->rules.servers, now));
    }
}
