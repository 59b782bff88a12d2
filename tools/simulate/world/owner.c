/* Steps: a turn of a session with everything around it. What link.c does, line by line. */
#include "simulate/world/owner.h"

#include <assert.h>
#include <string.h>

#include "simulate/world/connect.h"
#include "simulate/world/judge.h"
#include "core/session_quick.h"
#include "simulate/world/tcp.h"

struct step {
    struct sim_world *world;
    struct sim_connection *connection;
    enum sim_side side;
    struct sim_end *end;
    struct lubdub_turn turn;
};

static void settle(struct step *step);

/* ---- steps ---- */

/* A change in how many sessions a process has, or of those that are late. */
static void count(const struct sim_world *world, const struct sim_end *end, int sessions, int late)
{
    lubdub_suspicion_count(&sim_process_of(world, end)->suspicion, sessions, late);
}

static void begin(struct step *step, struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    struct sim_end *end = &connection->ends[side];
    struct sim_process *process = sim_process_of(world, end);

    assert(world->depth < 2);
    *step = (struct step){.world = world, .connection = connection, .side = side, .end = end};
    step->turn = (struct lubdub_turn){
        .now = sim_local(process, world->now),
        .settings = &process->settings,
        .path = LUBDUB_PATH_UNKNOWN,
        .suspects_ourselves = process->suspicion.is_there,
        .output = world->outputs[world->depth++],
        .output_capacity = SIM_OUTPUT_SIZE,
    };
    process->ran_at = step->turn.now;
}

static void end_step(struct step *step)
{
    settle(step);
    step->world->depth--;
}

/* ---- who is who ---- */

static void leave_old(struct sim_world *world, struct sim_connection *old)
{
    struct step step;

    begin(&step, world, old, SIM_SERVER);
    old->ends[SIM_SERVER].has_left = true;
    lubdub_session_leave(&old->ends[SIM_SERVER].session, &step.turn, LUBDUB_REASON_REPLACED, NULL, false, 0);
    sim_tell(world, old, "server: replaced by a newer connection");
    end_step(&step);
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
        if (other->incarnation > newcomer->incarnation) {
            return false;
        }
        leave_old(world, other);
    }
    return true;
}

static void answer_hello(struct step *step, const struct lubdub_event *event)
{
    struct sim_world *world = step->world;
    struct sim_connection *connection = step->connection;
    struct lubdub_session *session = &step->end->session;
    struct lubdub_grant grant = {
        .session_number = ++world->session_count,
        .interval = event->options.interval_ms * LUBDUB_MILLISECOND,
        .expiry = event->options.expiry_ms * LUBDUB_MILLISECOND,
    };

    connection->incarnation = event->incarnation;
    if (!take_identity(world, connection)) {
        step->end->has_left = true;
        lubdub_session_leave(session, &step->turn, LUBDUB_REASON_REPLACED, NULL, false, 0);
        return;
    }
    connection->session_number = grant.session_number;
    (void)lubdub_session_grant(session, &step->turn, &grant);
    sim_judge_owners(world, connection->client, step->end->process);
}

/* Where faults are about, some clients talk: now and then they send what the server is to return. */
static void talk(struct step *step)
{
    struct sim_client *client = &step->world->clients[step->connection->client];

    if (step->world->settings->faults == SIM_FAULTS_ALL && step->connection->client % 3 == 1 &&
        sim_random_is(&client->random, SIM_SHARE(1, 4))) {
        size_t length = (size_t)sim_random_below(&client->random, sizeof client->content + 1);

        client->content[0]++; /* it sends no content with its probes */
        (void)lubdub_session_send(&step->end->session, &step->turn, client->content, length);
    }
}

static void hear(struct step *step, const struct lubdub_event *event)
{
    struct sim_world *world = step->world;

    sim_judge_event(world, step->connection, step->side, event);
    switch (event->kind) {
    case LUBDUB_EVENT_HELLO:
        answer_hello(step, event);
        break;
    case LUBDUB_EVENT_MESSAGE:
        if (step->side == SIM_SERVER) {
            (void)lubdub_session_send(&step->end->session, &step->turn, event->content, event->length);
        }
        break;
    case LUBDUB_EVENT_UP:
        world->result->sessions++;
        step->connection->up_at = world->now;
        sim_tell(world, step->connection, "client: up");
        break;
    case LUBDUB_EVENT_DOWN:
        if (step->side == SIM_CLIENT && event->had_session) {
            world->result->session_time += world->now - step->connection->up_at;
        }
        sim_tell(world, step->connection, "%s: down, %s, silent for %.3f ms",
                 step->side == SIM_CLIENT ? "client" : "server", lubdub_cause_word(event->cause),
                 (double)event->silent_for / (double)LUBDUB_MILLISECOND);
        break;
    case LUBDUB_EVENT_LATE:
        count(world, step->end, 0, 1);
        sim_tell(world, step->connection, "server: late");
        break;
    case LUBDUB_EVENT_RECOVERED:
        count(world, step->end, 0, -1);
        sim_tell(world, step->connection, "server: recovered");
        break;
    case LUBDUB_EVENT_ACKED:
        talk(step);
        break;
    case LUBDUB_EVENT_NONE:
    case LUBDUB_EVENT_GRANT_CHANGED:
    case LUBDUB_EVENT_LATE_ACK:
    case LUBDUB_EVENT_TIMED_OUT:
    case LUBDUB_EVENT_HEALTH:
        break;
    }
}

