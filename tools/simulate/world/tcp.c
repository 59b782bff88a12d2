/* Simulates what a process sees of TCP: a socket with finite buffers, its end, and what its kernel knows. */
#include "simulate/world/tcp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "simulate/world/judge.h"
#include "simulate/world/paths.h"
#include "simulate/world/segment.h"
#include "simulate/world/stream.h"

/* What common/ev/socket.c allows for a delayed acknowledgement. */
#define DELAYED_ACK (50 * LUBDUB_MILLISECOND)

/* ---- streams ---- */

/* The buffers of the kernels of a pair that talks. */
#define SEND_LIMIT 16384
#define RECEIVE_LIMIT 32768

/* The kernel takes nothing while so many bytes wait unsent: common/ev/socket.c, lubdub_socket_tune(). */
#define UNSENT_LIMIT 1
#define UNSENT_LIMIT_OF_PATHS 4096

/* The estimate of a round trip that comes only from a SYN that was sent twice. */
#define STALE_ESTIMATE (LUBDUB_SECOND / 2)

void sim_tcp_open(struct sim_world *world, struct sim_connection *connection, lubdub_duration round_trip)
{
    unsigned direction;

    for (direction = 0; direction < 2; direction++) {
        struct sim_stream *stream = &connection->streams[direction];

        sim_stream_init(stream, round_trip);
        stream->answered_at = world->now;
        stream->window_to = stream->advertised_to = UINT64_MAX;
        if (world->settings->has_messages) {
            stream->send_limit = SEND_LIMIT;
            stream->unsent_limit =
                world->clients[connection->client].path_count > 1 ? UNSENT_LIMIT_OF_PATHS : UNSENT_LIMIT;
            stream->receive_limit = RECEIVE_LIMIT;
            stream->window_to = stream->advertised_to = RECEIVE_LIMIT;
        }
        if (world->settings->has_messages && world->clients[connection->client].was_syn_lost) {
            stream->smoothed = stream->variation = STALE_ESTIMATE;
        }
    }
    connection->ends[SIM_CLIENT].kernel = SIM_KERNEL_OPEN;
    connection->ends[SIM_SERVER].kernel = SIM_KERNEL_OPEN;
    if (world->clients[connection->client].path_count > 1) {
        sim_paths_open(world, connection, round_trip);
    }
}

void sim_tcp_clear(struct sim_connection *connection)
{
    unsigned direction;

    for (direction = 0; direction < 2; direction++) {
        sim_stream_clear(&connection->streams[direction]);
    }
    sim_paths_clear(connection);
}

/*
 * How much of what is offered the kernel takes. It takes nothing while bytes wait unsent (TCP_NOTSENT_LOWAT), and now
 * and then a part that ends anywhere.
 */
static size_t room_for(struct sim_world *world, const struct sim_connection *connection,
                       const struct sim_stream *stream, size_t length)
{
    struct sim_random *random = &world->clients[connection->client].random;
    uint64_t held = stream->written_to - stream->acked_to;
    size_t room = length;

    if (stream->send_limit == 0) {
        return length;
    }
    if (stream->written_to - stream->sent_to >= stream->unsent_limit || held >= stream->send_limit) {
        return 0;
    }
    if (room > stream->send_limit - held) {
        room = (size_t)(stream->send_limit - held);
    }
    return connection->client % 4 == 1 && sim_random_below(random, 8) == 0 ? 1 + (size_t)sim_random_below(random, room)
                                                                           : room;
}

bool sim_tcp_has_room(const struct sim_connection *connection, enum sim_side side)
{
    const struct sim_stream *stream = &connection->streams[sim_written_by(side)];

    return connection->ends[side].has_error || sim_stream_has_room(stream);
}

