/* Simulates TCP: segments, acknowledgements and retransmission. */
#include "simulate/world/tcp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "simulate/world/judge.h"
#include "simulate/world/paths.h"
#include "simulate/world/stream.h"

#define MSS 1448

/* Linux gives up after 15 retransmissions (tcp_retries2), which take so long with the ordinary limits. */
#define PATIENCE_OF_THE_KERNEL (924 * LUBDUB_SECOND + 600 * LUBDUB_MILLISECOND)
#define PATIENCE_WITH_ORPHANS (60 * LUBDUB_SECOND)

/* What common/ev/socket.c allows for a delayed acknowledgement. */
#define DELAYED_ACK (50 * LUBDUB_MILLISECOND)

/* ---- streams ---- */

/* The buffers of the kernels of a pair that talks. */
#define SEND_LIMIT 16384
#define RECEIVE_LIMIT 32768

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

/* ---- segments ---- */

/* From the writer of this direction to its reader; every segment acknowledges what its sender has received. */
static void transmit(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction,
                     uint64_t from, uint64_t to, bool is_reset)
{
    struct sim_stream *back = &connection->streams[direction == SIM_UP ? SIM_DOWN : SIM_UP];
    struct sim_client *client = &world->clients[connection->client];
    struct sim_flight *flight;
    uint32_t index;
    lubdub_time arrives_at;

    world->result->segments++;
    if (!is_reset) {
        back->acknowledge_at = LUBDUB_TIME_NEVER; /* it goes with this one */
    }
    if (!sim_path_carry(&client->paths[0], direction, to - from, world->now, &arrives_at)) {
        return;
    }
    flight = sim_new_flight(world, &index);
    *flight = (struct sim_flight){
        .connection = connection->index,
        .generation = connection->generation,
        .direction = (uint8_t)direction,
        .is_reset = is_reset,
        .from = from,
        .to = to,
        .ack = back->received_to,
        .has_gap = back->ahead_count > 0,
        .gap_to = back->ahead_count > 0 ? back->ahead[0].from : 0,
        .window_to = UINT64_MAX,
    };
    if (back->receive_limit > 0) {
        flight->window_to = back->advertised_to = back->read_to + back->receive_limit;
    }
    sim_queue_put(&world->queue, arrives_at, SIM_EVENT_FLIGHT, index, 0);
}

static void arm_resend(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction)
{
    struct sim_stream *stream = &connection->streams[direction];

    sim_timer_arm(&stream->resend_timer, &world->queue, stream->resend_at, SIM_EVENT_RESEND, connection->index,
                  sim_detail(connection, direction));
}

/*
 * New bytes go out at once, in one segment or a few. After a timeout the window is one segment, and that segment is
 * under way again: new bytes wait until the peer acknowledges something (tcp_enter_loss()).
 */
static uint64_t allowed_to(const struct sim_stream *stream)
{
    return stream->written_to < stream->window_to ? stream->written_to : stream->window_to;
}

static void send_new(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction)
{
    struct sim_stream *stream = &connection->streams[direction];
    uint64_t end = allowed_to(stream);

    if (connection->subflows != NULL) {
        sim_paths_push(world, connection, direction);
        return;
    }
    if (stream->backoff > 0 || stream->sent_to == stream->written_to) {
        return;
    }
    if (stream->timed_to == 0 && stream->sent_to < end) {
        stream->timed_to = end;
        stream->timed_at = world->now;
    }
    if (stream->resend_at == LUBDUB_TIME_NEVER) {
        stream->progress_at = world->now;
        stream->resend_at =
            world->now + sim_stream_rto(stream, &world->settings->tcp); /* for the window, too, where that is shut */
        arm_resend(world, connection, direction);
    }
    while (stream->sent_to < end) {
        uint64_t from = stream->sent_to;

        stream->sent_to = end - from > MSS ? from + MSS : end;
        transmit(world, connection, direction, from, stream->sent_to, false);
    }
}