/* ---- reading, writing, judging ---- */

static void flush(struct step *step)
{
    struct lubdub_session *session = &step->end->session;
    const uint8_t *output;
    size_t length;

    while ((output = lubdub_session_output(session, &step->turn, &length)) != NULL) {
        sim_tcp_write(step->world, step->connection, step->side, output, length);
        lubdub_session_sent(session, &step->turn, length);
    }
    (void)lubdub_session_end_turn(session, &step->turn);
}

static bool listens(const struct lubdub_session *session)
{
    return lubdub_session_state(session) != LUBDUB_SESSION_CLOSED && lubdub_session_wants_input(session);
}

static void feed(struct step *step, const uint8_t *input, size_t length)
{
    struct lubdub_event event;

    for (;;) {
        size_t taken = lubdub_session_receive(&step->end->session, &step->turn, input, length, &event);

        if (event.kind == LUBDUB_EVENT_NONE) {
            return;
        }
        input += taken;
        length -= taken;
        hear(step, &event);
    }
}

/* Some get what has come in pieces that end anywhere. */
static bool is_split(const struct sim_world *world, const struct sim_connection *connection)
{
    return world->settings->faults == SIM_FAULTS_ALL && connection->client % 5 == 2;
}

/* Reads once. Returns whether there may be more. */
static bool read_some(struct step *step)
{
    struct sim_world *world = step->world;
    struct lubdub_event event;
    size_t capacity = SIM_INPUT_SIZE;
    size_t length;

    if (!listens(&step->end->session)) {
        return false;
    }
    if (is_split(world, step->connection)) {
        capacity = 1 + (size_t)sim_random_below(&world->clients[step->connection->client].random, 40);
    }
    length = sim_tcp_read(world, step->connection, step->side, world->input, capacity);
    if (length > 0) {
        feed(step, world->input, length);
        return true;
    }
    if (sim_tcp_has_ended(step->connection, step->side)) {
        step->end->is_end_told = true;
        lubdub_session_receive_end(&step->end->session, &step->turn,
                                   step->end->has_error ? (enum lubdub_cause)step->end->error : LUBDUB_CAUSE_CLOSED,
                                   &event);
        if (event.kind != LUBDUB_EVENT_NONE) {
            hear(step, &event);
        }
    }
    return false;
}

static void read_all(struct step *step)
{
    while (read_some(step)) {
        flush(step);
    }
}

static void tick(struct step *step)
{
    struct lubdub_session *session = &step->end->session;
    struct lubdub_event event;

    if (lubdub_session_verdict_is_due(session, step->turn.settings, step->turn.now)) {
        lubdub_duration patience = sim_tcp_patience(step->connection, step->side);
        lubdub_time since = step->turn.now > patience ? step->turn.now - patience : 0;

        step->turn.path = sim_tcp_path(step->connection, step->side, lubdub_session_asked_since(session, since));
    }
    do {
        lubdub_session_tick(session, &step->turn, &event);
        if (event.kind != LUBDUB_EVENT_NONE) {
            hear(step, &event);
        }
    } while (event.kind != LUBDUB_EVENT_NONE);
}

static void arm(struct step *step, lubdub_time deadline)
{
    struct sim_end *end = step->end;
    lubdub_time due;

    end->has_timer = deadline != LUBDUB_TIME_NEVER;
    end->due = deadline;
    if (end->has_timer) {
        due = sim_true(sim_process_of(step->world, end), deadline);
        sim_timer_arm(&end->timer, &step->world->queue, due > step->world->now ? due : step->world->now,
                      SIM_EVENT_TIMER, step->connection->index, sim_detail(step->connection, step->side));
    }
}

static void mind_deadline(struct step *step)
{
    struct lubdub_session *session = &step->end->session;
    const struct lubdub_session_settings *settings = step->turn.settings;
    lubdub_time deadline;

    if (!lubdub_session_take_closer_deadline(session) && step->end->has_timer) {
        return;
    }
    deadline = lubdub_session_deadline(session, settings);
    if (deadline <= step->turn.now && !lubdub_session_verdict_is_due(session, settings, step->turn.now)) {
        tick(step);
        flush(step);
        (void)lubdub_session_take_closer_deadline(session);
        deadline = lubdub_session_deadline(session, settings);
    }
    arm(step, deadline);
}

void sim_owner_close(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    struct sim_end *end = &connection->ends[side];

    if (end->has_session) {
        count(world, end, -1, end->session.is_late ? -1 : 0);
    }
    lubdub_session_clear(&end->session);
    end->has_session = false;
    end->has_timer = false;
    if (side == SIM_CLIENT && world->clients[connection->client].connection == connection->index) {
        world->clients[connection->client].connection = SIM_NOBODY;
    }
}

