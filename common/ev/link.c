/* Bytes between a socket and a session, in steps. */
#include "ev/link.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ev/clock.h"
#include "ev/container_of.h"
#include "core/session_quick.h"
#include "ev/socket.h"

/* Reads before a verdict: all that had arrived, but no peer keeps us here for ever. */
#define READS_BEFORE_VERDICT 256

/*
 * One go at a link, on the stack of the function that began it.
 *
 * The loop begins a link's own step: that one reads, calls back and closes. A caller begins a step for what it asks of
 * the link, perhaps from inside a callback that another link's step made. Such a step writes and does nothing else:
 * reading would put bytes into the buffer from which the outer step still feeds, and calling back would enter the
 * application while it is in the middle of something. What it finds is left to the link's own step, which is due at once.
 */
struct lubdub_step {
    struct lubdub_link *link;
    struct lubdub_turn turn;
    struct lubdub_step *outer;
    size_t outer_capacity; /* lent to this step while it runs */
    bool is_call;          /* a caller began it */
    bool is_last;          /* what is written now, as shutdown() and close() follow */
    bool may_close_later;  /* its socket was one of many that were ready */
};

static bool settle(struct lubdub_step *step);

/* ---- links that broke in a call ---- */

/*
 * The errno with which a call found the connection broken, until the link's own step tells it; 0: none. The watcher is
 * stopped then and libev does not look at its events, so that the number lies there, negative: a link has no byte more.
 */
static int broken_by(const struct lubdub_link *link)
{
    return link->io.events < 0 ? -link->io.events : 0;
}

/* Takes the link out of the loop until its own step, which is due now. */
static void defer(struct lubdub_step *step)
{
    struct lubdub_reactor *reactor = lubdub_link_group(step->link)->reactor;

    ev_io_stop(reactor->loop, &step->link->io);
    lubdub_reactor_set(reactor, &step->link->deadline, step->turn.now);
}

/* ---- steps ---- */

static struct lubdub_step *running_step(const struct lubdub_link *link)
{
    struct lubdub_step *step = lubdub_link_group(link)->reactor->step;

    while (step != NULL && step->link != link) {
        step = step->outer;
    }
    return step;
}

/*
 * A step inside another one uses what is left of the same buffer; the outer one has no room while it runs, so that
 * what is put into it from within goes to its outbox.
 */
static void begin(struct lubdub_step *step, struct lubdub_link *link, lubdub_time now)
{
    struct lubdub_link_group *group = lubdub_link_group(link);
    struct lubdub_reactor *reactor = group->reactor;
    struct lubdub_step *outer = reactor->step;

    step->link = link;
    step->outer = outer;
    step->is_call = false;
    step->is_last = false;
    step->may_close_later = false;
    step->turn = (struct lubdub_turn){
        .now = now,
        .settings = group->settings,
        .path = LUBDUB_PATH_UNKNOWN,
        .suspects_ourselves = reactor->suspicion.is_there,
        .output = reactor->output,
        .output_capacity = reactor->output_capacity,
    };
    if (outer != NULL) {
        step->turn.output = outer->turn.output + outer->turn.output_length;
        step->turn.output_capacity = outer->turn.output_capacity - outer->turn.output_length;
        step->outer_capacity = outer->turn.output_capacity;
        outer->turn.output_capacity = outer->turn.output_length;
    }
    reactor->step = step;
    group->step_count++;
    lubdub_reactor_enter(reactor);
}

static void pop(struct lubdub_step *step, struct lubdub_reactor *reactor)
{
    reactor->step = step->outer;
    if (step->outer != NULL) {
        step->outer->turn.output_capacity = step->outer_capacity;
    }
}

/* Returns whether the link is still there. */
static bool end(struct lubdub_step *step)
{
    struct lubdub_link_group *group = lubdub_link_group(step->link);
    struct lubdub_reactor *reactor = group->reactor;
    bool is_alive = settle(step);

    pop(step, reactor);
    group->step_count--;
    if (!step->is_call && group->step_count == 0 && group->on_rest != NULL) {
        group->on_rest(group);
    }
    lubdub_reactor_leave(reactor);
    return is_alive;
}

