/*
 * Runs the sessions of a process: the released code of a step, on simulated TCP instead of a socket.
 *
 * The client comes back after an end; the server gives an identity to the higher incarnation.
 */
#ifndef LUBDUB_SIMULATE_WORLD_ENDPOINT_H
#define LUBDUB_SIMULATE_WORLD_ENDPOINT_H

#include "simulate/world/world.h"

/* The kernels have a connection: both processes begin their sessions, when they run. */
void sim_endpoint_begin(struct sim_world *world, struct sim_connection *connection);

/* Something can be read, or the session is to begin. Ignored while the process does not run. */
/* Bytes or an end have reached the kernel of this side: its loop reads them, now or when it has gathered. */
void sim_endpoint_on_arrival(struct sim_world *world, struct sim_connection *connection, enum sim_side side);

void sim_endpoint_on_readable(struct sim_world *world, struct sim_connection *connection, enum sim_side side);
void sim_endpoint_on_writable(struct sim_world *world, struct sim_connection *connection, enum sim_side side);

/* The application's calls, from inside a callback or not. */
enum lubdub_error sim_endpoint_send(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                                    const uint8_t *content, size_t length);
void sim_endpoint_regrant(struct sim_world *world, struct sim_connection *connection, lubdub_duration interval,
                          lubdub_duration expiry);

void sim_endpoint_on_timer(struct sim_world *world, struct sim_connection *connection, enum sim_side side);

/* An end is done with: its session and its timer. The kernel's part is not touched. */
void sim_endpoint_close(struct sim_world *world, struct sim_connection *connection, enum sim_side side);

/* The client's process says goodbye and comes back. */
void sim_endpoint_leave(struct sim_world *world, uint32_t client);

#endif