static void settle(struct step *step)
{
    struct sim_world *world = step->world;
    struct lubdub_session *session = &step->end->session;

    flush(step);
    if (lubdub_session_state(session) != LUBDUB_SESSION_CLOSED) {
        mind_deadline(step);
    }
    if (lubdub_session_state(session) == LUBDUB_SESSION_CLOSED) {
        uint32_t client = step->connection->client;

        tick(step);
        sim_judge_closed(world, step->connection, step->side);
        sim_tcp_close(world, step->connection, step->side);
        sim_owner_close(world, step->connection, step->side);
        if (step->side == SIM_CLIENT) {
            sim_connect_again(world, client);
        }
        return;
    }
    if (lubdub_session_state(session) == LUBDUB_SESSION_LEAVING && !lubdub_session_has_output(session)) {
        sim_tcp_shut(world, step->connection, step->side);
    }
}

/* ---- what wakes an end ---- */

static void begin_session(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    struct sim_end *end = &connection->ends[side];
    struct step step;
    enum lubdub_error error;

    end->must_begin = false;
    end->has_session = true;
    count(world, end, 1, 0);
    begin(&step, world, connection, side);
    if (side == SIM_CLIENT) {
        sim_process_of(world, end)->settings.incarnation = ++world->incarnation;
    }
    error =
        lubdub_session_init(&end->session, side == SIM_CLIENT ? LUBDUB_ROLE_CLIENT : LUBDUB_ROLE_SERVER, &step.turn);
    assert(error == LUBDUB_ERROR_OK);
    (void)error;
    sim_judge_begin(world, connection, side);
    end_step(&step);
}

void sim_owner_begin(struct sim_world *world, struct sim_connection *connection)
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

/* What nearly all input is. Returns false where a step is needed; nothing was read then. */
static bool answer_quickly(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    struct sim_end *end = &connection->ends[side];
    struct sim_process *process = sim_process_of(world, end);
    lubdub_time now = sim_local(process, world->now);
    size_t length = sim_tcp_look(connection, side, world->input, SIM_INPUT_SIZE);

    if (side != SIM_SERVER || length == 0 ||
        !lubdub_session_answer_quickly(&end->session, &process->settings, now, world->input, length)) {
        return false;
    }
    process->ran_at = now;
    sim_tcp_take(world, connection, side, length);
    sim_tcp_write(world, connection, side, world->input, length);
    return true;
}

void sim_owner_on_readable(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    struct sim_end *end = &connection->ends[side];

    if (end->must_begin && sim_runs(sim_process_of(world, end))) {
        begin_session(world, connection, side);
    }
    /* As often as the loop would find it readable. */
    while (end->has_session && sim_runs(sim_process_of(world, end)) && sim_tcp_is_readable(connection, side) &&
           listens(&end->session)) {
        struct step step;

        if (is_split(world, connection) || !answer_quickly(world, connection, side)) {
            begin(&step, world, connection, side);
            read_some(&step);
            end_step(&step);
        }
    }
}

static void ring(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    struct sim_end *end = &connection->ends[side];
    const struct sim_process *process = sim_process_of(world, end);
    lubdub_time deadline = lubdub_session_deadline(&end->session, &process->settings);
    struct step step;

    begin(&step, world, connection, side);
    end->has_timer = false;
    if (deadline > step.turn.now) {
        arm(&step, deadline); /* it moved away meanwhile */
        world->depth--;
        return;
    }
    read_all(&step);
    if (lubdub_session_deadline(&end->session, step.turn.settings) <= step.turn.now) {
        tick(&step);
    }
    end_step(&step);
}

void sim_owner_on_timer(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    struct sim_end *end = &connection->ends[side];

    if (!end->has_session || !end->has_timer || !sim_runs(sim_process_of(world, end))) {
        return;
    }
    if (end->due > sim_local(sim_process_of(world, end), world->now)) {
        struct step step = {.world = world, .connection = connection, .side = side, .end = end};

        arm(&step, end->due);
        return;
    }
    ring(world, connection, side);
}

void sim_owner_leave(struct sim_world *world, uint32_t client)
{
    struct sim_connection *connection;
    struct step step;

    if (world->clients[client].connection == SIM_NOBODY) {
        return;
    }
    connection = world->connections[world->clients[client].connection];
    if (!connection->ends[SIM_CLIENT].has_session || !sim_runs(&world->processes[world->clients[client].process])) {
        return;
    }
    begin(&step, world, connection, SIM_CLIENT);
    if (connection->ends[SIM_CLIENT].was_up && connection->ends[SIM_CLIENT].down_count == 0 &&
        !connection->ends[SIM_CLIENT].has_left) {
        world->result->session_time += world->now - connection->up_at;
    }
    connection->ends[SIM_CLIENT].has_left = true;
    lubdub_session_leave(&connection->ends[SIM_CLIENT].session, &step.turn, LUBDUB_REASON_NORMAL, NULL, false, 0);
    end_step(&step);
}