/*
 * The kernel's timers follow from the deadlines of a session that is up. Nothing to do for the many who were granted
 * what their listener was set up for.
 */
static void tune(struct lubdub_link *link, bool is_first)
{
    struct lubdub_link_group *group = lubdub_link_group(link);
    const struct lubdub_session_settings *settings = group->settings;
    lubdub_duration expiry = lubdub_session_expiry(&link->session);
    struct lubdub_tuning wanted;

    if (link->session.role == LUBDUB_ROLE_CLIENT) {
        wanted = lubdub_tuning_for(lubdub_duration_shorter(settings->timeout, expiry),
                                   settings->stays_connected ? 0 : lubdub_duration_longer(settings->timeout, expiry));
    } else {
        wanted = lubdub_tuning_of_server(lubdub_session_interval(&link->session), expiry);
    }
    lubdub_tuning_set(link->io.fd, &wanted, is_first ? &group->inherited : NULL);
}

static void tell(struct lubdub_step *step, const struct lubdub_event *event)
{
    if (event->kind == LUBDUB_EVENT_UP || event->kind == LUBDUB_EVENT_GRANT_CHANGED) {
        tune(step->link, event->kind == LUBDUB_EVENT_UP);
    }
    if (event->kind == LUBDUB_EVENT_LATE || event->kind == LUBDUB_EVENT_RECOVERED) {
        lubdub_suspicion_count(&lubdub_link_group(step->link)->reactor->suspicion, 0,
                               event->kind == LUBDUB_EVENT_LATE ? 1 : -1);
    }
    lubdub_link_group(step->link)->on_event(step->link, event, step->turn.now);
}

/* ---- reading ---- */

static void feed(struct lubdub_step *step, const uint8_t *input, size_t length)
{
    struct lubdub_event event;

    for (;;) {
        size_t taken = lubdub_session_receive(&step->link->session, &step->turn, input, length, &event);

        if (event.kind == LUBDUB_EVENT_NONE) {
            return;
        }
        input += taken;
        length -= taken;
        tell(step, &event);
    }
}

static void end_input(struct lubdub_step *step, enum lubdub_cause how)
{
    struct lubdub_event event;

    lubdub_session_receive_end(&step->link->session, &step->turn, how, &event);
    if (event.kind != LUBDUB_EVENT_NONE) {
        tell(step, &event);
    }
}

static bool listens(const struct lubdub_session *session)
{
    return lubdub_session_state(session) != LUBDUB_SESSION_CLOSED && lubdub_session_wants_input(session);
}

/* Returns as recv(). */
static ssize_t read_socket(const struct lubdub_link *link)
{
    return lubdub_socket_receive(link->io.fd, lubdub_link_group(link)->reactor->input, LUBDUB_INPUT_SIZE);
}

/* Handles what read_socket() returned, and its errno. Returns whether there may be more. */
static bool take(struct lubdub_step *step, ssize_t length, int error)
{
    if (length > 0) {
        feed(step, lubdub_link_group(step->link)->reactor->input, (size_t)length);
        return length == LUBDUB_INPUT_SIZE;
    }
    if (length == 0) {
        end_input(step, LUBDUB_CAUSE_CLOSED);
    } else if (error == EINTR) {
        return true;
    } else if (error != EAGAIN && error != EWOULDBLOCK) {
        end_input(step, lubdub_socket_cause(error));
    }
    return false;
}

/* Reads once. Returns whether there may be more. */
static bool read_some(struct lubdub_step *step)
{
    ssize_t length;

    if (!listens(&step->link->session)) {
        return false;
    }
    length = read_socket(step->link);
    return take(step, length, errno);
}

static bool flush(struct lubdub_step *step);

/* What already arrived counts before the deadline does (docs/protocol.md, section 5, Expiry). */
static void read_all(struct lubdub_step *step)
{
    unsigned reads;

    for (reads = 0; reads < READS_BEFORE_VERDICT && read_some(step); reads++) {
        flush(step); /* the answers make room for the next input */
    }
}

