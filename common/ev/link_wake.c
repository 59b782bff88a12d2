/* Runs a link's own step when its socket is ready or its deadline is due. A plain probe is answered without one. */
#include "ev/link_wake.h"

#include <errno.h>
#include <string.h>

#include "core/session_server.h"
#include "core/traffic.h"
#include "ev/link_step.h"
#include "ev/link_stream.h"
#include "ev/socket.h"

/* ---- paths ---- */

/* In the link's own step. */
static void tell_paths(struct lubdub_link *link, lubdub_time now, unsigned was)
{
    const struct lubdub_link_group *group = lubdub_link_group(link);

    if (group->on_paths != NULL && lubdub_session_state(&link->session) == LUBDUB_SESSION_UP) {
        group->on_paths(link, lubdub_paths_known(paths_of(link), link->io.fd), was, now);
    }
}

/* After an answer that needed no step. */
static void watch_paths(struct lubdub_link *link, lubdub_time now)
{
    struct lubdub_link_step step;
    unsigned was;

    if (lubdub_paths_have_changed(paths_of(link), link->io.fd, now, &was)) {
        lubdub_link_begin(&step, link, now, false);
        tell_paths(link, now, was);
        lubdub_link_end(&step, false);
    }
}

/* ---- events that wake a link ---- */

/* The kernel did not take the whole ack: a step sees to the rest. */
static void finish_ack(struct lubdub_link *link, lubdub_time now, size_t length, struct lubdub_transfer went)
{
    struct lubdub_link_step step;

    lubdub_link_begin(&step, link, now, false);
    memcpy(step.step.turn.output, step.step.input, length);
    step.step.turn.output_length = length;
    step.step.turn.output_sent = went.length;
    if (went.end != LUBDUB_CAUSE_NONE) {
        lubdub_step_break(&step.step, went.end);
    }
    lubdub_link_end(&step, false);
}

/* A probe and its ack, which is as long. */
static void count_probe(struct lubdub_traffic *traffic, size_t length)
{
    lubdub_traffic_add_received(traffic, LUBDUB_FRAME_PROBE, length - LUBDUB_HEADER_LENGTH);
    lubdub_traffic_add_sent(traffic, LUBDUB_FRAME_ACK, length - LUBDUB_HEADER_LENGTH);
}

/* Handles the usual input: a probe that needs its ack and nothing else. Returns false where a step is needed. */
static bool answer_quickly(struct lubdub_link *link, lubdub_time now, size_t length)
{
    struct lubdub_reactor *reactor = lubdub_link_group(link)->reactor;
    bool has_answered = lubdub_session_has_answered(&link->session);
    struct lubdub_transfer went;

    if (reactor->step != NULL || !lubdub_session_answer_quickly(&link->session, lubdub_link_group(link)->settings, now,
                                                                reactor->input, length)) {
        return false;
    }
    if (!has_answered) {
        lubdub_link_count(link, 1, 0);
    }
    count_probe(lubdub_link_group(link)->traffic, length);
    if (is_plain(link)) {
        ssize_t sent = lubdub_socket_send(link->io.fd, reactor->input, length);

        went = lubdub_link_transfer(sent, errno);
    } else {
        struct lubdub_transport *transport = transport_of(link);

        went = transport->kind->write(transport, reactor->input, length, false);
    }
    if (went.length != length) {
        finish_ack(link, now, length, went);
    } else if (paths_of(link)->capacity > 0) {
        watch_paths(link, now);
    }
    return true;
}

void lubdub_link_on_io(struct ev_loop *loop, ev_io *io, int revents)
{
    struct lubdub_link *link = container_of(io, struct lubdub_link, io);
    lubdub_time now = lubdub_reactor_now(lubdub_link_group(link)->reactor);
    bool has_read = (revents & (EV_READ | EV_ERROR)) == EV_READ; /* watched for input, so it listens */
    struct lubdub_link_step step;
    struct lubdub_transfer transfer = {0};
    unsigned was;
    (void)loop;

    if (!lubdub_reactor_serves(lubdub_link_group(link)->reactor, now) && (revents & EV_ERROR) == 0) {
        return; /* it stays ready */
    }
    if (has_read) {
        ssize_t length;

        __builtin_prefetch(&link->session); /* it is there when the kernel is done */
        length = lubdub_socket_receive(io->fd, lubdub_link_group(link)->reactor->input, LUBDUB_INPUT_SIZE);
        if (length > 0 && answer_quickly(link, now, (size_t)length)) {
            return;
        }
        transfer = lubdub_link_came(length, errno);
    }
    if ((revents & EV_ERROR) != 0) {
        transfer.end = LUBDUB_CAUSE_SHUTDOWN; /* the loop cannot watch this socket */
    }
    lubdub_link_begin(&step, link, now, false);
    (void)lubdub_step_take(&step.step, transfer);
    if (has_read && lubdub_paths_have_changed(paths_of(link), io->fd, now, &was)) {
        tell_paths(link, now, was);
    }
    lubdub_link_end(&step, link->session.role == LUBDUB_ROLE_SERVER);
}

/* Keeps what TLS has read and the session has not: the buffers are the loop's. */
static void rest(struct lubdub_link_step *step)
{
    struct lubdub_transport *transport = transport_of(step->link);

    if (!transport->kind->rest(transport)) {
        lubdub_step_break(&step->step, LUBDUB_CAUSE_SHUTDOWN);
    }
}

