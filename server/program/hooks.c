/*
 * Starts runs in a thread of its own and learns from libev's loop which have ended.
 *
 *     any thread           queue ──┐                    ┌── posix_spawn
 *     libev's loop   ends of children ──┤   the thread  ├── what a run writes
 *                      (an eventfd wakes it)            └── time limits
 */
#define _GNU_SOURCE
#include "server/program/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ev/clock.h"
#include "ev/thread.h"
#include "program/events/escape.h"
#include "program/events/json.h"
#include "program/events/log.h"
#include "program/process/command.h"
#include "server/program/hook_queue.h"

#define SAID_MAX 512
#define BATCH_EVENTS 256
#define BATCH_BYTES ((size_t)256 * 1024)
#define LINE_SIZE ((size_t)32 * 1024) /* what an event can need as JSON */
#define NAMES_MAX 32
#define ENDS_MAX 256
#define AFTER_KILL LUBDUB_SECOND /* then a run counts as ended, although its end was not told */
#define REAP_EVERY (10 * LUBDUB_MILLISECOND)

struct run {
    pid_t process; /* 0: free */
    uint64_t subject;
    lubdub_time limit_at;
    bool is_killed;
    int output; /* what it writes; -1: closed */
    size_t said_length;
    char said[SAID_MAX];
};

struct end {
    pid_t process;
    int status;
};

struct hooks {
    const char *program;
    bool is_batch;
    lubdub_duration timeout;
    bool takes_all;
    char names[NAMES_MAX][24];
    size_t name_count;
    atomic_uint_least64_t results[HOOKS_RESULTS];

    struct ev_loop *loop;
    ev_child child; /* any child of the process */
    pthread_t thread;
    int wake;

    pthread_mutex_t lock; /* of all below to the next blank line */
    struct hook_queue queue;
    struct end ends[ENDS_MAX];
    size_t end_count;
    bool is_leaving; /* the thread reaps by itself from now on */
    lubdub_time leave_at;

    struct run runs[HOOKS_AT_ONCE]; /* the thread's, as is all below */
    struct lubdub_event_line line;
    char *text; /* JSON */
};

const char *hooks_result_word(enum hooks_result result)
{
    switch (result) {
    case HOOKS_OK:
        return "ok";
    case HOOKS_FAILED:
        return "failed";
    case HOOKS_KILLED:
        return "killed";
    case HOOKS_UNSTARTED:
        return "unstarted";
    case HOOKS_DROPPED:
        return "dropped";
    case HOOKS_RESULTS:
        break;
    }
    return "unknown";
}

static void count(struct hooks *hooks, enum hooks_result result, size_t number)
{
    atomic_fetch_add(&hooks->results[result], number);
}

static void wake(struct hooks *hooks)
{
    const uint64_t one = 1;

    if (write(hooks->wake, &one, sizeof one) < 0) {
        return; /* it is awake: the counter is full */
    }
}

/* ---- which events ---- */

static const char *const known[] = {"listening",    "connected", "message",  "health", "late",       "recovered",
                                    "disconnected", "gone",      "rejected", "paused", "suspicious", "draining",
                                    "stopped",      "summary",   "missing",  "found",  "outage",     "flapping"};

static bool is_known(const char *name, size_t length)
{
    size_t i;

    for (i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strlen(known[i]) == length && memcmp(known[i], name, length) == 0) {
            return true;
        }
    }
    return length == 3 && memcmp(name, "all", 3) == 0;
}

static size_t length_of_name(const char *list)
{
    return strcspn(list, ",");
}

const char *hooks_judge_events(const char *list, void *field)
{
    size_t names = 1;
    (void)field;

    for (;;) {
        size_t length = length_of_name(list);

        if (!is_known(list, length) || names++ > NAMES_MAX) {
            return "must be names of the server's events with commas between them, such as "
                   "connected,disconnected,late; "
                   "or all";
        }
        if (list[length] == '\0') {
            return NULL;
        }
        list += length + 1;
    }
}

