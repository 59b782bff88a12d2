/* Checks every frame and every event of a run, with counts of its own that do not depend on the sessions. */
#include "simulate/world/judge.h"

#include <string.h>

#include "simulate/world/judging.h"
#include "simulate/world/verdict.h"

/* Eight bytes at a time: every content is hashed when it is written and when it is told. */
static uint32_t hash(const uint8_t *bytes, size_t length)
{
    uint64_t value = length;
    size_t i;

    for (i = 0; i < length; i += sizeof value) {
        uint64_t word = 0;

        memcpy(&word, bytes + i, length - i < sizeof word ? length - i : sizeof word);
        value = sim_mix(value ^ word);
    }
    return (uint32_t)(value ^ value >> 32);
}

/* ---- begin ---- */

void sim_judge_begin(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    struct sim_end *end = &connection->ends[side];

    end->heard_at = sim_own_now(world, end);
    end->heard_away = sim_process_of(world, end)->away_total;
    end->oldest_asked = 1;
}

/* ---- the wire ---- */

static void note_trace(struct sim_world *world, uint32_t client, uint64_t sequence, enum sim_side side, bool is_ack)
{
    struct sim_trace *trace = &world->settings->traces[client];
    struct sim_beat *beat;

    if (sequence == 0 || sequence > trace->count) {
        return;
    }
    beat = &trace->beats[sequence - 1];
    if (is_ack && side == SIM_CLIENT) {
        beat->answered_at = world->now;
    } else if (!is_ack && side == SIM_SERVER) {
        beat->heard_at = world->now;
    }
}

static void check_pace(struct sim_world *world, struct sim_connection *connection, struct sim_end *end, lubdub_time now)
{
    lubdub_duration interval = lubdub_session_interval(&end->session);

    if (end->held_up_at != 0 && end->held_up_at >= end->asked_before_at) {
        return;
    }
    if (end->probes_written > 0 &&
        now > end->asked_at + interval + sim_away_since(world, end, end->asked_away) + SIM_SLACK) {
        sim_judge_fail(world, connection, "the client probed %.3f ms after its last probe, at an interval of %.3f ms",
                       SIM_MS(now - end->asked_at), SIM_MS(interval));
    }
    /*
     * Probes keep to a grid: after a delayed probe the next comes sooner, but not two, since missed slots are skipped.
     * Over several paths, where the timeout is about as short as the interval, a lone probe is followed by another one.
     */
    if (end->probes_written > 1 && !world->settings->adapts &&
        (connection->subflows == NULL || 3 * world->settings->timeout > 4 * interval) &&
        now < end->asked_before_at + interval) {
        sim_judge_fail(world, connection, "the client sent three probes in %.3f ms, at an interval of %.3f ms",
                       SIM_MS(now - end->asked_before_at), SIM_MS(interval));
    }
}

static void judge_probe(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                        const struct lubdub_frame *frame)
{
    struct sim_end *end = &connection->ends[side];
    lubdub_time now = sim_own_now(world, end);

    if (frame->sequence != end->probes_written + 1) {
        sim_judge_fail(world, connection, "the %s probed with %llu after %llu", sim_side_words[side],
                       (unsigned long long)frame->sequence, (unsigned long long)end->probes_written);
    }
    if (side == SIM_CLIENT) {
        check_pace(world, connection, end, now);
        if (world->settings->traces != NULL) {
            sim_trace_add(&world->settings->traces[connection->client], world->now);
        }
    }
    end->probes_written = frame->sequence;
    end->asked_before_at = end->asked_at;
    end->asked_at = now;
    end->asked_away = sim_process_of(world, end)->away_total;
    end->asked[frame->sequence % SIM_ASKED] = (struct sim_asked){
        .sequence = frame->sequence,
        .at = now,
        .away = end->asked_away,
        .promised = end->promised,
        .content = hash(frame->content, frame->length),
        .length = frame->length,
        .health = frame->flags & LUBDUB_FLAG_HEALTH_MASK,
    };
    world->result->probes++;
}

