/* Runs a session's steps on a TCP socket, driven by libev. */
#include "ev/link.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lubdub/step.h>

#include "core/session_server.h"
#include "core/traffic.h"
#include "ev/clock.h"
#include "ev/container_of.h"
#include "ev/socket.h"

/*
 * A step with its link, on the stack of the function that began it.
 *
 * The loop begins a link's own step: that step reads, calls back and closes. A caller begins a step when it calls a
 * function of the link, perhaps from inside a callback that another link's step made. Such a step writes and does
 * nothing else: reading would put bytes into the buffer from which the outer step still feeds, and calling back would
 * enter the application while it is in the middle of something. What it finds is left to the link's own step, which is
 * due at once.
 */
struct lubdub_link_step {
    struct lubdub_step step;
    struct lubdub_link *link;
    struct lubdub_link_step *outer;
    size_t outer_capacity; /* lent to this step while it runs */
    unsigned writes;
    bool counts;       /* in the suspicion of ourselves */
    bool has_messages; /* a client's */
};

static struct lubdub_link *link_of(struct lubdub_step *step)
{
    return container_of(step, struct lubdub_link_step, step)->link;
}

static void on_io(struct ev_loop *loop, ev_io *io, int revents);
static void on_tls_io(struct ev_loop *loop, ev_io *io, int revents);

/* A link knows by its watcher's callback whether it is plain: this needs no further byte in a link. */
static bool is_plain(const struct lubdub_link *link)
{
    return link->io.cb == on_io;
}

/* Of a link that is not plain. */
static struct lubdub_transport *transport_of(const struct lubdub_link *link)
{
    return lubdub_transports_find(&lubdub_link_group(link)->reactor->transports, link->io.fd);
}

/* ---- links that broke in a call ---- */

/*
 * The cause that a call found, until the link's own step tells it. The watcher is stopped then and libev does not look
 * at its events, so the cause is kept there, as a negative number: this needs no further byte in a link.
 */
static enum lubdub_cause broken_by(const struct lubdub_link *link)
{
    return link->io.events < 0 ? (enum lubdub_cause) - link->io.events : LUBDUB_CAUSE_NONE;
}

/* Takes the link out of the loop until its own step, which is due now. */
static void defer(struct lubdub_link *link, lubdub_time now)
{
    struct lubdub_reactor *reactor = lubdub_link_group(link)->reactor;

    ev_io_stop(reactor->loop, &link->io);
    lubdub_reactor_set(reactor, &link->deadline, now);
}

/* ---- the stream: a socket and its loop ---- */

static struct lubdub_transfer transfer_of(ssize_t length, int error)
{
    struct lubdub_transfer transfer = {0};

    if (length >= 0) {
        transfer.length = (size_t)length;
    } else if (error != EAGAIN && error != EWOULDBLOCK && error != ENOBUFS && error != EINTR) {
        transfer.end = lubdub_socket_cause(error);
    }
    return transfer;
}

/* What recv() came to, and its errno. */
static struct lubdub_transfer came(ssize_t length, int error)
{
    struct lubdub_transfer transfer = transfer_of(length, error);

    if (length == 0) {
        transfer.end = LUBDUB_CAUSE_CLOSED;
    }
    transfer.has_more = length == LUBDUB_INPUT_SIZE || (length < 0 && error == EINTR);
    return transfer;
}

static struct lubdub_transfer read_stream(struct lubdub_step *step)
{
    ssize_t length = lubdub_socket_receive(link_of(step)->io.fd, step->input, step->input_capacity);

    return came(length, errno);
}

/* Whether the step may write now. If not, the socket stays writable, and the loop says so in its next turn. */
static bool may_write(struct lubdub_link_step *own, bool is_last)
{
    unsigned at_least = own->step.is_call ? 1 : LUBDUB_WRITES_AT_LEAST;

    if (!lubdub_reactor_writes(lubdub_link_group(own->link)->reactor) && own->writes >= at_least && !is_last) {
        return false;
    }
    own->writes++;
    return true;
}

static struct lubdub_transfer write_stream(struct lubdub_step *step, const uint8_t *bytes, size_t length, bool is_last)
{
    int socket = link_of(step)->io.fd;
    ssize_t sent;

