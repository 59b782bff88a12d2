/* The commands of --on-up and --on-down. They start when it happens; only the end of the program waits for them. */
#ifndef LUBDUB_PROGRAM_PROCESS_HOOKS_H
#define LUBDUB_PROGRAM_PROCESS_HOOKS_H

#include <ev.h>
#include <sys/types.h>

#include "program/events/line.h"

/* At the same time; when they do not come to an end, no more are started. */
#define LUBDUB_HOOKS_LIMIT 16

struct lubdub_hooks {
    struct ev_loop *loop;
    unsigned running;
    void (*on_idle)(void *user_data); /* the last command that ran has ended */
    void *user_data;
    ev_child children[LUBDUB_HOOKS_LIMIT]; /* pid 0: free */
};

/* loop is the default loop, the only one that hears of children. */
void lubdub_hooks_init(struct lubdub_hooks *hooks, struct ev_loop *loop, void (*on_idle)(void *user_data), void *user_data);

/* Runs the command with the event's facts in its environment. Failures go to the log. */
void lubdub_hooks_run(struct lubdub_hooks *hooks, const char *command, const struct lubdub_event_line *facts);

#endif
