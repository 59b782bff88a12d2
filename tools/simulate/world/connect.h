/* Connects a client's process to its server, and connects it again after an end. */
#ifndef LUBDUB_SIMULATE_WORLD_CONNECT_H
#define LUBDUB_SIMULATE_WORLD_CONNECT_H

#include "simulate/world/world.h"

/* A client's process is to connect `in` a while, as soon as it runs. */
void sim_connect(struct sim_world *world, uint32_t client, lubdub_duration in);

/* The same after the pause that the client makes when a connection ended or an attempt failed. */
void sim_connect_again(struct sim_world *world, uint32_t client);

void sim_connect_on_attempt(struct sim_world *world, uint32_t client);
void sim_connect_on_established(struct sim_world *world, uint32_t client, uint32_t attempt);

#endif
