/* Runs a simulation: begins it, handles event after event, and ends it. */
#include "simulate/world/simulate.h"

#include <stdlib.h>
#include <string.h>

#include "simulate/world/application.h"
#include "simulate/world/connect.h"
#include "simulate/world/endpoint.h"
#include "simulate/world/fault.h"
#include "simulate/world/judging.h"
#include "simulate/world/segment.h"
#include "simulate/world/subflow.h"
#include "simulate/world/tcp.h"
#include "simulate/world/verdict.h"
#include "simulate/world/world.h"

/* ---- the begin ---- */

static void *must_have(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL) {
        abort();
    }
    return memory;
}

static void process_init(struct sim_world *world, uint32_t index, enum lubdub_role role)
{
    const struct sim_settings *settings = world->settings;
    struct sim_process *process = &world->processes[index];
    struct lubdub_session_settings *session = &process->settings;

    process->is_alive = true;
    process->is_machine_up = true;
    process->origin = sim_random_below(&world->random, (uint64_t)1 << 50);
    if (sim_random_below(&world->random, 2) == 0) {
        process->drift = (int32_t)sim_random_below(&world->random, 401) - 200;
    }
    process->ran_at = process->origin;
    lubdub_session_settings_init(session);
    session->interval = settings->interval;
    session->expiry = settings->expiry;
    session->timeout = settings->timeout;
    session->stays_connected = false;
    session->adapts = settings->adapts;
    if (settings->has_messages) {
        session->max_content = SIM_LONGEST_MESSAGE;
    }
    if (settings->tune != NULL) {
        settings->tune(session, role, settings->user_data);
    }
}

static void client_init(struct sim_world *world, uint32_t index)
{
    const struct sim_settings *settings = world->settings;
    struct sim_client *client = &world->clients[index];
    struct lubdub_session_settings *session = &world->processes[index].settings;
    enum sim_network network = settings->network;
    size_t i;

    client->random.state = sim_mix(settings->seed * 0x10001 + index);
    client->trouble_random.state = sim_mix(settings->seed * 0x20003 + index);
    client->process = index;
    client->server = world->client_count + (settings->faults == SIM_FAULTS_CONTEST ? index : 0);
    client->connection = SIM_NOBODY;
    if (settings->is_mixed) {
        network = (enum sim_network)sim_random_below(&client->random, SIM_NETWORK_MIXED);
    }
    client->path_count = settings->paths;
    for (i = 0; i < client->path_count; i++) {
        sim_path_init(&client->paths[i], network, sim_path_seed(settings->seed, index) + i);
        if (client->path_count > 1) {
            sim_path_share(&client->paths[i], settings->shared, sim_mix(sim_path_seed(settings->seed, index)));
        }
    }
    snprintf(client->identity, sizeof client->identity, "c%u", (unsigned)index);
    session->identity = (struct lubdub_slice){client->identity, strlen(client->identity)};
    for (i = 0; i < sizeof client->content; i++) {
        client->content[i] = (uint8_t)sim_random_next(&client->random);
    }
    if (index % 3 == 0) {
        session->content = (struct lubdub_slice){(const char *)client->content, 1 + index * 7 % sizeof client->content};
    }
    session->phase = 1 + sim_random_below(&client->random, settings->interval);
    sim_connect(world, index, sim_random_below(&client->random, settings->interval + 1));
}

static void world_init(struct sim_world *world, const struct sim_settings *settings, struct sim_result *result)
{
    uint32_t i;

    memset(world, 0, sizeof *world);
    world->settings = settings;
    world->result = result;
    world->random.state = sim_mix(settings->seed + 0x5eed);
    world->client_count = settings->clients;
    world->process_count = settings->clients + (settings->faults == SIM_FAULTS_CONTEST ? settings->clients : 1);
    world->clients = must_have(world->client_count, sizeof *world->clients);
    world->processes = must_have(world->process_count, sizeof *world->processes);
    world->free_flight = SIM_NOBODY;
    world->on_readable = sim_endpoint_on_arrival;
    world->on_client_over = sim_connect_again;
    world->on_writable = sim_endpoint_on_writable;
    world->on_message = sim_application_on_message;
    world->on_go_on = sim_application_on_go_on;
    world->input = must_have(1, SIM_INPUT_SIZE);
    world->outputs[0] = must_have(1, SIM_OUTPUT_SIZE);
    world->outputs[1] = must_have(1, SIM_OUTPUT_SIZE);
    for (i = 0; i < world->process_count; i++) {
        process_init(world, i, i < world->client_count ? LUBDUB_ROLE_CLIENT : LUBDUB_ROLE_SERVER);
    }
    for (i = 0; i < world->client_count; i++) {
        client_init(world, i);
    }
    world->talk.state = sim_mix(settings->seed + 0x7a1c);
    sim_application_plan(world);
    sim_fault_plan(world);
}

static void world_clear(struct sim_world *world)
{
    uint32_t i;

    for (i = 0; i < world->connection_count; i++) {
        struct sim_connection *connection = world->connections[i];
        unsigned side;

        for (side = 0; side < 2; side++) {
            if (connection->ends[side].has_session) {
                lubdub_session_clear(&connection->ends[side].session);
            }
        }
        sim_tcp_clear(connection);
        free(connection);
    }
    free(world->connections);
    free(world->clients);
    free(world->processes);
    free(world->flights);
    free(world->input);
    free(world->outputs[0]);
    free(world->outputs[1]);
    sim_queue_clear(&world->queue);
}

