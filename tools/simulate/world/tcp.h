/*
 * Simulates TCP between two kernels, as far as a heartbeat notices it (docs/decisions/0011-simulated-tcp.md).
 *
 * A connection is a byte stream that keeps its order: a lost segment is sent again after a timeout (RFC 6298 with
 * Linux's floor), and all bytes behind it wait and arrive with it. So an outage of B is a silence of up to 2 B. Here is
 * what a process sees of it; segment.h has the segments.
 */
#ifndef LUBDUB_SIMULATE_WORLD_TCP_H
#define LUBDUB_SIMULATE_WORLD_TCP_H

#include "simulate/world/world.h"

/* Both kernels know the connection; round_trip is what the handshake measured. */
void sim_tcp_open(struct sim_world *world, struct sim_connection *connection, lubdub_duration round_trip);

/* Frees what it holds. */
void sim_tcp_clear(struct sim_connection *connection);

/*
 * The process of this side writes whole frames, or the rest of a frame that the kernel took in part. Returns how much
 * the kernel takes; *end is why the connection is over, LUBDUB_CAUSE_NONE where it is not.
 */
size_t sim_tcp_write(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                     const uint8_t *bytes, size_t length, enum lubdub_cause *end);

/* Whether a write would take something. */
bool sim_tcp_has_room(const struct sim_connection *connection, enum sim_side side);

/* What lies there to be read, copied to `target` and left there; returns how much. Then: so much of it was taken. */
size_t sim_tcp_look(const struct sim_connection *connection, enum sim_side side, uint8_t *target, size_t capacity);
void sim_tcp_take(struct sim_world *world, struct sim_connection *connection, enum sim_side side, size_t length);

/* Both at once; returns how much was copied to `target`. */
size_t sim_tcp_read(struct sim_world *world, struct sim_connection *connection, enum sim_side side, uint8_t *target,
                    size_t capacity);

/* Whether a read would give something: bytes, an end, an error. */
bool sim_tcp_is_readable(const struct sim_connection *connection, enum sim_side side);

/* The end or an error has come, whatever is still to be read before it. */
bool sim_tcp_end_has_come(const struct sim_connection *connection, enum sim_side side);

/* All was read, and the peer's end came. */
bool sim_tcp_has_ended(const struct sim_connection *connection, enum sim_side side);

/* shutdown(SHUT_WR). */
void sim_tcp_shut(struct sim_world *world, struct sim_connection *connection, enum sim_side side);

/* close(): FIN, or RST where something was not read. */
void sim_tcp_close(struct sim_world *world, struct sim_connection *connection, enum sim_side side);

/* The machine lost its power. Sends nothing. */
void sim_tcp_vanish(struct sim_world *world, struct sim_connection *connection, enum sim_side side);

/* What the kernel of this side says (common/ev/socket.h). */
void sim_tcp_look_at(const struct sim_world *world, const struct sim_connection *connection, enum sim_side side,
                     struct lubdub_evidence *evidence);

#endif
