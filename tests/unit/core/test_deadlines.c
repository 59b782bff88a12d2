/* The wheel, against a model that looks at every deadline every time. */
#include "statistics/random.h"
#include "support/test.h"

#include "core/deadlines.h"

#include <stdlib.h>

#define MS LUBDUB_MILLISECOND
#define TICK ((lubdub_time)1 << LUBDUB_TICK_SHIFT)

#define NODE_COUNT 300

/* One who has a deadline, as a session does: popped early, it sets itself again. */
struct sleeper {
    struct lubdub_deadline node;
    lubdub_time due;    /* LUBDUB_TIME_NEVER: waits for nothing */
    lubdub_time set_at; /* one who is set too late is popped in the next tick */
    unsigned early_pops;
};

struct bedroom {
    struct lubdub_deadlines deadlines;
    struct sleeper sleepers[NODE_COUNT];
    lubdub_time now;
    uint64_t seed;
    size_t woken;
};

static void complain(const struct bedroom *bedroom, const struct sleeper *sleeper, const char *what)
{
    print_error("seed %llu: sleeper %td, due at %.3f ms, %s at %.3f ms\n", (unsigned long long)bedroom->seed,
                sleeper - bedroom->sleepers, (double)sleeper->due / (double)MS, what,
                (double)bedroom->now / (double)MS);
    fail();
}

static struct sleeper *sleeper_of(struct lubdub_deadline *node)
{
    return (struct sleeper *)(void *)((char *)node - offsetof(struct sleeper, node));
}

static struct bedroom *bedroom_at(lubdub_time now, uint64_t seed)
{
    struct bedroom *bedroom = calloc(1, sizeof *bedroom);
    size_t i;

    bedroom->now = now;
    bedroom->seed = seed;
    lubdub_deadlines_init(&bedroom->deadlines, now);
    for (i = 0; i < NODE_COUNT; i++) {
        bedroom->sleepers[i].due = LUBDUB_TIME_NEVER;
    }
    return bedroom;
}

static void set(struct bedroom *bedroom, struct sleeper *sleeper, lubdub_time due)
{
    sleeper->due = due;
    sleeper->set_at = bedroom->now;
    sleeper->early_pops = 0;
    lubdub_deadlines_set(&bedroom->deadlines, &sleeper->node, due);
}

/* Pops all whose time has come, as the reactor does, and checks that nobody is forgotten. */
static void wake_all(struct bedroom *bedroom)
{
    struct lubdub_deadline *node;
    size_t i;

    while ((node = lubdub_deadlines_pop(&bedroom->deadlines, bedroom->now)) != NULL) {
        struct sleeper *sleeper = sleeper_of(node);

        assert_false(lubdub_deadline_is_set(node));
        if (sleeper->due <= bedroom->now) {
            sleeper->due = LUBDUB_TIME_NEVER;
            bedroom->woken++;
        } else {
            /* Once for each level, and once for each turn of the whole wheel. */
            if (++sleeper->early_pops > LUBDUB_WHEEL_LEVELS + (sleeper->due - bedroom->now) / (TICK << 29)) {
                complain(bedroom, sleeper, "was popped early too often");
            }
            lubdub_deadlines_set(&bedroom->deadlines, &sleeper->node, sleeper->due);
        }
    }
    for (i = 0; i < NODE_COUNT; i++) {
        struct sleeper *sleeper = &bedroom->sleepers[i];

        lubdub_time since = sleeper->due > sleeper->set_at ? sleeper->due : sleeper->set_at;

        if (sleeper->due <= bedroom->now && bedroom->now - since > TICK) {
            complain(bedroom, sleeper, "was not popped");
        }
        if (sleeper->due != LUBDUB_TIME_NEVER && !lubdub_deadline_is_set(&sleeper->node)) {
            complain(bedroom, sleeper, "was lost");
        }
    }
}