/* ---- the loop ---- */

/* So many events at one moment are an error: a session asks to be called again and again, and time stands still. */
#define MOST_AT_ONE_MOMENT 1000000

static void happen_to_connection(struct sim_world *world, const struct sim_event *event)
{
    struct sim_connection *connection = world->connections[event->subject];
    unsigned which = event->detail & 1;
    struct sim_end *end = &connection->ends[which];
    struct sim_stream *stream = &connection->streams[which];

    if (event->detail >> 1 != (connection->generation & 0x7fffffffu)) {
        return; /* another connection's, by now */
    }
    switch ((enum sim_event_kind)event->kind) {
    case SIM_EVENT_TIMER:
        if (sim_timer_take(&end->timer, event->at)) {
            sim_endpoint_on_timer(world, connection, (enum sim_side)which);
        }
        break;
    case SIM_EVENT_RESEND:
        if (sim_timer_take(&stream->resend_timer, event->at)) {
            sim_segment_on_resend(world, connection, (enum sim_direction)which);
        }
        break;
    case SIM_EVENT_ACKNOWLEDGE:
        if (sim_timer_take(&stream->acknowledge_timer, event->at)) {
            sim_segment_on_acknowledge(world, connection, (enum sim_direction)which);
        }
        break;
    case SIM_EVENT_WRITABLE:
        if (sim_timer_take(&end->write_timer, event->at)) {
            sim_endpoint_on_writable(world, connection, (enum sim_side)which);
        }
        break;
    case SIM_EVENT_GATHERED:
        if (sim_timer_take(&end->gather_timer, event->at)) {
            sim_endpoint_on_readable(world, connection, (enum sim_side)which);
        }
        break;
    case SIM_EVENT_JUDGE:
        if (sim_timer_take(&end->judge_timer, event->at)) {
            sim_verdict_on_due(world, connection, (enum sim_side)which);
        }
        break;
    case SIM_EVENT_CONNECT:
    case SIM_EVENT_ESTABLISHED:
    case SIM_EVENT_FLIGHT:
    case SIM_EVENT_FAULT:
    case SIM_EVENT_TALK:
    case SIM_EVENT_PATH_RESEND:
    case SIM_EVENT_PATH_ACKNOWLEDGE:
    case SIM_EVENT_KEEPALIVE:
    case SIM_EVENT_JOIN:
        break;
    }
    if (connection->is_used) {
        sim_release(world, connection);
    }
}

static void happen(struct sim_world *world, const struct sim_event *event)
{
    world->now = event->at;
    switch ((enum sim_event_kind)event->kind) {
    case SIM_EVENT_CONNECT:
        if (world->clients[event->subject].attempt == event->detail) {
            sim_connect_on_attempt(world, event->subject);
        }
        break;
    case SIM_EVENT_ESTABLISHED:
        sim_connect_on_established(world, event->subject, event->detail);
        break;
    case SIM_EVENT_FLIGHT:
        sim_segment_on_flight(world, event->subject);
        break;
    case SIM_EVENT_FAULT:
        sim_fault_on_due(world, event->subject, event->detail);
        break;
    case SIM_EVENT_TALK:
        sim_application_on_due(world, event->subject);
        break;
    case SIM_EVENT_TIMER:
    case SIM_EVENT_RESEND:
    case SIM_EVENT_ACKNOWLEDGE:
    case SIM_EVENT_WRITABLE:
    case SIM_EVENT_GATHERED:
    case SIM_EVENT_JUDGE:
        happen_to_connection(world, event);
        break;
    case SIM_EVENT_PATH_RESEND:
    case SIM_EVENT_PATH_ACKNOWLEDGE:
    case SIM_EVENT_KEEPALIVE:
    case SIM_EVENT_JOIN:
        sim_subflow_on_event(world, event);
        break;
    }
}

static void count_what_is_up(struct sim_world *world)
{
    uint32_t i;

    for (i = 0; i < world->connection_count; i++) {
        const struct sim_connection *connection = world->connections[i];
        const struct sim_end *end = &connection->ends[SIM_CLIENT];

        if (connection->is_used && end->has_session && end->was_up && end->down_count == 0 && !end->has_left) {
            world->result->session_time += world->now - connection->up_at;
        }
    }
}

void sim_run(const struct sim_settings *settings, struct sim_result *result)
{
    struct sim_world world;
    struct sim_event event;
    uint32_t at_this_moment = 0;

    world_init(&world, settings, result);
    while (!result->has_failed && sim_queue_take(&world.queue, settings->length, &event)) {
        at_this_moment = event.at > world.now ? 0 : at_this_moment + 1;
        happen(&world, &event);
        if (at_this_moment > MOST_AT_ONE_MOMENT) {
            sim_judge_fail(&world, NULL, "time stands still: a deadline is over and nothing comes of it");
        }
    }
    if (!result->has_failed) {
        world.now = settings->length;
    }
    count_what_is_up(&world);
    result->digest = sim_mix(world.digest ^ result->segments ^ result->frames << 32);
    world_clear(&world);
}
