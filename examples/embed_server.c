/*
 * Runs a heartbeat server inside a program's own libev loop: prints which clients come, which go and why, and sends
 * their messages back.
 *
 *     embed_server [PORT]        port 0, the default: any free one, which is printed
 */
#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lubdub/server.h>

static void on_event(struct lubdub_server *server, const struct lubdub_server_event *event, void *user_data)
{
    struct ev_loop *loop = (struct ev_loop *)user_data;
    char remote[80];

    lubdub_server_event_remote(event, remote);
    switch (event->kind) {
    case LUBDUB_SERVER_CONNECTED:
        printf("%s connected\n", remote);
        break;
    case LUBDUB_SERVER_MESSAGE:
        printf("%s says %zu bytes\n", remote, event->length);
        lubdub_server_send(server, event->session, event->content, event->length);
        break;
    case LUBDUB_SERVER_DISCONNECTED:
        printf("%s disconnected: %s\n", remote, lubdub_cause_word(event->cause));
        break;
    case LUBDUB_SERVER_STOPPED:
        ev_break(loop, EVBREAK_ALL);
        break;
    default: /* the others can wait until this program has a use for them */
        break;
    }
    fflush(stdout);
}

static void on_terminate(struct ev_loop *loop, ev_signal *watcher, int revents)
{
    (void)loop, (void)revents;
    lubdub_server_drain((struct lubdub_server *)watcher->data, 2 * LUBDUB_SECOND);
}

int main(int argc, char *argv[])
{
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    uint16_t port = (uint16_t)(argc > 1 ? atoi(argv[1]) : 0);
    struct lubdub_server_settings settings;
    struct lubdub_server *server;
    enum lubdub_error error;
    ev_signal terminate;

    lubdub_server_settings_init(&settings);
    settings.session.expiry = 5 * LUBDUB_SECOND;
    error = lubdub_server_new(&server, loop, &settings, on_event, loop);
    if (error == LUBDUB_ERROR_OK) {
        error = lubdub_server_listen(server, "127.0.0.1", port);
    }
    if (error == LUBDUB_ERROR_OK) {
        error = lubdub_server_start(server);
    }
    if (error != LUBDUB_ERROR_OK) {
        fprintf(stderr, "cannot serve: %s (%s)\n", lubdub_error_text(error), strerror(errno));
        return 1;
    }
    printf("listening on 127.0.0.1:%u\n", (unsigned)lubdub_server_port(server));
    fflush(stdout);

    ev_signal_init(&terminate, on_terminate, SIGTERM);
    terminate.data = server;
    ev_signal_start(loop, &terminate);
    ev_run(loop, 0);
    lubdub_server_free(server);
    return 0;
}