    if (!may_write(container_of(step, struct lubdub_link_step, step), is_last)) {
        return (struct lubdub_transfer){0};
    }
    do {
        sent = is_last ? lubdub_socket_send_last(socket, bytes, length) : lubdub_socket_send(socket, bytes, length);
    } while (sent < 0 && errno == EINTR);
    return transfer_of(sent, errno);
}

static void shut_stream(struct lubdub_step *step)
{
    shutdown(link_of(step)->io.fd, SHUT_WR);
}

static struct lubdub_paths *paths_of(const struct lubdub_link *link)
{
    return &lubdub_link_group(link)->reactor->paths;
}

static bool has_paths(const struct lubdub_link *link)
{
    return lubdub_paths_known(paths_of(link), link->io.fd) > 0;
}

static void look(struct lubdub_step *step, struct lubdub_evidence *evidence)
{
    struct lubdub_link *link = link_of(step);
    const struct lubdub_link_group *group = lubdub_link_group(link);

    lubdub_socket_look(link->io.fd, evidence);
    if (has_paths(link)) {
        (void)lubdub_paths_look(link->io.fd, evidence);
    }
    evidence->is_of_proxy = group->is_proxied != NULL && group->is_proxied(link);
}

static lubdub_time read_clock(struct lubdub_step *step)
{
    (void)step;
    return lubdub_clock_now();
}

/* How long the loop may gather, as far as this session goes. One that has no grant yet has nothing to say. */
static void note_gather(const struct lubdub_link *link, lubdub_duration patience)
{
    const struct lubdub_link_group *group = lubdub_link_group(link);
    lubdub_duration interval = lubdub_session_interval(&link->session);

    if (group->gather > 0 && interval > 0) {
        lubdub_gather_note(&group->reactor->gather, group->gather, interval, patience);
    }
}

static void arm(struct lubdub_step *step, lubdub_time deadline)
{
    struct lubdub_link *link = link_of(step);
    struct lubdub_link_group *group = lubdub_link_group(link);
    lubdub_duration patience = lubdub_session_patience(step->session, group->settings);

    lubdub_reactor_note_patience(group->reactor, patience);
    note_gather(link, patience);
    lubdub_reactor_set(group->reactor, &link->deadline, deadline);
}

/*
 * Sets the kernel's timers by the deadlines of a session that is up. Does nothing for the many sessions with the grant
 * for which their listener was set up.
 */
static void tune(struct lubdub_link *link, bool is_first)
{
    struct lubdub_link_group *group = lubdub_link_group(link);
    const struct lubdub_session_settings *settings = group->settings;
    lubdub_duration expiry = lubdub_session_expiry(&link->session);
    struct lubdub_tuning wanted;

    if (has_paths(link)) {
        lubdub_paths_tune(link->io.fd, lubdub_session_interval(&link->session));
        if (!lubdub_paths_fell_back(link->io.fd)) {
            return; /* the timers do not reach the paths (docs/decisions/0016) */
        }
        is_first = false; /* the listener's timers did not reach it */
    }
    if (link->session.role == LUBDUB_ROLE_CLIENT) {
        wanted = lubdub_tuning_for(lubdub_duration_shorter(settings->timeout, expiry),
                                   settings->stays_connected ? 0 : lubdub_duration_longer(settings->timeout, expiry));
    } else {
        wanted = lubdub_tuning_of_server(lubdub_session_interval(&link->session), expiry);
    }
    lubdub_tuning_set(link->io.fd, &wanted, is_first ? &group->inherited : NULL);
}

/* ---- suspicion of ourselves ---- */

/*
 * A client's session counts from its beginning. A server's session counts from its first answer: any host can connect.
 */
static bool counts(const struct lubdub_session *session)
{
    return session->role == LUBDUB_ROLE_CLIENT || lubdub_session_has_answered(session);
}

static void count(struct lubdub_link *link, int sessions, int late)
{
    const struct lubdub_link_group *group = lubdub_link_group(link);
    uint32_t origin = group->origin != NULL ? group->origin(link) : 0;

    lubdub_suspicion_count_from(&group->reactor->suspicion, origin, sessions, late);
}

