/*
 * --check runs a command again and again; its exit status is the health that the probes tell. It never runs twice at
 * the same time. A command that hangs is killed with all that it started, and is critical. A command that was stopped
 * together with the client gets its time again.
 */
#ifndef LUBDUB_CLIENT_PROGRAM_CHECK_H
#define LUBDUB_CLIENT_PROGRAM_CHECK_H

#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>

#include <lubdub/session.h>
#include <lubdub/time.h>

struct check {
    struct ev_loop *loop;
    const char *command;
    enum lubdub_health health;                                     /* the last result; passing before the first */
    void (*on_health)(enum lubdub_health health, void *user_data); /* after each run */
    void *user_data;
    ev_timer next;
    ev_timer limit;
    lubdub_duration timeout;
    lubdub_time limit_at;
    ev_child child; /* pid 0: none runs */
};

/* The first run begins at once. loop is the default loop; command is borrowed. */
void check_start(struct check *check, struct ev_loop *loop, const char *command, lubdub_duration interval,
                 lubdub_duration timeout, void (*on_health)(enum lubdub_health health, void *user_data),
                 void *user_data);

/* Kills the command that runs. A check that was never started (zeroed) is left alone. */
void check_stop(struct check *check);

#endif
