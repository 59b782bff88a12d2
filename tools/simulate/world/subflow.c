/* Simulates one TCP connection under Multipath TCP: what it carries, sends again, acknowledges and asks. */
#include "simulate/world/subflow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "simulate/world/stream.h"

/*
 * A side acknowledges at once over a path (quick-ack mode) until it has answered data within so long there: from then
 * on it is ping-pong, and acknowledgements wait for an answer (tcp_event_data_sent()).
 */
#define PING_PONG (40 * LUBDUB_MILLISECOND)

/* A subflow's SYN is sent again after 1, 2, 4 s, six times (net.ipv4.tcp_syn_retries). */
#define FIRST_JOIN_WAIT LUBDUB_SECOND
#define LAST_JOIN_WAIT (64 * LUBDUB_SECOND)

/* As lubdub_paths_tune() sets it, in whole seconds. */
#define KEEPALIVE_LEAST LUBDUB_SECOND
#define KEEPALIVE_MOST (30 * LUBDUB_SECOND)

/* What no session tunes: the options do not reach it, and the machine's rto_max does (net.ipv4.tcp_rto_max_ms). */
static struct sim_tcp timers_of(const struct sim_world *world)
{
    return (struct sim_tcp){
        .rto_min = 200 * LUBDUB_MILLISECOND,
        .rto_max = world->settings->tcp.rto_max,
        .delayed_ack = world->settings->tcp.delayed_ack,
    };
}

/* ---- open ---- */

void sim_subflow_init(struct sim_subflow *subflow)
{
    unsigned i;

    subflow->is_open = subflow->is_over = false;
    subflow->join_wait = FIRST_JOIN_WAIT;
    for (i = 0; i < 2; i++) {
        subflow->ends[i] = (struct sim_subflow_end){0};
        sim_timer_init(&subflow->ends[i].keepalive_timer);
        subflow->mapping_count[i] = 0;
    }
}

void sim_subflow_clear(struct sim_subflow *subflow)
{
    unsigned i;

    for (i = 0; i < 2; i++) {
        sim_stream_clear(&subflow->streams[i]);
        free(subflow->mappings[i]);
    }
}

static lubdub_duration keepalive_idle(const struct sim_world *world)
{
    return lubdub_duration_clamp(world->settings->interval, KEEPALIVE_LEAST, KEEPALIVE_MOST) / LUBDUB_SECOND *
           LUBDUB_SECOND;
}

static void arm_keepalive(struct sim_world *world, const struct sim_connection *connection, unsigned path,
                          enum sim_side side, lubdub_time due)
{
    sim_timer_arm(&connection->subflows[path].ends[side].keepalive_timer, &world->queue, due, SIM_EVENT_KEEPALIVE,
                  sim_subflow_subject(connection, path), sim_detail(connection, side));
}

void sim_subflow_open(struct sim_world *world, struct sim_connection *connection, unsigned path,
                      lubdub_duration round_trip)
{
    struct sim_subflow *subflow = &connection->subflows[path];
    unsigned side;

    subflow->is_open = true;
    for (side = 0; side < 2; side++) {
        sim_stream_init(&subflow->streams[side], round_trip);
        subflow->streams[side].answered_at = world->now;
        subflow->ends[side].heard_at = world->now;
        arm_keepalive(world, connection, path, (enum sim_side)side, world->now + keepalive_idle(world));
    }
}

void sim_subflow_join_in(struct sim_world *world, const struct sim_connection *connection, unsigned path,
                         lubdub_duration wait, unsigned is_answered)
{
    sim_queue_put(&world->queue, world->now + wait, SIM_EVENT_JOIN, sim_subflow_subject(connection, path),
                  sim_detail(connection, is_answered));
}

/* SYN, its answer and the third segment, which opens the subflow at the server. */
static void on_join(struct sim_world *world, struct sim_connection *connection, unsigned path, bool is_answered)
{
    struct sim_subflow *subflow = &connection->subflows[path];
    struct sim_path *way = &world->clients[connection->client].paths[path];
    lubdub_time there;
    lubdub_time back;

    if (subflow->is_open || connection->ends[SIM_CLIENT].kernel != SIM_KERNEL_OPEN ||
        connection->ends[SIM_SERVER].kernel != SIM_KERNEL_OPEN) {
        return;
    }
    if (is_answered) {
        world->result->segments++;
        sim_subflow_open(world, connection, path, subflow->join_wait);
        return;
    }
    world->result->segments += 2;
    if (sim_path_carry(way, SIM_UP, 0, world->now, &there) && sim_path_carry(way, SIM_DOWN, 0, world->now, &back)) {
        subflow->join_wait = there - world->now + back - world->now; /* from now on: the round trip */
        sim_subflow_join_in(world, connection, path, subflow->join_wait, 1);
    } else if (subflow->join_wait <= LAST_JOIN_WAIT) {
        sim_subflow_join_in(world, connection, path, subflow->join_wait, 0);
        subflow->join_wait *= 2;
    }
}

