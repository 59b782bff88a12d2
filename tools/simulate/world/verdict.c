/* Checks grants, verdicts and their causes, and that no verdict is overdue. */
#include "simulate/world/verdict.h"

#include "core/session_shared.h"
#include "simulate/world/judging.h"
#include "simulate/world/trouble.h"

/* Shorter deadlines leave the kernel no time to tell: a quarter of them is less than a delayed acknowledgement takes.
 */
#define SHORTEST_KNOWN (400 * LUBDUB_MILLISECOND)

/* Bytes of a frame that is not whole yet prove so long that the peer is not hung, and may prove it for longer. */
#define RECENT_BYTES (400 * LUBDUB_MILLISECOND)
#define RECENT_BYTES_MOST (650 * LUBDUB_MILLISECOND) /* or a quarter of the deadline */

/* What common/ev/socket.c allows for a delayed acknowledgement. */
#define OWN_DELAYED_ACK (50 * LUBDUB_MILLISECOND)

/* Until a kernel has sent what waits for an acknowledgement again over each path, once. */
#define FAILOVER (500 * LUBDUB_MILLISECOND)

/* ---- grants ---- */

/* Two probes were read that the client sent under the new grant: it may count alone. */
static bool is_new_grant_in_force(const struct sim_end *end)
{
    return end->grants_probes != UINT64_MAX && end->probes_read >= end->grants_probes + 2;
}

/* And both stood behind the ACK of the grant's challenge, so that the server knows: it must count alone. */
static bool is_old_grant_over(const struct sim_end *end)
{
    return end->grants_ack != UINT64_MAX && end->probes_read >= end->grants_ack + 2;
}

void sim_verdict_regranted(struct sim_world *world, struct sim_connection *connection, lubdub_duration expiry)
{
    struct sim_end *end = &connection->ends[SIM_SERVER];
    (void)world;

    if (is_new_grant_in_force(end)) {
        end->old_expiry = 0;
    }
    if (is_old_grant_over(end)) {
        end->old_longest = 0;
    }
    end->old_expiry = lubdub_duration_longer(end->old_expiry, end->expiry);
    end->old_longest = lubdub_duration_longer(end->old_longest, end->expiry);
    end->expiry = expiry;
    end->grants_probes = end->grants_ack = UINT64_MAX;
}

/* The client has the new grant: probes after this one are sent under it. */
void sim_verdict_new_grant(const struct sim_world *world, struct sim_connection *connection)
{
    struct sim_end *server = &connection->ends[SIM_SERVER];

    connection->ends[SIM_CLIENT].held_up_at = sim_own_now(world, &connection->ends[SIM_CLIENT]);
    if (server->old_expiry > 0 && lubdub_session_expiry(&connection->ends[SIM_CLIENT].session) == server->expiry) {
        server->grants_probes = connection->ends[SIM_CLIENT].probes_written;
        server->grants_challenge = server->probes_written;
    }
}

/* The longest expiry that may count still, and the shortest that may count already. */
static lubdub_duration longest_expiry(const struct sim_end *end)
{
    return lubdub_duration_longer(end->expiry, end->old_longest);
}

static lubdub_duration shortest_expiry(const struct sim_end *end)
{
    return end->old_expiry > 0 && !is_new_grant_in_force(end) ? lubdub_duration_longer(end->expiry, end->old_expiry)
                                                              : end->expiry;
}

/* ---- causes ---- */

static lubdub_duration path_delay(const struct sim_client *client)
{
    return sim_path_longest(client->paths[0].network);
}

static bool is_just_unpaused(const struct sim_world *world, const struct sim_connection *connection, enum sim_side side)
{
    const struct sim_process *process = sim_process_of(world, &connection->ends[side]);

    return process->unpaused_at != 0 &&
           world->now <= process->unpaused_at + 2 * path_delay(&world->clients[connection->client]);
}

/* When something was lost last, on any path; and whether any path is cut. */
static lubdub_time lost_at(const struct sim_client *client)
{
    lubdub_time latest = 0;
    unsigned i;

    for (i = 0; i < client->path_count; i++) {
        latest = client->paths[i].lost_at > latest ? client->paths[i].lost_at : latest;
    }
    return latest;
}

/*
 * What the verdict has to be, where the whole story is known: the peer's process was stopped or the path was cut for
 * good, for a good part of the deadline, and nothing else went wrong.
 */
