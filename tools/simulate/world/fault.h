/* Does faults to processes, machines and paths, by a plan that follows from the seed alone. */
#ifndef LUBDUB_SIMULATE_WORLD_FAULT_H
#define LUBDUB_SIMULATE_WORLD_FAULT_H

#include "simulate/world/world.h"

void sim_fault_plan(struct sim_world *world);

void sim_fault_on_due(struct sim_world *world, uint32_t subject, uint32_t detail);

#endif
