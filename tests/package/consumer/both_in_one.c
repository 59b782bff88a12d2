/* A server and a client in one program and one loop: nothing of theirs may collide, shared or static. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ev.h>

#include <lubdub/client.h>
#include <lubdub/server.h>
#include <lubdub/version.h>

static const char greeting[] = "is anybody there?";

static void fail(const char *what, enum lubdub_error error)
{
    fprintf(stderr, "both_in_one: %s: %s\n", what, lubdub_error_text(error));
    exit(1);
}

static void must(const char *what, enum lubdub_error error)
{
    if (error != LUBDUB_ERROR_OK) {
        fail(what, error);
    }
}

static void on_server_event(struct lubdub_server *server, const struct lubdub_server_event *event, void *user_data)
{
    char remote[80];

    (void)server, (void)user_data;
    if (event->kind == LUBDUB_SERVER_DISCONNECTED) {
        printf("server: %s disconnected: %s\n", lubdub_server_event_remote(event, remote),
               lubdub_cause_word(event->cause));
    }
}

static void on_client_event(struct lubdub_client *client, const struct lubdub_client_event *event, void *user_data)
{
    struct ev_loop *loop = user_data;

    switch (event->kind) {
    case LUBDUB_CLIENT_UP:
        must("send", lubdub_client_send(client, greeting, strlen(greeting)));
        break;
    case LUBDUB_CLIENT_MESSAGE:
        printf("client: %.*s\n", (int)event->length, (const char *)event->content);
        lubdub_client_stop(client, LUBDUB_REASON_NORMAL);
        break;
    case LUBDUB_CLIENT_STOPPED:
        ev_break(loop, EVBREAK_ALL);
        break;
    default:
        break;
    }
}

static void on_limit(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop, (void)timer, (void)revents;
    fputs("both_in_one: no echo in ten seconds\n", stderr);
    exit(1);
}

int main(void)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct lubdub_server_settings server_settings;
    struct lubdub_client_settings client_settings;
    struct lubdub_client_server address = {"127.0.0.1", 0};
    struct lubdub_server *server;
    struct lubdub_client *client;
    ev_timer limit;

    lubdub_server_settings_init(&server_settings);
    server_settings.on_message = LUBDUB_ON_MESSAGE_ECHO;
    must("server", lubdub_server_new(&server, loop, &server_settings, on_server_event, NULL));
    must("listen", lubdub_server_listen(server, address.host, 0));
    must("start", lubdub_server_start(server));
    address.port = lubdub_server_port(server);

    lubdub_client_settings_init(&client_settings);
    client_settings.servers = &address;
    client_settings.server_count = 1;
    must("client", lubdub_client_new(&client, loop, &client_settings, on_client_event, loop));
    must("connect", lubdub_client_start(client));

    ev_timer_init(&limit, on_limit, 10.0, 0.0);
    ev_timer_start(loop, &limit);
    ev_run(loop, 0);

    lubdub_client_free(client);
    lubdub_server_free(server);
    ev_loop_destroy(loop);
    puts("lubdub " LUBDUB_VERSION);
    return 0;
}