/* Linux puts small segments together when it sends them again (tcp_retrans_try_collapse). */
static void send_again(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction,
                       uint64_t to)
{
    struct sim_stream *stream = &connection->streams[direction];

    if (to - stream->acked_to > MSS) {
        to = stream->acked_to + MSS;
    }
    stream->timed_to = 0; /* Karn: it is not known which of the two was acknowledged */
    stream->resent_at = world->now;
    world->result->retransmissions++;
    transmit(world, connection, direction, stream->acked_to, to, false);
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
    if (stream->sent_to < stream->written_to || held >= stream->send_limit) {
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

    return connection->ends[side].has_error || stream->send_limit == 0 ||
           (stream->sent_to == stream->written_to && stream->written_to - stream->acked_to < stream->send_limit);
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
    send_new(world, connection, direction);
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
    if (stream->receive_limit > 0 && stream->advertised_to - stream->received_to < MSS &&
        stream->read_to + stream->receive_limit - stream->received_to >= 2 * MSS &&
        connection->ends[side].kernel == SIM_KERNEL_OPEN) {
        transmit(world, connection, sim_written_by(side), 0, 0, false);
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

/* A segment without data that is answered. */
static void ask_for_window(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction)
{
    uint32_t flights = world->flight_count;
    uint32_t free_flight = world->free_flight;

    transmit(world, connection, direction, 0, 0, false);
    if (free_flight != SIM_NOBODY && world->free_flight != free_flight) {
        world->flights[free_flight].is_window_probe = true;
    } else if (world->flight_count > flights) {
        world->flights[flights].is_window_probe = true;
    }
}

/* ---- the end ---- */

static void forget(struct sim_connection *connection, enum sim_side side)
{
    connection->ends[side].kernel = SIM_KERNEL_NONE;
    connection->streams[sim_written_by(side)].resend_at = LUBDUB_TIME_NEVER;
    connection->streams[sim_written_by(sim_other(side))].acknowledge_at = LUBDUB_TIME_NEVER;
}

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
    send_new(world, connection, direction);
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
            transmit(world, connection, sim_written_by(side), 0, 0, true);
        }
        forget(connection, side);
        return;
    }
    sim_tcp_shut(world, connection, side);
    connection->ends[side].kernel = SIM_KERNEL_ORPHAN;
    if (connection->streams[sim_written_by(side)].resend_at == LUBDUB_TIME_NEVER) {
        forget(connection, side);
    }
}

void sim_tcp_vanish(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    (void)world;
    forget(connection, side);
}

