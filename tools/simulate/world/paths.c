/* Simulates Multipath TCP: which subflow carries what, and what is sent again over another one. */
#include "simulate/world/paths.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "simulate/world/stream.h"

#define MSS 1448

/*
 * TCP_RTO_MIN, a constant in net/mptcp: how long the stream waits where no subflow has a timer. And the tick of the
 * kernel's clock in which that ends (250 a second).
 */
#define STREAM_WAIT (204 * LUBDUB_MILLISECOND)

/*
 * A side acknowledges at once over a path (quick-ack mode) until it has answered data within so long there: from then
 * on it is ping-pong, and acknowledgements wait for an answer (tcp_event_data_sent()).
 */
#define PING_PONG (40 * LUBDUB_MILLISECOND)

/* net.mptcp.stale_loss_cnt. */
#define STALE_LOSSES 4

/* net.mptcp.close_timeout: how long a connection without subflows, or whose process has closed it, is kept. */
#define CLOSE_TIMEOUT (60 * LUBDUB_SECOND)

/* A subflow's SYN is sent again after 1, 2, 4 s, six times (net.ipv4.tcp_syn_retries). */
#define FIRST_JOIN_WAIT LUBDUB_SECOND
#define LAST_JOIN_WAIT (64 * LUBDUB_SECOND)

/* As lubdub_paths_tune() sets it, in whole seconds. */
#define KEEPALIVE_LEAST LUBDUB_SECOND
#define KEEPALIVE_MOST (30 * LUBDUB_SECOND)

/* What common/ev/paths.c takes for a path that does not work, and common/ev/socket.c for a delayed acknowledgement. */
#define IN_VAIN 2
#define DELAYED_ACK (50 * LUBDUB_MILLISECOND)

/* What no session tunes. */
static struct sim_tcp timers_of(const struct sim_world *world)
{
    return (struct sim_tcp){
        .rto_min = 200 * LUBDUB_MILLISECOND,
        .rto_max = 120 * LUBDUB_SECOND,
        .delayed_ack = world->settings->tcp.delayed_ack,
    };
}

static unsigned count_of(const struct sim_world *world, const struct sim_connection *connection)
{
    return world->clients[connection->client].path_count;
}

static enum sim_direction opposite(enum sim_direction direction)
{
    return direction == SIM_UP ? SIM_DOWN : SIM_UP;
}

static bool is_in_use(const struct sim_subflow *subflow)
{
    return subflow->is_open && !subflow->is_over;
}

/* ---- open ---- */

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

static void open_subflow(struct sim_world *world, struct sim_connection *connection, unsigned path,
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

static void join_in(struct sim_world *world, const struct sim_connection *connection, unsigned path,
                    lubdub_duration wait, unsigned is_answered)
{
    sim_queue_put(&world->queue, world->now + wait, SIM_EVENT_JOIN, sim_subflow_subject(connection, path),
                  sim_detail(connection, is_answered));
}

void sim_paths_open(struct sim_world *world, struct sim_connection *connection, lubdub_duration round_trip)
{
    unsigned count = count_of(world, connection);
    unsigned path;
    unsigned i;

    if (connection->subflows == NULL) {
        connection->subflows = calloc(SIM_PATH_LIMIT, sizeof *connection->subflows);
        if (connection->subflows == NULL) {
            abort();
        }
    }
    for (path = 0; path < count; path++) {
        struct sim_subflow *subflow = &connection->subflows[path];

        subflow->is_open = subflow->is_over = false;
        subflow->join_wait = FIRST_JOIN_WAIT;
        for (i = 0; i < 2; i++) {
            subflow->ends[i] = (struct sim_subflow_end){0};
            sim_timer_init(&subflow->ends[i].keepalive_timer);
            subflow->mapping_count[i] = 0;
        }
        if (path > 0) {
            join_in(world, connection, path, round_trip, 0);
        }
    }
    connection->stream_wait[SIM_UP] = connection->stream_wait[SIM_DOWN] = STREAM_WAIT;
    open_subflow(world, connection, 0, round_trip);
}

void sim_paths_clear(struct sim_connection *connection)
{
    unsigned path;
    unsigned i;

    for (path = 0; connection->subflows != NULL && path < SIM_PATH_LIMIT; path++) {
        for (i = 0; i < 2; i++) {
            sim_stream_clear(&connection->subflows[path].streams[i]);
            free(connection->subflows[path].mappings[i]);
        }
    }
    free(connection->subflows);
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
        open_subflow(world, connection, path, subflow->join_wait);
        return;
    }
    world->result->segments += 2;
    if (sim_path_carry(way, SIM_UP, 0, world->now, &there) && sim_path_carry(way, SIM_DOWN, 0, world->now, &back)) {
        subflow->join_wait = there - world->now + back - world->now; /* from now on: the round trip */
        join_in(world, connection, path, subflow->join_wait, 1);
    } else if (subflow->join_wait <= LAST_JOIN_WAIT) {
        join_in(world, connection, path, subflow->join_wait, 0);
        subflow->join_wait *= 2;
    }
}