/* ---- writing ---- */

/*
 * What the peer sent before the connection broke. The kernel tells an error once; the end of file after it says
 * nothing.
 */
static void read_rest(struct lubdub_step *step)
{
    struct lubdub_link *link = step->link;
    ssize_t length;

    do {
        step->turn.output_sent = step->turn.output_length; /* answers find nobody any more */
        length = listens(&link->session) ? read_socket(link) : 0;
        if (length > 0) {
            feed(step, lubdub_link_group(link)->reactor->input, (size_t)length);
        }
    } while (length > 0);
}

/* The connection broke under our hands. What the peer sent before is handled first; after a call, later. */
static void break_off(struct lubdub_step *step, int error)
{
    if (step->is_call) {
        defer(step);
        step->link->io.events = -error;
    } else {
        read_rest(step);
        end_input(step, lubdub_socket_cause(error));
    }
    step->turn.output_length = step->turn.output_sent = 0;
}

/* What errno says after send(): not that it is to wait or to try again. */
static bool is_broken(int error)
{
    return error != EAGAIN && error != EWOULDBLOCK && error != ENOBUFS && error != EINTR;
}

/* Writes what the kernel takes and keeps the rest. Returns false when the connection broke. */
static bool flush(struct lubdub_step *step)
{
    struct lubdub_session *session = &step->link->session;
    const uint8_t *output;
    size_t length;

    /* A probe's timer starts when it is handed over, however late we come to it. */
    if (session->role == LUBDUB_ROLE_CLIENT && step->turn.output_length > 0) {
        step->turn.now = lubdub_clock_now();
    }
    while ((output = lubdub_session_output(session, &step->turn, &length)) != NULL) {
        int socket = step->link->io.fd;
        ssize_t sent = step->is_last ? lubdub_socket_send_last(socket, output, length)
                                     : lubdub_socket_send(socket, output, length);

        if (sent >= 0) {
            lubdub_session_sent(session, &step->turn, (size_t)sent);
            if ((size_t)sent < length) {
                break;
            }
        } else if (is_broken(errno)) {
            break_off(step, errno);
            return false;
        } else if (errno != EINTR) {
            break;
        }
    }
    (void)lubdub_session_end_turn(session, &step->turn); /* without memory the session closes, and tick() says so */
    return true;
}

/* ---- deadlines ---- */

/* What the kernel says of the peer's machine, at the moment of a verdict or a look. */
static void look_at_path(struct lubdub_step *step)
{
    struct lubdub_evidence evidence;
    lubdub_time now = step->turn.now;

    lubdub_socket_look(step->link->io.fd, &evidence);
    step->turn.round_trip = evidence.round_trip;
    step->turn.path = lubdub_socket_path(
        &evidence,
        lubdub_session_asked_since(&step->link->session, now > evidence.ack_delay ? now - evidence.ack_delay : 0));
}

/* Does what is due. A verdict takes what the kernel says of the path. */
static void tick(struct lubdub_step *step)
{
    struct lubdub_link *link = step->link;
    struct lubdub_event event;

    if (lubdub_session_verdict_is_due(&link->session, step->turn.settings, step->turn.now)) {
        look_at_path(step);
    }
    do {
        lubdub_session_tick(&link->session, &step->turn, &event);
        if (event.kind != LUBDUB_EVENT_NONE) {
            tell(step, &event);
        }
    } while (event.kind != LUBDUB_EVENT_NONE);
}

/* A step may have made something due at once: the first probe after WELCOME. Then sees to the timer. */
static void mind_deadline(struct lubdub_step *step)
{
    struct lubdub_link *link = step->link;
    struct lubdub_link_group *group = lubdub_link_group(link);
    struct lubdub_session *session = &link->session;
    lubdub_time deadline;

    if (!lubdub_session_take_closer_deadline(session) && lubdub_deadline_is_set(&link->deadline)) {
        return;
    }
    deadline = lubdub_session_deadline(session, group->settings);
    if (deadline <= step->turn.now && !lubdub_session_verdict_is_due(session, group->settings, step->turn.now)) {
        tick(step);
        flush(step);
        (void)lubdub_session_take_closer_deadline(session);
        deadline = lubdub_session_deadline(session, group->settings);
    }
    lubdub_reactor_note_patience(group->reactor, lubdub_session_patience(session, group->settings));
    lubdub_reactor_set(group->reactor, &link->deadline, deadline);
}

