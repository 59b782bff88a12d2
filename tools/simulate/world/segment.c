/* Simulates the segments of TCP: they go out, arrive, are acknowledged, and are sent again. */
#include "simulate/world/segment.h"

#include "simulate/world/judge.h"
#include "simulate/world/paths.h"
#include "simulate/world/stream.h"

/* Linux gives up after 15 retransmissions (tcp_retries2), which take so long with the ordinary limits. */
#define PATIENCE_OF_THE_KERNEL (924 * LUBDUB_SECOND + 600 * LUBDUB_MILLISECOND)
#define PATIENCE_WITH_ORPHANS (60 * LUBDUB_SECOND)

/* ---- going out ---- */

void sim_segment_send(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction,
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
    };
    sim_stream_acknowledge(back, back, flight);
    sim_queue_put(&world->queue, arrives_at, SIM_EVENT_FLIGHT, index, 0);
}

static void arm_resend(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction)
{
    struct sim_stream *stream = &connection->streams[direction];

    sim_timer_arm(&stream->resend_timer, &world->queue, stream->resend_at, SIM_EVENT_RESEND, connection->index,
                  sim_detail(connection, direction));
}

static uint64_t allowed_to(const struct sim_stream *stream)
{
    return stream->written_to < stream->window_to ? stream->written_to : stream->window_to;
}

void sim_segment_send_new(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction)
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

        stream->sent_to = end - from > SIM_MSS ? from + SIM_MSS : end;
        sim_segment_send(world, connection, direction, from, stream->sent_to, false);
    }
}

/* Linux puts small segments together when it sends them again (tcp_retrans_try_collapse). */
static void send_again(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction,
                       uint64_t to)
{
    struct sim_stream *stream = &connection->streams[direction];

    if (to - stream->acked_to > SIM_MSS) {
        to = stream->acked_to + SIM_MSS;
    }
    stream->timed_to = 0; /* Karn: it is not known which of the two was acknowledged */
    stream->resent_at = world->now;
    world->result->retransmissions++;
    sim_segment_send(world, connection, direction, stream->acked_to, to, false);
}

/* A segment without data that is answered. */
static void ask_for_window(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction)
{
    uint32_t flights = world->flight_count;
    uint32_t free_flight = world->free_flight;

    sim_segment_send(world, connection, direction, 0, 0, false);
    if (free_flight != SIM_NOBODY && world->free_flight != free_flight) {
        world->flights[free_flight].is_window_probe = true;
    } else if (world->flight_count > flights) {
        world->flights[flights].is_window_probe = true;
    }
}

/* ---- the end ---- */

void sim_segment_forget(struct sim_connection *connection, enum sim_side side)
{
    connection->ends[side].kernel = SIM_KERNEL_NONE;
    connection->streams[sim_written_by(side)].resend_at = LUBDUB_TIME_NEVER;
    connection->streams[sim_written_by(sim_other(side))].acknowledge_at = LUBDUB_TIME_NEVER;
}

static void break_off(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                      enum lubdub_cause cause)
{
    struct sim_end *end = &connection->ends[side];

    sim_segment_forget(connection, side);
    if (end->has_session || end->must_begin) {
        end->has_error = true;
        end->error = (uint8_t)cause;
        world->on_readable(world, connection, side);
    }
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
                sim_segment_forget(connection, side);
                return;
            }
        } else {
            stream->resend_at = world->now + sim_stream_rto(stream, &world->settings->tcp);
            arm_resend(world, connection, direction);
        }
    }
    sim_segment_send_new(world, connection, direction);
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
        sim_segment_send(world, connection, back, 0, 0, false); /* our acknowledgement was lost */
        return false;
    }
    if (flight->from > stream->received_to) {
        sim_stream_put_ahead(stream, flight->from, flight->to);
        sim_segment_send(world, connection, back, 0, 0, false);
        return false;
    }
    stream->received_to = flight->to;
    sim_stream_close_gaps(stream);
    note_arrivals(world, connection, side, stream);
    if (!is_plain) {
        sim_segment_send(world, connection, back, 0, 0, false);
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
            sim_segment_send(world, connection, sim_written_by(side), 0, 0, true);
        }
        return;
    }
    take_acknowledgement(world, connection, side, flight);
    if (end->kernel == SIM_KERNEL_OPEN && end->waits_since != 0 &&
        (end->has_error || sim_stream_has_room(&connection->streams[sim_written_by(side)]))) {
        world->on_writable(world, connection, side);
    }
    if (flight->is_window_probe && end->kernel != SIM_KERNEL_NONE) {
        sim_segment_send(world, connection, sim_written_by(side), 0, 0, false);
        return;
    }
    if (flight->from == flight->to || end->kernel == SIM_KERNEL_NONE) {
        return;
    }
    if (end->kernel == SIM_KERNEL_ORPHAN && flight->from < sim_stream_data_end(&connection->streams[direction])) {
        sim_segment_send(world, connection, sim_written_by(side), 0, 0, true); /* data for a process that closed */
        sim_segment_forget(connection, side);
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
    const struct sim_stream *back = &connection->streams[sim_written_by(side)];

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
    if (end->kernel == SIM_KERNEL_ORPHAN && back->acked_to == back->written_to) {
        sim_segment_forget(connection, side);
        return;
    }
    if (end->kernel == SIM_KERNEL_OPEN && end->waits_since != 0 && sim_stream_has_room(back)) {
        world->on_writable(world, connection, side);
    }
    if (flight->is_window_probe && end->kernel != SIM_KERNEL_NONE) {
        sim_paths_answer(world, connection, flight);
        return;
    }
    if (flight->from == flight->to || end->kernel == SIM_KERNEL_NONE) {
        return;
    }
    if (end->kernel == SIM_KERNEL_ORPHAN && sim_paths_carries_before(connection, flight, sim_stream_data_end(stream))) {
        sim_paths_fast_close(world, connection, side); /* data for a process that closed */
        sim_segment_forget(connection, side);
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

void sim_segment_on_flight(struct sim_world *world, uint32_t index)
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

void sim_segment_on_resend(struct sim_world *world, struct sim_connection *connection, enum sim_direction direction)
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

void sim_segment_on_acknowledge(struct sim_world *world, struct sim_connection *connection,
                                enum sim_direction direction)
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
        sim_segment_send(world, connection, sim_written_by(side), 0, 0, false);
    }
}