/* What TLS has to say of an end that the session cannot explain. */
static struct lubdub_slice text_of_tls(const struct lubdub_transport *transport, const struct lubdub_event *event)
{
    static const char unfinished[] = "the TLS handshake was not finished within the handshake time";

    if (transport->problem != NULL && event->text.length == 0) {
        return (struct lubdub_slice){transport->problem, strlen(transport->problem)};
    }
    if (!transport->is_open && event->deadline != 0) {
        return (struct lubdub_slice){unfinished, sizeof unfinished - 1};
    }
    return event->text;
}

static void tell_down(struct lubdub_link *link, const struct lubdub_event *event, lubdub_time now)
{
    struct lubdub_event explained = *event;

    explained.text = text_of_tls(transport_of(link), event);
    lubdub_link_group(link)->on_event(link, &explained, now);
}

static void tell(struct lubdub_step *step, const struct lubdub_event *event)
{
    struct lubdub_link_step *own = container_of(step, struct lubdub_link_step, step);
    struct lubdub_link *link = own->link;

    own->has_messages =
        own->has_messages || (event->kind == LUBDUB_EVENT_MESSAGE && link->session.role == LUBDUB_ROLE_SERVER);
    if (event->kind == LUBDUB_EVENT_UP || event->kind == LUBDUB_EVENT_GRANT_CHANGED) {
        tune(link, event->kind == LUBDUB_EVENT_UP);
    }
    if (container_of(step, struct lubdub_link_step, step)->counts &&
        (event->kind == LUBDUB_EVENT_LATE || event->kind == LUBDUB_EVENT_RECOVERED)) {
        count(link, 0, event->kind == LUBDUB_EVENT_LATE ? 1 : -1);
    }
    if (event->kind == LUBDUB_EVENT_DOWN && !is_plain(link)) {
        tell_down(link, event, step->turn.now);
    } else {
        lubdub_link_group(link)->on_event(link, event, step->turn.now);
    }
}

static const struct lubdub_stream tcp = {
    .read = read_stream,
    .write = write_stream,
    .shut = shut_stream,
    .look = look,
    .now = read_clock,
    .arm = arm,
    .tell = tell,
};

/* ---- the stream: TLS on a socket ---- */

static struct lubdub_transfer read_tls(struct lubdub_step *step)
{
    struct lubdub_transport *transport = transport_of(link_of(step));

    return transport->kind->read(transport, step->input, step->input_capacity);
}

static struct lubdub_transfer write_tls(struct lubdub_step *step, const uint8_t *bytes, size_t length, bool is_last)
{
    struct lubdub_transport *transport = transport_of(link_of(step));

    if (!may_write(container_of(step, struct lubdub_link_step, step), is_last)) {
        return (struct lubdub_transfer){0};
    }
    return transport->kind->write(transport, bytes, length, is_last);
}

static void shut_tls(struct lubdub_step *step)
{
    struct lubdub_transport *transport = transport_of(link_of(step));

    transport->kind->shut(transport);
}

static void look_below_tls(struct lubdub_step *step, struct lubdub_evidence *evidence)
{
    look(step, evidence);
    evidence->has_unread = evidence->has_unread || transport_of(link_of(step))->has_input;
}

static const struct lubdub_stream tls = {
    .read = read_tls,
    .write = write_tls,
    .shut = shut_tls,
    .look = look_below_tls,
    .now = read_clock,
    .arm = arm,
    .tell = tell,
};

/* ---- steps ---- */

static struct lubdub_link_step *running_step(const struct lubdub_link *link)
{
    struct lubdub_link_step *step = lubdub_link_group(link)->reactor->step;

    while (step != NULL && step->link != link) {
        step = step->outer;
    }
    return step;
}

/*
 * A step inside another one uses what is left of the same buffer; the outer one has no room while it runs, so that
 * what is put into it from within goes to its outbox.
 */
