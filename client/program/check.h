/*
 * Runs the command of --check again and again; its exit status is the health that the probes tell, and the first line
 * of its standard output their content. It never runs twice at the same time. A command that hangs is killed and is
 * critical; a command that was stopped together with the client gets its time again. After its end its process group is
 * killed: processes that it started in the background end with it, unless they have left the group (setsid).
 */
#ifndef LUBDUB_CLIENT_PROGRAM_CHECK_H
#define LUBDUB_CLIENT_PROGRAM_CHECK_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <lubdub/session.h>
#include <lubdub/time.h>

/* Of the first line; more is cut off. */
#define CHECK_LINE_LIMIT 256

struct check {
    struct ev_loop *loop;
    const char *command;
    enum lubdub_health health; /* the last result; passing before the first */
    bool has_result;
    char said[CHECK_LINE_LIMIT]; /* its first line: UTF-8 without control characters; after each run */
    size_t said_length;
    void (*on_result)(void *user_data); /* after each run */
    void *user_data;
    ev_timer next;
    ev_timer limit;
    lubdub_duration timeout;
    lubdub_time limit_at;
    ev_child child; /* pid 0: none runs */
    ev_io output;   /* fd -1: not open */
    char line[CHECK_LINE_LIMIT];
    size_t line_length;
    bool has_line; /* it came to its end */
};

/* The first run begins at once. loop is the default loop; command is borrowed. */
void check_start(struct check *check, struct ev_loop *loop, const char *command, lubdub_duration interval,
                 lubdub_duration timeout, void (*on_result)(void *user_data), void *user_data);

/* Kills the command that runs. A check that was never started (zeroed) is left alone. */
void check_stop(struct check *check);

#endif