/* The list was judged. */
static void take_names(struct hooks *hooks, const char *list)
{
    while (hooks->name_count < NAMES_MAX) {
        size_t length = length_of_name(list);

        if (length == 3 && memcmp(list, "all", 3) == 0) {
            hooks->takes_all = true;
        }
        memcpy(hooks->names[hooks->name_count++], list, length); /* of a known name; zeroed behind it */
        if (list[length] == '\0') {
            return;
        }
        list += length + 1;
    }
}

static bool is_wanted(const struct hooks *hooks, const char *event)
{
    size_t i;

    for (i = 0; i < hooks->name_count && !hooks->takes_all; i++) {
        if (strcmp(hooks->names[i], event) == 0) {
            return true;
        }
    }
    return hooks->takes_all;
}

/* ---- what a run writes ---- */

static void close_output(struct run *run)
{
    if (run->output >= 0) {
        close(run->output);
        run->output = -1;
    }
}

/* Once a turn: a run that writes without end must not keep the thread here. */
static void read_output(struct run *run)
{
    char bytes[4096];
    ssize_t length = read(run->output, bytes, sizeof bytes);
    size_t kept;

    if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (length <= 0) {
        close_output(run);
        return;
    }
    kept = sizeof run->said - run->said_length < (size_t)length ? sizeof run->said - run->said_length : (size_t)length;
    memcpy(run->said + run->said_length, bytes, kept);
    run->said_length += kept;
}

static void log_output(const struct run *run)
{
    char shown[SAID_MAX + 128];
    size_t length = run->said_length;

    while (length > 0 && run->said[length - 1] == '\n') {
        length--;
    }
    if (length > 0) {
        lubdub_escape_value(shown, sizeof shown, run->said, length);
        lubdub_log_peer(LUBDUB_LOG_INFO, "a hook wrote process=%ld text=%s", (long)run->process, shown);
    }
}

/* ---- the end of a run ---- */

static void end_run(struct hooks *hooks, struct run *run, int status)
{
    lubdub_command_kill(run->process); /* what it left behind in its group */
    if (run->output >= 0) {
        read_output(run);
    }
    close_output(run);
    log_output(run);
    if (run->is_killed) {
        count(hooks, HOOKS_KILLED, 1);
    } else if (WIFSIGNALED(status)) {
        count(hooks, HOOKS_FAILED, 1);
        lubdub_log_peer(LUBDUB_LOG_WARNING, "a hook was killed process=%ld signal=%d", (long)run->process,
                        WTERMSIG(status));
    } else if (WEXITSTATUS(status) != 0) {
        count(hooks, HOOKS_FAILED, 1);
        lubdub_log_peer(LUBDUB_LOG_WARNING, "a hook failed process=%ld status=%d", (long)run->process,
                        WEXITSTATUS(status));
    } else {
        count(hooks, HOOKS_OK, 1);
    }
    run->process = 0;
}

static void end_process(struct hooks *hooks, pid_t process, int status)
{
    size_t i;

    for (i = 0; i < HOOKS_AT_ONCE; i++) {
        if (hooks->runs[i].process == process) {
            end_run(hooks, &hooks->runs[i], status);
        }
    }
}

/* Ends that the loop told. All processes of ours are in runs[] by now, so an unknown one is another's: an orphan's. */
static void take_ends(struct hooks *hooks)
{
    struct end ends[ENDS_MAX];
    size_t end_count;
    size_t i;

    pthread_mutex_lock(&hooks->lock);
    end_count = hooks->end_count;
    memcpy(ends, hooks->ends, end_count * sizeof ends[0]);
    hooks->end_count = 0;
    pthread_mutex_unlock(&hooks->lock);
    for (i = 0; i < end_count; i++) {
        end_process(hooks, ends[i].process, ends[i].status);
    }
}

static void reap(struct hooks *hooks)
{
    int status;
    pid_t process;

    while ((process = waitpid(-1, &status, WNOHANG)) > 0) {
        end_process(hooks, process, status);
    }
}

static void on_child(struct ev_loop *loop, ev_child *child, int revents)
{
    struct hooks *hooks = child->data;
    (void)loop, (void)revents;

    pthread_mutex_lock(&hooks->lock);
    if (hooks->end_count < ENDS_MAX) { /* one that is left out is missed at its time limit */
        hooks->ends[hooks->end_count++] = (struct end){child->rpid, child->rstatus};
    }
    pthread_mutex_unlock(&hooks->lock);
    wake(hooks);
}