static void judge_ack(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                      const struct lubdub_frame *frame)
{
    struct sim_end *end = &connection->ends[side];
    const struct sim_asked *asked = sim_asked_as(&connection->ends[sim_other(side)], frame->sequence);

    if (frame->sequence != end->acks_written + 1 || frame->sequence > end->probes_read) {
        sim_judge_fail(world, connection, "the %s answered probe %llu; it had answered %llu and read %llu",
                       sim_side_words[side], (unsigned long long)frame->sequence, (unsigned long long)end->acks_written,
                       (unsigned long long)end->probes_read);
    }
    if (asked != NULL && (asked->length != frame->length || asked->content != hash(frame->content, frame->length))) {
        sim_judge_fail(world, connection, "the %s answered probe %llu with other content", sim_side_words[side],
                       (unsigned long long)frame->sequence);
    }
    if (asked != NULL && asked->health != frame->flags) {
        sim_judge_fail(world, connection, "the %s answered probe %llu with other flags", sim_side_words[side],
                       (unsigned long long)frame->sequence);
    }
    end->acks_written = frame->sequence;
    world->result->acks++;
}

/* Where applications have no habits the server returns every MESSAGE, in order. */
static void judge_message(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                          const struct lubdub_frame *frame)
{
    struct sim_end *end = &connection->ends[side];
    const struct sim_end *client = &connection->ends[SIM_CLIENT];
    uint32_t content = hash(frame->content, frame->length);

    if (frame->sequence != ++end->messages_written) {
        sim_judge_fail(world, connection, "the %s's message %llu is numbered %llu", sim_side_words[side],
                       (unsigned long long)end->messages_written, (unsigned long long)frame->sequence);
    }
    end->said[frame->sequence % SIM_ASKED] = content;
    if (side == SIM_SERVER && !world->settings->has_messages &&
        (frame->sequence > client->messages_written || (client->messages_written - frame->sequence < SIM_ASKED &&
                                                        content != client->said[frame->sequence % SIM_ASKED]))) {
        sim_judge_fail(world, connection, "the server returned message %llu, and not as it was",
                       (unsigned long long)frame->sequence);
    }
    world->result->messages++;
}

void sim_judge_written(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                       const struct lubdub_frame *frame)
{
    world->result->frames++;
    if (frame->type == LUBDUB_FRAME_PROBE) {
        judge_probe(world, connection, side, frame);
    } else if (frame->type == LUBDUB_FRAME_ACK) {
        judge_ack(world, connection, side, frame);
    } else if (frame->type == LUBDUB_FRAME_MESSAGE) {
        judge_message(world, connection, side, frame);
    }
}

void sim_judge_arrived(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                       const struct sim_note *note)
{
    struct sim_end *end = &connection->ends[side];

    end->arrived_at = sim_own_now(world, end);
    end->arrived_promised = end->promised;
    if (note->type == LUBDUB_FRAME_ACK) {
        end->acks_arrived = note->sequence;
    }
    if (world->settings->traces != NULL && (note->type == LUBDUB_FRAME_ACK || note->type == LUBDUB_FRAME_PROBE)) {
        note_trace(world, connection->client, note->sequence, side, note->type == LUBDUB_FRAME_ACK);
    }
}

void sim_judge_read(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                    const struct sim_note *note)
{
    struct sim_end *end = &connection->ends[side];

    end->heard_at = sim_own_now(world, end);
    end->heard_away = sim_process_of(world, end)->away_total;
    if (note->type == LUBDUB_FRAME_PROBE) {
        end->probes_read = note->sequence;
        if (side == SIM_SERVER && note->arrived_at - note->written_at > end->expiry) {
            end->stale_at = world->now;
        }
    } else if (note->type == LUBDUB_FRAME_ACK) {
        end->acks_read = note->sequence;
        end->oldest_asked = note->sequence + 1;
        if (end->grants_ack == UINT64_MAX && end->grants_probes != UINT64_MAX &&
            note->sequence >= end->grants_challenge) {
            end->grants_ack = end->probes_read;
        }
    }
}

/* What arrives is what was written, in order. */
static void judge_received(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                           const struct lubdub_event *event)
{
    struct sim_end *end = &connection->ends[side];
    const struct sim_end *writer = &connection->ends[sim_other(side)];

    if (event->sequence != ++end->messages_read || event->sequence > writer->messages_written) {
        sim_judge_fail(world, connection, "the %s is told of message %llu, of %llu that were written",
                       sim_side_words[side], (unsigned long long)event->sequence,
                       (unsigned long long)writer->messages_written);
    } else if (writer->messages_written - event->sequence < SIM_ASKED &&
               hash(event->content, event->length) != writer->said[event->sequence % SIM_ASKED]) {
        sim_judge_fail(world, connection, "the %s is told of message %llu, and it is not what was written",
                       sim_side_words[side], (unsigned long long)event->sequence);
    }
}