/* ---- segments ---- */

static struct sim_flight *transmit(struct sim_world *world, struct sim_connection *connection, unsigned path,
                                   enum sim_direction direction, uint64_t from, uint64_t to)
{
    struct sim_stream *back = &connection->subflows[path].streams[opposite(direction)];
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
        .ack = back->received_to,
        .has_gap = back->ahead_count > 0,
        .gap_to = back->ahead_count > 0 ? back->ahead[0].from : 0,
        .window_to = UINT64_MAX,
        .data_ack = connection->streams[opposite(direction)].received_to,
    };
    sim_queue_put(&world->queue, arrives_at, SIM_EVENT_FLIGHT, index, 0);
    return flight;
}

void sim_paths_answer(struct sim_world *world, struct sim_connection *connection, const struct sim_flight *flight)
{
    transmit(world, connection, flight->path, opposite((enum sim_direction)flight->direction), 0, 0);
}

static void reset(struct sim_world *world, struct sim_connection *connection, unsigned path,
                  enum sim_direction direction, bool is_fast_close)
{
    struct sim_flight *flight = transmit(world, connection, path, direction, 0, 0);

    if (flight != NULL) {
        flight->is_reset = true;
        flight->is_fast_close = is_fast_close;
    }
}

void sim_paths_fast_close(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    unsigned path;

    for (path = 0; path < count_of(world, connection); path++) {
        if (is_in_use(&connection->subflows[path])) {
            reset(world, connection, path, sim_written_by(side), true);
        }
    }
}

void sim_paths_refuse(struct sim_world *world, struct sim_connection *connection, const struct sim_flight *flight)
{
    reset(world, connection, flight->path, opposite((enum sim_direction)flight->direction), false);
}

/* ---- a subflow sends ---- */

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

        lane->sent_to = lane->written_to - from > MSS ? from + MSS : lane->written_to;
        transmit(world, connection, path, direction, from, lane->sent_to);
    }
}

static void send_again(struct sim_world *world, struct sim_connection *connection, unsigned path,
                       enum sim_direction direction, uint64_t to)
{
    struct sim_stream *lane = &connection->subflows[path].streams[direction];

    if (to - lane->acked_to > MSS) {
        to = lane->acked_to + MSS;
    }
    lane->timed_to = 0;
    lane->resent_at = world->now;
    world->result->retransmissions++;
    transmit(world, connection, path, direction, lane->acked_to, to);
}

