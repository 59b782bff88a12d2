/* Simulates Multipath TCP: which subflow carries what, and what is sent again over another one. */
#include "simulate/world/paths.h"

#include <stdlib.h>

#include "simulate/world/stream.h"
#include "simulate/world/subflow.h"

/*
 * TCP_RTO_MIN, a constant in net/mptcp: how long the stream waits where no subflow has a timer. And the tick of the
 * kernel's clock in which that ends (250 a second).
 */
#define STREAM_WAIT (204 * LUBDUB_MILLISECOND)

/* net.mptcp.stale_loss_cnt. */
#define STALE_LOSSES 4

/* net.mptcp.close_timeout: how long a connection without subflows, or whose process has closed it, is kept. */
#define CLOSE_TIMEOUT (60 * LUBDUB_SECOND)

/* What common/ev/paths.c takes for a path that does not work, and common/ev/socket.c for a delayed acknowledgement. */
#define IN_VAIN 2
#define DELAYED_ACK (50 * LUBDUB_MILLISECOND)

static unsigned count_of(const struct sim_world *world, const struct sim_connection *connection)
{
    return world->clients[connection->client].path_count;
}

/* ---- open ---- */

void sim_paths_open(struct sim_world *world, struct sim_connection *connection, lubdub_duration round_trip)
{
    unsigned count = count_of(world, connection);
    unsigned path;

    if (connection->subflows == NULL) {
        connection->subflows = calloc(SIM_PATH_LIMIT, sizeof *connection->subflows);
        if (connection->subflows == NULL) {
            abort();
        }
    }
    for (path = 0; path < count; path++) {
        sim_subflow_init(&connection->subflows[path]);
        if (path > 0) {
            sim_subflow_join_in(world, connection, path, round_trip, 0);
        }
    }
    connection->stream_wait[SIM_UP] = connection->stream_wait[SIM_DOWN] = STREAM_WAIT;
    sim_subflow_open(world, connection, 0, round_trip);
}

void sim_paths_clear(struct sim_connection *connection)
{
    unsigned path;

    for (path = 0; connection->subflows != NULL && path < SIM_PATH_LIMIT; path++) {
        sim_subflow_clear(&connection->subflows[path]);
    }
    free(connection->subflows);
}

/* ---- segments ---- */

void sim_paths_answer(struct sim_world *world, struct sim_connection *connection, const struct sim_flight *flight)
{
    sim_subflow_transmit(world, connection, flight->path, sim_opposite((enum sim_direction)flight->direction), 0, 0);
}

void sim_paths_fast_close(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    unsigned path;

    for (path = 0; path < count_of(world, connection); path++) {
        if (sim_subflow_is_in_use(&connection->subflows[path])) {
            sim_subflow_reset(world, connection, path, sim_written_by(side), true);
        }
    }
}