/* ---- segments ---- */

struct sim_flight *sim_subflow_transmit(struct sim_world *world, struct sim_connection *connection, unsigned path,
                                        enum sim_direction direction, uint64_t from, uint64_t to)
{
    struct sim_stream *back = &connection->subflows[path].streams[sim_opposite(direction)];
    struct sim_stream *incoming = &connection->streams[sim_opposite(direction)];
    struct sim_flight *flight;
    uint32_t index;
    lubdub_time arrives_at;

    world->result->segments++;
    back->acknowledge_at = LUBDUB_TIME_NEVER; /* it goes with this one */
    if (!sim_path_carry(&world->clients[connection->client].paths[path], direction, to - from, world->now,
                        &arrives_at)) {
        return NULL;
    }
    flight = sim_new_flight(world, &index);
    *flight = (struct sim_flight){
        .connection = connection->index,
        .generation = connection->generation,
        .direction = (uint8_t)direction,
        .path = (uint8_t)path,
        .from = from,
        .to = to,
        .data_ack = incoming->received_to,
    };
    sim_stream_acknowledge(back, incoming, flight);
    sim_queue_put(&world->queue, arrives_at, SIM_EVENT_FLIGHT, index, 0);
    return flight;
}

/* A segment without data, which acknowledges what has come. */
static void answer(struct sim_world *world, struct sim_connection *connection, const struct sim_flight *flight)
{
    sim_subflow_transmit(world, connection, flight->path, sim_opposite((enum sim_direction)flight->direction), 0, 0);
}

void sim_subflow_reset(struct sim_world *world, struct sim_connection *connection, unsigned path,
                       enum sim_direction direction, bool is_fast_close)
{
    struct sim_flight *flight = sim_subflow_transmit(world, connection, path, direction, 0, 0);

    if (flight != NULL) {
        flight->is_reset = true;
        flight->is_fast_close = is_fast_close;
    }
}

/* ---- sending ---- */

static void arm_resend(struct sim_world *world, const struct sim_connection *connection, unsigned path,
                       enum sim_direction direction)
{
    struct sim_stream *lane = &connection->subflows[path].streams[direction];

    sim_timer_arm(&lane->resend_timer, &world->queue, lane->resend_at, SIM_EVENT_PATH_RESEND,
                  sim_subflow_subject(connection, path), sim_detail(connection, direction));
}

/* As tcp.c does it: after a timeout new bytes wait for an acknowledgement. */
static void send_new(struct sim_world *world, struct sim_connection *connection, unsigned path,
                     enum sim_direction direction)
{
    struct sim_stream *lane = &connection->subflows[path].streams[direction];
    struct sim_subflow_end *end = &connection->subflows[path].ends[sim_writer(direction)];
    const struct sim_tcp timers = timers_of(world);

    if (lane->backoff > 0 || lane->sent_to == lane->written_to) {
        return;
    }
    if (lane->timed_to == 0) {
        lane->timed_to = lane->written_to;
        lane->timed_at = world->now;
    }
    if (lane->resend_at == LUBDUB_TIME_NEVER) {
        lane->resend_at = world->now + sim_stream_rto(lane, &timers);
        arm_resend(world, connection, path, direction);
    }
    if (end->got_at != 0 && world->now - end->got_at < PING_PONG) {
        end->answers = true;
    }
    while (lane->sent_to < lane->written_to) {
        uint64_t from = lane->sent_to;

        lane->sent_to = lane->written_to - from > SIM_MSS ? from + SIM_MSS : lane->written_to;
        sim_subflow_transmit(world, connection, path, direction, from, lane->sent_to);
    }
}

static void send_again(struct sim_world *world, struct sim_connection *connection, unsigned path,
                       enum sim_direction direction, uint64_t to)
{
    struct sim_stream *lane = &connection->subflows[path].streams[direction];

    if (to - lane->acked_to > SIM_MSS) {
        to = lane->acked_to + SIM_MSS;
    }
    lane->timed_to = 0;
    lane->resent_at = world->now;
    world->result->retransmissions++;
    sim_subflow_transmit(world, connection, path, direction, lane->acked_to, to);
}

/* The subflow is to carry these bytes of the stream. */
void sim_subflow_give(struct sim_world *world, struct sim_connection *connection, unsigned path,
                      enum sim_direction direction, uint64_t data_from, uint64_t data_to)
{
    struct sim_subflow *subflow = &connection->subflows[path];
    struct sim_stream *lane = &subflow->streams[direction];
    size_t *count = &subflow->mapping_count[direction];