/* ---- time limits ---- */

static void mind_limit(struct hooks *hooks, struct run *run, lubdub_time now)
{
    if (run->process == 0 || now < run->limit_at) {
        return;
    }
    if (run->is_killed) {
        if (kill(run->process, 0) != 0) {
            end_run(hooks, run, 0); /* its end was missed */
        }
        run->limit_at = lubdub_time_after(now, AFTER_KILL);
        return;
    }
    if (lubdub_time_between(run->limit_at, now) > hooks->timeout / 4) {
        run->limit_at = lubdub_time_after(now, hooks->timeout); /* we were stopped, and it probably was, too */
        return;
    }
    lubdub_log_peer(LUBDUB_LOG_WARNING, "a hook takes too long and is killed process=%ld", (long)run->process);
    run->is_killed = true;
    run->limit_at = lubdub_time_after(now, AFTER_KILL);
    lubdub_command_kill(run->process);
}

static lubdub_time mind_limits(struct hooks *hooks, lubdub_time now)
{
    lubdub_time next = LUBDUB_TIME_NEVER;
    size_t i;

    for (i = 0; i < HOOKS_AT_ONCE; i++) {
        mind_limit(hooks, &hooks->runs[i], now);
        if (hooks->runs[i].process != 0 && hooks->runs[i].limit_at < next) {
            next = hooks->runs[i].limit_at;
        }
    }
    return next;
}

/* ---- the beginning of a run ---- */

static struct run *free_run(struct hooks *hooks)
{
    size_t at_once = hooks->is_batch ? 1 : HOOKS_AT_ONCE;
    size_t i;

    for (i = 0; i < at_once; i++) {
        if (hooks->runs[i].process == 0) {
            return &hooks->runs[i];
        }
    }
    return NULL;
}

static struct hook_item *take_item(struct hooks *hooks)
{
    uint64_t busy[HOOKS_AT_ONCE];
    size_t busy_count = 0;
    struct hook_item *item;
    size_t i;

    for (i = 0; i < HOOKS_AT_ONCE && !hooks->is_batch; i++) {
        if (hooks->runs[i].process != 0) {
            busy[busy_count++] = hooks->runs[i].subject;
        }
    }
    pthread_mutex_lock(&hooks->lock);
    item = hook_queue_take(&hooks->queue, busy, busy_count);
    pthread_mutex_unlock(&hooks->lock);
    return item;
}

/* A file in memory: a run may read it late, twice or not at all, and no writer waits for that. */
static int open_input(void)
{
    return memfd_create("lubdub-hook", MFD_CLOEXEC);
}

static bool write_line(struct hooks *hooks, int input, const struct lubdub_event_line *line)
{
    size_t length = lubdub_event_line_json(line, hooks->text, LINE_SIZE - 1);
    size_t done = 0;

    if (length == 0) {
        return false;
    }
    hooks->text[length++] = '\n';
    while (done < length) {
        ssize_t written = write(input, hooks->text + done, length - done);

        if (written <= 0) {
            return false;
        }
        done += (size_t)written;
    }
    return true;
}

/* One event, or a batch of them, into the input; and the line that becomes the environment. */
static bool write_input(struct hooks *hooks, struct run *run, int input, struct hook_item *item)
{
    uint64_t events = 0;
    size_t bytes = 0;
    bool is_whole = true;

    run->subject = item->subject;
    while (item != NULL) {
        lubdub_event_kept_line(item->kept, &hooks->line);
        bytes += item->kept->length;
        hook_item_free(item);
        is_whole = write_line(hooks, input, &hooks->line) && is_whole;
        events++;
        item = hooks->is_batch && events < BATCH_EVENTS && bytes < BATCH_BYTES ? take_item(hooks) : NULL;
    }
    if (hooks->is_batch) {
        lubdub_event_line_begin_now(&hooks->line, "batch");
        lubdub_event_line_number(&hooks->line, "count", events);
    }
    return is_whole && lseek(input, 0, SEEK_SET) == 0;
}

