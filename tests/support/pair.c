/* Carries bytes between two endpoints in memory. */
#include "pair.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

void pair_init(struct pair *pair)
{
    memset(pair, 0, sizeof *pair);
    endpoint_init(&pair->client, LUBDUB_ROLE_CLIENT);
    endpoint_init(&pair->server, LUBDUB_ROLE_SERVER);
    pair->now = pair->client.now;
    pair->up.window = KERNEL_TAKES_ALL;
    pair->down.window = KERNEL_TAKES_ALL;
}

static void direction_clear(struct direction *direction)
{
    wire_bytes_clear(&direction->bytes);
    free(direction->segments);
}

void pair_clear(struct pair *pair)
{
    endpoint_clear(&pair->client);
    endpoint_clear(&pair->server);
    direction_clear(&pair->up);
    direction_clear(&pair->down);
}

/* ---- sending ---- */

static lubdub_time arrival(struct direction *direction, lubdub_time now)
{
    lubdub_time at = direction->is_stalled ? LUBDUB_TIME_NEVER : lubdub_time_after(now, direction->delay);

    /* A byte stream keeps its order. */
    if (at < direction->last_arrival) {
        at = direction->last_arrival;
    }
    direction->last_arrival = at;
    return at;
}

static void carry(struct direction *direction, struct endpoint *from, lubdub_time now)
{
    size_t length = from->written.length;

    if (length > 0 && !direction->loses && !direction->has_ended) {
        direction->segments =
            realloc(direction->segments, (direction->segment_count + 1) * sizeof *direction->segments);
        if (direction->segments == NULL) {
            abort();
        }
        direction->segments[direction->segment_count++] = (struct segment){arrival(direction, now), length};
        wire_bytes_put(&direction->bytes, from->written.data, length);
    }
    wire_bytes_drop(&from->written, length);
    from->written_read = 0;
}

static void end_direction(struct direction *direction, enum lubdub_cause how, lubdub_time now)
{
    if (!direction->has_ended && !direction->loses) {
        direction->has_ended = true;
        direction->ended_how = how;
        direction->end_arrives_at = arrival(direction, now);
    }
}

void pair_collect(struct pair *pair)
{
    if (!pair->client_is_gone) {
        carry(&pair->up, &pair->client, pair->now);
        if (endpoint_has_ended_output(&pair->client)) {
            end_direction(&pair->up, LUBDUB_CAUSE_CLOSED, pair->now);
        }
    }
    if (!pair->server_is_gone) {
        carry(&pair->down, &pair->server, pair->now);
        if (pair->server.is_open && endpoint_has_ended_output(&pair->server)) {
            end_direction(&pair->down, LUBDUB_CAUSE_CLOSED, pair->now);
        }
    }
}

void pair_open(struct pair *pair)
{
    pair->client.now = pair->server.now = pair->now;
    pair->client.kernel_room = pair->up.window;
    pair->server.kernel_room = pair->down.window;
    endpoint_open(&pair->server);
    endpoint_open(&pair->client);
    pair_collect(pair);
}

/* ---- receiving ---- */

static bool can_run(const struct pair *pair, enum side side)
{
    const struct endpoint *endpoint = side == SIDE_CLIENT ? &pair->client : &pair->server;
    bool is_gone = side == SIDE_CLIENT ? pair->client_is_gone : pair->server_is_gone;

    return !is_gone && (pair->stopped & (unsigned)side) == 0 && endpoint_state(endpoint) != LUBDUB_SESSION_CLOSED;
}

static lubdub_time next_arrival(const struct direction *direction)
{
    if (direction->segment_count > 0) {
        return direction->segments[0].arrives_at;
    }
    return direction->has_ended ? direction->end_arrives_at : LUBDUB_TIME_NEVER;
}

static lubdub_time next_of(const struct pair *pair, enum side side)
{
    const struct endpoint *endpoint = side == SIDE_CLIENT ? &pair->client : &pair->server;
    const struct direction *direction = side == SIDE_CLIENT ? &pair->down : &pair->up;
    lubdub_time next = LUBDUB_TIME_NEVER;

    if (can_run(pair, side)) {
        next = endpoint->armed_for;
        if (lubdub_session_wants_input(&endpoint->session)) {
            next = lubdub_time_earlier(next, next_arrival(direction));
        }
    }
    return next;
}

lubdub_time pair_next(const struct pair *pair)
{
    return lubdub_time_earlier(next_of(pair, SIDE_CLIENT), next_of(pair, SIDE_SERVER));
}

/* One read of what has arrived. Returns whether there was something. */
static bool deliver(struct pair *pair, struct direction *direction, struct endpoint *to, struct endpoint *from)
{
    if (next_arrival(direction) > pair->now || !lubdub_session_wants_input(&to->session)) {
        return false;
    }
    if (direction->segment_count > 0) {
        struct segment segment = direction->segments[0];
        struct wire_bytes piece = {0};

        wire_bytes_put(&piece, direction->bytes.data, segment.length);
        wire_bytes_drop(&direction->bytes, segment.length);
        direction->segment_count--;
        memmove(direction->segments, direction->segments + 1, direction->segment_count * sizeof segment);
        endpoint_receive(to, piece.data, piece.length);
        wire_bytes_clear(&piece);
        if (direction->window != KERNEL_TAKES_ALL && from->is_open) {
            endpoint_give_room(from, segment.length);
        }
    } else {
        direction->end_arrives_at = LUBDUB_TIME_NEVER;
        endpoint_receive_end(to, direction->ended_how);
    }
    return true;
}

