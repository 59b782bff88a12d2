/* Reads and writes a link's socket, plain or through its transport, and tells its owner. */
#include "ev/link_stream.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "core/session_server.h"
#include "core/session_waiting.h"
#include "ev/clock.h"
#include "ev/link_inside.h"
#include "ev/socket.h"

/* ---- a socket and its loop ---- */

struct lubdub_transfer lubdub_link_transfer(ssize_t length, int error)
{
    struct lubdub_transfer transfer = {0};

    if (length >= 0) {
        transfer.length = (size_t)length;
    } else if (error != EAGAIN && error != EWOULDBLOCK && error != ENOBUFS && error != EINTR) {
        transfer.end = lubdub_socket_cause(error);
    }
    return transfer;
}

struct lubdub_transfer lubdub_link_came(ssize_t length, int error)
{
    struct lubdub_transfer transfer = lubdub_link_transfer(length, error);

    if (length == 0) {
        transfer.end = LUBDUB_CAUSE_CLOSED;
    }
    transfer.has_more = length == LUBDUB_INPUT_SIZE || (length < 0 && error == EINTR);
    return transfer;
}

static struct lubdub_transfer read_stream(struct lubdub_step *step)
{
    ssize_t length = lubdub_socket_receive(link_of(step)->io.fd, step->input, step->input_capacity);

    return lubdub_link_came(length, errno);
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
    return lubdub_link_transfer(sent, errno);
}

static void shut_stream(struct lubdub_step *step)
{
    shutdown(link_of(step)->io.fd, SHUT_WR);
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

void lubdub_link_note_gather(const struct lubdub_link *link, lubdub_duration patience)
{
    const struct lubdub_link_group *group = lubdub_link_group(link);
    lubdub_duration interval = lubdub_session_interval(&link->session);

    if (group->gather > 0 && interval > 0) {
        lubdub_gather_note(&group->reactor->gather, group->gather, interval, patience);
    }
}

lubdub_time lubdub_link_wakes_at(const struct lubdub_link *link, lubdub_time deadline, lubdub_duration patience)
{
    const struct lubdub_link_group *group = lubdub_link_group(link);

    if (group->gather == 0 || link->session.role != LUBDUB_ROLE_CLIENT ||
        lubdub_session_state(&link->session) != LUBDUB_SESSION_UP) {
        return deadline;
    }
    return lubdub_gather_probe(&group->reactor->gather, deadline,
                               lubdub_client_waits_until(&link->session, group->settings, deadline), group->gather,
                               lubdub_session_interval(&link->session), patience);
}

static void arm(struct lubdub_step *step, lubdub_time deadline)
{
    struct lubdub_link *link = link_of(step);
    struct lubdub_link_group *group = lubdub_link_group(link);
    lubdub_duration patience = lubdub_session_patience(step->session, group->settings);

    lubdub_reactor_note_patience(group->reactor, patience);
    lubdub_link_note_gather(link, patience);
    lubdub_reactor_set(group->reactor, &link->deadline, lubdub_link_wakes_at(link, deadline, patience));
}

void lubdub_link_tune(struct lubdub_link *link, bool is_first)
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

bool lubdub_link_counts(const struct lubdub_session *session)
{
    return session->role == LUBDUB_ROLE_CLIENT || lubdub_session_has_answered(session);
}

void lubdub_link_count(struct lubdub_link *link, int sessions, int late)
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
        lubdub_link_tune(link, event->kind == LUBDUB_EVENT_UP);
    }
    if (container_of(step, struct lubdub_link_step, step)->counts &&
        (event->kind == LUBDUB_EVENT_LATE || event->kind == LUBDUB_EVENT_RECOVERED)) {
        lubdub_link_count(link, 0, event->kind == LUBDUB_EVENT_LATE ? 1 : -1);
    }
    if (event->kind == LUBDUB_EVENT_DOWN && !is_plain(link)) {
        tell_down(link, event, step->turn.now);
    } else {
        lubdub_link_group(link)->on_event(link, event, step->turn.now);
    }
}

const struct lubdub_stream lubdub_link_tcp = {
    .read = read_stream,
    .write = write_stream,
    .shut = shut_stream,
    .look = look,
    .now = read_clock,
    .arm = arm,
    .tell = tell,
};

/* ---- TLS on a socket ---- */

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

const struct lubdub_stream lubdub_link_tls = {
    .read = read_tls,
    .write = write_tls,
    .shut = shut_tls,
    .look = look_below_tls,
    .now = read_clock,
    .arm = arm,
    .tell = tell,
};