static bool start_process(struct hooks *hooks, struct run *run, int input)
{
    int output[2];

    if (pipe2(output, O_CLOEXEC) != 0) {
        return false;
    }
    (void)fcntl(output[0], F_SETFL, O_NONBLOCK);
    run->process = lubdub_command_start_program(hooks->program, &hooks->line, input, output[1]);
    close(output[1]);
    if (run->process == -1) {
        run->process = 0;
        close(output[0]);
        return false;
    }
    run->output = output[0];
    run->said_length = 0;
    run->is_killed = false;
    run->limit_at = lubdub_time_after(lubdub_clock_now(), hooks->timeout);
    return true;
}

static void start_run(struct hooks *hooks, struct run *run, struct hook_item *item)
{
    int input = open_input();
    bool is_written = false;

    if (input >= 0) {
        is_written = write_input(hooks, run, input, item);
    } else {
        hook_item_free(item);
    }
    if (!is_written || !start_process(hooks, run, input)) {
        count(hooks, HOOKS_UNSTARTED, 1);
        lubdub_log_peer(LUBDUB_LOG_ERROR, "a hook cannot be started error=\"%s\"", strerror(errno));
    }
    if (input >= 0) {
        close(input);
    }
}

static void start_runs(struct hooks *hooks)
{
    struct hook_item *item;
    struct run *run;

    while ((run = free_run(hooks)) != NULL && (item = take_item(hooks)) != NULL) {
        start_run(hooks, run, item);
    }
}

/* ---- the thread ---- */

static bool has_runs(const struct hooks *hooks)
{
    size_t i;

    for (i = 0; i < HOOKS_AT_ONCE; i++) {
        if (hooks->runs[i].process != 0) {
            return true;
        }
    }
    return false;
}

/* After the time to leave: what runs is killed, what waits is left out. */
static void cut_short(struct hooks *hooks, lubdub_time now)
{
    size_t i;

    pthread_mutex_lock(&hooks->lock);
    count(hooks, HOOKS_DROPPED, hook_queue_clear(&hooks->queue));
    pthread_mutex_unlock(&hooks->lock);
    for (i = 0; i < HOOKS_AT_ONCE; i++) {
        if (hooks->runs[i].process != 0 && !hooks->runs[i].is_killed) {
            hooks->runs[i].is_killed = true;
            hooks->runs[i].limit_at = lubdub_time_after(now, AFTER_KILL);
            lubdub_command_kill(hooks->runs[i].process);
        }
    }
}

/* Returns whether nothing is left to do here. */
static bool leave(struct hooks *hooks, lubdub_time now)
{
    bool is_leaving;
    bool is_empty;
    lubdub_time leave_at;

    pthread_mutex_lock(&hooks->lock);
    is_leaving = hooks->is_leaving;
    leave_at = hooks->leave_at;
    is_empty = hooks->queue.count == 0;
    pthread_mutex_unlock(&hooks->lock);
    if (!is_leaving) {
        return false;
    }
    reap(hooks);
    if (now >= leave_at) {
        cut_short(hooks, now);
        return !has_runs(hooks) || now >= lubdub_time_after(leave_at, 2 * AFTER_KILL);
    }
    return is_empty && !has_runs(hooks);
}

static int poll_time(struct hooks *hooks, lubdub_time now, lubdub_time next)
{
    bool is_leaving;

    pthread_mutex_lock(&hooks->lock);
    is_leaving = hooks->is_leaving;
    pthread_mutex_unlock(&hooks->lock);
    if (is_leaving) {
        return REAP_EVERY / LUBDUB_MILLISECOND;
    }
    if (next == LUBDUB_TIME_NEVER) {
        return -1;
    }
    return (int)(lubdub_time_between(now, next) / LUBDUB_MILLISECOND) + 1;
}

