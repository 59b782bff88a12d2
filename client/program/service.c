/* Tells the service manager what the client knows of its servers. */
#include "client/program/service.h"

#include <stdio.h>
#include <string.h>

#include "program/events/log.h"

#define STATUS_LENGTH 64
#define FEEDINGS 4 /* of a watchdog, within its patience */

static void on_feeding(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct service *service = timer->data;
    (void)loop, (void)revents;

    lubdub_notify_alive(&service->notify);
}

void service_open(struct service *service)
{
    int wrong = lubdub_notify_open(&service->notify);

    if (wrong != 0) {
        fprintf(stderr, "lubdub-client: the service manager cannot be told anything: NOTIFY_SOCKET: %s\n",
                strerror(wrong));
    }
}

static const char *status(size_t up_count, size_t server_count, char text[STATUS_LENGTH])
{
    if (server_count == 1) {
        return up_count == 1 ? "the server is up" : "the server is down";
    }
    snprintf(text, STATUS_LENGTH, "%zu of %zu servers are up", up_count, server_count);
    return text;
}

void service_start(struct service *service, struct ev_loop *loop, size_t server_count)
{
    ev_tstamp period = (ev_tstamp)service->notify.watchdog / (ev_tstamp)LUBDUB_SECOND / FEEDINGS;
    char text[STATUS_LENGTH];

    if (!lubdub_notify_is_heard(&service->notify)) {
        return;
    }
    service->loop = loop;
    if (!lubdub_notify_ready(&service->notify, status(0, server_count, text))) {
        lubdub_log_warning("the service manager was not told that the client has started");
    }
    ev_timer_init(&service->feeding, on_feeding, period, period);
    service->feeding.data = service;
    if (period > 0) {
        ev_timer_start(loop, &service->feeding);
    }
}

void service_close(struct service *service)
{
    if (service->loop != NULL) {
        ev_timer_stop(service->loop, &service->feeding);
        service->loop = NULL;
    }
    lubdub_notify_close(&service->notify);
}

void service_tell_up(struct service *service, size_t up_count, size_t server_count)
{
    char text[STATUS_LENGTH];

    if (service->loop != NULL) {
        lubdub_notify_status(&service->notify, status(up_count, server_count, text));
    }
}

void service_tell_stopping(struct service *service)
{
    if (service->loop != NULL) {
        lubdub_notify_stopping(&service->notify, "leaving");
    }
}