/* ---- the one tail of every step ---- */

static void stop(struct lubdub_link *link)
{
    struct lubdub_link_group *group = lubdub_link_group(link);

    ev_io_stop(group->reactor->loop, &link->io);
    lubdub_suspicion_count(&group->reactor->suspicion, -1, link->session.is_late ? -1 : 0);
    lubdub_deadlines_cancel(&link->deadline);
    lubdub_session_clear(&link->session);
}

static void watch(struct lubdub_link *link)
{
    struct ev_loop *loop = lubdub_link_group(link)->reactor->loop;
    int wanted = (lubdub_session_wants_input(&link->session) ? EV_READ : 0) |
                 (lubdub_session_has_output(&link->session) ? EV_WRITE : 0);

    if ((link->io.events & (EV_READ | EV_WRITE)) != wanted) {
        ev_io_stop(loop, &link->io);
        ev_io_set(&link->io, link->io.fd, wanted);
        ev_io_start(loop, &link->io);
    }
}

/* The end of a step that a caller began: no reading, no callback, no close(). Those are left to the link's own step. */
static void settle_call(struct lubdub_step *step)
{
    struct lubdub_link *link = step->link;
    struct lubdub_link_group *group = lubdub_link_group(link);
    struct lubdub_session *session = &link->session;

    if (broken_by(link) != 0 || !flush(step)) {
        return;
    }
    if (lubdub_session_state(session) == LUBDUB_SESSION_CLOSED) {
        if (step->is_last) {
            shutdown(link->io.fd, SHUT_WR);
        }
        defer(step);
        return;
    }
    if (lubdub_session_take_closer_deadline(session) || !lubdub_deadline_is_set(&link->deadline)) {
        lubdub_reactor_note_patience(group->reactor, lubdub_session_patience(session, group->settings));
        lubdub_reactor_set(group->reactor, &link->deadline, lubdub_session_deadline(session, group->settings));
    }
    if (lubdub_session_state(session) == LUBDUB_SESSION_LEAVING && !lubdub_session_has_output(session)) {
        shutdown(link->io.fd, SHUT_WR);
    }
    watch(link);
}

/* Returns whether the link is still there. */
static bool settle(struct lubdub_step *step)
{
    struct lubdub_link *link = step->link;
    struct lubdub_session *session = &link->session;
    size_t length;

    step->is_last = lubdub_session_state(session) == LUBDUB_SESSION_CLOSED &&
                    lubdub_session_output(session, &step->turn, &length) != NULL;
    if (step->is_call) {
        settle_call(step);
        return true;
    }
    if (flush(step) && lubdub_session_state(session) != LUBDUB_SESSION_CLOSED) {
        mind_deadline(step);
    }
    if (lubdub_session_state(session) == LUBDUB_SESSION_CLOSED) {
        int socket = link->io.fd;

        tick(step); /* an end for want of memory is told here */
        if (step->is_last) {
            shutdown(socket, SHUT_WR); /* not left to close(), which sends nothing but an RST where bytes lie unread */
        }
        /*
         * All is told, and what is left is the half of an end that the kernel takes for close(). Among the deadlines it
         * waits for its turn: else thousands that leave together would be closed in one turn, and the living wait.
         */
        if (step->may_close_later && lubdub_reactor_note_end(lubdub_link_group(link)->reactor)) {
            defer(step);
            return true;
        }
        stop(link);
        close(socket);
        lubdub_link_group(link)->on_closed(link);
        return false;
    }
    if (lubdub_session_state(session) == LUBDUB_SESSION_LEAVING && !lubdub_session_has_output(session)) {
        shutdown(link->io.fd, SHUT_WR);
    }
    watch(link);
    return true;
}

