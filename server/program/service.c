/* Looks after the server on a timer, and tells the service manager. */
#include "server/program/service.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "program/events/log.h"

/* How often the number of sessions is told, and how often within its patience a watchdog is fed. */
#define STATUS_PERIOD (10 * LUBDUB_SECOND)
#define FEEDINGS 4

#define STATUS_LENGTH 64

static uint64_t count_sessions(const struct service *service)
{
    struct lubdub_server_counts counts = {.size = offsetof(struct lubdub_server_counts, connections)};

    lubdub_server_counts(service->server, &counts);
    return counts.sessions;
}

static const char *status(struct service *service, char text[STATUS_LENGTH])
{
    service->told_sessions = count_sessions(service);
    snprintf(text, STATUS_LENGTH, "%s%llu %s", service->is_stopping ? "draining, " : "",
             (unsigned long long)service->told_sessions, service->told_sessions == 1 ? "session" : "sessions");
    return text;
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct service *service = timer->data;
    char text[STATUS_LENGTH];
    (void)loop, (void)revents;

    if (service->notify.watchdog > 0 && lubdub_server_has_turned(service->server)) {
        lubdub_notify_alive(&service->notify);
    }
    if (count_sessions(service) != service->told_sessions) {
        lubdub_notify_status(&service->notify, status(service, text));
    }
}

void service_open(struct service *service)
{
    service->wrong = lubdub_notify_open(&service->notify);
}

static void tell_ready(struct service *service)
{
    char text[STATUS_LENGTH];

    if (!lubdub_notify_ready(&service->notify, status(service, text))) {
        lubdub_log_warning("the service manager was not told that the server is ready");
    }
}

void service_start(struct service *service, struct ev_loop *loop, struct lubdub_server *server)
{
    lubdub_duration period = STATUS_PERIOD;

    if (service->wrong != 0) {
        lubdub_log_warning("the service manager cannot be told anything error=\"NOTIFY_SOCKET: %s\"",
                           strerror(service->wrong));
    }
    if (!lubdub_notify_is_heard(&service->notify)) {
        return;
    }
    service->server = server;
    service->loop = loop;
    tell_ready(service);
    if (service->notify.watchdog > 0 && service->notify.watchdog / FEEDINGS < period) {
        period = service->notify.watchdog / FEEDINGS;
    }
    ev_timer_init(&service->timer, on_timer, (ev_tstamp)period / (ev_tstamp)LUBDUB_SECOND,
                  (ev_tstamp)period / (ev_tstamp)LUBDUB_SECOND);
    service->timer.data = service;
    ev_timer_start(loop, &service->timer);
}

void service_close(struct service *service)
{
    if (service->loop != NULL) {
        ev_timer_stop(service->loop, &service->timer);
        service->loop = NULL;
    }
    lubdub_notify_close(&service->notify);
}

void service_tell_reloading(struct service *service)
{
    lubdub_notify_reloading(&service->notify);
}

void service_tell_reloaded(struct service *service)
{
    if (service->loop != NULL) {
        tell_ready(service);
    }
}

void service_tell_stopping(struct service *service)
{
    char text[STATUS_LENGTH];

    if (service->loop != NULL) {
        service->is_stopping = true;
        lubdub_notify_stopping(&service->notify, status(service, text));
    }
}
