/*
 * Many clients that come back, as an application has them (liblubdub-client), measured when their server dies.
 *
 *     speed-return PORT CLIENTS [CA]
 *
 * With the certificate of an authority they connect over TLS. Writes a line {"up": CLIENTS} when all are up. Its
 * starter then kills the server and starts it again. When all are up once more it writes in how many seconds since the
 * first DOWN, with how many attempts, and the longest round trip of those that were back already, and ends.
 */
#include <err.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>

#include <lubdub/client.h>

#include "program/process/startup.h"
#include "program/tls/credentials.h"

/* Started in one step, and how often there is one: 5,000 a second. */
#define STARTED_AT_ONCE 50
#define STEP 0.01

struct crowd {
    struct lubdub_client **clients;
    unsigned count;
    unsigned started;
    unsigned up;
    unsigned fell;          /* went down since all were up */
    uint64_t attempts;      /* since then */
    lubdub_time first_down; /* 0: nobody yet */
    lubdub_duration longest; /* round trip since then */
    bool was_complete;
};

static void note_complete(struct crowd *crowd, struct ev_loop *loop, lubdub_time now)
{
    if (!crowd->was_complete) {
        crowd->was_complete = true;
        printf("{\"up\": %u}\n", crowd->count);
        fflush(stdout);
        return;
    }
    if (crowd->fell >= crowd->count) {
        printf("{\"back_s\": %.3f, \"attempts_each\": %.3f, \"longest_ms\": %.3f}\n",
               (double)(now - crowd->first_down) / (double)LUBDUB_SECOND,
               (double)crowd->attempts / (double)crowd->count,
               (double)crowd->longest / (double)LUBDUB_MILLISECOND);
        ev_break(loop, EVBREAK_ALL);
    }
}

static void on_event(struct lubdub_client *client, const struct lubdub_client_event *event, void *user_data)
{
    struct crowd *crowd = user_data;
    (void)client;

    switch (event->kind) {
    case LUBDUB_CLIENT_CONNECTING:
        crowd->attempts += crowd->was_complete;
        break;
    case LUBDUB_CLIENT_UP:
        if (++crowd->up == crowd->count) {
            note_complete(crowd, EV_DEFAULT_UC, event->now);
        }
        break;
    case LUBDUB_CLIENT_DOWN:
        if (event->was_up) {
            crowd->up--;
            crowd->fell += crowd->was_complete;
            crowd->first_down = crowd->was_complete && crowd->first_down == 0 ? event->now : crowd->first_down;
        }
        break;
    case LUBDUB_CLIENT_ACKED:
    case LUBDUB_CLIENT_LATE_ACK:
        if (crowd->first_down != 0) {
            crowd->longest = lubdub_duration_longer(crowd->longest, event->round_trip);
        }
        break;
    case LUBDUB_CLIENT_FAILED:
    case LUBDUB_CLIENT_GRANT_CHANGED:
    case LUBDUB_CLIENT_MESSAGE:
    case LUBDUB_CLIENT_HEALTH:
    case LUBDUB_CLIENT_PROGRESS:
    case LUBDUB_CLIENT_RETRYING:
    case LUBDUB_CLIENT_PATHS:
    case LUBDUB_CLIENT_ROOM:
    case LUBDUB_CLIENT_STOPPED:
        break;
    }
}

static void on_step(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct crowd *crowd = timer->data;
    unsigned end = crowd->started + STARTED_AT_ONCE;
    (void)revents;

    for (; crowd->started < end && crowd->started < crowd->count; crowd->started++) {
        lubdub_client_start(crowd->clients[crowd->started]);
    }
    if (crowd->started == crowd->count) {
        ev_timer_stop(loop, timer);
    }
}

/* NULL: plain. */
static struct lubdub_tls *make_tls(const char *authority)
{
    const struct lubdub_credentials files = {.authority = authority};
    char problem[512];
    struct lubdub_tls *tls;

    if (authority == NULL) {
        return NULL;
    }
    if (!lubdub_credentials_load(&tls, LUBDUB_ROLE_CLIENT, &files, problem, sizeof problem)) {
        errx(EXIT_FAILURE, "%s", problem);
    }
    return tls;
}

static void make(struct crowd *crowd, struct ev_loop *loop, uint16_t port, struct lubdub_tls *tls)
{
    const struct lubdub_client_server server = {"127.0.0.1", port};
    struct lubdub_client_settings settings;
    unsigned i;

    lubdub_client_settings_init(&settings);
    settings.servers = &server;
    settings.server_count = 1;
    settings.reconnects = true;
    settings.session.interval = 10 * LUBDUB_SECOND;
    settings.tls = tls;
    crowd->clients = calloc(crowd->count, sizeof *crowd->clients);
    if (crowd->clients == NULL) {
        errx(EXIT_FAILURE, "no memory");
    }
    for (i = 0; i < crowd->count; i++) {
        if (lubdub_client_new(&crowd->clients[i], loop, &settings, on_event, crowd) != LUBDUB_ERROR_OK) {
            errx(EXIT_FAILURE, "no memory");
        }
    }
}

int main(int argument_count, char **arguments)
{
    struct ev_loop *loop;
    static struct crowd crowd;
    struct lubdub_tls *tls;
    ev_timer step;
    unsigned i;

    if (lubdub_standard_streams_prepare() != 0) {
        return EXIT_FAILURE;
    }
    loop = ev_default_loop(EVFLAG_AUTO);
    if (argument_count < 3 || argument_count > 4 || loop == NULL || atoi(arguments[2]) <= 0) {
        errx(2, "usage: speed-return PORT CLIENTS [CA]");
    }
    crowd.count = (unsigned)atoi(arguments[2]);
    tls = make_tls(argument_count > 3 ? arguments[3] : NULL);
    make(&crowd, loop, (uint16_t)atoi(arguments[1]), tls);
    ev_timer_init(&step, on_step, 0, STEP);
    step.data = &crowd;
    ev_timer_start(loop, &step);
    ev_run(loop, 0);
    for (i = 0; i < crowd.count; i++) {
        lubdub_client_free(crowd.clients[i]);
    }
    free(crowd.clients);
    lubdub_credentials_free(tls);
    return EXIT_SUCCESS;
}
