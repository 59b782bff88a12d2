/*
 * Decides itself which clients come in, and keeps data of its own for each session: pumps come in, with a grant of
 * their own; visitors when somebody has had a look; nobody else.
 *
 *     embed_door [PORT]        port 0, the default: any free one, which is printed
 */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lubdub/server.h>

/* What this program knows of one session. */
struct visit {
    unsigned messages;
};

static struct lubdub_server *server;
static ev_timer look; /* stands for a database, or for a person */
static uint64_t visitor;

static bool begins_with(struct lubdub_slice text, const char *start)
{
    return text.length >= strlen(start) && memcmp(text.data, start, strlen(start)) == 0;
}

static void on_request(struct lubdub_server *from, const struct lubdub_server_request *request, void *user_data)
{
    struct ev_loop *loop = (struct ev_loop *)user_data;

    if (begins_with(request->identity, "pump-")) {
        lubdub_server_accept(from, request->request, 2 * LUBDUB_SECOND, 10 * LUBDUB_SECOND);
    } else if (begins_with(request->identity, "visitor") && !ev_is_active(&look)) {
        visitor = request->request; /* answered later; until then it waits */
        ev_timer_set(&look, 0.1, 0);
        ev_timer_start(loop, &look);
    } else {
        lubdub_server_refuse(from, request->request, LUBDUB_REASON_UNAUTHORIZED, "this device is not registered");
    }
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop, (void)timer, (void)revents;
    if (lubdub_server_accept(server, visitor, 0, 0) == LUBDUB_ERROR_NOT_FOUND) {
        puts("the visitor did not wait");
    }
}

static void on_event(struct lubdub_server *from, const struct lubdub_server_event *event, void *user_data)
{
    struct visit *visit = (struct visit *)event->data;
    int length = (int)event->identity.length;

    (void)user_data;
    switch (event->kind) {
    case LUBDUB_SERVER_CONNECTED:
        printf("%.*s connected\n", length, event->identity.data);
        lubdub_server_set_data(from, event->session, calloc(1, sizeof *visit));
        break;
    case LUBDUB_SERVER_MESSAGE:
        if (visit != NULL) {
            visit->messages++;
        }
        break;
    case LUBDUB_SERVER_DISCONNECTED:
        printf("%.*s left after %u messages\n", length, event->identity.data, visit != NULL ? visit->messages : 0);
        break;
    case LUBDUB_SERVER_REJECTED:
        printf("%.*s rejected: %.*s\n", length, event->identity.data, (int)event->text.length, event->text.data);
        break;
    default:
        break;
    }
    fflush(stdout);
}

/* The last call for a session, also where the server ends first. */
static void free_data(void *data, void *user_data)
{
    (void)user_data;
    free(data);
}

int main(int argc, char *argv[])
{
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    struct lubdub_server_settings settings;

    lubdub_server_settings_init(&settings);
    settings.on_request = on_request;
    settings.free_data = free_data;
    if (lubdub_server_new(&server, loop, &settings, on_event, loop) != LUBDUB_ERROR_OK ||
        lubdub_server_listen(server, "127.0.0.1", (uint16_t)(argc > 1 ? atoi(argv[1]) : 0)) != LUBDUB_ERROR_OK ||
        lubdub_server_start(server) != LUBDUB_ERROR_OK) {
        perror("embed_door");
        return 1;
    }
    ev_timer_init(&look, on_look, 0, 0);
    printf("listening on port %u\n", (unsigned)lubdub_server_port(server));
    fflush(stdout);
    ev_run(loop, 0);
    lubdub_server_free(server);
    return 0;
}
