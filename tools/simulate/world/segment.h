/*
 * Simulates the segments between the two kernels of a connection: sending, arrival, acknowledgement, retransmission.
 * tcp.h has what a process sees of them. Where a connection has several paths, paths.h carries its segments.
 */
#ifndef LUBDUB_SIMULATE_WORLD_SEGMENT_H
#define LUBDUB_SIMULATE_WORLD_SEGMENT_H

#include "simulate/world/world.h"

/* Sends one from the writer of this direction to its reader. It acknowledges what its sender has received. */
void sim_segment_send(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction,
                      uint64_t from, uint64_t to, bool is_reset);

/*
 * New bytes go out at once, in one segment or a few. After a timeout the window is one segment, and that segment is
 * under way again: new bytes wait until the peer acknowledges something (tcp_enter_loss()).
 */
void sim_segment_send_new(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction);

/* This side's kernel knows the connection no more. */
void sim_segment_forget(struct sim_connection *connection, enum sim_side side);

/* Events. */
void sim_segment_on_flight(struct sim_world *world, uint32_t flight);
void sim_segment_on_resend(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction);
void sim_segment_on_acknowledge(struct sim_world *world, struct sim_connection *connection,
                                enum sim_direction direction);

#endif