/* The frame that begins here. Its content is kept until it is written whole. */
static void begin_frame(struct sim_world *world, struct sim_stream *stream, const uint8_t *bytes, size_t length,
                        uint64_t offset)
{
    struct lubdub_frame frame;
    size_t size = 0;
    enum lubdub_frame_status status = lubdub_frame_decode(&frame, bytes, length, LUBDUB_CONTENT_LIMIT, &size);

    assert(status == LUBDUB_FRAME_WHOLE); /* a session offers whole frames, or the rest of a cut frame */
    (void)status;
    if (frame.length > stream->frame_capacity) {
        free(stream->frame_content);
        stream->frame_capacity = frame.length;
        stream->frame_content = malloc(frame.length);
        if (stream->frame_content == NULL) {
            abort();
        }
    }
    if (frame.length > 0) {
        memcpy(stream->frame_content, frame.content, frame.length);
    }
    stream->frame = frame;
    stream->frame.content = stream->frame_content;
    stream->frame_left = size;
    *sim_stream_new_note(stream) = (struct sim_note){
        .end = offset + size,
        .sequence = frame.sequence,
        .written_at = world->now,
        .type = frame.type,
    };
}

size_t sim_tcp_write(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                     const uint8_t *bytes, size_t length, enum lubdub_cause *end)
{
    enum sim_direction direction = sim_written_by(side);
    struct sim_stream *stream = &connection->streams[direction];
    uint64_t from = stream->written_to;
    size_t offset = 0;
    size_t taken;

    *end = LUBDUB_CAUSE_NONE;
    if (connection->ends[side].has_error) {
        *end = (enum lubdub_cause)connection->ends[side].error;
        return 0;
    }
    if (connection->ends[side].kernel != SIM_KERNEL_OPEN) {
        return length;
    }
    taken = room_for(world, connection, stream, length);
    if (taken == 0) {
        return 0;
    }
    sim_stream_append(stream, bytes, taken);
    while (offset < taken) {
        size_t part;

        if (stream->frame_left == 0) {
            begin_frame(world, stream, bytes + offset, length - offset, from + offset);
        }
        part = stream->frame_left < taken - offset ? stream->frame_left : taken - offset;
        stream->frame_left -= part;
        offset += part;
        if (stream->frame_left == 0) {
            sim_judge_written(world, connection, side, &stream->frame);
        }
    }
    sim_segment_send_new(world, connection, direction);
    return taken;
}

size_t sim_tcp_look(const struct sim_connection *connection, enum sim_side side, uint8_t *target, size_t capacity)
{
    const struct sim_stream *stream = &connection->streams[sim_written_by(sim_other(side))];
    uint64_t available = sim_stream_readable_to(stream) - stream->read_to;
    size_t length = available < capacity ? (size_t)available : capacity;
    uint32_t place;
    size_t part;

    if (length == 0) {
        return 0;
    }
    place = (uint32_t)stream->read_to & (stream->capacity - 1);
    part = stream->capacity - place < length ? stream->capacity - place : length;
    memcpy(target, stream->bytes + place, part);
    memcpy(target + part, stream->bytes, length - part);
    return length;
}

void sim_tcp_take(struct sim_world *world, struct sim_connection *connection, enum sim_side side, size_t length)
{
    struct sim_stream *stream = &connection->streams[sim_written_by(sim_other(side))];

    stream->read_to += length;
    while (stream->note_read < stream->note_arrived &&
           sim_stream_note(stream, stream->note_read)->end <= stream->read_to) {
        sim_judge_read(world, connection, side, sim_stream_note(stream, stream->note_read));
        stream->note_read++;
    }
    /* The window opens again: that is said at once. */
    if (stream->receive_limit > 0 && stream->advertised_to - stream->received_to < SIM_MSS &&
        stream->read_to + stream->receive_limit - stream->received_to >= 2 * SIM_MSS &&
        connection->ends[side].kernel == SIM_KERNEL_OPEN) {
        if (connection->subflows != NULL) {
            sim_paths_tell_window(world, connection, side);
        } else {
            sim_segment_send(world, connection, sim_written_by(side), 0, 0, false);
        }
    }
}

