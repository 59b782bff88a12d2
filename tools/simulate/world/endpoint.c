/* Runs a session's steps on simulated TCP, with the released code of a step (common/core/step.c). */
#include "simulate/world/endpoint.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include <lubdub/step.h>

#include "core/session_client.h"
#include "core/session_server.h"
#include "simulate/world/judge.h"
#include "simulate/world/judging.h"
#include "simulate/world/tcp.h"
#include "simulate/world/verdict.h"

struct endpoint_step {
    struct lubdub_step step;
    struct sim_world *world;
    struct sim_connection *connection;
    enum sim_side side;
    struct sim_end *end;
};

static struct endpoint_step *around(struct lubdub_step *step)
{
    return (struct endpoint_step *)(void *)((char *)step - offsetof(struct endpoint_step, step));
}

/* ---- the stream: simulated TCP and the queue of events ---- */

/* Some endpoints read input in pieces that end anywhere. */
static bool is_split(const struct sim_world *world, const struct sim_connection *connection)
{
    return world->settings->faults == SIM_FAULTS_ALL && connection->client % 5 == 2;
}

static struct lubdub_transfer read_stream(struct lubdub_step *step)
{
    struct endpoint_step *at = around(step);
    struct lubdub_transfer came = {0};
    size_t capacity = step->input_capacity;

    if (is_split(at->world, at->connection)) {
        capacity = 1 + (size_t)sim_random_below(&at->world->clients[at->connection->client].random, 40);
    }
    if (at->end->is_deaf) {
        return came;
    }
    came.length = sim_tcp_read(at->world, at->connection, at->side, step->input, capacity);
    came.has_more = came.length > 0;
    if (came.length > 0) {
        at->end->bytes_at = step->turn.now;
    }
    if (came.length == 0 && sim_tcp_has_ended(at->connection, at->side)) {
        at->end->is_end_told = true;
        came.end = at->end->has_error ? (enum lubdub_cause)at->end->error : LUBDUB_CAUSE_CLOSED;
    }
    return came;
}

static struct lubdub_transfer write_stream(struct lubdub_step *step, const uint8_t *bytes, size_t length, bool is_last)
{
    struct endpoint_step *at = around(step);
    struct lubdub_transfer went = {0};
    (void)is_last;

    if (!lubdub_session_has_output(step->session)) {
        at->end->waits_since = 0; /* nothing waits: what is written now comes straight from the step */
    }
    went.length = sim_tcp_write(at->world, at->connection, at->side, bytes, length, &went.end);
    if (went.length > 0) {
        at->end->blocked_at = step->turn.now;
    }
    if (went.length < length || at->end->waits_since != 0) {
        at->end->held_up_at = step->turn.now;
    }
    return went;
}

static void shut_stream(struct lubdub_step *step)
{
    struct endpoint_step *at = around(step);

    sim_tcp_shut(at->world, at->connection, at->side);
}

static void look(struct lubdub_step *step, struct lubdub_evidence *evidence)
{
    struct endpoint_step *at = around(step);

    sim_tcp_look_at(at->world, at->connection, at->side, evidence);
}

static lubdub_time read_clock(struct lubdub_step *step)
{
    struct endpoint_step *at = around(step);

    return sim_local(sim_process_of(at->world, at->end), at->world->now);
}

static void set_timer(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                      lubdub_time deadline)
{
    struct sim_end *end = &connection->ends[side];
    lubdub_time due;

    end->has_timer = deadline != LUBDUB_TIME_NEVER;
    end->due = deadline;
    if (end->has_timer) {
        due = sim_true(sim_process_of(world, end), deadline);
        sim_timer_arm(&end->timer, &world->queue, due > world->now ? due : world->now, SIM_EVENT_TIMER,
                      connection->index, sim_detail(connection, side));
    }
}

static void arm(struct lubdub_step *step, lubdub_time deadline)
{
    struct endpoint_step *at = around(step);

    set_timer(at->world, at->connection, at->side, deadline);
}

static void hear(struct lubdub_step *step, const struct lubdub_event *event);

static const struct lubdub_stream simulated = {
    .read = read_stream,
    .write = write_stream,
    .shut = shut_stream,
    .look = look,
    .now = read_clock,
    .arm = arm,
    .tell = hear,
};

