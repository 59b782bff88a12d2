/*
 * Asks a server from another thread: lists sessions, finds one, sends to one and to all, disconnects, shows figures.
 * The server runs in two loops meanwhile, and neither waits for it.
 *
 *     embed_console [PORT]        then lines: list, find ID, say ID TEXT, kick, ill, figures, quit
 */
#include <ev.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lubdub/server.h>

static const char *const states[] = {"up", "late", "away", "gone"};

static void show(const struct lubdub_server_session *session)
{
    printf("%.*s is %s, %s, from '%s', %llu probes\n", (int)session->identity.length, session->identity.data,
           states[session->state], lubdub_health_word(session->health), session->remote,
           (unsigned long long)session->probes);
}

/* All sessions, in pieces: there may be a million. */
static void list(struct lubdub_server *server, bool kicks)
{
    struct lubdub_server_session *first;
    uint64_t cursor = 0;

    while (lubdub_server_list(server, &cursor, 256, &first) == LUBDUB_ERROR_OK && first != NULL) {
        const struct lubdub_server_session *session;

        for (session = first; session != NULL; session = session->next) {
            show(session);
            if (kicks) {
                lubdub_server_disconnect(server, session->session, LUBDUB_REASON_NORMAL, "kicked");
            }
        }
        lubdub_server_session_free(first);
    }
    puts("that is all");
}

static void find(struct lubdub_server *server, const char *identity)
{
    struct lubdub_server_session *found;

    if (lubdub_server_find(server, identity, strlen(identity), &found) == LUBDUB_ERROR_OK) {
        show(found);
        lubdub_server_session_free(found);
    } else {
        puts("not found");
    }
}

static void show_figures(struct lubdub_server *server)
{
    struct lubdub_server_figures figures;

    figures.size = sizeof figures;
    lubdub_server_figures(server, &figures);
    printf("%llu up, %llu late, %llu turns of the loops, %llu of them within a millisecond\n",
           (unsigned long long)figures.up, (unsigned long long)figures.late, (unsigned long long)figures.turn.count,
           (unsigned long long)figures.turn.within[3]);
}

static void *read_commands(void *user_data)
{
    struct lubdub_server *server = (struct lubdub_server *)user_data;
    char line[256];
    char identity[129];
    char text[129];

    while (fgets(line, sizeof line, stdin) != NULL && strcmp(line, "quit\n") != 0) {
        if (strcmp(line, "list\n") == 0 || strcmp(line, "kick\n") == 0) {
            list(server, line[0] == 'k');
        } else if (sscanf(line, "find %128s", identity) == 1) {
            find(server, identity);
        } else if (sscanf(line, "say %128s %128[^\n]", identity, text) == 2) {
            puts(lubdub_error_text(lubdub_server_send_to(server, identity, strlen(identity), text, strlen(text))));
        } else if (strcmp(line, "ill\n") == 0) {
            lubdub_server_set_health(server, LUBDUB_HEALTH_CRITICAL); /* all clients are told */
        } else if (strcmp(line, "figures\n") == 0) {
            show_figures(server);
        }
        fflush(stdout);
    }
    lubdub_server_drain(server, 2 * LUBDUB_SECOND);
    return NULL;
}

/* Comes in the threads of both loops. */
static void on_event(struct lubdub_server *server, const struct lubdub_server_event *event, void *user_data)
{
    (void)server;
    if (event->kind == LUBDUB_SERVER_STOPPED) { /* in the thread of the first loop */
        ev_break((struct ev_loop *)user_data, EVBREAK_ALL);
    }
}

int main(int argc, char *argv[])
{
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    struct lubdub_server_settings settings;
    struct lubdub_server *server;
    pthread_t console;

    lubdub_server_settings_init(&settings);
    settings.workers = 2;
    settings.grace = 5 * LUBDUB_SECOND;
    if (lubdub_server_new(&server, loop, &settings, on_event, loop) != LUBDUB_ERROR_OK ||
        lubdub_server_listen(server, "127.0.0.1", (uint16_t)(argc > 1 ? atoi(argv[1]) : 0)) != LUBDUB_ERROR_OK ||
        lubdub_server_start(server) != LUBDUB_ERROR_OK || pthread_create(&console, NULL, read_commands, server) != 0) {
        perror("embed_console");
        return 1;
    }
    printf("listening on port %u\n", (unsigned)lubdub_server_port(server));
    fflush(stdout);
    ev_run(loop, 0);
    pthread_join(console, NULL);
    lubdub_server_free(server);
    return 0;
}