static void begin(struct lubdub_link_step *step, struct lubdub_link *link, lubdub_time now, bool is_call)
{
    struct lubdub_link_group *group = lubdub_link_group(link);
    struct lubdub_reactor *reactor = group->reactor;
    struct lubdub_link_step *outer = reactor->step;

    step->link = link;
    step->outer = outer;
    step->counts = counts(&link->session);
    step->writes = 0;
    step->has_messages = false;
    step->step = (struct lubdub_step){
        .session = &link->session,
        .stream = is_plain(link) ? &tcp : &tls,
        .turn =
            {
                .now = now,
                .settings = group->settings,
                .path = LUBDUB_PATH_UNKNOWN,
                .suspects_ourselves = reactor->suspicion.is_there,
                .traffic = group->traffic,
                .output = reactor->output,
                .output_capacity = reactor->output_capacity,
            },
        .input = reactor->input,
        .input_capacity = LUBDUB_INPUT_SIZE,
        .is_armed = lubdub_deadline_is_set(&link->deadline),
        .is_call = is_call,
        .broken_by = is_call ? broken_by(link) : LUBDUB_CAUSE_NONE,
    };
    if (outer != NULL) {
        struct lubdub_turn *turn = &outer->step.turn;

        assert(is_call); /* an application must not run the loop in a callback */
        step->step.turn.output = turn->output + turn->output_length;
        step->step.turn.output_capacity = turn->output_capacity - turn->output_length;
        step->outer_capacity = turn->output_capacity;
        turn->output_capacity = turn->output_length;
    }
    reactor->step = step;
    group->step_count++;
    lubdub_reactor_enter(reactor);
}

static void pop(struct lubdub_link_step *step, struct lubdub_reactor *reactor)
{
    reactor->step = step->outer;
    if (step->outer != NULL) {
        step->outer->step.turn.output_capacity = step->outer_capacity;
    }
}

static void stop(struct lubdub_link *link)
{
    struct lubdub_link_group *group = lubdub_link_group(link);

    ev_io_stop(group->reactor->loop, &link->io);
    if (!is_plain(link)) {
        lubdub_transports_remove(&group->reactor->transports, link->io.fd);
    }
    group->reactor->link_count--;
    lubdub_paths_remove(&group->reactor->paths, link->io.fd);
    if (counts(&link->session)) {
        count(link, -1, link->session.is_late ? -1 : 0);
    }
    lubdub_deadlines_cancel(&link->deadline);
    lubdub_session_clear(&link->session);
}

/* In a handshake it is TLS that reads and writes. What it holds for a session that listens again is read at once. */
static int wanted_by_tls(struct lubdub_link *link, int wanted)
{
    const struct lubdub_transport *transport = transport_of(link);

    if (!transport->is_open) {
        wanted = EV_READ;
    } else if (transport->has_input && (wanted & EV_READ) != 0) {
        lubdub_reactor_set(lubdub_link_group(link)->reactor, &link->deadline, lubdub_clock_now());
    }
    return wanted | (transport->has_output ? EV_WRITE : 0);
}

static void watch(struct lubdub_link *link)
{
    struct ev_loop *loop = lubdub_link_group(link)->reactor->loop;
    int wanted = (lubdub_session_wants_input(&link->session) ? EV_READ : 0) |
                 (lubdub_session_has_output(&link->session) ? EV_WRITE : 0);

    if (!is_plain(link)) {
        wanted = wanted_by_tls(link, wanted);
    }
    if ((link->io.events & (EV_READ | EV_WRITE)) != wanted) {
        ev_io_stop(loop, &link->io);
        ev_io_set(&link->io, link->io.fd, wanted);
        ev_io_start(loop, &link->io);
    }
}

/*
 * All is told. Only close() is left, in which the kernel spends half the time of an end. A link among many ready ones
 * waits for it among the deadlines: else thousands of sessions that leave together would be closed in one turn, and the
 * living sessions would wait.
 */
static void close_link(struct lubdub_link *link, lubdub_time now, bool may_close_later)
{
    int socket = link->io.fd;

    if (may_close_later && lubdub_reactor_note_end(lubdub_link_group(link)->reactor)) {
        defer(link, now);
        return;
    }
    stop(link);
    close(socket);
    lubdub_link_group(link)->on_closed(link);
}

