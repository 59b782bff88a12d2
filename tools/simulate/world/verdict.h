/*
 * Checks what sessions say of one another's death: not too early, not too late, with the true cause where the whole
 * story is known. judge.h has the promise, and calls these for what sessions tell.
 */
#ifndef LUBDUB_SIMULATE_WORLD_VERDICT_H
#define LUBDUB_SIMULATE_WORLD_VERDICT_H

#include "simulate/world/world.h"

/* The server changes the grant of this session; before anything is written. Then its client has the new grant. */
void sim_verdict_regranted(struct sim_world *world, struct sim_connection *connection, lubdub_duration expiry);
void sim_verdict_new_grant(const struct sim_world *world, struct sim_connection *connection);

/* The session told LATE; it ended after RECOVERED perhaps; it told DOWN. */
void sim_verdict_late(struct sim_world *world, const struct sim_connection *connection, const struct sim_end *end);
void sim_verdict_recovery(struct sim_world *world, struct sim_connection *connection, const struct sim_end *end);
void sim_verdict_on_down(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                         const struct lubdub_event *event);

/* Its process was away, and woke so much later than it meant to. Before anything else happens there. */
void sim_verdict_away(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                      lubdub_duration away, lubdub_duration overslept);

/* An event: is a verdict overdue? */
void sim_verdict_on_due(struct sim_world *world, struct sim_connection *connection, enum sim_side side);

#endif