static lubdub_time earliest(const struct bedroom *bedroom)
{
    lubdub_time earliest_due = LUBDUB_TIME_NEVER;
    size_t i;

    for (i = 0; i < NODE_COUNT; i++) {
        earliest_due = lubdub_time_earlier(earliest_due, bedroom->sleepers[i].due);
    }
    return earliest_due;
}

/* Both may be early, and late by the one tick that a deadline is rounded to. */
static void check_next(struct bedroom *bedroom)
{
    lubdub_time next = lubdub_deadlines_next(&bedroom->deadlines);
    lubdub_time first = lubdub_deadlines_first(&bedroom->deadlines);
    lubdub_time due = earliest(bedroom);

    if (due != LUBDUB_TIME_NEVER) {
        lubdub_time base = due > bedroom->now ? due : bedroom->now;

        assert_true(next <= first && first <= lubdub_time_after(base, TICK));
    }
}

static lubdub_duration random_length(uint64_t *random)
{
    /* As often short as long: a number of random size. */
    return random_next(random) >> random_between(random, 12, 63);
}

static void random_step(struct bedroom *bedroom, uint64_t *random)
{
    struct sleeper *sleeper = &bedroom->sleepers[random_below(random, NODE_COUNT)];

    switch (random_below(random, 8)) {
    case 0:
    case 1:
    case 2:
        set(bedroom, sleeper, lubdub_time_after(bedroom->now, random_length(random)));
        break;
    case 3:
        set(bedroom, sleeper, bedroom->now - random_below(random, bedroom->now < MS ? bedroom->now + 1 : MS));
        break;
    case 4:
        lubdub_deadlines_cancel(&sleeper->node);
        sleeper->due = LUBDUB_TIME_NEVER;
        break;
    case 5:
        if (sleeper->due != LUBDUB_TIME_NEVER) {
            sleeper->due = lubdub_time_after(sleeper->due, random_below(random, LUBDUB_SECOND)); /* lazily */
        }
        break;
    case 6:
        bedroom->now += random_below(random, 3 * TICK);
        wake_all(bedroom);
        break;
    default:
        /* Sleeps as long as it is told, or a random while. */
        if (random_below(random, 2) == 0) {
            lubdub_time next = lubdub_deadlines_next(&bedroom->deadlines);

            if (next != LUBDUB_TIME_NEVER && next > bedroom->now) {
                bedroom->now = next;
            }
        } else {
            bedroom->now += random_length(random) >> 20;
        }
        wake_all(bedroom);
        break;
    }
    check_next(bedroom);
}

static void wheel_does_as_the_model_does_wherever_the_clock_starts(void **state)
{
    const lubdub_time starts[] = {0,
                                  1,
                                  TICK - 1,
                                  TICK * 64 - 1,
                                  (TICK << 30) - 5 * TICK, /* all levels are about to turn over */
                                  (UINT64_C(1) << 31) * MS - LUBDUB_SECOND,
                                  (UINT64_C(1) << 32) * MS - LUBDUB_SECOND,
                                  (UINT64_C(1) << 63) - LUBDUB_SECOND,
                                  UINT64_C(1234567890123456789)};
    uint64_t seed;
    (void)state;

    for (seed = 1; seed <= 90; seed++) {
        struct bedroom *bedroom = bedroom_at(starts[seed % COUNT_OF(starts)], seed);
        uint64_t random = seed;
        unsigned step;

        for (step = 0; step < 3000; step++) {
            random_step(bedroom, &random);
        }
        assert_true(bedroom->woken > 0);
        free(bedroom);
    }
}