static enum lubdub_cause true_cause(const struct sim_world *world, const struct sim_connection *connection,
                                    enum sim_side side, lubdub_duration deadline, lubdub_duration silent_for)
{
    const struct sim_client *client = &world->clients[connection->client];
    const struct sim_process *peer = sim_process_of(world, &connection->ends[sim_other(side)]);
    const struct sim_path *path = &client->paths[0];
    const struct sim_stream *stream = &connection->streams[sim_written_by(side)];
    lubdub_time before = lubdub_time_between(2 * deadline + LUBDUB_SECOND, world->now);
    lubdub_time cut_at = sim_cut_at(client);
    lubdub_duration told_in = deadline / 2 + path_delay(client) + (client->path_count > 1 ? FAILOVER : 0);

    if (is_just_unpaused(world, connection, side)) {
        return LUBDUB_CAUSE_NONE; /* its kernel has not heard yet what came meanwhile */
    }
    if (connection->established_at > before || path->rate > 0 || deadline < SHORTEST_KNOWN ||
        (stream->acked_to == stream->sent_to && stream->sent_to < stream->written_to)) {
        return LUBDUB_CAUSE_NONE; /* or behind a window that is shut: nothing was asked */
    }
    if (cut_at != LUBDUB_TIME_NEVER && cut_at + told_in < world->now && !peer->is_stopped &&
        sim_process_of(world, &connection->ends[side])->went_on_at <= cut_at) {
        return LUBDUB_CAUSE_UNREACHABLE;
    }
    if (peer->is_alive && peer->is_stopped && peer->paused_until == 0 &&
        world->now - peer->stopped_at + path_delay(client) >= silent_for && lost_at(client) < before &&
        !sim_has_cut(client) && 2 * path_delay(client) < deadline / 4) {
        return LUBDUB_CAUSE_HUNG;
    }
    return LUBDUB_CAUSE_NONE;
}

/* When the oldest bytes that are not acknowledged were written; LUBDUB_TIME_NEVER where none wait. */
static lubdub_time unacknowledged_since(const struct sim_stream *stream)
{
    return stream->note_acked < stream->note_count
               ? stream->notes[stream->note_acked & (stream->note_capacity - 1)].written_at
               : LUBDUB_TIME_NEVER;
}

/*
 * Whether an acknowledgement takes longer than the kernel's estimate foretells, and no longer than this network may
 * take: the endpoint goes by the estimate, and cannot know that it is on its way.
 */
static bool is_acknowledgement_late(const struct sim_world *world, const struct sim_connection *connection,
                                    enum sim_side side)
{
    const struct sim_stream *stream = &connection->streams[sim_written_by(side)];
    lubdub_duration foretold = OWN_DELAYED_ACK + stream->smoothed + 4 * stream->variation;
    lubdub_duration longest = world->settings->tcp.delayed_ack + 2 * path_delay(&world->clients[connection->client]);
    lubdub_duration waited = lubdub_time_between(unacknowledged_since(stream), world->now); /* 0 where none wait */

    return waited > foretold && waited <= longest;
}

/* Whether bytes that went out before the last loss wait for an acknowledgement still: for the kernel to send them
 * again. */
static bool waits_since_a_loss(const struct sim_world *world, const struct sim_connection *connection,
                               enum sim_side side)
{
    return unacknowledged_since(&connection->streams[sim_written_by(side)]) <=
           lost_at(&world->clients[connection->client]);
}

/* The end of the last frame that was read whole. */
static uint64_t frame_end(const struct sim_stream *stream)
{
    return stream->note_read > 0 ? stream->notes[(stream->note_read - 1) & (stream->note_capacity - 1)].end : 0;
}

/* Whether bytes of a frame that is not whole were read that lately. */
static bool has_read_a_part(const struct sim_world *world, const struct sim_connection *connection, enum sim_side side,
                            lubdub_duration lately)
{
    const struct sim_end *end = &connection->ends[side];
    const struct sim_stream *stream = &connection->streams[sim_written_by(sim_other(side))];

    return end->bytes_at + lately > sim_own_now(world, end) && stream->received_to > frame_end(stream);
}

