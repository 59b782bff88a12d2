/* Simulates TCP: segments, acknowledgements and retransmission. */
#include "simulate/world/tcp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "simulate/world/judge.h"

#define MSS 1448
#define FIRST_CAPACITY 256
#define FIRST_NOTES 16

/* RFC 6298, 2.1. */
#define FIRST_RTO LUBDUB_SECOND

/* Linux gives up after 15 retransmissions (tcp_retries2), which take so long with the ordinary limits. */
#define PATIENCE_OF_THE_KERNEL (924 * LUBDUB_SECOND + 600 * LUBDUB_MILLISECOND)
#define PATIENCE_WITH_ORPHANS (60 * LUBDUB_SECOND)

/* TCP_THIN_LINEAR_TIMEOUTS: the first tries of a thin stream do not double (include/net/tcp.h). */
#define THIN_LINEAR_RETRIES 6

/* What common/ev/socket.c allows for a delayed acknowledgement. */
#define DELAYED_ACK (50 * LUBDUB_MILLISECOND)

/* ---- streams ---- */

/* The buffers of the kernels of a pair that talks. */
#define SEND_LIMIT 16384
#define RECEIVE_LIMIT 32768

/* The estimate of a round trip that comes only from a SYN that was sent twice. */
#define STALE_ESTIMATE (LUBDUB_SECOND / 2)

static void stream_init(struct sim_stream *stream, lubdub_duration round_trip)
{
    struct sim_stream kept = *stream;

    memset(stream, 0, sizeof *stream);
    stream->bytes = kept.bytes;
    stream->capacity = kept.capacity;
    stream->notes = kept.notes;
    stream->note_capacity = kept.note_capacity;
    stream->frame_content = kept.frame_content;
    stream->frame_capacity = kept.frame_capacity;
    stream->smoothed = round_trip;
    stream->variation = round_trip / 2; /* RFC 6298, 2.2 */
    stream->resend_at = LUBDUB_TIME_NEVER;
    stream->acknowledge_at = LUBDUB_TIME_NEVER;
    sim_timer_init(&stream->resend_timer);
    sim_timer_init(&stream->acknowledge_timer);
}