/* Settles the link's own step. is_served: its socket belongs to a server and is ready in this turn. */
static void end(struct lubdub_link_step *step, bool is_served)
{
    struct lubdub_link_group *group = lubdub_link_group(step->link);
    struct lubdub_reactor *reactor = group->reactor;
    enum lubdub_step_end how = lubdub_step_settle(&step->step);

    if (!step->counts && counts(&step->link->session)) {
        count(step->link, 1, step->link->session.is_late ? 1 : 0); /* it has answered for the first time */
    }
    if (how == LUBDUB_STEP_IS_OVER) {
        close_link(step->link, step->step.turn.now, is_served);
    } else {
        watch(step->link);
        if (is_served && (step->has_messages || step->writes > 1)) {
            lubdub_reactor_note_dear(reactor);
        }
    }
    pop(step, reactor);
    group->step_count--;
    if (group->step_count == 0 && group->on_rest != NULL) {
        group->on_rest(group);
    }
    lubdub_reactor_leave(reactor);
}

/* Settles a call. */
static void end_call(struct lubdub_link_step *step)
{
    struct lubdub_link *link = step->link;
    struct lubdub_link_group *group = lubdub_link_group(link);

    if (lubdub_step_settle(&step->step) == LUBDUB_STEP_GOES_ON) {
        watch(link);
    } else {
        defer(link, step->step.turn.now);
        link->io.events = step->step.broken_by != LUBDUB_CAUSE_NONE ? -(int)step->step.broken_by : link->io.events;
    }
    pop(step, group->reactor);
    group->step_count--;
    lubdub_reactor_leave(group->reactor);
}

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
        begin(&step, link, now, false);
        tell_paths(link, now, was);
        end(&step, false);
    }
}

/* ---- events that wake a link ---- */

/* The kernel did not take the whole ack: a step sees to the rest. */
static void finish_ack(struct lubdub_link *link, lubdub_time now, size_t length, struct lubdub_transfer went)
{
    struct lubdub_link_step step;

    begin(&step, link, now, false);
    memcpy(step.step.turn.output, step.step.input, length);
    step.step.turn.output_length = length;
    step.step.turn.output_sent = went.length;
    if (went.end != LUBDUB_CAUSE_NONE) {
        lubdub_step_break(&step.step, went.end);
    }
    end(&step, false);
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
        count(link, 1, 0);
    }
    count_probe(lubdub_link_group(link)->traffic, length);
    if (is_plain(link)) {
        ssize_t sent = lubdub_socket_send(link->io.fd, reactor->input, length);

        went = transfer_of(sent, errno);
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

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
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
        transfer = came(length, errno);
    }
    if ((revents & EV_ERROR) != 0) {
        transfer.end = LUBDUB_CAUSE_SHUTDOWN; /* the loop cannot watch this socket */
    }
    begin(&step, link, now, false);
    (void)lubdub_step_take(&step.step, transfer);
    if (has_read && lubdub_paths_have_changed(paths_of(link), io->fd, now, &was)) {
        tell_paths(link, now, was);
    }
    end(&step, link->session.role == LUBDUB_ROLE_SERVER);
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

static void on_tls_io(struct ev_loop *loop, ev_io *io, int revents)
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
    begin(&step, link, now, false);
    if (flushed.end != LUBDUB_CAUSE_NONE) {
        lubdub_step_break(&step.step, flushed.end);
    } else {
        take_all(&step, transfer);
    }
    if ((revents & EV_READ) != 0 && lubdub_paths_have_changed(paths_of(link), io->fd, now, &was)) {
        tell_paths(link, now, was);
    }
    rest(&step);
    end(&step, link->session.role == LUBDUB_ROLE_SERVER);
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
        note_gather(link, lubdub_session_patience(&link->session, group->settings));
        lubdub_reactor_set(group->reactor, node, deadline);
        if (group->on_visit != NULL) {
            group->on_visit(link, now);
        }
        return;
    }
    begin(&step, link, now, false);
    if (cause != LUBDUB_CAUSE_NONE) {
        link->io.events = 0;
        lubdub_step_break(&step.step, cause);
    } else {
        lubdub_step_due(&step.step);
    }
    if (!is_plain(link)) {
        rest(&step);
    }
    end(&step, false);
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

static const struct lubdub_reactor_hooks hooks = {
    .due = on_due, .forgive = on_absence, .forgive_running = on_absence_of_running};

/* ---- for the owner ---- */