static void judge_cause(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                        enum lubdub_cause cause, lubdub_duration deadline, lubdub_duration silent_for)
{
    enum lubdub_cause right = true_cause(world, connection, side, deadline, silent_for);

    if (right == LUBDUB_CAUSE_HUNG && cause == LUBDUB_CAUSE_UNREACHABLE &&
        (is_acknowledgement_late(world, connection, side) || waits_since_a_loss(world, connection, side) ||
         has_read_a_part(world, connection, side, lubdub_duration_longer(RECENT_BYTES_MOST, deadline / 4)))) {
        return; /* what a stopped process wrote before, its kernel delivers late: that is a slow path as well */
    }
    if (right != LUBDUB_CAUSE_NONE && cause != right) {
        sim_judge_fail(world, connection, "the %s says %s of a peer that is %s", sim_side_words[side],
                       lubdub_cause_word(cause), lubdub_cause_word(right));
    }
    world->result->causes += right != LUBDUB_CAUSE_NONE;
}

/* ---- verdicts ---- */

static lubdub_duration floor_of(const struct sim_settings *settings, lubdub_duration stated, lubdub_duration fixed,
                                bool is_early)
{
    if (is_early && settings->adaptive_floor < fixed) {
        return settings->adaptive_floor;
    }
    return stated > 0 ? stated : fixed;
}

static void judge_servers_verdict(struct sim_world *world, struct sim_connection *connection, struct sim_end *end,
                                  bool is_early, lubdub_time now)
{
    lubdub_duration floor = floor_of(world->settings, world->settings->server_floor, shortest_expiry(end), is_early);
    lubdub_duration promised = end->promised - end->arrived_promised;
    lubdub_duration away = sim_away_since(world, end, end->heard_away);

    if (now + SIM_SLACK < end->arrived_at + floor + promised) {
        sim_judge_fail(world, connection,
                       "declared dead %.3f ms after its last frame reached the server, %.3f ms of absence forgiven",
                       SIM_MS(now - end->arrived_at), SIM_MS(promised));
    }
    if (end->waited_since != 0 &&
        now <= end->waited_since + longest_expiry(end) + sim_away_since(world, end, end->blocked_away) + SIM_SLACK) {
        return; /* when it was due, unread bytes waited, of a frame that was not whole */
    }
    if (now > end->heard_at + longest_expiry(end) + away + SIM_SLACK) {
        sim_judge_fail(world, connection, "declared dead %.3f ms after it was heard last, %.3f ms of them away",
                       SIM_MS(now - end->heard_at), SIM_MS(away));
    }
}

static void judge_clients_verdict(struct sim_world *world, struct sim_connection *connection, struct sim_end *end,
                                  uint64_t sequence, bool is_early, lubdub_time now)
{
    const struct sim_asked *asked = sim_asked_as(end, sequence);
    lubdub_duration floor =
        floor_of(world->settings, world->settings->client_floor, world->settings->timeout, is_early);

    if (end->acks_arrived >= sequence) {
        sim_judge_fail(world, connection, "the server was declared dead for probe %llu, of which the ack had come",
                       (unsigned long long)sequence);
    }
    if (asked == NULL) {
        return; /* too long ago to be remembered */
    }
    if (now + SIM_SLACK < asked->at + floor + (end->promised - asked->promised)) {
        sim_judge_fail(world, connection, "the server was declared dead %.3f ms after probe %llu",
                       SIM_MS(now - asked->at), (unsigned long long)sequence);
    }
    if (now > asked->at + world->settings->timeout + sim_away_since(world, end, asked->away) + SIM_SLACK) {
        sim_judge_fail(world, connection, "the server was declared dead as late as %.3f ms after probe %llu",
                       SIM_MS(now - asked->at), (unsigned long long)sequence);
    }
}

/* Our bytes waited for one expiry (a server) or one timeout (a client), and no longer. */
static void judge_slow_reader(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    const struct sim_end *end = &connection->ends[side];
    lubdub_time now = sim_own_now(world, end);
    lubdub_time since = side == SIM_SERVER ? end->waits_since : end->blocked_at;
    lubdub_duration least = side == SIM_SERVER ? shortest_expiry(end) : world->settings->timeout;
    lubdub_duration most = side == SIM_SERVER ? longest_expiry(end) : world->settings->timeout;

    if (end->waits_since == 0 || now + SIM_SLACK < since + least) {
        sim_judge_fail(world, connection, "the %s says slow-reader of a peer that had %.3f ms to read",
                       sim_side_words[side], end->waits_since == 0 ? 0 : SIM_MS(now - since));
    } else if (now > since + most + sim_away_since(world, end, end->blocked_away) + SIM_SLACK) {
        sim_judge_fail(world, connection, "the %s says slow-reader after %.3f ms", sim_side_words[side],
                       SIM_MS(now - since));
    }
    world->result->slow_readers++;
}

