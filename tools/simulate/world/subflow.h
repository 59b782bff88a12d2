/*
 * Simulates one of the TCP connections under Multipath TCP: which bytes of the stream it carries, what it sends again
 * by its own timer, and what it acknowledges and asks. What goes over which of them, the stream above decides
 * (paths.h).
 */
#ifndef LUBDUB_SIMULATE_WORLD_SUBFLOW_H
#define LUBDUB_SIMULATE_WORLD_SUBFLOW_H

#include "simulate/world/world.h"

static inline bool sim_subflow_is_in_use(const struct sim_subflow *subflow)
{
    return subflow->is_open && !subflow->is_over;
}

/* Not open yet; memory that it holds is kept. */
void sim_subflow_init(struct sim_subflow *subflow);

/* Frees what it holds. */
void sim_subflow_clear(struct sim_subflow *subflow);

/* It is open, with this round trip; or it will be after `wait`: is_answered 0: its SYN sets out then, 1: it is open
 * then. */
void sim_subflow_open(struct sim_world *world, struct sim_connection *connection, unsigned path,
                      lubdub_duration round_trip);
void sim_subflow_join_in(struct sim_world *world, const struct sim_connection *connection, unsigned path,
                         lubdub_duration wait, unsigned is_answered);

/*
 * A segment with these bytes of the subflow sets out; all of them acknowledge what has come, of the subflow and of the
 * stream. NULL: it is lost.
 */
struct sim_flight *sim_subflow_transmit(struct sim_world *world, struct sim_connection *connection, unsigned path,
                                        enum sim_direction direction, uint64_t from, uint64_t to);

/* A RST, of this subflow alone or, in a fast close, of the connection. */
void sim_subflow_reset(struct sim_world *world, struct sim_connection *connection, unsigned path,
                       enum sim_direction direction, bool is_fast_close);

/* The subflow is to carry these bytes of the stream. */
void sim_subflow_give(struct sim_world *world, struct sim_connection *connection, unsigned path,
                      enum sim_direction direction, uint64_t data_from, uint64_t data_to);

/* An acknowledgement of it arrived at this side. */
void sim_subflow_take_acknowledgement(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                                      const struct sim_flight *flight);

/* Its bytes arrived at this side; what is in order goes to the stream. Then, when the process has had its turn: the
 * delayed acknowledgement is put on its way, if it has not gone with something else. */
void sim_subflow_take_data(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                           const struct sim_flight *flight);
void sim_subflow_mind_acknowledgement(struct sim_world *world, struct sim_connection *connection,
                                      const struct sim_flight *flight);

/* Events: SIM_EVENT_PATH_RESEND, _PATH_ACKNOWLEDGE, _KEEPALIVE and _JOIN. */
void sim_subflow_on_event(struct sim_world *world, const struct sim_event *event);

#endif