/* ---- what wakes a link ---- */

/* The link's own step; the loop began it, and no callback of ours is running on this loop. */
static void begin_own(struct lubdub_step *step, struct lubdub_link *link, lubdub_time now)
{
    assert(lubdub_link_group(link)->reactor->step == NULL); /* an application must not run the loop in a callback */
    begin(step, link, now);
}

/* The kernel did not take the whole ack: a step sees to the rest. */
static void finish_ack(struct lubdub_link *link, lubdub_time now, size_t length, ssize_t sent, int error)
{
    struct lubdub_step step;

    begin_own(&step, link, now);
    memcpy(step.turn.output, lubdub_link_group(link)->reactor->input, length);
    step.turn.output_length = length;
    step.turn.output_sent = sent > 0 ? (size_t)sent : 0;
    if (sent < 0 && is_broken(error)) {
        break_off(&step, error);
    }
    end(&step);
}

/* What nearly all input is: a probe that wants its ack and nothing else. Returns false where a step is needed. */
static bool answer_quickly(struct lubdub_link *link, lubdub_time now, size_t length)
{
    struct lubdub_reactor *reactor = lubdub_link_group(link)->reactor;
    ssize_t sent;

    if (reactor->step != NULL || !lubdub_session_answer_quickly(&link->session, lubdub_link_group(link)->settings, now,
                                                                reactor->input, length)) {
        return false;
    }
    sent = lubdub_socket_send(link->io.fd, reactor->input, length);
    if (sent != (ssize_t)length) {
        finish_ack(link, now, length, sent, errno);
    }
    return true;
}

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
    struct lubdub_link *link = container_of(io, struct lubdub_link, io);
    lubdub_time now = lubdub_reactor_now(lubdub_link_group(link)->reactor);
    bool has_read = (revents & (EV_READ | EV_ERROR)) == EV_READ; /* watched for input, so it listens */
    struct lubdub_step step;
    ssize_t length = 0;
    int error = 0;
    (void)loop;

    if (!lubdub_reactor_serves(lubdub_link_group(link)->reactor, now) && (revents & EV_ERROR) == 0) {
        return; /* ready it stays */
    }
    if (has_read) {
        __builtin_prefetch(&link->session); /* it is there when the kernel is done */
        length = read_socket(link);
        error = errno;
        if (length > 0 && answer_quickly(link, now, (size_t)length)) {
            return;
        }
    }
    begin_own(&step, link, now);
    step.may_close_later = link->session.role == LUBDUB_ROLE_SERVER;
    if ((revents & EV_ERROR) != 0) {
        end_input(&step, LUBDUB_CAUSE_SHUTDOWN); /* the loop cannot watch this socket */
    } else if (has_read) {
        take(&step, length, error);
    }
    end(&step);
}

static void on_due(struct lubdub_deadline *node, lubdub_time now)
{
    struct lubdub_link *link = container_of(node, struct lubdub_link, deadline);
    struct lubdub_link_group *group = lubdub_link_group(link);
    lubdub_time deadline = lubdub_session_deadline(&link->session, group->settings);
    int error = broken_by(link);
    struct lubdub_step step;

    if (deadline > now && lubdub_session_state(&link->session) != LUBDUB_SESSION_CLOSED && error == 0) {
        lubdub_reactor_set(group->reactor, node, deadline);
        return;
    }
    begin_own(&step, link, now);
    if (error != 0) {
        link->io.events = 0;
        break_off(&step, error);
    } else {
        read_all(&step);
        if (lubdub_session_deadline(&link->session, group->settings) <= now) {
            tick(&step);
        }
    }
    end(&step);
}

static lubdub_duration on_absence(struct lubdub_deadline *node, lubdub_duration away, lubdub_duration overslept)
{
    struct lubdub_link *link = container_of(node, struct lubdub_link, deadline);
    const struct lubdub_session_settings *settings = lubdub_link_group(link)->settings;

    lubdub_session_forgive(&link->session, settings, away, overslept);
    return lubdub_session_patience(&link->session, settings);
}

static const struct lubdub_reactor_hooks hooks = {.due = on_due, .forgive = on_absence};

