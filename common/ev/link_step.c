/* Lends the loop's buffers to steps, and sees after each what becomes of its link. */
#include "ev/link_step.h"

#include <assert.h>
#include <unistd.h>

#include "ev/clock.h"
#include "ev/link_stream.h"

/* Takes the link out of the loop until its own step, which is due now. */
static void defer(struct lubdub_link *link, lubdub_time now)
{
    struct lubdub_reactor *reactor = lubdub_link_group(link)->reactor;

    ev_io_stop(reactor->loop, &link->io);
    lubdub_reactor_set(reactor, &link->deadline, now);
}

struct lubdub_link_step *lubdub_link_running_step(const struct lubdub_link *link)
{
    struct lubdub_link_step *step = lubdub_link_group(link)->reactor->step;

    while (step != NULL && step->link != link) {
        step = step->outer;
    }
    return step;
}

void lubdub_link_begin(struct lubdub_link_step *step, struct lubdub_link *link, lubdub_time now, bool is_call)
{
    struct lubdub_link_group *group = lubdub_link_group(link);
    struct lubdub_reactor *reactor = group->reactor;
    struct lubdub_link_step *outer = reactor->step;

    step->link = link;
    step->outer = outer;
    step->counts = lubdub_link_counts(&link->session);
    step->writes = 0;
    step->has_messages = false;
    step->step = (struct lubdub_step){
        .session = &link->session,
        .stream = is_plain(link) ? &lubdub_link_tcp : &lubdub_link_tls,
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

void lubdub_link_pop(struct lubdub_link_step *step, struct lubdub_reactor *reactor)
{
    reactor->step = step->outer;
    if (step->outer != NULL) {
        step->outer->step.turn.output_capacity = step->outer_capacity;
    }
}

void lubdub_link_stop(struct lubdub_link *link)
{
    struct lubdub_link_group *group = lubdub_link_group(link);

    ev_io_stop(group->reactor->loop, &link->io);
    if (!is_plain(link)) {
        lubdub_transports_remove(&group->reactor->transports, link->io.fd);
    }
    group->reactor->link_count--;
    lubdub_paths_remove(&group->reactor->paths, link->io.fd);
    if (lubdub_link_counts(&link->session)) {
        lubdub_link_count(link, -1, link->session.is_late ? -1 : 0);
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
    lubdub_link_stop(link);
    close(socket);
    lubdub_link_group(link)->on_closed(link);
}

void lubdub_link_end(struct lubdub_link_step *step, bool is_served)
{
    struct lubdub_link_group *group = lubdub_link_group(step->link);
    struct lubdub_reactor *reactor = group->reactor;
    enum lubdub_step_end how = lubdub_step_settle(&step->step);

    if (!step->counts && lubdub_link_counts(&step->link->session)) {
        lubdub_link_count(step->link, 1, step->link->session.is_late ? 1 : 0); /* it has answered for the first time */
    }
    if (how == LUBDUB_STEP_IS_OVER) {
        close_link(step->link, step->step.turn.now, is_served);
    } else {
        watch(step->link);
        if (is_served && (step->has_messages || step->writes > 1)) {
            lubdub_reactor_note_dear(reactor);
        }
    }
    lubdub_link_pop(step, reactor);
    group->step_count--;
    if (group->step_count == 0 && group->on_rest != NULL) {
        group->on_rest(group);
    }
    lubdub_reactor_leave(reactor);
}

void lubdub_link_end_call(struct lubdub_link_step *step)
{
    struct lubdub_link *link = step->link;
    struct lubdub_link_group *group = lubdub_link_group(link);

    if (lubdub_step_settle(&step->step) == LUBDUB_STEP_GOES_ON) {
        watch(link);
    } else {
        defer(link, step->step.turn.now);
        link->io.events = step->step.broken_by != LUBDUB_CAUSE_NONE ? -(int)step->step.broken_by : link->io.events;
    }
    lubdub_link_pop(step, group->reactor);
    group->step_count--;
    lubdub_reactor_leave(group->reactor);
}