/* ---- steps ---- */

/* A change in how many sessions a process has, or in how many of them are late. */
static void count(const struct sim_world *world, const struct sim_end *end, int sessions, int late)
{
    lubdub_suspicion_count(&sim_process_of(world, end)->suspicion, sessions, late);
}

static void begin(struct endpoint_step *at, struct sim_world *world, struct sim_connection *connection,
                  enum sim_side side, bool is_call)
{
    struct sim_end *end = &connection->ends[side];
    struct sim_process *process = sim_process_of(world, end);

    assert(world->depth < (is_call ? 2 : 1));
    *at = (struct endpoint_step){.world = world, .connection = connection, .side = side, .end = end};
    at->step = (struct lubdub_step){
        .session = &end->session,
        .stream = &simulated,
        .turn =
            {
                .now = sim_local(process, world->now),
                .settings = &process->settings,
                .path = LUBDUB_PATH_UNKNOWN,
                .suspects_ourselves = process->suspicion.is_there,
                .output = world->outputs[world->depth],
                .output_capacity = SIM_OUTPUT_SIZE,
            },
        .input = world->input,
        .input_capacity = SIM_INPUT_SIZE,
        .is_armed = end->has_timer,
        .is_call = is_call,
        .broken_by = is_call ? (enum lubdub_cause)end->broken_by : LUBDUB_CAUSE_NONE,
    };
    world->steps[world->depth++] = at;
    process->ran_at = at->step.turn.now;
}

/* What waits for the kernel, as the judge wants to know it; and when the kernel will say that it has room. */
static void note_output(struct endpoint_step *at)
{
    struct sim_world *world = at->world;
    struct sim_end *end = at->end;

    if (!end->has_session || !lubdub_session_has_output(&end->session)) {
        end->waits_since = 0;
        return;
    }
    if (end->waits_since == 0) {
        end->waits_since = end->waited_since = end->blocked_at = at->step.turn.now;
        end->blocked_away = sim_process_of(world, end)->away_total;
    }
    end->held_up_at = at->step.turn.now;
    if (sim_tcp_has_room(at->connection, at->side)) {
        sim_timer_arm(&end->write_timer, &world->queue, world->now + 50 * LUBDUB_MICROSECOND, SIM_EVENT_WRITABLE,
                      at->connection->index, sim_detail(at->connection, at->side));
    }
}

/* As the link does: a call leaves the rest to the endpoint's own step, which is due at once. */
static void end_step(struct endpoint_step *at)
{
    struct sim_world *world = at->world;
    struct sim_connection *connection = at->connection;

    switch (lubdub_step_settle(&at->step)) {
    case LUBDUB_STEP_GOES_ON:
        break;
    case LUBDUB_STEP_IS_DUE:
        at->end->is_deferred = true;
        at->end->broken_by = (uint8_t)at->step.broken_by;
        set_timer(world, connection, at->side, at->step.turn.now);
        break;
    case LUBDUB_STEP_IS_OVER:
        sim_judge_closed(world, connection, at->side);
        sim_tcp_close(world, connection, at->side);
        sim_endpoint_close(world, connection, at->side);
        if (at->side == SIM_CLIENT) {
            world->on_client_over(world, connection->client);
        }
        break;
    }
    note_output(at);
    world->depth--;
}

/* ---- one session for an identity ---- */

static void leave_old(struct sim_world *world, struct sim_connection *old)
{
    struct endpoint_step at;

    begin(&at, world, old, SIM_SERVER, true);
    old->ends[SIM_SERVER].has_left = true;
    lubdub_session_leave(&old->ends[SIM_SERVER].session, &at.step.turn, LUBDUB_REASON_REPLACED, NULL, false, 0);
    sim_tell(world, old, "server: replaced by a newer connection");
    end_step(&at);
}

