/*
 * The server that many write by hand: listens on port 3333, prints the three things that happen, and sends every
 * message to all. Enter ends it.
 *
 *     embed_first [PORT]
 */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>

#include <lubdub/server.h>

static void on_event(struct lubdub_server *server, const struct lubdub_server_event *event, void *user_data)
{
    char remote[80];

    (void)user_data;
    lubdub_server_event_remote(event, remote);
    if (event->kind == LUBDUB_SERVER_CONNECTED) {
        printf("%s connected\n", remote);
    } else if (event->kind == LUBDUB_SERVER_MESSAGE) {
        printf("%s says %zu bytes\n", remote, event->length);
        lubdub_server_broadcast(server, event->content, event->length);
    } else if (event->kind == LUBDUB_SERVER_DISCONNECTED) {
        printf("%s disconnected: %s\n", remote, lubdub_cause_text(event->cause));
    }
    fflush(stdout);
}

static void on_key(struct ev_loop *loop, ev_io *key, int revents)
{
    (void)key, (void)revents;
    ev_break(loop, EVBREAK_ALL);
}

int main(int argc, char *argv[])
{
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    struct lubdub_server_settings settings;
    struct lubdub_server *server;
    ev_io key;

    lubdub_server_settings_init(&settings);
    if (lubdub_server_new(&server, loop, &settings, on_event, NULL) != LUBDUB_ERROR_OK ||
        lubdub_server_listen(server, NULL, (uint16_t)(argc > 1 ? atoi(argv[1]) : 3333)) != LUBDUB_ERROR_OK ||
        lubdub_server_start(server) != LUBDUB_ERROR_OK) {
        perror("embed_first");
        return 1;
    }
    printf("listening on port %u\n", (unsigned)lubdub_server_port(server));
    fflush(stdout);
    ev_io_init(&key, on_key, 0, EV_READ);
    ev_io_start(loop, &key);
    ev_run(loop, 0);
    lubdub_server_free(server);
    return 0;
}
