/*
 * Tells the service manager when the server is ready, reads its settings again and stops, and how many sessions there
 * are; and feeds the manager's watchdog, but only when every loop of the server has turned since the last time. Where no
 * manager listens, nothing is done.
 */
#ifndef LUBDUB_SERVER_PROGRAM_SERVICE_H
#define LUBDUB_SERVER_PROGRAM_SERVICE_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include <lubdub/server.h>

#include "program/process/notify.h"

struct service {
    struct lubdub_notify notify;
    int wrong;            /* an errno: a manager listens, but where it says it does nothing can be sent */
    struct ev_loop *loop; /* NULL before _start */
    struct lubdub_server *server;
    ev_timer timer;
    uint64_t told_sessions; /* in the last status */
    bool is_stopping;
};

/* Changes the environment: to be called while there is one thread, and before any program is started. */
void service_open(struct service *service);

/* The server accepts clients. It is looked after from now on, in this loop, until _close. */
void service_start(struct service *service, struct ev_loop *loop, struct lubdub_server *server);
void service_close(struct service *service);

/* Between _start and _close. */
void service_tell_reloading(struct service *service);
void service_tell_reloaded(struct service *service);
void service_tell_stopping(struct service *service);

#endif