static void judge_verdict(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                          const struct lubdub_event *event)
{
    struct sim_end *end = &connection->ends[side];
    const struct sim_stream *stream = &connection->streams[sim_written_by(sim_other(side))];
    lubdub_duration deadline = side == SIM_SERVER ? shortest_expiry(end) : world->settings->timeout;
    lubdub_time now = sim_own_now(world, end);

    world->result->verdicts++;
    if (end->is_deaf) {
        return; /* the verdict does not count: the endpoint's application does not let it read */
    }
    if (event->cause == LUBDUB_CAUSE_HUNG && end->bytes_at > end->heard_at &&
        has_read_a_part(world, connection, side, lubdub_duration_shorter(RECENT_BYTES, deadline / 2))) {
        sim_judge_fail(world, connection, "the %s says hung of a peer whose bytes came %.3f ms ago",
                       sim_side_words[side], SIM_MS(now - end->bytes_at));
    }
    if (side == SIM_SERVER && end->waits_since != 0 && stream->note_arrived > stream->note_read) {
        judge_slow_reader(world, connection, side); /* it did not read, and was cut off meanwhile */
        return;
    }
    if (stream->note_arrived > stream->note_read) {
        sim_judge_fail(world, connection, "the %s judged with %llu frames unread", sim_side_words[side],
                       (unsigned long long)(stream->note_arrived - stream->note_read));
    }
    if (side == SIM_SERVER) {
        judge_servers_verdict(world, connection, end, event->adaptive > 0, now);
        judge_cause(world, connection, side, event->cause, shortest_expiry(end),
                    lubdub_time_between(lubdub_session_interval(&end->session), event->silent_for));
    } else if (event->sequence > 0) {
        judge_clients_verdict(world, connection, end, event->sequence, event->adaptive > 0, now);
        judge_cause(world, connection, side, event->cause, world->settings->timeout, event->waited_for);
    }
    sim_trouble_noticed(world, connection, side);
}

/* Recent frames had been under way for longer than the expiry, and yet the session was heard again and again. */
static bool is_trickle(const struct sim_world *world, const struct sim_end *end)
{
    return end->stale_at > 0 && world->now - end->stale_at <= 2 * end->expiry;
}

static void complain(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                     const struct lubdub_event *event)
{
    const struct sim_end *end = &connection->ends[side];

    sim_judge_fail(world, connection, "the %s says %s of an honest peer: %.*s; it has read %llu of %llu probes",
                   sim_side_words[side], lubdub_cause_word(event->cause), (int)event->text.length,
                   event->text.length > 0 ? (const char *)event->text.data : "", (unsigned long long)end->probes_read,
                   (unsigned long long)connection->ends[sim_other(side)].probes_written);
}

/* What came before a break is read first: it may be a BYE. */
static void judge_broken(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                         enum lubdub_cause cause)
{
    const struct sim_stream *stream = &connection->streams[sim_written_by(sim_other(side))];

    if (stream->note_arrived > stream->note_read && !connection->ends[side].is_deaf) {
        sim_judge_fail(world, connection, "the %s says %s with %llu frames unread", sim_side_words[side],
                       lubdub_cause_word(cause), (unsigned long long)(stream->note_arrived - stream->note_read));
    }
}

/* LATE is told when a challenge has just been put on its way, unless an older one waits: that is how old it is. */
void sim_verdict_late(struct sim_world *world, const struct sim_connection *connection, const struct sim_end *end)
{
    const struct lubdub_session_extra *extra = end->session.extra;
    lubdub_time now = sim_own_now(world, end);

    if (extra != NULL && extra->asked_at == now && end->session.challenges_waiting == 1 &&
        extra->asked_first_at != now) {
        sim_judge_fail(world, connection, "the server takes a challenge that it sends now for one of %.3f ms ago",
                       SIM_MS((int64_t)(now - extra->asked_first_at)));
    }
}

/* RECOVERED is told of a frame that proves life, and of no other. */
void sim_verdict_recovery(struct sim_world *world, struct sim_connection *connection, const struct sim_end *end)
{
    if (end->recovered_at != 0 && end->session.heard_at < end->recovered_at) {
        sim_judge_fail(world, connection, "the server says recovered, and heard nothing but the end");
    }
}

