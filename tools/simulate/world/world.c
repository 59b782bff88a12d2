/* Does the small tasks of a run: clocks, lines of the story, and connections that are used again. */
#include "simulate/world/world.h"

#include <stdarg.h>
#include <stdlib.h>

lubdub_time sim_true(const struct sim_process *process, lubdub_time local)
{
    lubdub_time at;
    unsigned round;

    if (local <= process->origin) {
        return 0;
    }
    at = local - process->origin;
    if (process->drift != 0) {
        /* What is left of the error shrinks by the drift each time; the rest goes step by step. */
        for (round = 0; round < 4; round++) {
            at = (local - process->origin) - (sim_local(process, at) - process->origin - at);
        }
        while (sim_local(process, at) < local) {
            at++;
        }
        while (at > 0 && sim_local(process, at - 1) >= local) {
            at--;
        }
    }
    return at;
}

void sim_tell(struct sim_world *world, const struct sim_connection *connection, const char *format, ...)
{
    FILE *story = world->settings->story;
    va_list arguments;

    if (story == NULL) {
        return;
    }
    fprintf(story, "%14.6f s  ", (double)world->now / (double)LUBDUB_SECOND);
    if (connection != NULL) {
        fprintf(story, "client %u, session %llu: ", (unsigned)connection->client,
                (unsigned long long)connection->session_number);
    }
    va_start(arguments, format);
    vfprintf(story, format, arguments);
    va_end(arguments);
    fputc('\n', story);
}

struct sim_connection *sim_new_connection(struct sim_world *world)
{
    struct sim_connection *connection;
    uint32_t i;

    for (i = 0; i < world->connection_count; i++) {
        connection = world->connections[i];
        if (!connection->is_used) {
            connection->is_used = true;
            connection->generation++;
            return connection;
        }
    }
    if (world->connection_count == world->connection_capacity) {
        world->connection_capacity = world->connection_capacity > 0 ? world->connection_capacity * 2 : 32;
        world->connections = realloc(world->connections, world->connection_capacity * sizeof(struct sim_connection *));
        if (world->connections == NULL) {
            abort();
        }
    }
    connection = calloc(1, sizeof *connection);
    if (connection == NULL) {
        abort();
    }
    connection->index = world->connection_count;
    connection->is_used = true;
    world->connections[world->connection_count++] = connection;
    return connection;
}

void sim_release(struct sim_world *world, struct sim_connection *connection)
{
    unsigned side;

    (void)world;
    for (side = 0; side < 2; side++) {
        const struct sim_end *end = &connection->ends[side];

        if (end->kernel != SIM_KERNEL_NONE || end->has_session || end->must_begin) {
            return;
        }
    }
    connection->is_used = false;
    connection->generation++; /* segments and events still under way find no connection */
}

struct sim_flight *sim_new_flight(struct sim_world *world, uint32_t *index)
{
    if (world->free_flight != SIM_NOBODY) {
        *index = world->free_flight;
        world->free_flight = world->flights[*index].next_free;
        return &world->flights[*index];
    }
    if (world->flight_count == world->flight_capacity) {
        world->flight_capacity = world->flight_capacity > 0 ? world->flight_capacity * 2 : 64;
        world->flights = realloc(world->flights, world->flight_capacity * sizeof *world->flights);
        if (world->flights == NULL) {
            abort();
        }
    }
    *index = world->flight_count++;
    return &world->flights[*index];
}

bool sim_is_paused(const struct sim_world *world, const struct sim_connection *connection, enum sim_side side,
                   lubdub_time *due)
{
    lubdub_time paused_until = sim_process_of(world, &connection->ends[side])->paused_until;

    if (paused_until > world->now && *due != LUBDUB_TIME_NEVER) {
        *due = paused_until;
        return true;
    }
    return false;
}

bool sim_is_cut(const struct sim_client *client)
{
    unsigned i;

    for (i = 0; i < client->path_count; i++) {
        if (client->paths[i].cut == 0) {
            return false;
        }
    }
    return true;
}

lubdub_time sim_cut_at(const struct sim_client *client)
{
    lubdub_time latest = 0;
    unsigned i;

    for (i = 0; i < client->path_count; i++) {
        latest = client->paths[i].cut_at > latest ? client->paths[i].cut_at : latest; /* NEVER is the latest */
    }
    return latest;
}