static void wait_for_news(struct hooks *hooks, int timeout)
{
    struct pollfd polled[HOOKS_AT_ONCE + 1];
    uint64_t count_of_wakes;
    size_t i;

    for (i = 0; i < HOOKS_AT_ONCE; i++) {
        bool is_open = hooks->runs[i].process != 0 && hooks->runs[i].output >= 0;

        polled[i] = (struct pollfd){.fd = is_open ? hooks->runs[i].output : -1, .events = POLLIN};
    }
    polled[HOOKS_AT_ONCE] = (struct pollfd){.fd = hooks->wake, .events = POLLIN};
    if (poll(polled, HOOKS_AT_ONCE + 1, timeout) <= 0) {
        return;
    }
    if (polled[HOOKS_AT_ONCE].revents != 0 && read(hooks->wake, &count_of_wakes, sizeof count_of_wakes) < 0) {
        return;
    }
    for (i = 0; i < HOOKS_AT_ONCE; i++) {
        if (polled[i].revents != 0) {
            read_output(&hooks->runs[i]);
        }
    }
}

static void *work(void *argument)
{
    struct hooks *hooks = argument;

    for (;;) {
        lubdub_time now = lubdub_clock_now();
        lubdub_time next;

        take_ends(hooks);
        next = mind_limits(hooks, now);
        if (leave(hooks, now)) {
            return NULL;
        }
        start_runs(hooks);
        if (next == LUBDUB_TIME_NEVER && has_runs(hooks)) {
            next = lubdub_time_after(now, hooks->timeout);
        }
        wait_for_news(hooks, poll_time(hooks, now, next));
    }
}

/* ---- for the owner ---- */

static int start_thread(struct hooks *hooks)
{
    return lubdub_thread_start(&hooks->thread, work, hooks, "lubdub-hooks");
}

static void free_all(struct hooks *hooks)
{
    if (hooks->wake >= 0) {
        close(hooks->wake);
    }
    hook_queue_clear(&hooks->queue);
    free(hooks->text);
    free(hooks);
}

int hooks_open(struct hooks **opened, const struct hooks_settings *settings, struct ev_loop *loop)
{
    struct hooks *hooks = calloc(1, sizeof *hooks);
    int error;

    if (hooks == NULL) {
        return ENOMEM;
    }
    hooks->program = settings->program;
    hooks->is_batch = settings->is_batch;
    hooks->timeout = settings->timeout;
    take_names(hooks, settings->events != NULL ? settings->events : HOOKS_DEFAULT_EVENTS);
    hooks->loop = loop;
    hooks->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    hooks->text = malloc(LINE_SIZE);
    error = hooks->wake < 0 ? errno : hooks->text == NULL ? ENOMEM : pthread_mutex_init(&hooks->lock, NULL);
    if (error == 0) {
        error = start_thread(hooks);
    }
    if (error != 0) {
        free_all(hooks);
        return error;
    }
    ev_child_init(&hooks->child, on_child, 0, 0);
    hooks->child.data = hooks;
    ev_child_start(loop, &hooks->child);
    ev_unref(loop); /* it alone keeps no program running */
    *opened = hooks;
    return 0;
}

void hooks_tell(struct hooks *hooks, const struct lubdub_event_line *line)
{
    size_t left_out;

    if (hooks == NULL || !is_wanted(hooks, line->event)) {
        return;
    }
    pthread_mutex_lock(&hooks->lock);
    left_out = hook_queue_put(&hooks->queue, line);
    pthread_mutex_unlock(&hooks->lock);
    if (left_out > 0) {
        count(hooks, HOOKS_DROPPED, left_out);
        lubdub_log_peer(LUBDUB_LOG_WARNING, "events are left out, as too many wait for the hook count=%zu", left_out);
    }
    wake(hooks);
}

uint64_t hooks_count(const struct hooks *hooks, enum hooks_result result)
{
    return hooks != NULL ? atomic_load(&hooks->results[result]) : 0;
}

void hooks_close(struct hooks *hooks, lubdub_duration patience)
{
    if (hooks == NULL) {
        return;
    }
    ev_ref(hooks->loop);
    ev_child_stop(hooks->loop, &hooks->child);
    pthread_mutex_lock(&hooks->lock);
    hooks->is_leaving = true;
    hooks->leave_at = lubdub_time_after(lubdub_clock_now(), patience);
    pthread_mutex_unlock(&hooks->lock);
    wake(hooks);
    pthread_join(hooks->thread, NULL);
    pthread_mutex_destroy(&hooks->lock);
    free_all(hooks);
}