    if (*count == subflow->mapping_capacity[direction]) {
        size_t capacity = *count > 0 ? *count * 2 : 4;
        struct sim_mapping *mappings = realloc(subflow->mappings[direction], capacity * sizeof *mappings);

        if (mappings == NULL) {
            abort();
        }
        subflow->mappings[direction] = mappings;
        subflow->mapping_capacity[direction] = capacity;
    }
    subflow->mappings[direction][(*count)++] =
        (struct sim_mapping){lane->written_to, lane->written_to + (data_to - data_from), data_from};
    lane->written_to += data_to - data_from;
    send_new(world, connection, path, direction);
}

/* ---- arrival ---- */

static void drop_mappings(struct sim_subflow *subflow, enum sim_direction direction)
{
    const struct sim_stream *lane = &subflow->streams[direction];
    struct sim_mapping *mappings = subflow->mappings[direction];
    size_t done = 0;

    while (done < subflow->mapping_count[direction] && mappings[done].to <= lane->acked_to) {
        done++;
    }
    subflow->mapping_count[direction] -= done;
    memmove(mappings, mappings + done, subflow->mapping_count[direction] * sizeof *mappings);
}

void sim_subflow_take_acknowledgement(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                                      const struct sim_flight *flight)
{
    enum sim_direction direction = sim_written_by(side);
    struct sim_subflow *subflow = &connection->subflows[flight->path];
    struct sim_stream *lane = &subflow->streams[direction];
    const struct sim_tcp timers = timers_of(world);

    lane->answered_at = world->now;
    if (flight->ack > lane->acked_to) {
        lane->acked_to = flight->ack;
        lane->backoff = 0;
        lane->was_probed = false;
        if (lane->timed_to > 0 && lane->acked_to >= lane->timed_to) {
            sim_stream_measure(lane, world->now - lane->timed_at);
            lane->timed_to = 0;
        }
        drop_mappings(subflow, direction);
        lane->resend_at =
            lane->acked_to == lane->written_to ? LUBDUB_TIME_NEVER : world->now + sim_stream_rto(lane, &timers);
        arm_resend(world, connection, flight->path, direction);
    }
    send_new(world, connection, flight->path, direction);
    if (flight->has_gap && flight->gap_to > lane->acked_to && lane->acked_to < lane->sent_to &&
        world->now >= lane->resent_at + lane->smoothed) {
        send_again(world, connection, flight->path, direction, flight->gap_to);
    }
}

static void deliver(struct sim_stream *stream, uint64_t from, uint64_t to)
{
    if (from > stream->received_to) {
        sim_stream_put_ahead(stream, from, to);
    } else if (to > stream->received_to) {
        stream->received_to = to;
    }
    sim_stream_close_gaps(stream);
}

/* What the subflow has in order between these offsets, handed to the stream. */
static void deliver_mapped(struct sim_connection *connection, unsigned path, enum sim_direction direction,
                           uint64_t from, uint64_t to)
{
    const struct sim_subflow *subflow = &connection->subflows[path];
    size_t i;

    for (i = 0; i < subflow->mapping_count[direction]; i++) {
        const struct sim_mapping *mapping = &subflow->mappings[direction][i];
        uint64_t begin = mapping->from > from ? mapping->from : from;
        uint64_t end = mapping->to < to ? mapping->to : to;

        if (begin < end) {
            deliver(&connection->streams[direction], mapping->data_from + (begin - mapping->from),
                    mapping->data_from + (end - mapping->from));
        }
    }
}

void sim_subflow_take_data(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                           const struct sim_flight *flight)
{
    enum sim_direction direction = (enum sim_direction)flight->direction;
    struct sim_stream *lane = &connection->subflows[flight->path].streams[direction];
    uint64_t lane_before = lane->received_to;
    bool is_plain = lane->ahead_count == 0;
    struct sim_subflow_end *end = &connection->subflows[flight->path].ends[side];

    assert(side == sim_other(sim_writer(direction)));
    end->got_at = world->now;
    if (flight->to <= lane->received_to) {
        answer(world, connection, flight); /* our acknowledgement was lost */
        return;
    }
    if (flight->from > lane->received_to) {
        sim_stream_put_ahead(lane, flight->from, flight->to);
        answer(world, connection, flight);
        return;
    }
    lane->received_to = flight->to;
    sim_stream_close_gaps(lane);
    deliver_mapped(connection, flight->path, direction, lane_before, lane->received_to);
    if (!is_plain || !end->answers) {
        answer(world, connection, flight);
    } else if (lane->acknowledge_at == LUBDUB_TIME_NEVER) {
        lane->acknowledge_at = world->now + world->settings->tcp.delayed_ack;
    }
}