size_t sim_tcp_read(struct sim_world *world, struct sim_connection *connection, enum sim_side side, uint8_t *target,
                    size_t capacity)
{
    size_t length = sim_tcp_look(connection, side, target, capacity);

    sim_tcp_take(world, connection, side, length);
    return length;
}

bool sim_tcp_end_has_come(const struct sim_connection *connection, enum sim_side side)
{
    const struct sim_stream *stream = &connection->streams[sim_written_by(sim_other(side))];

    return connection->ends[side].has_error || (stream->has_fin && stream->received_to == stream->written_to);
}

bool sim_tcp_has_ended(const struct sim_connection *connection, enum sim_side side)
{
    const struct sim_stream *stream = &connection->streams[sim_written_by(sim_other(side))];
    const struct sim_end *end = &connection->ends[side];

    return !end->is_end_told && stream->read_to == sim_stream_readable_to(stream) &&
           (end->has_error || (stream->has_fin && stream->received_to == stream->written_to));
}

bool sim_tcp_is_readable(const struct sim_connection *connection, enum sim_side side)
{
    const struct sim_stream *stream = &connection->streams[sim_written_by(sim_other(side))];

    return stream->read_to < sim_stream_readable_to(stream) || sim_tcp_has_ended(connection, side);
}

/* ---- the end ---- */

void sim_tcp_shut(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    enum sim_direction direction = sim_written_by(side);
    struct sim_stream *stream = &connection->streams[direction];

    if (connection->ends[side].kernel != SIM_KERNEL_OPEN || stream->has_fin) {
        return;
    }
    sim_stream_make_room(stream, 1);
    stream->has_fin = true;
    stream->written_to++;
    sim_segment_send_new(world, connection, direction);
}

void sim_tcp_close(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    const struct sim_stream *incoming = &connection->streams[sim_written_by(sim_other(side))];

    if (connection->ends[side].kernel != SIM_KERNEL_OPEN) {
        return;
    }
    if (incoming->read_to < sim_stream_readable_to(incoming)) {
        if (connection->subflows != NULL) {
            sim_paths_fast_close(world, connection, side);
        } else {
            sim_segment_send(world, connection, sim_written_by(side), 0, 0, true);
        }
        sim_segment_forget(connection, side);
        return;
    }
    sim_tcp_shut(world, connection, side);
    connection->ends[side].kernel = SIM_KERNEL_ORPHAN;
    if (connection->streams[sim_written_by(side)].resend_at == LUBDUB_TIME_NEVER) {
        sim_segment_forget(connection, side);
    }
}

void sim_tcp_vanish(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    (void)world;
    sim_segment_forget(connection, side);
}

/* ---- evidence ---- */

void sim_tcp_look_at(const struct sim_world *world, const struct sim_connection *connection, enum sim_side side,
                     struct lubdub_evidence *evidence)
{
    const struct sim_stream *stream = &connection->streams[sim_written_by(side)];

    if (connection->subflows != NULL) {
        sim_paths_look_at(world, connection, side, evidence);
        evidence->has_unread = sim_tcp_is_readable(connection, side);
        return;
    }
    evidence->is_known = true;
    evidence->unacknowledged = stream->acked_to < stream->sent_to ? 1 : 0;
    evidence->is_sent_again = stream->backoff > 0;
    evidence->has_no_way_out = stream->acked_to == stream->sent_to && stream->sent_to < stream->written_to &&
                               (stream->sent_to < stream->window_to || stream->window_probes > 1);
    evidence->has_unread = sim_tcp_is_readable(connection, side);
    evidence->silent_for = world->now - stream->answered_at;
    evidence->round_trip = stream->smoothed;
    evidence->least_round_trip = stream->least;
    evidence->ack_delay = DELAYED_ACK + stream->smoothed + 4 * stream->variation;
}
