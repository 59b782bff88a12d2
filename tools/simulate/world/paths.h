/*
 * Simulates Multipath TCP between two kernels (docs/decisions/0011-simulated-tcp.md): one byte stream over several TCP
 * connections, the subflows, each over a path of its own.
 *
 *     stream (connection->streams) ── mapped to ──► subflow 0 ══ path 0 ══►
 *                                              └──► subflow 1 ══ path 1 ══►
 *
 * New bytes go to the subflow with the least under way, the first of several. What the stream does not hear
 * acknowledged goes out once more, over a subflow that has nothing under way; the copy that comes second is dropped.
 * Subflows (subflow.h) send again what they have lost, too, each by its own timer. The constants are the kernel's: the
 * timers that a session tunes do not reach subflows (docs/decisions/0016-paths-are-the-kernels.md).
 *
 * tcp.h is what a process sees of it, and calls this where a connection has subflows. Windows are the stream's.
 */
#ifndef LUBDUB_SIMULATE_WORLD_PATHS_H
#define LUBDUB_SIMULATE_WORLD_PATHS_H

#include "simulate/world/world.h"

/* The first subflow is open, as round_trip was measured on it; the others are opened after a round trip more. */
void sim_paths_open(struct sim_world *world, struct sim_connection *connection, lubdub_duration round_trip);

/* Frees what it holds. */
void sim_paths_clear(struct sim_connection *connection);

/* New bytes of the stream in this direction go out. */
void sim_paths_push(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction);

/* What this side's process has read makes room: its window is told on all paths. */
void sim_paths_tell_window(struct sim_world *world, struct sim_connection *connection, enum sim_side side);

/* This side ends the connection at once, on all paths. */
void sim_paths_fast_close(struct sim_world *world, struct sim_connection *connection, enum sim_side side);

/* This side's kernel knows no such connection: the segment's own path is reset. */
void sim_paths_refuse(struct sim_world *world, struct sim_connection *connection, const struct sim_flight *flight);

/* The path was reset. What it carried goes over another one. */
void sim_paths_lose(struct sim_world *world, struct sim_connection *connection, unsigned path);

/* A segment's acknowledgements arrived at this side: of the path, and of the stream. */
void sim_paths_take_acknowledgement(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                                    const struct sim_flight *flight);

/* Whether a segment carries bytes of the stream before `end`, that is: data. */
bool sim_paths_carries_before(const struct sim_connection *connection, const struct sim_flight *flight, uint64_t end);

/*
 * Its bytes arrived at this side. Returns whether the stream has more in order than before. Then, when the process has
 * had its turn: the delayed acknowledgement is put on its way, if it has not gone with something else.
 */
bool sim_paths_take_data(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                         const struct sim_flight *flight);
void sim_paths_mind_acknowledgement(struct sim_world *world, struct sim_connection *connection,
                                    const struct sim_flight *flight);

/* A segment without data, which acknowledges what has come; it goes over the segment's path. */
void sim_paths_answer(struct sim_world *world, struct sim_connection *connection, const struct sim_flight *flight);

/* The stream's own timer. False: no path is left, and the kernel gives the connection up. */
bool sim_paths_on_resend(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction);

/* What common/ev/paths.c reads: the evidence over all paths. has_unread is not touched. */
void sim_paths_look_at(const struct sim_world *world, const struct sim_connection *connection, enum sim_side side,
                       struct lubdub_evidence *evidence);

#endif