static void break_off(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                      enum lubdub_cause cause)
{
    struct sim_end *end = &connection->ends[side];

    forget(connection, side);
    if (end->has_session || end->must_begin) {
        end->has_error = true;
        end->error = (uint8_t)cause;
        world->on_readable(world, connection, side);
    }
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

/* ---- arrival ---- */

static void take_acknowledgement(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                                 const struct sim_flight *flight)
{
    enum sim_direction direction = sim_written_by(side);
    struct sim_stream *stream = &connection->streams[direction];

    stream->answered_at = world->now;
    if (stream->window_probes > 0) {
        stream->window_probes = stream->backoff = 0;
        stream->progress_at = world->now;
        stream->resend_at = LUBDUB_TIME_NEVER;
    }
    if (flight->window_to > stream->window_to) {
        stream->window_to = flight->window_to;
    }
    if (flight->ack > stream->acked_to) {
        stream->acked_to = flight->ack;
        stream->backoff = 0;
        stream->progress_at = world->now;
        if (stream->timed_to > 0 && stream->acked_to >= stream->timed_to) {
            sim_stream_measure(stream, world->now - stream->timed_at);
            stream->timed_to = 0;
        }
        while (stream->note_acked < stream->note_arrived &&
               sim_stream_note(stream, stream->note_acked)->end <= stream->acked_to) {
            stream->note_acked++;
        }
        if (stream->acked_to == stream->written_to) {
            stream->resend_at = LUBDUB_TIME_NEVER;
            if (connection->ends[side].kernel == SIM_KERNEL_ORPHAN) {
                forget(connection, side);
                return;
            }
        } else {
            stream->resend_at = world->now + sim_stream_rto(stream, &world->settings->tcp);
            arm_resend(world, connection, direction);
        }
    }
    send_new(world, connection, direction);
    /* A later segment came through, and nothing overtakes: what is missing was lost (RFC 8985). */
    if (flight->has_gap && flight->gap_to > stream->acked_to && stream->acked_to < stream->sent_to &&
        world->now >= stream->resent_at + stream->smoothed) {
        send_again(world, connection, direction, flight->gap_to);
    }
}

static void note_arrivals(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                          struct sim_stream *stream)
{
    while (stream->note_arrived < stream->note_count &&
           sim_stream_note(stream, stream->note_arrived)->end <=
               sim_stream_readable_to(stream)) { /* a FIN is no byte of a frame */
        struct sim_note *arrived = sim_stream_note(stream, stream->note_arrived++);

        arrived->arrived_at = world->now;
        sim_judge_arrived(world, connection, side, arrived);
    }
}

/* Returns whether the process may find something new. */
static bool take_data(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                      const struct sim_flight *flight)
{
    enum sim_direction direction = (enum sim_direction)flight->direction;
    struct sim_stream *stream = &connection->streams[direction];
    enum sim_direction back = sim_written_by(side);
    bool is_plain = stream->ahead_count == 0 && flight->from <= stream->received_to;

    if (flight->to <= stream->received_to) {
        transmit(world, connection, back, 0, 0, false); /* our acknowledgement was lost */
        return false;
    }
    if (flight->from > stream->received_to) {
        sim_stream_put_ahead(stream, flight->from, flight->to);
        transmit(world, connection, back, 0, 0, false);
        return false;
    }
    stream->received_to = flight->to;
    sim_stream_close_gaps(stream);
    note_arrivals(world, connection, side, stream);
    if (!is_plain) {
        transmit(world, connection, back, 0, 0, false);
    } else if (stream->acknowledge_at == LUBDUB_TIME_NEVER) {
        stream->acknowledge_at = world->now + world->settings->tcp.delayed_ack;
    }
    return true;
}

static void arrive(struct sim_world *world, struct sim_connection *connection, const struct sim_flight *flight)
{
    enum sim_direction direction = (enum sim_direction)flight->direction;
    enum sim_side side = sim_other(sim_writer(direction));
    struct sim_end *end = &connection->ends[side];

    if (flight->is_reset) {
        if (end->kernel != SIM_KERNEL_NONE) {
            break_off(world, connection, side, LUBDUB_CAUSE_RESET);
        }
        return;
    }
    if (end->kernel == SIM_KERNEL_NONE) {
        if (sim_process_of(world, end)->is_machine_up) {
            transmit(world, connection, sim_written_by(side), 0, 0, true);
        }
        return;
    }
    take_acknowledgement(world, connection, side, flight);
    if (end->kernel == SIM_KERNEL_OPEN && end->waits_since != 0 && sim_tcp_has_room(connection, side)) {
        world->on_writable(world, connection, side);
    }
    if (flight->is_window_probe && end->kernel != SIM_KERNEL_NONE) {
        transmit(world, connection, sim_written_by(side), 0, 0, false);
        return;
    }
    if (flight->from == flight->to || end->kernel == SIM_KERNEL_NONE) {
        return;
    }
    if (end->kernel == SIM_KERNEL_ORPHAN && flight->from < sim_stream_data_end(&connection->streams[direction])) {
        transmit(world, connection, sim_written_by(side), 0, 0, true); /* data for a process that closed */
        forget(connection, side);
        return;
    }
    if (take_data(world, connection, side, flight)) {
        struct sim_stream *stream = &connection->streams[direction];

        world->on_readable(world, connection, side);
        if (stream->acknowledge_at != LUBDUB_TIME_NEVER) {
            sim_timer_arm(&stream->acknowledge_timer, &world->queue, stream->acknowledge_at, SIM_EVENT_ACKNOWLEDGE,
                          connection->index, sim_detail(connection, direction));
        }
    }
}

/* The same where the connection has several paths. */
static void arrive_on_path(struct sim_world *world, struct sim_connection *connection, const struct sim_flight *flight)
{
    enum sim_direction direction = (enum sim_direction)flight->direction;
    enum sim_side side = sim_other(sim_writer(direction));
    struct sim_end *end = &connection->ends[side];
    struct sim_stream *stream = &connection->streams[direction];

    if (flight->is_reset) {
        if (end->kernel != SIM_KERNEL_NONE && flight->is_fast_close) {
            break_off(world, connection, side, LUBDUB_CAUSE_RESET);
        } else if (end->kernel != SIM_KERNEL_NONE) {
            sim_paths_lose(world, connection, flight->path);
        }
        return;
    }
    if (connection->subflows[flight->path].is_over) {
        return; /* it was under way when the path was reset */
    }
    if (end->kernel == SIM_KERNEL_NONE) {
        if (sim_process_of(world, end)->is_machine_up) {
            sim_paths_refuse(world, connection, flight);
        }
        return;
    }
    sim_paths_take_acknowledgement(world, connection, side, flight);
    if (end->kernel == SIM_KERNEL_ORPHAN &&
        connection->streams[sim_written_by(side)].acked_to == connection->streams[sim_written_by(side)].written_to) {
        forget(connection, side);
        return;
    }
    if (flight->is_window_probe) {
        sim_paths_answer(world, connection, flight);
        return;
    }
    if (flight->from == flight->to) {
        return;
    }
    if (end->kernel == SIM_KERNEL_ORPHAN && sim_paths_carries_before(connection, flight, sim_stream_data_end(stream))) {
        sim_paths_fast_close(world, connection, side); /* data for a process that closed */
        forget(connection, side);
        return;
    }
    if (sim_paths_take_data(world, connection, side, flight)) {
        note_arrivals(world, connection, side, stream);
        world->on_readable(world, connection, side);
    }
    if (end->kernel != SIM_KERNEL_NONE) {
        sim_paths_mind_acknowledgement(world, connection, flight);
    }
}

void sim_tcp_on_flight(struct sim_world *world, uint32_t index)
{
    struct sim_flight flight = world->flights[index];
    struct sim_connection *connection = world->connections[flight.connection];
    const struct sim_process *process;

    if (connection->generation == flight.generation) {
        enum sim_side side = sim_other(sim_writer((enum sim_direction)flight.direction));

        process = sim_process_of(world, &connection->ends[side]);
        if (process->paused_until > world->now) {
            /* It lies in the queue of the network card. */
            sim_queue_put(&world->queue, process->paused_until, SIM_EVENT_FLIGHT, index, 0);
            return;
        }
    }
    world->flights[index].next_free = world->free_flight;
    world->free_flight = index;
    if (connection->generation == flight.generation) {
        sim_digest(world, SIM_EVENT_FLIGHT, flight.to ^ (uint64_t)flight.connection << 32 ^ flight.direction);
        if (connection->subflows != NULL) {
            arrive_on_path(world, connection, &flight);
        } else {
            arrive(world, connection, &flight);
        }
        sim_release(world, connection);
    }
}

void sim_tcp_on_resend(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction)
{
    struct sim_stream *stream = &connection->streams[direction];
    enum sim_side side = sim_writer(direction);
    struct sim_end *end = &connection->ends[side];
    lubdub_duration patience =
        world->settings->tcp.user_timeout > 0 ? world->settings->tcp.user_timeout : PATIENCE_OF_THE_KERNEL;

    if (stream->resend_at > world->now || sim_is_paused(world, connection, side, &stream->resend_at)) {
        if (stream->resend_at != LUBDUB_TIME_NEVER) {
            arm_resend(world, connection, direction);
        }
        return;
    }
    sim_digest(world, SIM_EVENT_RESEND, connection->index << 1 | direction);
    if (connection->subflows != NULL) {
        if (!sim_paths_on_resend(world, connection, direction)) {
            break_off(world, connection, side, LUBDUB_CAUSE_CLOSED);
            sim_release(world, connection);
        }
        return;
    }
    if (end->kernel == SIM_KERNEL_ORPHAN && patience > PATIENCE_WITH_ORPHANS) {
        patience = PATIENCE_WITH_ORPHANS;
    }
    if (world->now - stream->progress_at >= patience) {
        break_off(world, connection, side, LUBDUB_CAUSE_UNREACHABLE); /* ETIMEDOUT */
        sim_release(world, connection);
        return;
    }
    stream->backoff++;
    stream->resend_at = world->now + sim_stream_rto(stream, &world->settings->tcp);
    arm_resend(world, connection, direction);
    if (stream->acked_to == stream->sent_to) { /* nothing is on its way, and the window is shut */
        stream->window_probes++;
        ask_for_window(world, connection, direction);
        return;
    }
    send_again(world, connection, direction, stream->sent_to);
}

void sim_tcp_on_acknowledge(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction)
{
    struct sim_stream *stream = &connection->streams[direction];
    enum sim_side side = sim_other(sim_writer(direction));

    if (stream->acknowledge_at > world->now || sim_is_paused(world, connection, side, &stream->acknowledge_at)) {
        if (stream->acknowledge_at != LUBDUB_TIME_NEVER) {
            sim_timer_arm(&stream->acknowledge_timer, &world->queue, stream->acknowledge_at, SIM_EVENT_ACKNOWLEDGE,
                          connection->index, sim_detail(connection, direction));
        }
        return;
    }
    if (connection->ends[side].kernel != SIM_KERNEL_NONE) {
        transmit(world, connection, sim_written_by(side), 0, 0, false);
    }
}