/* ---- for the owner ---- */

enum lubdub_error lubdub_link_group_init(struct lubdub_link_group *group, struct ev_loop *loop)
{
    memset(group, 0, sizeof *group);
    group->reactor = lubdub_reactor_acquire(loop, &hooks);
    return group->reactor != NULL ? LUBDUB_ERROR_OK : LUBDUB_ERROR_NO_MEMORY;
}

void lubdub_link_group_clear(struct lubdub_link_group *group)
{
    if (group->reactor != NULL) {
        lubdub_reactor_release(group->reactor);
        group->reactor = NULL;
    }
}

enum lubdub_error lubdub_link_open(struct lubdub_link *link, struct lubdub_link_group *group, int socket,
                                   enum lubdub_role role, const struct lubdub_session_settings *opening)
{
    struct lubdub_step step;
    enum lubdub_error error;

    memset(link, 0, sizeof *link);
    ev_io_init(&link->io, on_io, socket, EV_READ);
    link->io.data = group;

    begin(&step, link, lubdub_reactor_now(group->reactor));
    step.is_call = true;
    if (opening != NULL) {
        step.turn.settings = opening;
    }
    error = lubdub_session_init(&link->session, role, &step.turn);
    step.turn.settings = group->settings;
    if (error != LUBDUB_ERROR_OK) {
        pop(&step, group->reactor);
        group->step_count--;
        lubdub_reactor_leave(group->reactor);
        close(socket);
        return error;
    }
    lubdub_suspicion_count(&group->reactor->suspicion, 1, 0);
    ev_io_start(group->reactor->loop, &link->io);
    end(&step);
    return LUBDUB_ERROR_OK;
}

/* Joins the step that is running for this link, or begins one. */
static struct lubdub_step *join(struct lubdub_step *own, struct lubdub_link *link)
{
    struct lubdub_step *running = running_step(link);

    if (running == NULL) {
        begin(own, link, lubdub_reactor_now(lubdub_link_group(link)->reactor));
        own->is_call = true;
        return own;
    }
    return running;
}

/* Returns what the call comes to: what the session said, unless the connection proved broken. */
static enum lubdub_error finish(struct lubdub_step *own, const struct lubdub_step *joined, enum lubdub_error error)
{
    if (joined == own) {
        struct lubdub_link *link = own->link;

        end(own);
        return error == LUBDUB_ERROR_OK && broken_by(link) != 0 ? LUBDUB_ERROR_WRONG_STATE : error;
    }
    return error;
}

enum lubdub_error lubdub_link_grant(struct lubdub_link *link, const struct lubdub_grant *grant)
{
    struct lubdub_step own;
    struct lubdub_step *step = join(&own, link);
    bool is_first = lubdub_session_state(&link->session) == LUBDUB_SESSION_ASKED;
    enum lubdub_error error = lubdub_session_grant(&link->session, &step->turn, grant);

    if (error == LUBDUB_ERROR_OK) {
        tune(link, is_first);
    }
    return finish(&own, step, error);
}

void lubdub_link_leave(struct lubdub_link *link, enum lubdub_reason reason, const char *text, bool has_retry_after,
                       lubdub_duration retry_after)
{
    struct lubdub_step own;
    struct lubdub_step *step = join(&own, link);

    lubdub_session_leave(&link->session, &step->turn, reason, text, has_retry_after, retry_after);
    (void)finish(&own, step, LUBDUB_ERROR_OK);
}

enum lubdub_error lubdub_link_send(struct lubdub_link *link, const void *content, size_t length)
{
    struct lubdub_step own;
    struct lubdub_step *step = join(&own, link);
    enum lubdub_error error = lubdub_session_send(&link->session, &step->turn, content, length);

    return finish(&own, step, error);
}

int lubdub_link_detach(struct lubdub_link *link)
{
    int socket = link->io.fd;

    assert(running_step(link) == NULL);
    stop(link);
    return socket;
}

void lubdub_link_abort(struct lubdub_link *link)
{
    close(lubdub_link_detach(link));
}
