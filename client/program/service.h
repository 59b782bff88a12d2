/*
 * Tells the service manager when the client has started and when it leaves, and whether its servers are up; and feeds
 * the manager's watchdog. Where no manager listens, nothing is done.
 */
#ifndef LUBDUB_CLIENT_PROGRAM_SERVICE_H
#define LUBDUB_CLIENT_PROGRAM_SERVICE_H

#include <ev.h>
#include <stddef.h>

#include "program/process/notify.h"

struct service {
    struct lubdub_notify notify;
    struct ev_loop *loop; /* NULL before _start, and where no manager listens */
    ev_timer feeding;
};

/* Changes the environment: to be called while there is one thread, and before any program is started. */
void service_open(struct service *service);

/* The client looks for its servers, so many, from now on. */
void service_start(struct service *service, struct ev_loop *loop, size_t server_count);
void service_close(struct service *service);

/* So many servers are up. Nothing is told before _start. */
void service_tell_up(struct service *service, size_t up_count, size_t server_count);
void service_tell_stopping(struct service *service);

#endif
