/* Keeps the calls that wait, starts the next one when the one before it has ended, and limits its time. */
#define _GNU_SOURCE
#include "program/process/hooks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "ev/clock.h"
#include "program/events/log.h"
#include "program/process/command.h"

struct lubdub_hook {
    struct lubdub_hook *next;
    struct lubdub_hook_subject *subject;
    unsigned state;
    char *command; /* NULL: none */
    struct lubdub_event_line facts;
};

static void free_hook(struct lubdub_hook *hook)
{
    free(hook->command);
    free(hook);
}

/* ---- what waits ---- */

/* Takes it out of the line. */
static void remove_at(struct lubdub_hooks *hooks, struct lubdub_hook **place)
{
    struct lubdub_hook *hook = *place;

    *place = hook->next;
    hooks->count--;
    free_hook(hook);
}

/* A newer state of the subject is there. */
static void forget_state(struct lubdub_hooks *hooks, const struct lubdub_hook_subject *subject)
{
    struct lubdub_hook **place = &hooks->first;

    while (*place != NULL) {
        if ((*place)->subject == subject) {
            remove_at(hooks, place);
        } else {
            place = &(*place)->next;
        }
    }
}

static void append(struct lubdub_hooks *hooks, const struct lubdub_hook_call *call)
{
    struct lubdub_hook *hook = malloc(sizeof *hook);
    struct lubdub_hook **last = &hooks->first;

    if (hook != NULL) {
        hook->command = call->command != NULL ? strdup(call->command) : NULL;
    }
    if (hook == NULL || (hook->command == NULL) != (call->command == NULL)) {
        lubdub_log_error("a command is left out, as no memory is left");
        free(hook);
        return;
    }
    hook->next = NULL;
    hook->subject = call->subject;
    hook->state = call->state;
    hook->facts = *call->facts;
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = hook;
    hooks->count++;
}

/* ---- what runs ---- */

static void set_limit(struct lubdub_hooks *hooks)
{
    hooks->limit_at = lubdub_time_after(lubdub_clock_now(), hooks->timeout);
    ev_now_update(hooks->loop); /* starting it may have taken long */
    ev_timer_again(hooks->loop, &hooks->limit);
}

static void start(struct lubdub_hooks *hooks, const struct lubdub_hook *hook)
{
    pid_t process = lubdub_command_start(hook->command, &hook->facts, LUBDUB_COMMAND_TO_LOG);

    if (process == -1) {
        lubdub_log_error("a command cannot be started error=\"%s\"", strerror(errno));
        return;
    }
    ev_child_set(&hooks->child, process, 0);
    ev_child_start(hooks->loop, &hooks->child);
    set_limit(hooks);
}

/* Starts the next waiting command; where it cannot start, the one after it, until one runs. */
static void start_next(struct lubdub_hooks *hooks)
{
    while (hooks->child.pid == 0 && hooks->first != NULL) {
        struct lubdub_hook *hook = hooks->first;

        if (hook->subject != NULL && hook->state != 0) {
            hook->subject->told = hook->state;
        }
        if (hook->command != NULL) {
            start(hooks, hook);
        }
        remove_at(hooks, &hooks->first);
    }
}

static void on_exit_of(struct ev_loop *loop, ev_child *child, int revents)
{
    struct lubdub_hooks *hooks = child->data;
    int status = child->rstatus;
    (void)revents;

    ev_child_stop(loop, child);
    ev_timer_stop(loop, &hooks->limit);
    child->pid = 0;
    if (WIFSIGNALED(status)) {
        lubdub_log_warning("a command was killed signal=%d", WTERMSIG(status));
    } else if (WEXITSTATUS(status) != 0) {
        lubdub_log_warning("a command failed status=%d", WEXITSTATUS(status));
    }
    start_next(hooks);
    if (lubdub_hooks_is_idle(hooks)) {
        hooks->on_idle(hooks->user_data);
    }
}

static void on_limit(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct lubdub_hooks *hooks = timer->data;
    lubdub_time due = hooks->limit_at;
    (void)loop, (void)revents;

    set_limit(hooks);
    if (lubdub_time_between(due, lubdub_clock_now()) > hooks->timeout / 4) {
        return; /* late: the command was probably stopped with us, or has ended, and gets as long again */
    }
    lubdub_log_warning("a command takes too long and is killed");
    lubdub_command_kill(hooks->child.pid);
}

/* ---- for the owner ---- */

void lubdub_hooks_init(struct lubdub_hooks *hooks, struct ev_loop *loop, lubdub_duration timeout,
                       void (*on_idle)(void *user_data), void *user_data)
{
    memset(hooks, 0, sizeof *hooks);
    hooks->loop = loop;
    hooks->timeout = timeout;
    hooks->on_idle = on_idle;
    hooks->user_data = user_data;
    ev_child_init(&hooks->child, on_exit_of, 0, 0);
    ev_timer_init(&hooks->limit, on_limit, 0, (ev_tstamp)timeout / (ev_tstamp)LUBDUB_SECOND);
    hooks->child.data = hooks->limit.data = hooks;
}

void lubdub_hooks_run(struct lubdub_hooks *hooks, const struct lubdub_hook_call *call)
{
    if (call->subject != NULL) {
        forget_state(hooks, call->subject);
        if (call->state != 0 && call->subject->told == call->state) {
            return; /* what came between was never told */
        }
    }
    if (hooks->count == LUBDUB_HOOKS_LIMIT) {
        lubdub_log_peer(LUBDUB_LOG_WARNING, "a command is left out, as too many wait waiting=%zu", hooks->count);
        remove_at(hooks, &hooks->first);
    }
    append(hooks, call);
    start_next(hooks);
}

bool lubdub_hooks_is_idle(const struct lubdub_hooks *hooks)
{
    return hooks->child.pid == 0 && hooks->first == NULL;
}

bool lubdub_hooks_has_waiting(const struct lubdub_hooks *hooks)
{
    return hooks->first != NULL;
}

void lubdub_hooks_hurry(struct lubdub_hooks *hooks)
{
    if (hooks->child.pid != 0) {
        lubdub_command_kill(hooks->child.pid);
    }
}

void lubdub_hooks_clear(struct lubdub_hooks *hooks)
{
    if (hooks->loop == NULL) {
        return;
    }
    while (hooks->first != NULL) {
        remove_at(hooks, &hooks->first);
    }
    ev_child_stop(hooks->loop, &hooks->child);
    ev_timer_stop(hooks->loop, &hooks->limit);
    hooks->child.pid = 0;
}