void sim_tcp_open(struct sim_world *world, struct sim_connection *connection, lubdub_duration round_trip)
{
    unsigned direction;

    for (direction = 0; direction < 2; direction++) {
        struct sim_stream *stream = &connection->streams[direction];

        stream_init(stream, round_trip);
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
}

void sim_tcp_clear(struct sim_connection *connection)
{
    unsigned direction;

    for (direction = 0; direction < 2; direction++) {
        free(connection->streams[direction].bytes);
        free(connection->streams[direction].notes);
        free(connection->streams[direction].frame_content);
    }
}

static uint64_t data_end(const struct sim_stream *stream)
{
    return stream->written_to - stream->has_fin;
}

static uint64_t readable_to(const struct sim_stream *stream)
{
    return stream->received_to < data_end(stream) ? stream->received_to : data_end(stream);
}

static void make_room(struct sim_stream *stream, size_t length)
{
    uint64_t held = stream->written_to - stream->read_to;
    uint32_t capacity = stream->capacity > 0 ? stream->capacity : FIRST_CAPACITY;
    uint8_t *bytes;
    uint64_t i;

    while (capacity < held + length) {
        capacity *= 2;
    }
    if (capacity == stream->capacity) {
        return;
    }
    bytes = malloc(capacity);
    if (bytes == NULL) {
        abort();
    }
    for (i = stream->read_to; i < stream->written_to; i++) {
        bytes[i & (capacity - 1)] = stream->bytes[i & (stream->capacity - 1)];
    }
    free(stream->bytes);
    stream->bytes = bytes;
    stream->capacity = capacity;
}

static void append(struct sim_stream *stream, const uint8_t *bytes, size_t length)
{
    uint32_t place;
    size_t part;

    make_room(stream, length);
    place = (uint32_t)stream->written_to & (stream->capacity - 1);
    part = stream->capacity - place < length ? stream->capacity - place : length;
    memcpy(stream->bytes + place, bytes, part);
    memcpy(stream->bytes, bytes + part, length - part);
    stream->written_to += length;
}

/* ---- notes ---- */

static struct sim_note *note(const struct sim_stream *stream, uint64_t number)
{
    return &stream->notes[number & (stream->note_capacity - 1)];
}

static struct sim_note *new_note(struct sim_stream *stream)
{
    uint64_t oldest = stream->note_read < stream->note_acked ? stream->note_read : stream->note_acked;

    if (stream->note_count - oldest == stream->note_capacity) {
        uint32_t capacity = stream->note_capacity > 0 ? stream->note_capacity * 2 : FIRST_NOTES;
        struct sim_note *notes = malloc(capacity * sizeof *notes);
        uint64_t i;

        if (notes == NULL) {
            abort();
        }
        for (i = oldest; i < stream->note_count; i++) {
            notes[i & (capacity - 1)] = *note(stream, i);
        }
        free(stream->notes);
        stream->notes = notes;
        stream->note_capacity = capacity;
    }
    return note(stream, stream->note_count++);
}

/* ---- segments ---- */

static lubdub_duration rto(const struct sim_world *world, const struct sim_stream *stream)
{
    const struct sim_tcp *tcp = &world->settings->tcp;
    lubdub_duration spread = 4 * stream->variation;
    lubdub_duration timeout = FIRST_RTO;
    unsigned linear = tcp->is_thin ? THIN_LINEAR_RETRIES : 0;
    unsigned doublings = stream->backoff > linear ? stream->backoff - linear : 0;

    if (stream->smoothed > 0) {
        /* Linux has its floor under the variation: tcp_rtt_estimator(). */
        timeout = stream->smoothed + (spread > tcp->rto_min ? spread : tcp->rto_min);
    }
    if (doublings < 20) {
        timeout <<= doublings;
    }
    return doublings >= 20 || timeout > tcp->rto_max ? tcp->rto_max : timeout;
}

static struct sim_flight *new_flight(struct sim_world *world, uint32_t *index)
{
    if (world->free_flight != SIM_NOBODY) {
        *index = world->free_flight;
        world->free_flight = world->flights[*index].next_free;
        return &world->flights[*index];
    }
    if (world->flight_count == world->flight_capacity) {
        world->flight_capacity = world->flight_capacity > 0 ? world->flight_capacity * 2 : 64;
        world->flights = realloc(world->flights, world->flight_capacity * sizeof *world->flights);
        if (world->flights == NULL) {
            abort();
        }
    }
    *index = world->flight_count++;
    return &world->flights[*index];
}

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
    if (!sim_path_carry(&client->path, direction, to - from, world->now, &arrives_at)) {
        return;
    }
    flight = new_flight(world, &index);
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

    if (stream->backoff > 0 || stream->sent_to == stream->written_to) {
        return;
    }
    if (stream->timed_to == 0 && stream->sent_to < end) {
        stream->timed_to = end;
        stream->timed_at = world->now;
    }
    if (stream->resend_at == LUBDUB_TIME_NEVER) {
        stream->progress_at = world->now;
        stream->resend_at = world->now + rto(world, stream); /* for the window, too, where that is shut */
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
 * How much of what is offered the kernel takes. It takes nothing while bytes wait unsent (TCP_NOTSENT_LOWAT), and now and
 * then a part that ends anywhere.
 */
static size_t room_for(struct sim_world *world, const struct sim_connection *connection, const struct sim_stream *stream,
                       size_t length)
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
    *new_note(stream) = (struct sim_note){
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
    append(stream, bytes, taken);
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
    uint64_t available = readable_to(stream) - stream->read_to;
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
    while (stream->note_read < stream->note_arrived && note(stream, stream->note_read)->end <= stream->read_to) {
        sim_judge_read(world, connection, side, note(stream, stream->note_read));
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

    return !end->is_end_told && stream->read_to == readable_to(stream) &&
           (end->has_error || (stream->has_fin && stream->received_to == stream->written_to));
}

bool sim_tcp_is_readable(const struct sim_connection *connection, enum sim_side side)
{
    const struct sim_stream *stream = &connection->streams[sim_written_by(sim_other(side))];

    return stream->read_to < readable_to(stream) || sim_tcp_has_ended(connection, side);
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
    make_room(stream, 1);
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
    if (incoming->read_to < readable_to(incoming)) {
        transmit(world, connection, sim_written_by(side), 0, 0, true);
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

/* RFC 6298, 2.2 and 2.3. */
static void measure(struct sim_stream *stream, lubdub_duration round_trip)
{
    lubdub_duration error;

    stream->least = stream->least == 0 ? round_trip : lubdub_duration_shorter(stream->least, round_trip);
    if (stream->smoothed == 0) {
        stream->smoothed = round_trip;
        stream->variation = round_trip / 2;
        return;
    }
    error = round_trip > stream->smoothed ? round_trip - stream->smoothed : stream->smoothed - round_trip;
    stream->variation = stream->variation - stream->variation / 4 + error / 4;
    stream->smoothed = stream->smoothed - stream->smoothed / 8 + round_trip / 8;
}

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
            measure(stream, world->now - stream->timed_at);
            stream->timed_to = 0;
        }
        while (stream->note_acked < stream->note_arrived && note(stream, stream->note_acked)->end <= stream->acked_to) {
            stream->note_acked++;
        }
        if (stream->acked_to == stream->written_to) {
            stream->resend_at = LUBDUB_TIME_NEVER;
            if (connection->ends[side].kernel == SIM_KERNEL_ORPHAN) {
                forget(connection, side);
                return;
            }
        } else {
            stream->resend_at = world->now + rto(world, stream);
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
           note(stream, stream->note_arrived)->end <= readable_to(stream)) { /* a FIN is no byte of a frame */
        struct sim_note *arrived = note(stream, stream->note_arrived++);

        arrived->arrived_at = world->now;
        sim_judge_arrived(world, connection, side, arrived);
    }
}

static void put_ahead(struct sim_stream *stream, uint64_t from, uint64_t to)
{
    unsigned place = 0;
    unsigned i;

    while (place < stream->ahead_count && stream->ahead[place].from < from) {
        place++;
    }
    if ((place < stream->ahead_count && stream->ahead[place].from == from) || stream->ahead_count == SIM_RANGE_LIMIT) {
        return; /* it came before; or it will have to come again */
    }
    for (i = stream->ahead_count++; i > place; i--) {
        stream->ahead[i] = stream->ahead[i - 1];
    }
    stream->ahead[place] = (struct sim_range){from, to};
}

static void close_gaps(struct sim_stream *stream)
{
    unsigned taken = 0;
    unsigned i;

    while (taken < stream->ahead_count && stream->ahead[taken].from <= stream->received_to) {
        if (stream->ahead[taken].to > stream->received_to) {
            stream->received_to = stream->ahead[taken].to;
        }
        taken++;
    }
    stream->ahead_count -= taken;
    for (i = 0; i < stream->ahead_count; i++) {
        stream->ahead[i] = stream->ahead[i + taken];
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
        put_ahead(stream, flight->from, flight->to);
        transmit(world, connection, back, 0, 0, false);
        return false;
    }
    stream->received_to = flight->to;
    close_gaps(stream);
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
    if (end->kernel == SIM_KERNEL_ORPHAN && flight->from < data_end(&connection->streams[direction])) {
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
        arrive(world, connection, &flight);
        sim_release(world, connection);
    }
}

/* A machine that is paused minds its timers when it runs again. */
static bool is_paused(const struct sim_world *world, const struct sim_connection *connection, enum sim_side side,
                      lubdub_time *due)
{
    lubdub_time paused_until = sim_process_of(world, &connection->ends[side])->paused_until;

    if (paused_until > world->now && *due != LUBDUB_TIME_NEVER) {
        *due = paused_until;
        return true;
    }
    return false;
}

void sim_tcp_on_resend(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction)
{
    struct sim_stream *stream = &connection->streams[direction];
    enum sim_side side = sim_writer(direction);
    struct sim_end *end = &connection->ends[side];
    lubdub_duration patience =
        world->settings->tcp.user_timeout > 0 ? world->settings->tcp.user_timeout : PATIENCE_OF_THE_KERNEL;

    if (stream->resend_at > world->now || is_paused(world, connection, side, &stream->resend_at)) {
        if (stream->resend_at != LUBDUB_TIME_NEVER) {
            arm_resend(world, connection, direction);
        }
        return;
    }
    sim_digest(world, SIM_EVENT_RESEND, connection->index << 1 | direction);
    if (end->kernel == SIM_KERNEL_ORPHAN && patience > PATIENCE_WITH_ORPHANS) {
        patience = PATIENCE_WITH_ORPHANS;
    }
    if (world->now - stream->progress_at >= patience) {
        break_off(world, connection, side, LUBDUB_CAUSE_UNREACHABLE); /* ETIMEDOUT */
        sim_release(world, connection);
        return;
    }
    stream->backoff++;
    stream->resend_at = world->now + rto(world, stream);
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

    if (stream->acknowledge_at > world->now || is_paused(world, connection, side, &stream->acknowledge_at)) {
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
