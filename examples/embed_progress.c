/*
 * Sends heartbeats from a thread of its own that cannot hide a hung application: the work itself says that it goes on.
 *
 *     embed_progress 3333        works for a second, hangs for a second, and works again; then leaves
 */
#include <ev.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <lubdub/client.h>

static struct lubdub_client *client;

static void on_event(struct lubdub_client *from, const struct lubdub_client_event *event, void *user_data)
{
    (void)from;
    switch (event->kind) {
    case LUBDUB_CLIENT_PROGRESS:
        printf(event->is_stalled ? "the work hangs\n" : "the work goes on\n");
        fflush(stdout);
        break;
    case LUBDUB_CLIENT_STOPPED:
        ev_break((struct ev_loop *)user_data, EVBREAK_ALL);
        break;
    default:
        break;
    }
}

static void sleep_for(long milliseconds)
{
    struct timespec length = {milliseconds / 1000, milliseconds % 1000 * 1000000};

    nanosleep(&length, NULL);
}

/* Where the work is done, and not a timer, says that it is done. */
static void *work(void *user_data)
{
    int piece;

    (void)user_data;
    for (piece = 0; piece < 40; piece++) {
        sleep_for(piece == 20 ? 3000 : 50); /* one piece waits for a lock */
        lubdub_client_progress(client);
    }
    lubdub_client_stop(client, LUBDUB_REASON_NORMAL); /* this is another thread than the loop's */
    return NULL;
}

int main(int argc, char *argv[])
{
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    struct lubdub_client_server server = {"127.0.0.1", (uint16_t)(argc > 1 ? atoi(argv[1]) : 3333)};
    struct lubdub_client_settings settings;
    pthread_t worker;

    lubdub_client_settings_init(&settings);
    settings.servers = &server;
    settings.server_count = 1;
    settings.session.interval = 100 * LUBDUB_MILLISECOND;
    settings.session.expiry = 5 * LUBDUB_SECOND;
    settings.progress_within = LUBDUB_SECOND;
    if (lubdub_client_new(&client, loop, &settings, on_event, loop) != LUBDUB_ERROR_OK) {
        return 1;
    }
    lubdub_client_start(client);
    if (pthread_create(&worker, NULL, work, NULL) != 0) {
        return 1;
    }
    ev_run(loop, 0); /* the heartbeat's loop; in a larger program, a thread's */
    pthread_join(worker, NULL);
    lubdub_client_free(client);
    return 0;
}