/* The subflow is to carry these bytes of the stream. */
static void give(struct sim_world *world, struct sim_connection *connection, unsigned path,
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

/* ---- the stream chooses: net/mptcp/protocol.c ---- */

static void arm_stream(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction)
{
    struct sim_stream *stream = &connection->streams[direction];

    sim_timer_arm(&stream->resend_timer, &world->queue, stream->resend_at, SIM_EVENT_RESEND, connection->index,
                  sim_detail(connection, direction));
}

/* A subflow that was found stale is good again when something was acknowledged there: mptcp_subflow_active(). */
static bool is_active(struct sim_subflow *subflow, enum sim_direction direction)
{
    struct sim_subflow_end *end = &subflow->ends[sim_writer(direction)];

    if (end->is_stale && subflow->streams[direction].answered_at != end->stale_since) {
        end->is_stale = false;
    }
    return is_in_use(subflow) && !end->is_stale;
}

/* mptcp_subflow_get_send(): the one with the least queued; on the way, how long the stream will wait. SIM_PATH_LIMIT:
 * none. */
static unsigned choose(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction)
{
    unsigned best = SIM_PATH_LIMIT;
    uint64_t least = UINT64_MAX;
    lubdub_duration wait = 0;
    unsigned path;

    for (path = 0; path < count_of(world, connection); path++) {
        struct sim_subflow *subflow = &connection->subflows[path];
        const struct sim_stream *lane = &subflow->streams[direction];

        if (!is_active(subflow, direction)) {
            continue;
        }
        if (lane->resend_at != LUBDUB_TIME_NEVER && subflow->ends[sim_writer(direction)].stale_count == 0) {
            wait = lubdub_duration_longer(wait, lubdub_time_between(world->now, lane->resend_at));
        }
        if (lane->written_to - lane->acked_to < least) {
            least = lane->written_to - lane->acked_to;
            best = path;
        }
    }
    connection->stream_wait[direction] = wait > 0 ? wait : STREAM_WAIT;
    return best;
}

void sim_paths_push(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction)
{
    struct sim_stream *stream = &connection->streams[direction];
    unsigned path;

    if (stream->sent_to == stream->written_to) {
        return;
    }
    path = choose(world, connection, direction);
    if (path == SIM_PATH_LIMIT) {
        return;
    }
    if (stream->resend_at == LUBDUB_TIME_NEVER) {
        stream->progress_at = world->now;
        stream->resend_at = world->now + connection->stream_wait[direction];
        arm_stream(world, connection, direction);
    }
    give(world, connection, path, direction, stream->sent_to, stream->written_to);
    stream->sent_to = stream->written_to;
}

/* Everything that the stream does not know to have arrived goes out anew: __mptcp_retransmit_pending_data(). */
static void reinject(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction)
{
    struct sim_stream *stream = &connection->streams[direction];

    stream->sent_to = stream->acked_to;
    sim_paths_push(world, connection, direction);
}

static bool has_alternative(struct sim_world *world, struct sim_connection *connection, unsigned path,
                            enum sim_direction direction)
{
    unsigned other;

    for (other = 0; other < count_of(world, connection); other++) {
        struct sim_subflow *subflow = &connection->subflows[other];

        if (other != path && is_active(subflow, direction) &&
            subflow->ends[sim_writer(direction)].stale_count < STALE_LOSSES - 1) {
            return true;
        }
    }
    return false;
}

/* mptcp_pm_subflow_chk_stale() */
static void check_stale(struct sim_world *world, struct sim_connection *connection, unsigned path,
                        enum sim_direction direction)
{
    struct sim_subflow *subflow = &connection->subflows[path];
    struct sim_subflow_end *end = &subflow->ends[sim_writer(direction)];
    lubdub_time answered_at = subflow->streams[direction].answered_at;

    if (end->stale_count == 0) {
        end->stale_since = answered_at;
        end->stale_count = 1;
    } else if (end->stale_since == answered_at) {
        end->stale_count++;
        if (!end->is_stale && end->stale_count > STALE_LOSSES && has_alternative(world, connection, path, direction)) {
            end->is_stale = true;
            reinject(world, connection, direction);
        }
    } else {
        end->stale_count = 0;
        end->is_stale = false;
    }
}

/* mptcp_subflow_get_retrans(): the first with nothing under way. */
static unsigned choose_idle(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction)
{
    unsigned pick = SIM_PATH_LIMIT;
    unsigned path;

    for (path = 0; path < count_of(world, connection); path++) {
        const struct sim_subflow *subflow = &connection->subflows[path];

        if (!is_in_use(subflow)) {
            continue;
        }
        if (subflow->streams[direction].acked_to < subflow->streams[direction].written_to) {
            check_stale(world, connection, path, direction);
        } else if (pick == SIM_PATH_LIMIT) {
            pick = path;
        }
    }
    return pick;
}

static bool has_any(const struct sim_world *world, const struct sim_connection *connection)
{
    unsigned path;

    for (path = 0; path < count_of(world, connection); path++) {
        if (is_in_use(&connection->subflows[path])) {
            return true;
        }
    }
    return false;
}

bool sim_paths_on_resend(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction)
{
    struct sim_stream *stream = &connection->streams[direction];
    unsigned path;

    if (!has_any(world, connection) || (connection->ends[sim_writer(direction)].kernel == SIM_KERNEL_ORPHAN &&
                                        world->now - stream->progress_at >= CLOSE_TIMEOUT)) {
        return false;
    }
    path = choose_idle(world, connection, direction);
    if (path != SIM_PATH_LIMIT && stream->acked_to < stream->sent_to) {
        world->result->retransmissions++;
        give(world, connection, path, direction, stream->acked_to, stream->sent_to);
    }
    stream->resend_at = world->now + connection->stream_wait[direction];
    arm_stream(world, connection, direction);
    sim_paths_push(world, connection, direction);
    return true;
}

void sim_paths_lose(struct sim_world *world, struct sim_connection *connection, unsigned path)
{
    unsigned direction;

    connection->subflows[path].is_over = true;
    for (direction = 0; direction < 2; direction++) {
        struct sim_stream *stream = &connection->streams[direction];

        if (connection->ends[sim_writer((enum sim_direction)direction)].kernel == SIM_KERNEL_NONE) {
            continue;
        }
        if (has_any(world, connection)) {
            reinject(world, connection, (enum sim_direction)direction);
        } else {
            stream->resend_at = world->now + CLOSE_TIMEOUT;
            arm_stream(world, connection, (enum sim_direction)direction);
        }
    }
}

/* ---- arrival ---- */

static void take_ack_of_path(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
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

void sim_paths_take_acknowledgement(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                                    const struct sim_flight *flight)
{
    enum sim_direction direction = sim_written_by(side);
    struct sim_stream *stream = &connection->streams[direction];

    if (!flight->is_window_probe) {
        connection->subflows[flight->path].ends[side].heard_at = world->now;
    }
    take_ack_of_path(world, connection, side, flight);
    stream->answered_at = world->now;
    if (flight->data_ack > stream->acked_to) {
        stream->acked_to = flight->data_ack;
        if (stream->sent_to < stream->acked_to) {
            stream->sent_to = stream->acked_to; /* what went out anew had arrived before */
        }
        stream->progress_at = world->now;
        while (stream->note_acked < stream->note_arrived &&
               sim_stream_note(stream, stream->note_acked)->end <= stream->acked_to) {
            stream->note_acked++;
        }
        stream->resend_at = stream->acked_to == stream->written_to ? LUBDUB_TIME_NEVER
                                                                   : world->now + connection->stream_wait[direction];
        arm_stream(world, connection, direction);
    }
    sim_paths_push(world, connection, direction);
}

bool sim_paths_carries_before(const struct sim_connection *connection, const struct sim_flight *flight, uint64_t end)
{
    const struct sim_subflow *subflow = &connection->subflows[flight->path];
    size_t i;

    for (i = 0; i < subflow->mapping_count[flight->direction]; i++) {
        const struct sim_mapping *mapping = &subflow->mappings[flight->direction][i];

        if (mapping->from < flight->to && flight->from < mapping->to && mapping->data_from < end) {
            return true;
        }
    }
    return false;
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

bool sim_paths_take_data(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                         const struct sim_flight *flight)
{
    enum sim_direction direction = (enum sim_direction)flight->direction;
    struct sim_stream *lane = &connection->subflows[flight->path].streams[direction];
    const struct sim_stream *stream = &connection->streams[direction];
    uint64_t before = stream->received_to;
    uint64_t lane_before = lane->received_to;
    bool is_plain = lane->ahead_count == 0;
    struct sim_subflow_end *end = &connection->subflows[flight->path].ends[side];

    assert(side == sim_other(sim_writer(direction)));
    end->got_at = world->now;
    if (flight->to <= lane->received_to) {
        sim_paths_answer(world, connection, flight); /* our acknowledgement was lost */
        return false;
    }
    if (flight->from > lane->received_to) {
        sim_stream_put_ahead(lane, flight->from, flight->to);
        sim_paths_answer(world, connection, flight);
        return false;
    }
    lane->received_to = flight->to;
    sim_stream_close_gaps(lane);
    deliver_mapped(connection, flight->path, direction, lane_before, lane->received_to);
    if (!is_plain || !end->answers) {
        sim_paths_answer(world, connection, flight);
    } else if (lane->acknowledge_at == LUBDUB_TIME_NEVER) {
        lane->acknowledge_at = world->now + world->settings->tcp.delayed_ack;
    }
    return stream->received_to > before;
}

void sim_paths_mind_acknowledgement(struct sim_world *world, struct sim_connection *connection,
                                    const struct sim_flight *flight)
{
    struct sim_stream *lane = &connection->subflows[flight->path].streams[flight->direction];

    if (lane->acknowledge_at != LUBDUB_TIME_NEVER) {
        sim_timer_arm(&lane->acknowledge_timer, &world->queue, lane->acknowledge_at, SIM_EVENT_PATH_ACKNOWLEDGE,
                      sim_subflow_subject(connection, flight->path), sim_detail(connection, flight->direction));
    }
}

/* ---- timers of subflows ---- */

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
    transmit(world, connection, path, opposite(direction), 0, 0);
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
            struct sim_flight *flight = transmit(world, connection, path, sim_written_by(side), 0, 0);

            if (flight != NULL) {
                flight->is_window_probe = true;
            }
        }
        due = world->now + idle;
    }
    arm_keepalive(world, connection, path, side, due);
}