/* Returns whether the newcomer may stay. */
static bool take_identity(struct sim_world *world, struct sim_connection *newcomer)
{
    uint32_t i;

    for (i = 0; i < world->connection_count; i++) {
        struct sim_connection *other = world->connections[i];
        struct sim_end *end = &other->ends[SIM_SERVER];

        if (other == newcomer || !other->is_used || other->client != newcomer->client || !end->has_session ||
            end->process != newcomer->ends[SIM_SERVER].process ||
            lubdub_session_state(&end->session) != LUBDUB_SESSION_UP) {
            continue;
        }
        if (other->incarnation > newcomer->incarnation ||
            (other->incarnation == newcomer->incarnation && other->order > newcomer->order)) {
            return false;
        }
        leave_old(world, other);
    }
    return true;
}

static void answer_hello(struct endpoint_step *at, const struct lubdub_event *event)
{
    struct sim_world *world = at->world;
    struct sim_connection *connection = at->connection;
    struct lubdub_session *session = &at->end->session;
    struct lubdub_grant grant = {
        .session_number = ++world->session_count,
        .interval = event->options.interval_ms * LUBDUB_MILLISECOND,
        .expiry = event->options.expiry_ms * LUBDUB_MILLISECOND,
    };

    connection->incarnation = event->incarnation;
    if (!take_identity(world, connection)) {
        at->end->has_left = true;
        lubdub_session_leave(session, &at->step.turn, LUBDUB_REASON_REPLACED, NULL, false, 0);
        return;
    }
    connection->session_number = grant.session_number;
    (void)lubdub_session_grant(session, &at->step.turn, &grant);
    sim_judge_owners(world, connection->client, at->end->process);
}

static void call_application(struct endpoint_step *at, const uint8_t *content, size_t length)
{
    at->world->is_in_application = true;
    at->world->on_message(at->world, at->connection, at->side, content, length);
    at->world->is_in_application = false;
}

static void hear(struct lubdub_step *step, const struct lubdub_event *event)
{
    struct endpoint_step *at = around(step);
    struct sim_world *world = at->world;

    if (world->is_in_application) {
        sim_judge_fail(world, at->connection, "an application is called back from inside a call of its own");
    }
    sim_judge_event(world, at->connection, at->side, event);
    switch (event->kind) {
    case LUBDUB_EVENT_HELLO:
        answer_hello(at, event);
        break;
    case LUBDUB_EVENT_MESSAGE:
        call_application(at, event->content, event->length);
        break;
    case LUBDUB_EVENT_UP:
        world->result->sessions++;
        at->connection->up_at = world->now;
        sim_tell(world, at->connection, "client: up");
        break;
    case LUBDUB_EVENT_DOWN:
        if (at->side == SIM_CLIENT && event->had_session) {
            world->result->session_time += world->now - at->connection->up_at;
        }
        sim_tell(world, at->connection, "%s: down, %s, silent for %.3f ms",
                 at->side == SIM_CLIENT ? "client" : "server", lubdub_cause_word(event->cause),
                 (double)event->silent_for / (double)LUBDUB_MILLISECOND);
        break;
    case LUBDUB_EVENT_LATE:
        count(world, at->end, 0, 1);
        sim_tell(world, at->connection, "server: late");
        break;
    case LUBDUB_EVENT_RECOVERED:
        count(world, at->end, 0, -1);
        sim_tell(world, at->connection, "server: recovered");
        break;
    case LUBDUB_EVENT_ACKED:
        if (!world->settings->has_messages) {
            call_application(at, NULL, 0);
        }
        break;
    case LUBDUB_EVENT_NONE:
    case LUBDUB_EVENT_GRANT_CHANGED:
    case LUBDUB_EVENT_LATE_ACK:
    case LUBDUB_EVENT_TIMED_OUT:
    case LUBDUB_EVENT_HEALTH:
    case LUBDUB_EVENT_ROOM:
        break;
    }
}

/* ---- events that wake an end ---- */

void sim_endpoint_close(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    struct sim_end *end = &connection->ends[side];

    if (end->has_session) {
        count(world, end, -1, end->session.is_late ? -1 : 0);
    }
    lubdub_session_clear(&end->session);
    end->has_session = false;
    end->has_timer = false;
    end->is_deferred = false;
    end->broken_by = LUBDUB_CAUSE_NONE;
    if (side == SIM_CLIENT && world->clients[connection->client].connection == connection->index) {
        world->clients[connection->client].connection = SIM_NOBODY;
    }
}

