/*
 * Keeps one direction of a connection: bytes, notes of frames, estimates of round trips, what came ahead of a gap. TCP
 * (tcp.h) and the connections under Multipath TCP (paths.h) share it; neither sends nor receives here.
 */
#ifndef LUBDUB_SIMULATE_WORLD_STREAM_H
#define LUBDUB_SIMULATE_WORLD_STREAM_H

#include "simulate/world/world.h"

/* The bytes of a segment. */
#define SIM_MSS 1448

/* Begins anew; memory that it holds is kept. round_trip: what the handshake measured. */
void sim_stream_init(struct sim_stream *stream, lubdub_duration round_trip);

/* Frees what it holds. */
void sim_stream_clear(struct sim_stream *stream);

/* The end of the bytes that were written, without FIN; and of those that may be read. */
uint64_t sim_stream_data_end(const struct sim_stream *stream);
uint64_t sim_stream_readable_to(const struct sim_stream *stream);

/* Whether its kernel would take bytes: TCP_NOTSENT_LOWAT, and the buffer's size. */
bool sim_stream_has_room(const struct sim_stream *stream);

/* Room for so many bytes more; and they are written. Ends the program where there is no memory. */
void sim_stream_make_room(struct sim_stream *stream, size_t length);
void sim_stream_append(struct sim_stream *stream, const uint8_t *bytes, size_t length);

/* The note of this number, counted from the first ever; and a new last one. */
struct sim_note *sim_stream_note(const struct sim_stream *stream, uint64_t number);
struct sim_note *sim_stream_new_note(struct sim_stream *stream);

/* How long to wait for an acknowledgement, as it stands: RFC 6298 with Linux's floor. */
lubdub_duration sim_stream_rto(const struct sim_stream *stream, const struct sim_tcp *tcp);

/* A round trip was measured: RFC 6298, 2.2 and 2.3. */
void sim_stream_measure(struct sim_stream *stream, lubdub_duration round_trip);

/* A range came ahead of what is missing; what is missing has come: moves received_to on. */
void sim_stream_put_ahead(struct sim_stream *stream, uint64_t from, uint64_t to);
void sim_stream_close_gaps(struct sim_stream *stream);

/*
 * Writes into a segment that goes back what has come of a stream, and how much more may come of the whole one: the same
 * stream, but with several paths, each of which acknowledges for itself.
 */
void sim_stream_acknowledge(const struct sim_stream *came, struct sim_stream *whole, struct sim_flight *flight);

#endif