static void each_deadline_is_popped_on_time_and_for_good_by_one_who_sleeps_as_told(void **state)
{
    uint64_t seed;
    (void)state;

    for (seed = 1; seed <= 20; seed++) {
        struct bedroom *bedroom = bedroom_at(seed * 1000003 * MS, seed);
        uint64_t random = seed;
        size_t i;
        unsigned wakes = 0;

        for (i = 0; i < NODE_COUNT; i++) {
            set(bedroom, &bedroom->sleepers[i], bedroom->now + random_below(&random, LUBDUB_HOUR));
        }
        while (earliest(bedroom) != LUBDUB_TIME_NEVER) {
            lubdub_time next = lubdub_deadlines_next(&bedroom->deadlines);

            assert_true(next != LUBDUB_TIME_NEVER && next > bedroom->now);
            bedroom->now = next;
            wake_all(bedroom);
            wakes++;
        }
        assert_int_equal(bedroom->woken, NODE_COUNT);
        assert_in_range(wakes, 1, NODE_COUNT * LUBDUB_WHEEL_LEVELS); /* no waking for nobody */
        assert_true(lubdub_deadlines_next(&bedroom->deadlines) == LUBDUB_TIME_NEVER);
        free(bedroom);
    }
}

static void nobody_who_sleeps_to_the_first_deadline_is_woken_in_vain(void **state)
{
    struct bedroom *bedroom = bedroom_at(123456789 * MS, 0);
    uint64_t random = 7;
    size_t i;
    (void)state;

    for (i = 0; i < NODE_COUNT; i++) {
        set(bedroom, &bedroom->sleepers[i], bedroom->now + random_below(&random, LUBDUB_HOUR));
    }
    while (earliest(bedroom) != LUBDUB_TIME_NEVER) {
        lubdub_time first = lubdub_deadlines_first(&bedroom->deadlines);
        size_t woken = bedroom->woken;

        assert_true(first >= earliest(bedroom) && first <= earliest(bedroom) + TICK);
        bedroom->now = first;
        wake_all(bedroom);
        assert_true(bedroom->woken > woken);
    }
    assert_int_equal(bedroom->woken, NODE_COUNT);
    assert_true(lubdub_deadlines_first(&bedroom->deadlines) == LUBDUB_TIME_NEVER);
    free(bedroom);
}

static void deadline_that_is_never_is_not_due_for_days(void **state)
{
    struct bedroom *bedroom = bedroom_at(5 * LUBDUB_SECOND, 0);
    unsigned i;
    (void)state;

    set(bedroom, &bedroom->sleepers[0], LUBDUB_TIME_NEVER - 1);
    assert_true(lubdub_deadlines_next(&bedroom->deadlines) > 10 * 24 * LUBDUB_HOUR);
    for (i = 0; i < 100; i++) {
        bedroom->now += 24 * LUBDUB_HOUR;
        wake_all(bedroom);
    }
    assert_int_equal(bedroom->woken, 0);
    free(bedroom);
}

static void jump_of_years_pops_everybody_once(void **state)
{
    struct bedroom *bedroom = bedroom_at(0, 0);
    size_t i;
    (void)state;

    for (i = 0; i < NODE_COUNT; i++) {
        set(bedroom, &bedroom->sleepers[i], i * LUBDUB_MINUTE);
    }
    bedroom->now = 10 * 365 * 24 * LUBDUB_HOUR;
    wake_all(bedroom);
    assert_int_equal(bedroom->woken, NODE_COUNT);
    free(bedroom);
}

static void node_that_is_overdue_again_and_again_does_not_hold_the_loop(void **state)
{
    struct lubdub_deadlines deadlines;
    struct lubdub_deadline node = {0};
    lubdub_time now = 1000 * TICK;
    unsigned pops = 0;
    (void)state;

    lubdub_deadlines_init(&deadlines, now);
    lubdub_deadlines_set(&deadlines, &node, now);
    for (;;) {
        now += TICK;
        while (lubdub_deadlines_pop(&deadlines, now) != NULL) {
            lubdub_deadlines_set(&deadlines, &node, 0);
            pops++;
        }
        assert_true(pops <= now / TICK - 1000);
        if (pops >= 10) {
            break;
        }
    }
}

