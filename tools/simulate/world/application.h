/*
 * Simulates the applications of clients and servers: they send, echo, relay and broadcast, also from inside callbacks;
 * some stop reading for a while; the server changes grants.
 */
#ifndef LUBDUB_SIMULATE_WORLD_APPLICATION_H
#define LUBDUB_SIMULATE_WORLD_APPLICATION_H

#include "simulate/world/world.h"

/* Gives each client its habits and its link. Where applications do not talk, does nothing. */
void sim_application_plan(struct sim_world *world);

/* A MESSAGE came to this side. On a client's side without content: one of its probes was answered. */
void sim_application_on_message(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                                const uint8_t *content, size_t length);

/* The process was stopped and runs again: what it was asked for meanwhile comes before anything is read. */
void sim_application_on_go_on(struct sim_world *world, uint32_t process);

/* Time for a client's application to talk; SIM_NOBODY: for the server's. */
void sim_application_on_due(struct sim_world *world, uint32_t client);

#endif
