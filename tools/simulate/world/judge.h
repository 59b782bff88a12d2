/*
 * Checks what must always hold, at every step, by what is seen on the wire and in the kernels. verdict.h has the part
 * of it about grants, verdicts and causes; judging.h what both use.
 *
 * The promise (docs/protocol.md, section 5) is that an endpoint judges by what had arrived at its machine, and by its
 * own clock. In the numbers of one end, with E the granted expiry, T the timeout, and all times by that end's clock:
 *
 *  - The server declares no session dead before E has passed since its last whole frame reached the server's kernel,
 *    read or not. The client declares no server dead for a probe before T has passed since the probe was handed over,
 *    nor when that probe's ack lies in its kernel. Neither judges while a whole frame lies unread.
 *  - Where an end was away (stopped, or its machine paused) and overslept by a quarter of its E or T or more, the
 *    bounds above are later by the whole absence.
 *  - So a live peer is never declared dead while its frames reach us within E (or T). If a live peer is declared dead,
 *    the network kept its frames away for that long; this is counted (false_alarms).
 *  - A silent one is declared dead at E (or T) after that at the latest, later by our own absences only; a process that
 *    does not run is given until it runs.
 *  - A session ends once, and nothing is heard of it after that. An identity has one session on a server.
 *  - Two honest ends never call one another's frames wrong, too many or too long. There may be too many behind a
 *    path that trickles: a frame comes now and then, so that the session lives, while more frames wait behind it
 *    than pile up in one expiry. That is counted (trickles).
 *  - Probes are numbered without gaps and come at the granted interval or sooner. A probe is answered once, after
 *    it was read, in order, and with its own content; an ack that is reported is one that came. Messages come back
 *    as they were.
 *
 * A contender that may be faster than E and T (adaptive) states its own bound: sim_settings.adaptive_floor.
 */
#ifndef LUBDUB_SIMULATE_WORLD_JUDGE_H
#define LUBDUB_SIMULATE_WORLD_JUDGE_H

#include "simulate/world/world.h"

/* The end has a session now. */
void sim_judge_begin(struct sim_world *world, struct sim_connection *connection, enum sim_side side);

/* This side wrote a frame; a frame came whole to this side's kernel; was read by its process. */
void sim_judge_written(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                       const struct lubdub_frame *frame);
void sim_judge_arrived(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                       const struct sim_note *note);
void sim_judge_read(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                    const struct sim_note *note);

/* Its session gave this event. */
void sim_judge_event(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                     const struct lubdub_event *event);

/* The end closes by itself, without having been told why. */
void sim_judge_closed(struct sim_world *world, struct sim_connection *connection, enum sim_side side);

/* A session was granted to this client. */
void sim_judge_owners(struct sim_world *world, uint32_t client, uint32_t server);

#endif