static void judge_acked(struct sim_world *world, struct sim_connection *connection, struct sim_end *end,
                        const struct lubdub_event *event)
{
    const struct sim_asked *asked = sim_asked_as(end, event->sequence);

    if (event->sequence > end->acks_read) {
        sim_judge_fail(world, connection, "an ack of probe %llu is reported, and none came",
                       (unsigned long long)event->sequence);
    }
    if (asked != NULL && event->round_trip > sim_own_now(world, end) - asked->at + SIM_SLACK) {
        sim_judge_fail(world, connection, "a round trip of %.3f ms is reported, %.3f ms after its probe",
                       SIM_MS(event->round_trip), SIM_MS(sim_own_now(world, end) - asked->at));
    }
    if (asked != NULL &&
        event->round_trip + (end->promised - asked->promised) + SIM_SLACK < sim_own_now(world, end) - asked->at) {
        sim_judge_fail(world, connection, "a round trip of %.3f ms is reported that was one of %.3f ms",
                       SIM_MS(event->round_trip), SIM_MS(sim_own_now(world, end) - asked->at));
    }
}

void sim_judge_event(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                     const struct lubdub_event *event)
{
    struct sim_end *end = &connection->ends[side];

    sim_digest(world, 0x20u + event->kind, connection->session_number << 8 ^ side);
    if (end->down_count > 0 || end->has_left) {
        sim_judge_fail(world, connection, "the %s hears of its session after the end", sim_side_words[side]);
    }
    switch (event->kind) {
    case LUBDUB_EVENT_UP:
        end->was_up = true;
        sim_judge_arm(world, connection, side, sim_own_now(world, end) + world->settings->timeout);
        break;
    case LUBDUB_EVENT_ACKED:
    case LUBDUB_EVENT_LATE_ACK:
        sim_digest(world, event->sequence, event->round_trip);
        judge_acked(world, connection, end, event);
        break;
    case LUBDUB_EVENT_DOWN:
        end->down_count++;
        sim_verdict_recovery(world, connection, end);
        sim_digest(world, 0x40u + event->cause, connection->session_number);
        sim_verdict_on_down(world, connection, side, event);
        break;
    case LUBDUB_EVENT_MESSAGE:
        judge_received(world, connection, side, event);
        break;
    case LUBDUB_EVENT_GRANT_CHANGED:
        sim_verdict_new_grant(world, connection);
        break;
    case LUBDUB_EVENT_NONE:
    case LUBDUB_EVENT_HELLO:
    case LUBDUB_EVENT_TIMED_OUT:
    case LUBDUB_EVENT_HEALTH:
    case LUBDUB_EVENT_ROOM:
        break;
    case LUBDUB_EVENT_LATE:
        sim_verdict_late(world, connection, end);
        break;
    case LUBDUB_EVENT_RECOVERED:
        end->recovered_at = sim_own_now(world, end);
        break;
    }
}

void sim_judge_closed(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    const struct sim_end *end = &connection->ends[side];

    if (end->down_count == 0 && !end->has_left) {
        sim_judge_fail(world, connection, "the %s's session ended and nobody was told", sim_side_words[side]);
    }
}

void sim_judge_owners(struct sim_world *world, uint32_t client, uint32_t server)
{
    const struct sim_connection *owner = NULL;
    uint32_t i;

    for (i = 0; i < world->connection_count; i++) {
        const struct sim_connection *connection = world->connections[i];
        const struct sim_end *end = &connection->ends[SIM_SERVER];

        if (connection->is_used && connection->client == client && end->process == server && end->has_session &&
            lubdub_session_state(&end->session) == LUBDUB_SESSION_UP) {
            if (owner != NULL) {
                sim_judge_fail(world, connection, "the identity has session %llu as well",
                               (unsigned long long)owner->session_number);
            }
            owner = connection;
        }
    }
    if (owner != NULL) {
        struct sim_end *end = &world->connections[owner->index]->ends[SIM_SERVER];

        end->was_up = true;
        end->expiry = lubdub_session_expiry(&end->session);
        end->old_expiry = end->old_longest = 0;
        sim_judge_arm(world, world->connections[owner->index], SIM_SERVER, end->heard_at + end->expiry);
    }
}
