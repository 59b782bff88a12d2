/* Runs the check by a timer, limits its time by another, and takes its exit status. */
#include "client/program/check.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "ev/clock.h"
#include "program/events/log.h"
#include "program/process/command.h"

static void finish(struct check *check, enum lubdub_health health)
{
    if (health != check->health) {
        lubdub_log_info("the check's result changed health=%s was=%s", lubdub_health_word(health),
                        lubdub_health_word(check->health));
    }
    check->health = health;
    check->on_health(health, check->user_data);
}

static enum lubdub_health health_of(int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return LUBDUB_HEALTH_PASSING;
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 1 ? LUBDUB_HEALTH_WARNING : LUBDUB_HEALTH_CRITICAL;
}

static void on_exit_of(struct ev_loop *loop, ev_child *child, int revents)
{
    struct check *check = child->data;
    (void)revents;

    ev_child_stop(loop, child);
    ev_timer_stop(loop, &check->limit);
    child->pid = 0;
    finish(check, health_of(child->rstatus));
}

static void set_limit(struct check *check)
{
    check->limit_at = lubdub_time_after(lubdub_clock_now(), check->timeout);
    ev_now_update(check->loop); /* starting it may have taken long */
    ev_timer_again(check->loop, &check->limit);
}

static void on_limit(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct check *check = timer->data;
    lubdub_time due = check->limit_at;
    (void)loop, (void)revents;

    set_limit(check);
    if (lubdub_time_between(due, lubdub_clock_now()) > check->timeout / 4) {
        return; /* late: the check was probably stopped with the client, or has ended, and gets as long again */
    }
    lubdub_log_warning("the check takes too long and is killed");
    lubdub_command_kill(check->child.pid); /* its end then says critical */
}

static void on_next(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct check *check = timer->data;
    pid_t process;
    (void)revents;

    if (check->child.pid != 0) {
        return; /* the last check runs still */
    }
    process = lubdub_command_start(check->command, NULL, true);
    if (process == -1) {
        lubdub_log_peer(LUBDUB_LOG_ERROR, "the check cannot be started error=\"%s\"", strerror(errno));
        finish(check, LUBDUB_HEALTH_CRITICAL);
        return;
    }
    ev_child_set(&check->child, process, 0);
    ev_child_start(loop, &check->child);
    set_limit(check);
}

static ev_tstamp in_seconds(lubdub_duration duration)
{
    return (ev_tstamp)duration / (ev_tstamp)LUBDUB_SECOND;
}

void check_start(struct check *check, struct ev_loop *loop, const char *command, lubdub_duration interval,
                 lubdub_duration timeout, void (*on_health)(enum lubdub_health health, void *user_data),
                 void *user_data)
{
    memset(check, 0, sizeof *check);
    check->loop = loop;
    check->command = command;
    check->timeout = timeout;
    check->on_health = on_health;
    check->user_data = user_data;
    ev_timer_init(&check->next, on_next, 0, in_seconds(interval));
    ev_timer_init(&check->limit, on_limit, 0, in_seconds(timeout));
    ev_child_init(&check->child, on_exit_of, 0, 0);
    check->next.data = check->limit.data = check->child.data = check;
    ev_timer_start(loop, &check->next);
}

void check_stop(struct check *check)
{
    if (check->loop == NULL) {
        return;
    }
    ev_timer_stop(check->loop, &check->next);
    ev_timer_stop(check->loop, &check->limit);
    if (check->child.pid != 0) {
        lubdub_command_kill(check->child.pid);
        ev_child_stop(check->loop, &check->child);
        check->child.pid = 0;
    }
}
