/* Runs a session's steps on a TCP socket, driven by libev: what the owner of a link calls. */
#include "ev/link.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "core/session_challenge.h"
#include "core/session_client.h"
#include "ev/clock.h"
#include "ev/link_step.h"
#include "ev/link_stream.h"
#include "ev/link_wake.h"
#include "ev/socket.h"

enum lubdub_error lubdub_link_group_init(struct lubdub_link_group *group, struct ev_loop *loop)
{
    memset(group, 0, sizeof *group);
    group->reactor = lubdub_reactor_acquire(loop, &lubdub_link_hooks);
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
        lubdub_link_note_gather(link, lubdub_session_patience(&link->session, group->settings));
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

    lubdub_link_begin(&step, link, lubdub_reactor_now(group->reactor), true);
    if (opening != NULL) {
        step.step.turn.settings = opening;
    }
    error = lubdub_session_init(&link->session, role, &step.step.turn);
    step.step.turn.settings = group->settings;
    if (error != LUBDUB_ERROR_OK) {
        lubdub_link_pop(&step, group->reactor);
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
        lubdub_session_note_paths(&link->session);
    }
    if (lubdub_link_counts(&link->session)) {
        lubdub_link_count(link, 1, 0);
    }
    ev_io_start(group->reactor->loop, &link->io);
    if (group->gather > 0) {
        lubdub_waiting_mind_end(&group->reactor->waiting, link->io.fd);
    }
    lubdub_link_end_call(&step);
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_link_open(struct lubdub_link *link, struct lubdub_link_group *group, int socket,
                                   enum lubdub_role role, const struct lubdub_session_settings *opening)
{
    memset(link, 0, sizeof *link);
    ev_io_init(&link->io, lubdub_link_on_io, socket, EV_READ);
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
    ev_io_init(&link->io, lubdub_link_on_tls_io, socket, EV_READ);
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
    return link->io.cb == lubdub_link_on_tls_io;
}

const struct lubdub_transport *lubdub_link_transport(const struct lubdub_link *link)
{
    return transport_of(link);
}

/* Joins the step that is running for this link, or begins a step. */
static struct lubdub_link_step *join(struct lubdub_link_step *own, struct lubdub_link *link)
{
    struct lubdub_link_step *running = lubdub_link_running_step(link);

    if (running == NULL) {
        lubdub_link_begin(own, link, lubdub_reactor_now(lubdub_link_group(link)->reactor), true);
        return own;
    }
    return running;
}

/* Returns what the call comes to: what the session said, unless the connection proved broken. */
static enum lubdub_error finish(struct lubdub_link_step *own, const struct lubdub_link_step *joined,
                                enum lubdub_error error)
{
    if (joined == own) {
        lubdub_link_end_call(own);
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
        lubdub_link_tune(link, is_first);
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
    struct lubdub_link_step *running = lubdub_link_running_step(link);
    lubdub_time now = lubdub_clock_now();

    if (running != NULL) {
        running->step.turn.now = now;
    }
    return now;
}

int lubdub_link_detach(struct lubdub_link *link)
{
    int socket = link->io.fd;

    assert(lubdub_link_running_step(link) == NULL);
    lubdub_link_stop(link);
    lubdub_waiting_forget(&lubdub_link_group(link)->reactor->waiting, socket);
    return socket;
}

void lubdub_link_abort(struct lubdub_link *link)
{
    close(lubdub_link_detach(link));
}