void sim_paths_on_event(struct sim_world *world, const struct sim_event *event)
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
    if (!is_in_use(subflow) || connection->ends[owner].kernel == SIM_KERNEL_NONE) {
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

/* ---- evidence ---- */

void sim_paths_look_at(const struct sim_world *world, const struct sim_connection *connection, enum sim_side side,
                       struct lubdub_evidence *evidence)
{
    enum sim_direction direction = sim_written_by(side);
    const struct sim_stream *stream = &connection->streams[direction];
    bool has_segments = false;
    unsigned path;

    evidence->is_known = true;
    evidence->unacknowledged = stream->acked_to < stream->written_to;
    evidence->is_sent_again = evidence->has_no_way_out = true;
    evidence->silent_for = UINT64_MAX;
    evidence->round_trip = evidence->least_round_trip = evidence->ack_delay = 0;
    for (path = 0; path < count_of(world, connection); path++) {
        const struct sim_subflow *subflow = &connection->subflows[path];
        const struct sim_stream *lane = &subflow->streams[direction];

        if (!is_in_use(subflow)) {
            continue;
        }
        if (lane->acked_to < lane->sent_to) {
            has_segments = true;
            evidence->is_sent_again = evidence->is_sent_again && lane->backoff > 0;
        }
        evidence->has_no_way_out = false; /* windows are always open here */
        evidence->silent_for = lubdub_duration_shorter(evidence->silent_for, world->now - lane->answered_at);
        if (lane->backoff < IN_VAIN) {
            evidence->round_trip = lubdub_duration_longer(evidence->round_trip, lane->smoothed);
            evidence->least_round_trip = lubdub_duration_longer(evidence->least_round_trip, lane->least);
            evidence->ack_delay =
                lubdub_duration_longer(evidence->ack_delay, DELAYED_ACK + lane->smoothed + 4 * lane->variation);
        }
    }
    evidence->is_sent_again = evidence->is_sent_again && has_segments;
    evidence->has_no_way_out = evidence->has_no_way_out && stream->sent_to < stream->written_to;
    if (evidence->silent_for == UINT64_MAX) {
        evidence->silent_for = world->now - stream->answered_at;
    }
}
