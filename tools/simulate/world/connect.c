/* Simulates connecting: SYN and its answer over the path, with TCP's pauses between the tries. */
#include "simulate/world/connect.h"

#include <string.h>

#include "simulate/world/endpoint.h"
#include "simulate/world/tcp.h"

#define CONNECT_TIMEOUT (5 * LUBDUB_SECOND)
#define FIRST_CONNECT_WAIT LUBDUB_SECOND

void sim_connect(struct sim_world *world, uint32_t client, lubdub_duration in)
{
    struct sim_client *who = &world->clients[client];

    who->attempt++;
    who->attempt_wait = 0;
    who->was_syn_lost = false;
    who->attempt_began = world->now + in;
    sim_queue_put(&world->queue, world->now + in, SIM_EVENT_CONNECT, client, who->attempt);
}

void sim_connect_again(struct sim_world *world, uint32_t client)
{
    sim_connect(world, client, sim_random_between(&world->clients[client].random, 100, 2000) * LUBDUB_MILLISECOND);
}

void sim_connect_on_attempt(struct sim_world *world, uint32_t client)
{
    struct sim_client *who = &world->clients[client];
    const struct sim_process *server = &world->processes[who->server];
    lubdub_time there;
    lubdub_time back;

    if (who->connection != SIM_NOBODY || !world->processes[who->process].is_alive) {
        return;
    }
    if (!sim_runs(&world->processes[who->process])) {
        who->wants_connection = true;
        return;
    }
    world->result->segments++;
    if (server->is_machine_up && server->paused_until <= world->now &&
        sim_path_carry(&who->paths[0], SIM_UP, 0, world->now, &there)) {
        world->result->segments++;
        if (sim_path_carry(&who->paths[0], SIM_DOWN, 0, world->now, &back)) {
            who->handshake = there - world->now + back - world->now;
            sim_queue_put(&world->queue, world->now + who->handshake, SIM_EVENT_ESTABLISHED, client, who->attempt);
            return;
        }
    }
    who->was_syn_lost = true;
    /* SYN again after 1, 2, 4 s; after 5 s a new attempt. */
    who->attempt_wait = who->attempt_wait == 0 ? FIRST_CONNECT_WAIT : 2 * who->attempt_wait;
    if (world->now + who->attempt_wait > who->attempt_began + CONNECT_TIMEOUT) {
        sim_connect_again(world, client);
        return;
    }
    sim_queue_put(&world->queue, world->now + who->attempt_wait, SIM_EVENT_CONNECT, client, who->attempt);
}

static struct sim_connection *free_connection(struct sim_world *world)
{
    struct sim_connection *connection = sim_new_connection(world);
    unsigned side;

    connection->session_number = 0;
    connection->incarnation = 0;
    for (side = 0; side < 2; side++) {
        struct sim_end *end = &connection->ends[side];

        memset(end, 0, sizeof *end);
        sim_timer_init(&end->timer);
        sim_timer_init(&end->judge_timer);
        sim_timer_init(&end->write_timer);
        sim_timer_init(&end->gather_timer);
    }
    return connection;
}

void sim_connect_on_established(struct sim_world *world, uint32_t client, uint32_t attempt)
{
    struct sim_client *who = &world->clients[client];
    const struct sim_process *server = &world->processes[who->server];
    struct sim_connection *connection;

    if (who->attempt != attempt || who->connection != SIM_NOBODY || !world->processes[who->process].is_alive) {
        return;
    }
    if (!server->is_alive || !server->is_machine_up) {
        sim_connect_again(world, client);
        return; /* refused, or gone meanwhile */
    }
    connection = free_connection(world);
    connection->client = client;
    connection->order = ++world->accepted_count;
    connection->established_at = world->now;
    connection->ends[SIM_CLIENT].process = who->process;
    connection->ends[SIM_SERVER].process = who->server;
    who->connection = connection->index;
    sim_tcp_open(world, connection, who->handshake);
    sim_endpoint_begin(world, connection);
}
