/* Simulates absences, deaths and starts of processes. */
#include "simulate/world/process.h"

#include "simulate/world/connect.h"
#include "simulate/world/endpoint.h"
#include "simulate/world/tcp.h"
#include "simulate/world/verdict.h"

#define SHORTEST_ABSENCE (2 * LUBDUB_MILLISECOND)

/*
 * The next end of a process, NULL after the last one: its connection and its side. The cursor begins at 0 and counts
 * ends, two for each connection.
 */
static struct sim_connection *next_end(const struct sim_world *world, uint32_t process, uint32_t *cursor,
                                       enum sim_side *side)
{
    while (*cursor < 2 * world->connection_count) {
        struct sim_connection *connection = world->connections[*cursor / 2];

        *side = (enum sim_side)(*cursor % 2);
        ++*cursor;
        if (connection->is_used && connection->ends[*side].process == process) {
            return connection;
        }
    }
    return NULL;
}

void sim_process_stop(struct sim_world *world, uint32_t process)
{
    world->processes[process].is_stopped = true;
    world->processes[process].stopped_at = world->now;
}

/* When the loop meant to wake: its earliest timer. */
static lubdub_time meant_to_wake(const struct sim_world *world, uint32_t process)
{
    const struct sim_connection *connection;
    lubdub_time earliest = LUBDUB_TIME_NEVER;
    uint32_t cursor = 0;
    enum sim_side side;

    while ((connection = next_end(world, process, &cursor, &side)) != NULL) {
        const struct sim_end *end = &connection->ends[side];

        if (end->has_session && end->has_timer) {
            earliest = lubdub_time_earlier(earliest, end->due);
        }
    }
    return earliest;
}

static void forgive(struct sim_world *world, uint32_t process)
{
    struct sim_process *who = &world->processes[process];
    lubdub_time now = sim_local(who, world->now);
    lubdub_time expected = meant_to_wake(world, process);
    lubdub_duration away = lubdub_time_between(who->ran_at, now);
    lubdub_duration overslept;
    struct sim_connection *connection;
    uint32_t cursor = 0;
    enum sim_side side;

    if (expected < who->ran_at) {
        expected = who->ran_at;
    }
    overslept = lubdub_time_between(expected, now);
    who->away_total += away;
    if (overslept < SHORTEST_ABSENCE) {
        return;
    }
    who->absence_count++;
    world->result->absences++;
    while ((connection = next_end(world, process, &cursor, &side)) != NULL) {
        if (connection->ends[side].has_session) {
            sim_verdict_away(world, connection, side, away, overslept);
            lubdub_session_forgive(&connection->ends[side].session, &who->settings, away, overslept);
        }
    }
}

/* Calls what is due of one kind: timers, or what can be read. */
static void wake_all(struct sim_world *world, uint32_t process, bool timers)
{
    struct sim_connection *connection;
    uint32_t cursor = 0;
    enum sim_side side;

    while ((connection = next_end(world, process, &cursor, &side)) != NULL) {
        if (timers) {
            sim_endpoint_on_timer(world, connection, side);
        } else {
            sim_endpoint_on_readable(world, connection, side);
            sim_endpoint_on_writable(world, connection, side);
        }
        sim_release(world, connection);
    }
}

void sim_process_go_on(struct sim_world *world, uint32_t process)
{
    struct sim_process *who = &world->processes[process];
    bool timers_first = sim_random_is(&world->random, SIM_SHARE(2, 3));

    who->is_stopped = false;
    who->went_on_at = world->now;
    if (!who->is_alive) {
        return;
    }
    forgive(world, process);
    who->ran_at = sim_local(who, world->now);
    world->on_go_on(world, process);
    /* libev calls timers before sockets, unless the loop hung between the two. */
    wake_all(world, process, timers_first);
    wake_all(world, process, !timers_first);
    if (process < world->client_count && world->clients[process].wants_connection) {
        world->clients[process].wants_connection = false;
        sim_connect(world, process, 0);
    }
}

void sim_process_die(struct sim_world *world, uint32_t process, bool loses_power)
{
    struct sim_process *who = &world->processes[process];
    struct sim_connection *connection;
    uint32_t cursor = 0;
    enum sim_side side;

    who->is_alive = false;
    who->is_stopped = false;
    who->is_machine_up = !loses_power;
    while ((connection = next_end(world, process, &cursor, &side)) != NULL) {
        struct sim_end *end = &connection->ends[side];

        if (side == SIM_CLIENT && end->has_session && end->was_up && end->down_count == 0 && !end->has_left) {
            world->result->session_time += world->now - connection->up_at;
        }
        if (loses_power) {
            sim_tcp_vanish(world, connection, side);
        } else {
            sim_tcp_close(world, connection, side);
        }
        end->must_begin = false;
        sim_endpoint_close(world, connection, side);
        sim_release(world, connection);
    }
}

void sim_process_start(struct sim_world *world, uint32_t process)
{
    struct sim_process *who = &world->processes[process];

    who->is_alive = true;
    who->is_stopped = false;
    who->is_machine_up = true;
    who->ran_at = sim_local(who, world->now);
    if (process < world->client_count) {
        world->clients[process].connection = SIM_NOBODY;
        world->clients[process].wants_connection = false;
        sim_connect(world, process, 0);
    }
}