static bool step_side(struct pair *pair, enum side side)
{
    struct endpoint *endpoint = side == SIDE_CLIENT ? &pair->client : &pair->server;
    struct endpoint *other = side == SIDE_CLIENT ? &pair->server : &pair->client;
    struct direction *direction = side == SIDE_CLIENT ? &pair->down : &pair->up;
    bool did_something = false;

    endpoint->now = pair->now;
    endpoint->has_unread = next_arrival(direction) <= pair->now;
    while (can_run(pair, side) && deliver(pair, direction, endpoint, other)) {
        did_something = true;
    }
    if (can_run(pair, side) && endpoint->armed_for <= pair->now) {
        endpoint_ring(endpoint);
        did_something = true;
    }
    pair_collect(pair);
    return did_something;
}

void pair_run_to(struct pair *pair, lubdub_time until)
{
    pair_collect(pair);
    for (;;) {
        lubdub_time next = pair_next(pair);

        if (next > until) {
            break;
        }
        if (next > pair->now) {
            pair->now = next;
        }
        pair->client.now = pair->server.now = pair->now;
        step_side(pair, SIDE_SERVER);
        step_side(pair, SIDE_CLIENT);
    }
    if (until > pair->now) {
        pair->now = until;
    }
    pair->client.now = pair->server.now = pair->now;
}

void pair_run(struct pair *pair, lubdub_duration length)
{
    pair_run_to(pair, lubdub_time_after(pair->now, length));
}

/* ---- faults ---- */

void pair_stop(struct pair *pair, unsigned sides)
{
    pair_collect(pair);
    pair->stopped |= sides;
    if ((sides & SIDE_CLIENT) != 0) {
        pair->client_stopped_at = pair->now;
    }
    if ((sides & SIDE_SERVER) != 0) {
        pair->server_stopped_at = pair->now;
    }
}

static void go_on(struct pair *pair, struct endpoint *endpoint, lubdub_time stopped_at)
{
    /* The loop meant to sleep until its timer, and no longer than until the stop if that was earlier still. */
    lubdub_time meant = endpoint->armed_for > stopped_at ? endpoint->armed_for : stopped_at;

    endpoint_wake(endpoint, pair->now, lubdub_time_between(stopped_at, pair->now),
                  lubdub_time_between(meant, pair->now));
}

void pair_go_on(struct pair *pair, unsigned sides)
{
    pair->stopped &= ~sides;
    if ((sides & SIDE_CLIENT) != 0) {
        go_on(pair, &pair->client, pair->client_stopped_at);
    }
    if ((sides & SIDE_SERVER) != 0) {
        go_on(pair, &pair->server, pair->server_stopped_at);
    }
}

void pair_kill(struct pair *pair, enum side side, enum lubdub_cause how)
{
    pair_collect(pair);
    if (side == SIDE_CLIENT) {
        pair->client_is_gone = true;
        end_direction(&pair->up, how, pair->now);
    } else {
        pair->server_is_gone = true;
        end_direction(&pair->down, how, pair->now);
    }
}

void pair_cut(struct pair *pair)
{
    struct direction *directions[] = {&pair->up, &pair->down};
    size_t i;

    pair_collect(pair);
    for (i = 0; i < COUNT_OF(directions); i++) {
        struct direction *direction = directions[i];
        size_t arrived = 0;
        size_t kept = 0;

        direction->loses = true;
        while (kept < direction->segment_count && direction->segments[kept].arrives_at <= pair->now) {
            arrived += direction->segments[kept++].length;
        }
        direction->segment_count = kept;
        direction->bytes.length = arrived;
    }
    pair->client.path = LUBDUB_PATH_SILENT;
    pair->server.path = LUBDUB_PATH_SILENT;
}

void pair_stall(struct pair *pair, struct direction *direction)
{
    size_t i;

    pair_collect(pair);
    direction->is_stalled = true;
    for (i = 0; i < direction->segment_count; i++) {
        if (direction->segments[i].arrives_at > pair->now) {
            direction->segments[i].arrives_at = LUBDUB_TIME_NEVER;
            direction->last_arrival = LUBDUB_TIME_NEVER;
        }
    }
}

void pair_unstall(struct pair *pair, struct direction *direction)
{
    lubdub_time at = lubdub_time_after(pair->now, direction->delay);
    size_t i;

    direction->is_stalled = false;
    for (i = 0; i < direction->segment_count; i++) {
        if (direction->segments[i].arrives_at == LUBDUB_TIME_NEVER) {
            direction->segments[i].arrives_at = at;
        }
    }
    if (direction->has_ended && direction->end_arrives_at == LUBDUB_TIME_NEVER) {
        direction->end_arrives_at = at;
    }
    direction->last_arrival = at;
}

void pair_print(const struct pair *pair)
{
    event_log_print(&pair->client.events, "client");
    event_log_print(&pair->server.events, "server");
}
