/* Counts a verdict: a detection where the peer is in trouble, else a false alarm. */
#include "simulate/world/trouble.h"

/* From the second side's verdict to the end of the trouble. */
#define TIME_TO_HEAL (100 * LUBDUB_MILLISECOND)

static bool lives(const struct sim_world *world, const struct sim_connection *connection, enum sim_side side)
{
    const struct sim_process *process = &world->processes[connection->ends[side].process];

    return process->is_alive && !process->is_stopped && connection->ends[side].has_session;
}

void sim_trouble_noticed(struct sim_world *world, const struct sim_connection *connection, enum sim_side side)
{
    struct sim_client *client = &world->clients[connection->client];
    enum sim_observer observer = side == SIM_CLIENT ? SIM_OBSERVER_CLIENT : SIM_OBSERVER_SERVER;

    if (client->trouble != SIM_TROUBLE_NONE) {
        if (!client->is_decided[side] && client->troubled_connection == connection->index) {
            client->is_decided[side] = true;
            sim_detections_add(&world->result->detections[observer][client->trouble == SIM_TROUBLE_CUT],
                               world->now - client->trouble_at);
            if (client->is_decided[SIM_CLIENT] && client->is_decided[SIM_SERVER]) {
                sim_queue_put(&world->queue, world->now + TIME_TO_HEAL, SIM_EVENT_FAULT, connection->client,
                              SIM_FAULT_HEAL | client->trouble_count << 8);
            }
        }
        return;
    }
    if (!sim_is_cut(client) && lives(world, connection, sim_other(side))) {
        world->result->false_alarms[observer]++;
        sim_tell(world, connection, "%s: a false alarm", side == SIM_CLIENT ? "client" : "server");
    }
}