static void begin_session(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    struct sim_end *end = &connection->ends[side];
    struct endpoint_step at;
    enum lubdub_error error;

    end->must_begin = false;
    end->has_session = true;
    count(world, end, 1, 0);
    begin(&at, world, connection, side, true);
    if (side == SIM_CLIENT) {
        sim_process_of(world, end)->settings.incarnation = ++world->incarnation;
    }
    error =
        lubdub_session_init(&end->session, side == SIM_CLIENT ? LUBDUB_ROLE_CLIENT : LUBDUB_ROLE_SERVER, &at.step.turn);
    assert(error == LUBDUB_ERROR_OK);
    (void)error;
    if (connection->subflows != NULL) {
        lubdub_session_note_paths(&end->session);
    }
    sim_judge_begin(world, connection, side);
    end_step(&at);
}

void sim_endpoint_begin(struct sim_world *world, struct sim_connection *connection)
{
    unsigned side;

    for (side = 0; side < 2; side++) {
        connection->ends[side].must_begin = true;
    }
    for (side = 0; side < 2; side++) {
        struct sim_end *end = &connection->ends[side];

        if (end->must_begin && sim_runs(sim_process_of(world, end))) {
            begin_session(world, connection, (enum sim_side)side);
        }
    }
}

/* Handles the usual input, a probe. Returns false where a step is needed; nothing was read then. */
static bool answer_quickly(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    struct sim_end *end = &connection->ends[side];
    struct sim_process *process = sim_process_of(world, end);
    lubdub_time now = sim_local(process, world->now);
    size_t length = sim_tcp_look(connection, side, world->input, SIM_INPUT_SIZE);
    enum lubdub_cause broken_by;
    struct endpoint_step at;
    size_t taken;

    if (side != SIM_SERVER || length == 0 ||
        !lubdub_session_answer_quickly(&end->session, &process->settings, now, world->input, length)) {
        return false;
    }
    process->ran_at = now;
    sim_tcp_take(world, connection, side, length);
    taken = sim_tcp_write(world, connection, side, world->input, length, &broken_by);
    if (taken < length) { /* a step sees to the rest, as in the link */
        begin(&at, world, connection, side, false);
        memcpy(at.step.turn.output, world->input, length);
        at.step.turn.output_length = length;
        at.step.turn.output_sent = taken;
        if (broken_by != LUBDUB_CAUSE_NONE) {
            lubdub_step_break(&at.step, broken_by);
        }
        end_step(&at);
    }
    return true;
}

void sim_endpoint_on_readable(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    struct sim_end *end = &connection->ends[side];

    if (end->must_begin && sim_runs(sim_process_of(world, end))) {
        begin_session(world, connection, side);
    }
    /* As often as the loop would find it readable. */
    while (end->has_session && !end->is_deferred && !end->is_deaf && sim_runs(sim_process_of(world, end)) &&
           sim_tcp_is_readable(connection, side) && lubdub_session_state(&end->session) != LUBDUB_SESSION_CLOSED &&
           lubdub_session_wants_input(&end->session)) {
        struct endpoint_step at;

        if (is_split(world, connection) || !answer_quickly(world, connection, side)) {
            begin(&at, world, connection, side, false);
            (void)lubdub_step_read(&at.step);
            end_step(&at);
        }
    }
}

void sim_endpoint_on_arrival(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    struct sim_end *end = &connection->ends[side];
    lubdub_duration gather = world->settings->gather;

    if (gather == 0 || !end->has_session || sim_tcp_end_has_come(connection, side)) {
        sim_endpoint_on_readable(world, connection, side);
        return;
    }
    /* All sockets of a process at the same moments; the moments of two processes lie anywhere. */
    sim_timer_arm(&end->gather_timer, &world->queue,
                  world->now + gather - (world->now + sim_process_of(world, end)->origin) % gather, SIM_EVENT_GATHERED,
                  connection->index, sim_detail(connection, side));
}

void sim_endpoint_on_writable(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    struct sim_end *end = &connection->ends[side];
    struct endpoint_step at;

    if (!end->has_session || end->is_deferred || end->waits_since == 0 || !sim_runs(sim_process_of(world, end)) ||
        !sim_tcp_has_room(connection, side)) {
        return;
    }
    begin(&at, world, connection, side, false);
    end_step(&at);
}