/* What came, and what else TLS has read already: the loop would not say that there is more. */
static void take_all(struct lubdub_link_step *step, struct lubdub_transfer transfer)
{
    struct lubdub_transport *transport = transport_of(step->link);
    bool goes_on = lubdub_step_take(&step->step, transfer);

    while (goes_on && transport->has_input && lubdub_step_flush(&step->step)) {
        goes_on = lubdub_step_read(&step->step);
    }
}

void lubdub_link_on_tls_io(struct ev_loop *loop, ev_io *io, int revents)
{
    struct lubdub_link *link = container_of(io, struct lubdub_link, io);
    struct lubdub_reactor *reactor = lubdub_link_group(link)->reactor;
    struct lubdub_transport *transport = transport_of(link);
    lubdub_time now = lubdub_reactor_now(reactor);
    struct lubdub_transfer flushed = {0};
    struct lubdub_transfer transfer = {0};
    struct lubdub_link_step step;
    unsigned was;
    (void)loop;

    if ((revents & EV_ERROR) == 0 && (!ev_is_active(io) || !lubdub_reactor_serves(reactor, now))) {
        return; /* it waits for its own step; or it stays ready */
    }
    if ((revents & EV_ERROR) != 0) {
        transfer.end = LUBDUB_CAUSE_SHUTDOWN;
    } else if ((revents & EV_WRITE) != 0) {
        flushed = transport->kind->flush(transport);
    }
    if (transfer.end == LUBDUB_CAUSE_NONE && flushed.end == LUBDUB_CAUSE_NONE && (revents & EV_READ) != 0) {
        transfer = transport->kind->read(transport, reactor->input, LUBDUB_INPUT_SIZE);
        if (transfer.length > 0 && transfer.end == LUBDUB_CAUSE_NONE && !transport->has_input &&
            answer_quickly(link, now, transfer.length)) {
            return;
        }
    }
    lubdub_link_begin(&step, link, now, false);
    if (flushed.end != LUBDUB_CAUSE_NONE) {
        lubdub_step_break(&step.step, flushed.end);
    } else {
        take_all(&step, transfer);
    }
    if ((revents & EV_READ) != 0 && lubdub_paths_have_changed(paths_of(link), io->fd, now, &was)) {
        tell_paths(link, now, was);
    }
    rest(&step);
    lubdub_link_end(&step, link->session.role == LUBDUB_ROLE_SERVER);
}

static void on_due(struct lubdub_deadline *node, lubdub_time now)
{
    struct lubdub_link *link = container_of(node, struct lubdub_link, deadline);
    struct lubdub_link_group *group = lubdub_link_group(link);
    lubdub_time deadline = lubdub_session_deadline(&link->session, group->settings);
    enum lubdub_cause cause = broken_by(link);
    bool has_input = !is_plain(link) && transport_of(link)->has_input;
    struct lubdub_link_step step;

    if (deadline > now && lubdub_session_state(&link->session) != LUBDUB_SESSION_CLOSED && cause == LUBDUB_CAUSE_NONE &&
        !has_input) {
        lubdub_duration patience = lubdub_session_patience(&link->session, group->settings);

        lubdub_link_note_gather(link, patience);
        lubdub_reactor_set(group->reactor, node, lubdub_link_wakes_at(link, deadline, patience));
        if (group->on_visit != NULL) {
            group->on_visit(link, now);
        }
        return;
    }
    lubdub_link_begin(&step, link, now, false);
    if (cause != LUBDUB_CAUSE_NONE) {
        link->io.events = 0;
        lubdub_step_break(&step.step, cause);
    } else {
        lubdub_step_due(&step.step);
    }
    if (!is_plain(link)) {
        rest(&step);
    }
    lubdub_link_end(&step, false);
}

/*
 * While the loop stood still, nothing happened to any session. While it was busy, some sessions were heard: for them
 * the absence began only then; and a session that was forgiven the beginning of this absence gets the rest. A client
 * has sent probes in the meantime and reads their answers before it judges: the time in which its loop was busy is not
 * forgiven.
 */
static void forgive(struct lubdub_link *link, const struct lubdub_absence *absence, lubdub_duration patience)
{
    lubdub_duration away = absence->away;

    if (absence->is_turn) {
        lubdub_duration silent_for = lubdub_time_between(link->session.heard_at, absence->now);

        if (link->session.role == LUBDUB_ROLE_CLIENT) {
            return;
        }
        away -= absence->before >= patience / 4 ? absence->before : 0;
        away = lubdub_duration_shorter(away, silent_for);
    }
    lubdub_session_forgive(&link->session, lubdub_link_group(link)->settings, away, absence->overslept);
}

static lubdub_duration on_absence(struct lubdub_deadline *node, const struct lubdub_absence *absence)
{
    struct lubdub_link *link = container_of(node, struct lubdub_link, deadline);
    lubdub_duration patience = lubdub_session_patience(&link->session, lubdub_link_group(link)->settings);

    if (absence->away > 0) {
        forgive(link, absence, patience);
    }
    return patience;
}

static void on_absence_of_running(struct lubdub_reactor *reactor, const struct lubdub_absence *absence)
{
    struct lubdub_link_step *step;

    for (step = reactor->step; step != NULL; step = step->outer) {
        if (!lubdub_deadline_is_set(&step->link->deadline)) {
            (void)on_absence(&step->link->deadline, absence); /* popped: all other nodes were visited */
        }
        step->step.turn.now = absence->now;
    }
}

const struct lubdub_reactor_hooks lubdub_link_hooks = {
    .due = on_due, .forgive = on_absence, .forgive_running = on_absence_of_running};