void sim_subflow_mind_acknowledgement(struct sim_world *world, struct sim_connection *connection,
                                      const struct sim_flight *flight)
{
    struct sim_stream *lane = &connection->subflows[flight->path].streams[flight->direction];

    if (lane->acknowledge_at != LUBDUB_TIME_NEVER) {
        sim_timer_arm(&lane->acknowledge_timer, &world->queue, lane->acknowledge_at, SIM_EVENT_PATH_ACKNOWLEDGE,
                      sim_subflow_subject(connection, flight->path), sim_detail(connection, flight->direction));
    }
}

/* ---- timers ---- */

static void on_resend(struct sim_world *world, struct sim_connection *connection, unsigned path,
                      enum sim_direction direction)
{
    struct sim_stream *lane = &connection->subflows[path].streams[direction];
    const struct sim_tcp timers = timers_of(world);

    if (lane->resend_at > world->now || sim_is_paused(world, connection, sim_writer(direction), &lane->resend_at)) {
        if (lane->resend_at != LUBDUB_TIME_NEVER) {
            arm_resend(world, connection, path, direction);
        }
        return;
    }
    if (lane->was_probed) {
        lane->backoff++;
    }
    lane->was_probed = true; /* the first time it is a tail loss probe, which changes nothing (RFC 8985) */
    lane->resend_at = world->now + sim_stream_rto(lane, &timers);
    arm_resend(world, connection, path, direction);
    send_again(world, connection, path, direction, lane->sent_to);
}

static void on_acknowledge(struct sim_world *world, struct sim_connection *connection, unsigned path,
                           enum sim_direction direction)
{
    struct sim_stream *lane = &connection->subflows[path].streams[direction];

    if (lane->acknowledge_at > world->now ||
        sim_is_paused(world, connection, sim_other(sim_writer(direction)), &lane->acknowledge_at)) {
        if (lane->acknowledge_at != LUBDUB_TIME_NEVER) {
            sim_timer_arm(&lane->acknowledge_timer, &world->queue, lane->acknowledge_at, SIM_EVENT_PATH_ACKNOWLEDGE,
                          sim_subflow_subject(connection, path), sim_detail(connection, direction));
        }
        return;
    }
    sim_subflow_transmit(world, connection, path, sim_opposite(direction), 0, 0);
}

/* tcp_keepalive_timer(): nothing is asked while something is under way. */
static void on_keepalive(struct sim_world *world, struct sim_connection *connection, unsigned path, enum sim_side side)
{
    const struct sim_subflow *subflow = &connection->subflows[path];
    const struct sim_stream *lane = &subflow->streams[sim_written_by(side)];
    lubdub_duration idle = keepalive_idle(world);
    lubdub_time due = subflow->ends[side].heard_at + idle;

    if (due <= world->now && !sim_is_paused(world, connection, side, &due)) {
        if (lane->acked_to == lane->written_to) {
            struct sim_flight *flight = sim_subflow_transmit(world, connection, path, sim_written_by(side), 0, 0);

            if (flight != NULL) {
                flight->is_window_probe = true;
            }
        }
        due = world->now + idle;
    }
    arm_keepalive(world, connection, path, side, due);
}

void sim_subflow_on_event(struct sim_world *world, const struct sim_event *event)
{
    struct sim_connection *connection = world->connections[event->subject & 0xffffffu];
    unsigned path = event->subject >> 24;
    unsigned which = event->detail & 1;
    enum sim_event_kind kind = (enum sim_event_kind)event->kind;
    struct sim_subflow *subflow;
    enum sim_side owner;

    if (event->detail >> 1 != (connection->generation & 0x7fffffffu)) {
        return; /* another connection's, by now */
    }
    subflow = &connection->subflows[path];
    sim_digest(world, event->kind, (uint64_t)event->detail << 32 | event->subject);
    if (kind == SIM_EVENT_JOIN) {
        on_join(world, connection, path, which != 0);
        return;
    }
    owner = kind == SIM_EVENT_PATH_RESEND        ? sim_writer((enum sim_direction)which)
            : kind == SIM_EVENT_PATH_ACKNOWLEDGE ? sim_other(sim_writer((enum sim_direction)which))
                                                 : (enum sim_side)which;
    if (!sim_subflow_is_in_use(subflow) || connection->ends[owner].kernel == SIM_KERNEL_NONE) {
        return;
    }
    if (kind == SIM_EVENT_PATH_RESEND && sim_timer_take(&subflow->streams[which].resend_timer, event->at)) {
        on_resend(world, connection, path, (enum sim_direction)which);
    } else if (kind == SIM_EVENT_PATH_ACKNOWLEDGE &&
               sim_timer_take(&subflow->streams[which].acknowledge_timer, event->at)) {
        on_acknowledge(world, connection, path, (enum sim_direction)which);
    } else if (kind == SIM_EVENT_KEEPALIVE && sim_timer_take(&subflow->ends[which].keepalive_timer, event->at)) {
        on_keepalive(world, connection, path, (enum sim_side)which);
    }
}