static struct endpoint_step *running_step(const struct sim_world *world, const struct sim_end *end)
{
    unsigned depth = world->depth;

    while (depth > 0) {
        if (world->steps[--depth]->end == end) {
            return world->steps[depth];
        }
    }
    return NULL;
}

enum lubdub_error sim_endpoint_send(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                                    const uint8_t *content, size_t length)
{
    struct sim_end *end = &connection->ends[side];
    struct endpoint_step *running = running_step(world, end);
    struct endpoint_step at;
    enum lubdub_error error;

    if (running != NULL) {
        return lubdub_session_send(&end->session, &running->step.turn, content, length);
    }
    if (!end->has_session || !sim_runs(sim_process_of(world, end))) {
        return LUBDUB_ERROR_WRONG_STATE;
    }
    begin(&at, world, connection, side, true);
    error = lubdub_session_send(&end->session, &at.step.turn, content, length);
    end_step(&at);
    return error;
}

void sim_endpoint_regrant(struct sim_world *world, struct sim_connection *connection, lubdub_duration interval,
                          lubdub_duration expiry)
{
    struct sim_end *end = &connection->ends[SIM_SERVER];
    const struct lubdub_grant grant = {
        .session_number = connection->session_number, .interval = interval, .expiry = expiry};
    struct endpoint_step at;

    if (!end->has_session || !sim_runs(sim_process_of(world, end)) || running_step(world, end) != NULL ||
        lubdub_session_state(&end->session) != LUBDUB_SESSION_UP) {
        return;
    }
    sim_verdict_regranted(world, connection, expiry);
    begin(&at, world, connection, SIM_SERVER, true);
    (void)lubdub_session_grant(&end->session, &at.step.turn, &grant);
    sim_tell(world, connection, "server: grants %.3f ms, %.3f ms", (double)interval / 1e6, (double)expiry / 1e6);
    end_step(&at);
}

void sim_endpoint_on_timer(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    struct sim_end *end = &connection->ends[side];
    const struct sim_process *process = sim_process_of(world, end);
    enum lubdub_cause broken_by = (enum lubdub_cause)end->broken_by;
    lubdub_time now = sim_local(process, world->now);
    lubdub_time deadline;
    struct endpoint_step at;

    if (!end->has_session || !end->has_timer || !sim_runs(process)) {
        return;
    }
    deadline = end->due;
    if (deadline <= now && !end->is_deferred) {
        deadline = lubdub_session_deadline(&end->session, &process->settings);
        sim_process_of(world, end)->ran_at = now;
    }
    if (deadline > now) {
        set_timer(world, connection, side, deadline); /* it moved away meanwhile */
        return;
    }
    end->has_timer = false;
    end->is_deferred = false;
    end->broken_by = LUBDUB_CAUSE_NONE;
    begin(&at, world, connection, side, false);
    if (broken_by != LUBDUB_CAUSE_NONE) {
        lubdub_step_break(&at.step, broken_by);
    } else {
        lubdub_step_due(&at.step);
    }
    end_step(&at);
}

void sim_endpoint_leave(struct sim_world *world, uint32_t client)
{
    struct sim_connection *connection;
    struct endpoint_step at;

    if (world->clients[client].connection == SIM_NOBODY) {
        return;
    }
    connection = world->connections[world->clients[client].connection];
    if (!connection->ends[SIM_CLIENT].has_session || !sim_runs(&world->processes[world->clients[client].process])) {
        return;
    }
    begin(&at, world, connection, SIM_CLIENT, true);
    if (connection->ends[SIM_CLIENT].was_up && connection->ends[SIM_CLIENT].down_count == 0 &&
        !connection->ends[SIM_CLIENT].has_left) {
        world->result->session_time += world->now - connection->up_at;
    }
    connection->ends[SIM_CLIENT].has_left = true;
    lubdub_session_leave(&connection->ends[SIM_CLIENT].session, &at.step.turn, LUBDUB_REASON_NORMAL, NULL, false, 0);
    end_step(&at);
}