void sim_verdict_on_down(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                         const struct lubdub_event *event)
{
    const struct sim_end *end = &connection->ends[side];

    switch (event->cause) {
    case LUBDUB_CAUSE_HUNG:
    case LUBDUB_CAUSE_UNREACHABLE:
        if (event->had_session && event->deadline > 0) {
            judge_verdict(world, connection, side, event);
        }
        break;
    case LUBDUB_CAUSE_SLOW_READER:
        if (!world->settings->has_messages) {
            complain(world, connection, side, event);
            break;
        }
        judge_slow_reader(world, connection, side);
        break;
    case LUBDUB_CAUSE_REJECTED:
        if (event->has_reason && (event->reason_code == LUBDUB_REASON_HANDSHAKE_TIMEOUT ||
                                  event->reason_code == LUBDUB_REASON_TOO_MANY_FRAMES)) {
            break; /* it was stopped before it could say HELLO; or the server was judged for it */
        }
        /* fall through */
    case LUBDUB_CAUSE_PROTOCOL:
        if (event->has_reason && event->reason_code == LUBDUB_REASON_TOO_MANY_FRAMES && is_trickle(world, end)) {
            world->result->trickles++;
            break;
        }
        /* fall through */
    case LUBDUB_CAUSE_TLS:
        complain(world, connection, side, event);
        break;
    case LUBDUB_CAUSE_NONE:
    case LUBDUB_CAUSE_CLOSED:
    case LUBDUB_CAUSE_RESET:
        judge_broken(world, connection, side, event->cause);
        break;
    case LUBDUB_CAUSE_BYE:
    case LUBDUB_CAUSE_REFUSED:
    case LUBDUB_CAUSE_TIMEOUT:
    case LUBDUB_CAUSE_RESOLVE:
    case LUBDUB_CAUSE_REPLACED:
    case LUBDUB_CAUSE_SHUTDOWN:
        break;
    }
}

void sim_verdict_away(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                      lubdub_duration away, lubdub_duration overslept)
{
    struct sim_end *end = &connection->ends[side];
    lubdub_duration patience = side == SIM_SERVER ? longest_expiry(end) : world->settings->timeout;

    if (!end->was_up || overslept < patience / 4) {
        return;
    }
    end->promised += away;
    if (end->arrived_at > sim_process_of(world, end)->ran_at) {
        end->arrived_promised = end->promised; /* it came while we were away */
    }
}

/* ---- what is overdue ---- */

static lubdub_time verdict_due(const struct sim_world *world, struct sim_end *end, enum sim_side side, lubdub_time now)
{
    const struct sim_asked *asked;
    lubdub_time blocked_due = LUBDUB_TIME_NEVER;

    if (side == SIM_SERVER) {
        lubdub_time due = end->heard_at + longest_expiry(end) + sim_away_since(world, end, end->heard_away);
        lubdub_time slow_due = end->waits_since + longest_expiry(end) + sim_away_since(world, end, end->blocked_away);

        return end->waits_since != 0 && slow_due > due ? slow_due : due;
    }
    if (end->waits_since != 0) {
        blocked_due = end->blocked_at + world->settings->timeout + sim_away_since(world, end, end->blocked_away);
    }
    asked = end->oldest_asked <= end->probes_written ? sim_asked_as(end, end->oldest_asked) : NULL;
    if (asked == NULL) {
        return lubdub_time_earlier(blocked_due, now + world->settings->timeout);
    }
    return lubdub_time_earlier(blocked_due,
                               asked->at + world->settings->timeout + sim_away_since(world, end, asked->away));
}

void sim_verdict_on_due(struct sim_world *world, struct sim_connection *connection, enum sim_side side)
{
    struct sim_end *end = &connection->ends[side];
    lubdub_time now = sim_own_now(world, end);
    lubdub_time due;

    if (!end->has_session || lubdub_session_state(&end->session) != LUBDUB_SESSION_UP) {
        return;
    }
    if (!sim_runs(sim_process_of(world, end))) {
        sim_judge_arm(world, connection, side, now + LUBDUB_SECOND);
        return;
    }
    due = verdict_due(world, end, side, now) + SIM_SLACK;
    if (due < now) {
        sim_judge_fail(world, connection, "the %s should have declared its peer dead %.3f ms ago", sim_side_words[side],
                       SIM_MS(now - due));
        return;
    }
    sim_judge_arm(world, connection, side, due + 1);
}