void sim_paths_refuse(struct sim_world *world, struct sim_connection *connection, const struct sim_flight *flight)
{
    sim_subflow_reset(world, connection, flight->path, sim_opposite((enum sim_direction)flight->direction), false);
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
    return sim_subflow_is_in_use(subflow) && !end->is_stale;
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

/* Nothing is under way, and the peer's window takes nothing. */
static bool is_shut_out(const struct sim_stream *stream)
{
    return stream->acked_to == stream->sent_to && stream->sent_to < stream->written_to &&
           stream->sent_to >= stream->window_to;
}

void sim_paths_push(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction)
{
    struct sim_stream *stream = &connection->streams[direction];
    uint64_t end = stream->written_to < stream->window_to ? stream->written_to : stream->window_to;
    unsigned path;

    if (stream->sent_to >= end && (!is_shut_out(stream) || stream->resend_at != LUBDUB_TIME_NEVER)) {
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
    if (stream->sent_to < end) {
        sim_subflow_give(world, connection, path, direction, stream->sent_to, end);
        stream->sent_to = end;
    }
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

        if (!sim_subflow_is_in_use(subflow)) {
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
        if (sim_subflow_is_in_use(&connection->subflows[path])) {
            return true;
        }
    }
    return false;
}

/* On every path: the kernel's probe is a byte that waits for its acknowledgement, and the next one goes elsewhere. */
static void ask_for_window(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction)
{
    unsigned path;

    connection->streams[direction].window_probes++;
    for (path = 0; path < count_of(world, connection); path++) {
        if (sim_subflow_is_in_use(&connection->subflows[path])) {
            struct sim_flight *probe = sim_subflow_transmit(world, connection, path, direction, 0, 0);

            if (probe != NULL) {
                probe->is_window_probe = true;
            }
        }
    }
}

void sim_paths_tell_window(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    unsigned path;

    for (path = 0; path < count_of(world, connection); path++) {
        if (sim_subflow_is_in_use(&connection->subflows[path])) {
            sim_subflow_transmit(world, connection, path, sim_written_by(side), 0, 0);
        }
    }
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
        sim_subflow_give(world, connection, path, direction, stream->acked_to, stream->sent_to);
    }
    if (is_shut_out(stream)) {
        ask_for_window(world, connection, direction);
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

void sim_paths_take_acknowledgement(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                                    const struct sim_flight *flight)
{
    enum sim_direction direction = sim_written_by(side);
    struct sim_stream *stream = &connection->streams[direction];

    if (!flight->is_window_probe) {
        connection->subflows[flight->path].ends[side].heard_at = world->now;
    }
    sim_subflow_take_acknowledgement(world, connection, side, flight);
    stream->answered_at = world->now;
    stream->window_probes = 0;
    if (flight->window_to > stream->window_to) {
        stream->window_to = flight->window_to;
    }
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

bool sim_paths_take_data(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                         const struct sim_flight *flight)
{
    const struct sim_stream *stream = &connection->streams[flight->direction];
    uint64_t before = stream->received_to;

    sim_subflow_take_data(world, connection, side, flight);
    return stream->received_to > before;
}

void sim_paths_mind_acknowledgement(struct sim_world *world, struct sim_connection *connection,
                                    const struct sim_flight *flight)
{
    sim_subflow_mind_acknowledgement(world, connection, flight);
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
    evidence->is_sent_again = evidence->has_no_way_out = true;
    evidence->silent_for = UINT64_MAX;
    evidence->round_trip = evidence->least_round_trip = evidence->ack_delay = 0;
    for (path = 0; path < count_of(world, connection); path++) {
        const struct sim_subflow *subflow = &connection->subflows[path];
        const struct sim_stream *lane = &subflow->streams[direction];

        if (!sim_subflow_is_in_use(subflow)) {
            continue;
        }
        if (lane->acked_to < lane->sent_to) {
            has_segments = true;
            evidence->is_sent_again = evidence->is_sent_again && lane->backoff > 0;
        }
        evidence->has_no_way_out = false; /* the windows of subflows are always open here */
        evidence->silent_for = lubdub_duration_shorter(evidence->silent_for, world->now - lane->answered_at);
        if (lane->backoff < IN_VAIN) {
            evidence->round_trip = lubdub_duration_longer(evidence->round_trip, lane->smoothed);
            evidence->least_round_trip = lubdub_duration_longer(evidence->least_round_trip, lane->least);
            evidence->ack_delay =
                lubdub_duration_longer(evidence->ack_delay, DELAYED_ACK + lane->smoothed + 4 * lane->variation);
        }
    }
    evidence->is_sent_again = stream->window_probes > 1 || (evidence->is_sent_again && has_segments);
    evidence->unacknowledged = stream->acked_to < stream->written_to;
    evidence->has_no_way_out = evidence->has_no_way_out && stream->sent_to < stream->written_to;
    if (evidence->silent_for == UINT64_MAX) {
        evidence->silent_for = world->now - stream->answered_at;
    }
}
