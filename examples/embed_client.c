/*
 * Runs a client inside a program of one's own: connects to 127.0.0.1 at the given port, sends a message, prints the
 * answer, leaves, and prints why the session ended.
 *
 *     embed_client 3333
 */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lubdub/client.h>

static const char greeting[] = "hello from the guide";

static void on_event(struct lubdub_client *client, const struct lubdub_client_event *event, void *user_data)
{
    struct ev_loop *loop = (struct ev_loop *)user_data;

    switch (event->kind) {
    case LUBDUB_CLIENT_UP:
        printf("up: session %llu\n", (unsigned long long)event->session);
        lubdub_client_send(client, greeting, sizeof greeting - 1);
        break;
    case LUBDUB_CLIENT_MESSAGE: /* bytes of another client: fit for a terminal only if we know them */
        printf("message: %zu bytes%s\n", event->length,
               event->length == sizeof greeting - 1 && memcmp(event->content, greeting, event->length) == 0
                   ? ", our own"
                   : "");
        lubdub_client_stop(client, LUBDUB_REASON_NORMAL);
        break;
    case LUBDUB_CLIENT_DOWN:
        printf("down: %s\n", lubdub_cause_text(event->cause));
        break;
    case LUBDUB_CLIENT_STOPPED: /* nothing follows */
        ev_break(loop, EVBREAK_ALL);
        break;
    default: /* there are more: acks, retries, health; see lubdub/client.h */
        break;
    }
}

int main(int argc, char *argv[])
{
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    struct lubdub_client_server server = {"127.0.0.1", (uint16_t)(argc > 1 ? atoi(argv[1]) : 3333)};
    struct lubdub_client_settings settings;
    struct lubdub_client *client;
    enum lubdub_error error;

    lubdub_client_settings_init(&settings);
    settings.servers = &server;
    settings.server_count = 1;
    settings.session.identity = lubdub_client_text("embedded");
    settings.session.interval = 500 * LUBDUB_MILLISECOND;

    error = lubdub_client_new(&client, loop, &settings, on_event, loop);
    if (error != LUBDUB_ERROR_OK) {
        fprintf(stderr, "embed_client: %s\n", lubdub_error_text(error));
        return 1;
    }
    lubdub_client_start(client);
    ev_run(loop, 0);
    lubdub_client_free(client);
    return 0;
}