enum lubdub_error lubdub_link_group_init(struct lubdub_link_group *group, struct ev_loop *loop)
{
    memset(group, 0, sizeof *group);
    group->reactor = lubdub_reactor_acquire(loop, &hooks);
    if (group->reactor == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    lubdub_reactor_hasten(group->reactor, true);
    return LUBDUB_ERROR_OK;
}

/* What lubdub_link_open() and arm() do from now on. */
static void begin_to_gather(struct lubdub_deadline *node, void *user_data)
{
    struct lubdub_link *link = container_of(node, struct lubdub_link, deadline);
    struct lubdub_link_group *group = user_data;

    if (lubdub_link_group(link) == group) {
        lubdub_waiting_mind_end(&group->reactor->waiting, link->io.fd);
        note_gather(link, lubdub_session_patience(&link->session, group->settings));
    }
}

void lubdub_link_group_gather(struct lubdub_link_group *group, lubdub_duration longest)
{
    struct lubdub_reactor *reactor = group->reactor;
    bool gathered = group->gather > 0;

    if (longest > 0 && !lubdub_waiting_open(&reactor->waiting)) {
        longest = 0;
    }
    group->gather = longest;
    if (longest > 0 && !gathered) {
        lubdub_deadlines_visit(&reactor->deadlines, begin_to_gather, group);
    }
    if (gathered != (longest > 0)) {
        lubdub_reactor_hasten(reactor, gathered);
    }
}

void lubdub_link_group_clear(struct lubdub_link_group *group)
{
    if (group->reactor != NULL) {
        if (group->gather == 0) {
            lubdub_reactor_hasten(group->reactor, false);
        }
        lubdub_reactor_release(group->reactor);
        group->reactor = NULL;
    }
}

/* The watcher is set, and so is the transport of a link that is not plain. */
static enum lubdub_error open_link(struct lubdub_link *link, enum lubdub_role role,
                                   const struct lubdub_session_settings *opening)
{
    struct lubdub_link_group *group = lubdub_link_group(link);
    struct lubdub_link_step step;
    enum lubdub_error error;

    begin(&step, link, lubdub_reactor_now(group->reactor), true);
    if (opening != NULL) {
        step.step.turn.settings = opening;
    }
    error = lubdub_session_init(&link->session, role, &step.step.turn);
    step.step.turn.settings = group->settings;
    if (error != LUBDUB_ERROR_OK) {
        pop(&step, group->reactor);
        group->step_count--;
        if (!is_plain(link)) {
            lubdub_transports_remove(&group->reactor->transports, link->io.fd);
        }
        close(link->io.fd);
        lubdub_reactor_leave(group->reactor);
        return error;
    }
    group->reactor->link_count++;
    if (group->may_have_paths && lubdub_socket_may_have_paths(link->io.fd)) {
        (void)lubdub_paths_add(&group->reactor->paths, link->io.fd,
                               step.step.turn.now); /* without memory: as one path */
    }
    if (counts(&link->session)) {
        count(link, 1, 0);
    }
    ev_io_start(group->reactor->loop, &link->io);
    if (group->gather > 0) {
        lubdub_waiting_mind_end(&group->reactor->waiting, link->io.fd);
    }
    end_call(&step);
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_link_open(struct lubdub_link *link, struct lubdub_link_group *group, int socket,
                                   enum lubdub_role role, const struct lubdub_session_settings *opening)
{
    memset(link, 0, sizeof *link);
    ev_io_init(&link->io, on_io, socket, EV_READ);
    link->io.data = group;
    return open_link(link, role, opening);
}

enum lubdub_error lubdub_link_open_tls(struct lubdub_link *link, struct lubdub_link_group *group, int socket,
                                       enum lubdub_role role, const struct lubdub_session_settings *opening,
                                       struct lubdub_tls *tls_of, const char *name)
{
    struct lubdub_transports *transports = &group->reactor->transports;
    struct lubdub_transport *transport;

    memset(link, 0, sizeof *link);
    ev_io_init(&link->io, on_tls_io, socket, EV_READ);
    link->io.data = group;
    transport = tls_of->kind->begin(tls_of, transports, &link->io, role, name);
    if (transport == NULL || !lubdub_transports_put(transports, socket, transport)) {
        if (transport != NULL) {
            transport->kind->free(transport);
        }
        close(socket);
        return LUBDUB_ERROR_NO_MEMORY;
    }
    return open_link(link, role, opening);
}

bool lubdub_link_is_tls(const struct lubdub_link *link)
{
    return link->io.cb == on_tls_io;
}

const struct lubdub_transport *lubdub_link_transport(const struct lubdub_link *link)
{
    return is_plain(link) ? NULL : transport_of(link);
}

/* Joins the step that is running for this link, or begins a step. */
static struct lubdub_link_step *join(struct lubdub_link_step *own, struct lubdub_link *link)
{
    struct lubdub_link_step *running = running_step(link);

    if (running == NULL) {
        begin(own, link, lubdub_reactor_now(lubdub_link_group(link)->reactor), true);
        return own;
    }
    return running;
}

/* Returns what the call comes to: what the session said, unless the connection proved broken. */
static enum lubdub_error finish(struct lubdub_link_step *own, const struct lubdub_link_step *joined,
                                enum lubdub_error error)
{
    if (joined == own) {
        end_call(own);
        return error == LUBDUB_ERROR_OK && broken_by(own->link) != LUBDUB_CAUSE_NONE ? LUBDUB_ERROR_WRONG_STATE : error;
    }
    return error;
}

enum lubdub_error lubdub_link_grant(struct lubdub_link *link, const struct lubdub_grant *grant)
{
    struct lubdub_link_step own;
    struct lubdub_link_step *step = join(&own, link);
    bool is_first = lubdub_session_state(&link->session) == LUBDUB_SESSION_ASKED;
    enum lubdub_error error = lubdub_session_grant(&link->session, &step->step.turn, grant);

    if (error == LUBDUB_ERROR_OK) {
        tune(link, is_first);
    }
    return finish(&own, step, error);
}

void lubdub_link_leave(struct lubdub_link *link, enum lubdub_reason reason, const char *text, bool has_retry_after,
                       lubdub_duration retry_after)
{
    struct lubdub_link_step own;
    struct lubdub_link_step *step = join(&own, link);

    lubdub_session_leave(&link->session, &step->step.turn, reason, text, has_retry_after, retry_after);
    (void)finish(&own, step, LUBDUB_ERROR_OK);
}

enum lubdub_error lubdub_link_send(struct lubdub_link *link, const void *content, size_t length)
{
    struct lubdub_link_step own;
    struct lubdub_link_step *step = join(&own, link);
    enum lubdub_error error = lubdub_session_send(&link->session, &step->step.turn, content, length);

    return finish(&own, step, error);
}

unsigned lubdub_link_paths(struct lubdub_link *link)
{
    unsigned paths =
        lubdub_paths_renew(paths_of(link), link->io.fd, lubdub_reactor_now(lubdub_link_group(link)->reactor));

    return paths > 0 ? paths : 1;
}

void lubdub_link_ask(struct lubdub_link *link)
{
    struct lubdub_link_step own;
    struct lubdub_link_step *step = join(&own, link);

    (void)lubdub_session_ask(&link->session, &step->step.turn);
    (void)finish(&own, step, LUBDUB_ERROR_OK);
}

void lubdub_link_tell_health(struct lubdub_link *link, enum lubdub_health health)
{
    struct lubdub_link_step own;
    struct lubdub_link_step *step = join(&own, link);

    lubdub_session_tell_health(&link->session, &step->step.turn, health);
    (void)finish(&own, step, LUBDUB_ERROR_OK);
}

lubdub_time lubdub_link_now(struct lubdub_link *link)
{
    struct lubdub_link_step *running = running_step(link);
    lubdub_time now = lubdub_clock_now();

    if (running != NULL) {
        running->step.turn.now = now;
    }
    return now;
}

int lubdub_link_detach(struct lubdub_link *link)
{
    int socket = link->io.fd;

    assert(running_step(link) == NULL);
    stop(link);
    lubdub_waiting_forget(&lubdub_link_group(link)->reactor->waiting, socket);
    return socket;
}

void lubdub_link_abort(struct lubdub_link *link)
{
    close(lubdub_link_detach(link));
}