static void cancelled_node_is_not_popped_and_may_be_cancelled_again(void **state)
{
    struct lubdub_deadlines deadlines;
    struct lubdub_deadline nodes[3];
    (void)state;

    memset(nodes, 0, sizeof nodes);
    lubdub_deadlines_init(&deadlines, 0);
    lubdub_deadlines_cancel(&nodes[0]);
    lubdub_deadlines_set(&deadlines, &nodes[0], 5 * TICK);
    lubdub_deadlines_set(&deadlines, &nodes[1], 5 * TICK);
    lubdub_deadlines_set(&deadlines, &nodes[2], 5 * TICK);
    lubdub_deadlines_cancel(&nodes[1]);
    lubdub_deadlines_cancel(&nodes[1]);
    assert_false(lubdub_deadline_is_set(&nodes[1]));
    assert_non_null(lubdub_deadlines_pop(&deadlines, 6 * TICK));
    /* One that was taken from its slot and not yet handed out can be cancelled too. */
    lubdub_deadlines_cancel(lubdub_deadline_is_set(&nodes[0]) ? &nodes[0] : &nodes[2]);
    assert_null(lubdub_deadlines_pop(&deadlines, 6 * TICK));
    assert_true(lubdub_deadlines_next(&deadlines) == LUBDUB_TIME_NEVER);
}

static void count_visit(struct lubdub_deadline *node, void *user_data)
{
    unsigned *visits = user_data;

    sleeper_of(node)->early_pops++;
    (*visits)++;
}

static void every_set_node_is_visited_once(void **state)
{
    struct bedroom *bedroom = bedroom_at(77 * TICK, 0);
    uint64_t random = 9;
    unsigned visits = 0;
    unsigned set_count = 0;
    size_t i;
    (void)state;

    for (i = 0; i < NODE_COUNT; i++) {
        if (i % 3 != 0) {
            set(bedroom, &bedroom->sleepers[i], bedroom->now + random_length(&random));
            set_count++;
        }
    }
    bedroom->now += 100 * TICK;
    if (lubdub_deadlines_pop(&bedroom->deadlines, bedroom->now) != NULL) {
        set_count--; /* and others of its slot wait to be handed out */
    }
    lubdub_deadlines_visit(&bedroom->deadlines, count_visit, &visits);
    assert_int_equal(visits, set_count);
    for (i = 0; i < NODE_COUNT; i++) {
        assert_int_equal(bedroom->sleepers[i].early_pops, lubdub_deadline_is_set(&bedroom->sleepers[i].node) ? 1 : 0);
    }
    free(bedroom);
}

static void empty_wheel_wants_nothing(void **state)
{
    struct lubdub_deadlines deadlines;
    (void)state;

    lubdub_deadlines_init(&deadlines, 123 * LUBDUB_HOUR);
    assert_true(lubdub_deadlines_next(&deadlines) == LUBDUB_TIME_NEVER);
    assert_null(lubdub_deadlines_pop(&deadlines, 124 * LUBDUB_HOUR));
    assert_null(lubdub_deadlines_pop(&deadlines, LUBDUB_TIME_NEVER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wheel_does_as_the_model_does_wherever_the_clock_starts),
        cmocka_unit_test(each_deadline_is_popped_on_time_and_for_good_by_one_who_sleeps_as_told),
        cmocka_unit_test(nobody_who_sleeps_to_the_first_deadline_is_woken_in_vain),
        cmocka_unit_test(deadline_that_is_never_is_not_due_for_days),
        cmocka_unit_test(jump_of_years_pops_everybody_once),
        cmocka_unit_test(node_that_is_overdue_again_and_again_does_not_hold_the_loop),
        cmocka_unit_test(cancelled_node_is_not_popped_and_may_be_cancelled_again),
        cmocka_unit_test(every_set_node_is_visited_once),
        cmocka_unit_test(empty_wheel_wants_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
