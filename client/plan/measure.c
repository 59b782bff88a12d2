/* Measures with a client that has a short interval and much patience. */
#include "client/plan/measure.h"

#include <ev.h>
#include <stdio.h>

#include <lubdub/client.h>

#define TIMEOUT (10 * LUBDUB_SECOND)

struct measuring {
    struct ev_loop *loop;
    struct lubdub_client *client;
    struct plan_sample *sample;
    char *problem;
    bool has_failed;
    ev_timer over;
};

static void on_event(struct lubdub_client *client, const struct lubdub_client_event *event, void *user_data)
{
    struct measuring *measuring = user_data;
    (void)client;

    switch (event->kind) {
    case LUBDUB_CLIENT_ACKED:
    case LUBDUB_CLIENT_LATE_ACK:
        lubdub_plan_sample_add(measuring->sample, (double)event->round_trip / (double)LUBDUB_SECOND);
        break;
    case LUBDUB_CLIENT_DOWN:
        if (!event->is_connected && !measuring->has_failed && event->cause != LUBDUB_CAUSE_SHUTDOWN) {
            snprintf(measuring->problem, PLAN_PROBLEM_SIZE, "%s: %s",
                     event->was_up ? "went down while it was measured" : "could not be reached",
                     lubdub_cause_word(event->cause));
            measuring->has_failed = true;
        }
        break;
    case LUBDUB_CLIENT_STOPPED:
        ev_break(measuring->loop, EVBREAK_ALL);
        break;
    case LUBDUB_CLIENT_UP:
    case LUBDUB_CLIENT_PATHS:
        if (event->paths > measuring->sample->paths) {
            measuring->sample->paths = event->paths;
        }
        break;
    case LUBDUB_CLIENT_ROOM:
    case LUBDUB_CLIENT_CONNECTING:
    case LUBDUB_CLIENT_FAILED:
    case LUBDUB_CLIENT_GRANT_CHANGED:
    case LUBDUB_CLIENT_MESSAGE:
    case LUBDUB_CLIENT_HEALTH:
    case LUBDUB_CLIENT_PROGRESS:
    case LUBDUB_CLIENT_RETRYING:
        break;
    }
}

static void on_over(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct measuring *measuring = timer->data;
    struct lubdub_client_counts counts = {.size = sizeof counts};
    (void)loop, (void)revents;

    lubdub_client_counts(measuring->client, &counts);
    measuring->sample->lost += counts.lost;
    lubdub_client_stop(measuring->client, LUBDUB_REASON_NORMAL);
}

bool lubdub_plan_measure_by(struct plan_sample *sample, struct ev_loop *loop,
                            const struct lubdub_client_settings *settings, lubdub_duration interval,
                            lubdub_duration length, char problem[PLAN_PROBLEM_SIZE])
{
    struct lubdub_client_settings own = *settings;
    struct measuring measuring = {.loop = loop, .sample = sample, .problem = problem};
    enum lubdub_error error;

    own.session.interval = interval;
    own.session.timeout = TIMEOUT;
    own.session.expiry = TIMEOUT;
    own.session.adapts = false;
    own.session.stays_connected = true;
    own.reconnects = false;
    error = lubdub_client_new(&measuring.client, loop, &own, on_event, &measuring);
    if (error != LUBDUB_ERROR_OK) {
        snprintf(problem, PLAN_PROBLEM_SIZE, "%s", lubdub_error_text(error));
        return false;
    }
    ev_timer_init(&measuring.over, on_over, (double)length / (double)LUBDUB_SECOND, 0);
    measuring.over.data = &measuring;
    ev_now_update(loop);
    ev_timer_start(loop, &measuring.over);
    lubdub_client_start(measuring.client);
    ev_run(loop, 0);
    ev_timer_stop(loop, &measuring.over);
    lubdub_client_free(measuring.client);
    if (!measuring.has_failed && sample->count < 2) {
        snprintf(problem, PLAN_PROBLEM_SIZE, "answered %llu probes; two at least are needed",
                 (unsigned long long)sample->count);
        return false;
    }
    return !measuring.has_failed;
}

bool lubdub_plan_measure(struct plan_sample *sample, const char *host, uint16_t port, lubdub_duration interval,
                         lubdub_duration length, char problem[PLAN_PROBLEM_SIZE])
{
    const struct lubdub_client_server server = {host, port};
    struct lubdub_client_settings settings;
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    bool is_measured;

    if (loop == NULL) {
        snprintf(problem, PLAN_PROBLEM_SIZE, "libev finds no way to wait for events");
        return false;
    }
    lubdub_client_settings_init(&settings);
    settings.servers = &server;
    settings.server_count = 1;
    settings.multipath = LUBDUB_MULTIPATH_IF_POSSIBLE;
    is_measured = lubdub_plan_measure_by(sample, loop, &settings, interval, length, problem);
    ev_loop_destroy(loop);
    return is_measured;
}
