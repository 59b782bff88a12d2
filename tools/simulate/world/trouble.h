/* Decides whether a verdict is right, by the faults that are being done to the peer. */
#ifndef LUBDUB_SIMULATE_WORLD_TROUBLE_H
#define LUBDUB_SIMULATE_WORLD_TROUBLE_H

#include "simulate/world/world.h"

/* Details of SIM_EVENT_FAULT beside fault.c's kinds. HEAL has the client's trouble_count in the bits above 8. */
#define SIM_FAULT_NEXT 15
#define SIM_FAULT_HEAL 16u

/* An end declared its peer dead: checks whether that was right, and counts it. */
void sim_trouble_noticed(struct sim_world *world, const struct sim_connection *connection, enum sim_side side);

#endif
