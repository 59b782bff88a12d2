/*
 * Runs commands of the user when something happens: one at a time, in the order of the events, each for a limited
 * time. The waiting commands are bounded, and never stale: for one subject (a server, an identity) only the last state
 * waits, and a state that was told already is not told again.
 *
 *     running: A is down        waiting: -                   B comes up:    waiting: B is up
 *                                                            A comes up:    waiting: B is up, A is up
 *                                                            A goes down:   waiting: B is up
 */
#ifndef LUBDUB_PROGRAM_PROCESS_HOOKS_H
#define LUBDUB_PROGRAM_PROCESS_HOOKS_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#include <lubdub/time.h>

#include "program/events/line.h"

/* So many wait; then the oldest is left out, and the log says so. */
#define LUBDUB_HOOKS_LIMIT 256

/* What is up or down. The caller's; zeroed: nothing was told of it. Must stay while a call of it waits or runs. */
struct lubdub_hook_subject {
    unsigned told; /* the state that the last command of it was started with */
};

struct lubdub_hook_call {
    const char *command;                   /* copied. NULL: none; the subject's state is taken as told, in its turn */
    const struct lubdub_event_line *facts; /* copied; for its environment */
    struct lubdub_hook_subject *subject;   /* NULL: an event by itself, which takes no other's place */
    unsigned state;                        /* of the subject, from 1 on; 0: none, told however often it comes */
};

struct lubdub_hooks {
    struct ev_loop *loop;
    lubdub_duration timeout;
    lubdub_time limit_at;
    struct lubdub_hook *first; /* that wait, oldest first */
    size_t count;
    void (*on_idle)(void *user_data); /* the last command has ended, and none waits */
    void *user_data;
    ev_child child; /* pid 0: none runs */
    ev_timer limit;
};

/* loop is the default loop; only that loop is told of children. A command that takes longer than timeout is killed. */
void lubdub_hooks_init(struct lubdub_hooks *hooks, struct ev_loop *loop, lubdub_duration timeout,
                       void (*on_idle)(void *user_data), void *user_data);

/* Runs the command as soon as none before it runs. Failures go to the log. */
void lubdub_hooks_run(struct lubdub_hooks *hooks, const struct lubdub_hook_call *call);

bool lubdub_hooks_is_idle(const struct lubdub_hooks *hooks);
bool lubdub_hooks_has_waiting(const struct lubdub_hooks *hooks);

/* Kills the command that runs; the next one begins. */
void lubdub_hooks_hurry(struct lubdub_hooks *hooks);

/* Forgets what waits; what runs is left alone and no longer heard of. Zeroed: does nothing. */
void lubdub_hooks_clear(struct lubdub_hooks *hooks);

#endif
