/* Runs the check by a timer, limits its time by another, and takes its exit status and what it says. */
#define _GNU_SOURCE
#include "client/program/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/utf8.h"
#include "ev/clock.h"
#include "program/events/escape.h"
#include "program/events/log.h"
#include "program/process/command.h"

/* ---- what it says ---- */

static size_t trimmed(const char *line, size_t length)
{
    while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t' || line[length - 1] == '\r')) {
        length--;
    }
    return length;
}

/* Makes the line fit for others' terminals; a line that was cut inside a character loses the rest of that character. */
static void keep_line(struct check *check)
{
    size_t length = trimmed(check->line, check->line_length);
    size_t cut;
    size_t i;

    for (cut = 0; cut < 4 && cut < length && !lubdub_utf8_is_clean(check->line, length - cut); cut++) {
    }
    if (check->line_length == sizeof check->line && lubdub_utf8_is_clean(check->line, length - cut)) {
        length -= cut;
    }
    memcpy(check->said, check->line, length);
    check->said_length = length;
    for (i = 0; i < length && !lubdub_utf8_is_clean(check->line, length); i++) {
        unsigned char byte = (unsigned char)check->said[i];

        check->said[i] = byte == '\t' ? ' ' : byte < 0x20 || byte > 0x7e ? '?' : (char)byte;
    }
}

static void take(struct check *check, const char *bytes, size_t length)
{
    const char *end = memchr(bytes, '\n', length);
    size_t part = end != NULL ? (size_t)(end - bytes) : length;
    size_t room = sizeof check->line - check->line_length;

    if (check->has_line) {
        return;
    }
    part = part < room ? part : room;
    memcpy(check->line + check->line_length, bytes, part);
    check->line_length += part;
    check->has_line = end != NULL;
}

static void close_output(struct check *check)
{
    ev_io_stop(check->loop, &check->output);
    if (check->output.fd >= 0) {
        close(check->output.fd);
        ev_io_set(&check->output, -1, EV_READ);
    }
}

/* All that is there; what is behind the first line is thrown away, so that the command does not wait for us. */
static void read_output(struct check *check)
{
    char bytes[4096];
    ssize_t count;

    while (check->output.fd >= 0 && (count = read(check->output.fd, bytes, sizeof bytes)) != -1) {
        if (count == 0) {
            close_output(check);
            return;
        }
        take(check, bytes, (size_t)count);
    }
}

static void on_output(struct ev_loop *loop, ev_io *io, int revents)
{
    (void)loop, (void)revents;
    read_output(io->data);
}

/* Returns the end for the command, or -1 and errno. */
static int open_output(struct check *check)
{
    int ends[2];

    check->line_length = 0;
    check->has_line = false;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return -1;
    }
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    ev_io_set(&check->output, ends[0], EV_READ);
    ev_io_start(check->loop, &check->output);
    return ends[1];
}

/* ---- its end ---- */

static void finish(struct check *check, enum lubdub_health health)
{
    if (health != check->health || !check->has_result) {
        char shown[3 * CHECK_LINE_LIMIT];

        lubdub_escape_value(shown, sizeof shown, check->said, check->said_length);
        lubdub_log_info("the check's result changed health=%s was=%s said=%s", lubdub_health_word(health),
                        check->has_result ? lubdub_health_word(check->health) : "unknown", shown);
    }
    check->health = health;
    check->has_result = true;
    check->on_result(check->user_data);
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
    read_output(check);
    close_output(check);
    lubdub_command_kill(child->pid); /* what it left in its group */
    child->pid = 0;
    keep_line(check);
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
    pid_t process = -1;
    int output;
    (void)revents;

    if (check->child.pid != 0) {
        return; /* the last check runs still */
    }
    output = open_output(check);
    if (output != -1) {
        process = lubdub_command_start(check->command, NULL, output);
    }
    if (process == -1) {
        lubdub_log_peer(LUBDUB_LOG_ERROR, "the check cannot be started error=\"%s\"", strerror(errno));
    }
    if (output != -1) {
        close(output);
    }
    if (process == -1) {
        close_output(check);
        check->said_length = 0;
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
                 lubdub_duration timeout, void (*on_result)(void *user_data), void *user_data)
{
    memset(check, 0, sizeof *check);
    check->loop = loop;
    check->command = command;
    check->timeout = timeout;
    check->on_result = on_result;
    check->user_data = user_data;
    ev_timer_init(&check->next, on_next, 0, in_seconds(interval));
    ev_timer_init(&check->limit, on_limit, 0, in_seconds(timeout));
    ev_child_init(&check->child, on_exit_of, 0, 0);
    ev_io_init(&check->output, on_output, -1, EV_READ);
    check->next.data = check->limit.data = check->child.data = check->output.data = check;
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
    close_output(check);
}
