/* Runs many pairs of sessions under one virtual clock. */
#include "fleet.h"

#include <stdlib.h>

#include "statistics/random.h"
#include "test.h"

void fleet_init(struct fleet *fleet, uint64_t seed, size_t count, lubdub_duration longest_delay)
{
    size_t i;

    memset(fleet, 0, sizeof *fleet);
    fleet->pairs = calloc(count, sizeof *fleet->pairs);
    if (fleet->pairs == NULL) {
        abort();
    }
    fleet->count = count;
    fleet->seed = fleet->random = endpoint_seed = seed;
    for (i = 0; i < count; i++) {
        struct pair *pair = &fleet->pairs[i];

        pair_init(pair);
        pair->up.delay = random_below(&fleet->random, longest_delay + 1);
        pair->down.delay = random_below(&fleet->random, longest_delay + 1);
        pair->client.split = pair->server.split = i % 4 == 0 ? SPLIT_RANDOM : SPLIT_WHOLE;
        pair->client.random = random_next(&fleet->random);
        pair->server.random = random_next(&fleet->random);
        pair->server.grant.session_number = i + 1;
    }
    fleet->now = count > 0 ? fleet->pairs[0].now : 0;
}

void fleet_clear(struct fleet *fleet)
{
    size_t i;

    for (i = 0; i < fleet->count; i++) {
        pair_clear(&fleet->pairs[i]);
    }
    free(fleet->pairs);
    endpoint_seed = 0;
}

void fleet_open(struct fleet *fleet, lubdub_duration spread)
{
    size_t i;

    for (i = 0; i < fleet->count; i++) {
        fleet->pairs[i].now = fleet->now + random_below(&fleet->random, spread + 1);
        pair_open(&fleet->pairs[i]);
    }
    fleet_run(fleet, spread);
}

void fleet_run(struct fleet *fleet, lubdub_duration length)
{
    size_t i;

    fleet->now += length;
    for (i = 0; i < fleet->count; i++) {
        pair_run_to(&fleet->pairs[i], fleet->now);
    }
}

void fleet_stop(struct fleet *fleet, unsigned sides)
{
    size_t i;

    for (i = 0; i < fleet->count; i++) {
        pair_stop(&fleet->pairs[i], sides);
    }
    for (i = 0; i < 2; i++) {
        if ((sides & 1u << i) != 0) {
            fleet->stopped_at[i] = fleet->now;
        }
    }
}

static struct endpoint *end_of(const struct fleet *fleet, size_t i, enum side side)
{
    return side == SIDE_CLIENT ? &fleet->pairs[i].client : &fleet->pairs[i].server;
}

static void go_on(struct fleet *fleet, enum side side)
{
    lubdub_time stopped_at = fleet->stopped_at[side == SIDE_CLIENT ? 0 : 1];
    lubdub_time meant = LUBDUB_TIME_NEVER;
    size_t i;

    for (i = 0; i < fleet->count; i++) {
        meant = lubdub_time_earlier(meant, end_of(fleet, i, side)->armed_for);
    }
    if (meant < stopped_at) {
        meant = stopped_at;
    }
    for (i = 0; i < fleet->count; i++) {
        fleet->pairs[i].stopped &= ~(unsigned)side;
        endpoint_wake(end_of(fleet, i, side), fleet->now, lubdub_time_between(stopped_at, fleet->now),
                      lubdub_time_between(meant, fleet->now));
    }
}

void fleet_go_on(struct fleet *fleet, unsigned sides)
{
    if ((sides & SIDE_CLIENT) != 0) {
        go_on(fleet, SIDE_CLIENT);
    }
    if ((sides & SIDE_SERVER) != 0) {
        go_on(fleet, SIDE_SERVER);
    }
}

size_t fleet_up(const struct fleet *fleet, enum side side)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < fleet->count; i++) {
        count += endpoint_state(end_of(fleet, i, side)) == LUBDUB_SESSION_UP;
    }
    return count;
}

size_t fleet_heard(const struct fleet *fleet, enum side side, enum lubdub_event_kind kind)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < fleet->count; i++) {
        count += event_log_count(&end_of(fleet, i, side)->events, kind);
    }
    return count;
}

lubdub_time fleet_down_at(const struct endpoint *endpoint)
{
    const struct logged_event *down = event_log_last(&endpoint->events, LUBDUB_EVENT_DOWN);

    return down != NULL ? down->at : LUBDUB_TIME_NEVER;
}

enum lubdub_cause fleet_cause(const struct endpoint *endpoint)
{
    const struct logged_event *down = event_log_last(&endpoint->events, LUBDUB_EVENT_DOWN);

    return down != NULL ? down->event.cause : LUBDUB_CAUSE_NONE;
}

void fleet_complain(const struct fleet *fleet, const struct pair *pair, const char *what, const char *file, int line)
{
    print_error("with seed %llu (LUBDUB_SEED=%llu plays it alone), %s\n", (unsigned long long)fleet->seed,
                (unsigned long long)fleet->seed, what);
    if (pair != NULL) {
        print_error("pair %td, delays %.3f ms up and %.3f ms down\n", pair - fleet->pairs,
                    (double)pair->up.delay / (double)LUBDUB_MILLISECOND,
                    (double)pair->down.delay / (double)LUBDUB_MILLISECOND);
        pair_print(pair);
    }
    _fail(file, line);
}

bool fleet_next_seed(uint64_t *seed, uint64_t count)
{
    const char *wanted = getenv("LUBDUB_SEED");

    if (wanted != NULL) {
        uint64_t only = strtoull(wanted, NULL, 10);
        bool is_first = *seed != only;

        *seed = only;
        return is_first;
    }
    return ++*seed <= count;
}
