/* The ring of outstanding probes, against a model that remembers every probe there ever was. */
#include "statistics/random.h"
#include "support/test.h"

#include "core/probes.h"

#include <stdlib.h>

#define MODEL_SIZE 20000

static uint64_t add_and_hand_over(struct lubdub_probes *probes, lubdub_time now)
{
    uint64_t sequence = lubdub_probes_add(probes);

    lubdub_probes_handed_over(probes, now);
    return sequence;
}

static void probes_count_1_2_3(void **state)
{
    struct lubdub_probes probes;
    uint64_t i;
    (void)state;

    lubdub_probes_init(&probes);
    for (i = 1; i <= 100; i++) {
        assert_int_equal(add_and_hand_over(&probes, i), i);
    }
    lubdub_probes_clear(&probes);
}

static void probe_that_waits_for_the_kernel_has_no_timeout_and_no_successor(void **state)
{
    struct lubdub_probes probes;
    uint64_t sequence;
    lubdub_duration round_trip;
    (void)state;

    lubdub_probes_init(&probes);
    assert_int_equal(lubdub_probes_add(&probes), 1);
    assert_true(lubdub_probes_oldest(&probes, &sequence) == LUBDUB_TIME_NEVER);
    assert_int_equal(lubdub_probes_add(&probes), 0);
    assert_int_equal(lubdub_probes_ack(&probes, 1, 5, &round_trip), LUBDUB_PROBES_UNKNOWN);
    lubdub_probes_time_out(&probes); /* nothing to time out */
    lubdub_probes_handed_over(&probes, 7);
    lubdub_probes_handed_over(&probes, 9); /* counted once */
    assert_true(lubdub_probes_oldest(&probes, &sequence) == 7);
    assert_int_equal(sequence, 1);
    assert_int_equal(lubdub_probes_ack(&probes, 1, 12, &round_trip), LUBDUB_PROBES_ACKED);
    assert_int_equal(round_trip, 5);
    lubdub_probes_clear(&probes);
}

static void latest_question_that_is_old_enough_is_told(void **state)
{
    struct lubdub_probes probes;
    lubdub_duration round_trip;
    uint64_t i;
    (void)state;

    lubdub_probes_init(&probes);
    assert_int_equal(lubdub_probes_sent_before(&probes, LUBDUB_TIME_NEVER), 0);
    for (i = 1; i <= 10; i++) {
        add_and_hand_over(&probes, 100 * i);
    }
    assert_int_equal(lubdub_probes_sent_before(&probes, 99), 0);
    assert_int_equal(lubdub_probes_sent_before(&probes, 100), 100);
    assert_int_equal(lubdub_probes_sent_before(&probes, 599), 500);
    assert_int_equal(lubdub_probes_ack(&probes, 5, 600, &round_trip), LUBDUB_PROBES_ACKED);
    assert_int_equal(lubdub_probes_sent_before(&probes, 599), 400); /* an answered one asks nothing */
    (void)lubdub_probes_add(&probes);                               /* nor does one that waits for the kernel */
    assert_int_equal(lubdub_probes_sent_before(&probes, LUBDUB_TIME_NEVER - 1), 1000);
    lubdub_probes_clear(&probes);
}

static void probe_sent_at_time_0_is_not_taken_for_an_acknowledged_one(void **state)
{
    struct lubdub_probes probes;
    lubdub_duration round_trip;
    (void)state;

    lubdub_probes_init(&probes);
    add_and_hand_over(&probes, 0);
    assert_int_equal(lubdub_probes_ack(&probes, 1, 5, &round_trip), LUBDUB_PROBES_ACKED);
    assert_int_equal(lubdub_probes_ack(&probes, 1, 5, &round_trip), LUBDUB_PROBES_UNKNOWN);
    lubdub_probes_clear(&probes);
}

static void no_more_are_sent_than_are_remembered(void **state)
{
    struct lubdub_probes probes;
    lubdub_duration round_trip;
    uint64_t i;
    (void)state;

    lubdub_probes_init(&probes);
    for (i = 1; i <= LUBDUB_PROBES_LIMIT; i++) {
        assert_int_equal(add_and_hand_over(&probes, i), i);
    }
    assert_int_equal(lubdub_probes_add(&probes), 0);
    for (i = 1; i <= LUBDUB_PROBES_LIMIT; i++) {
        lubdub_probes_time_out(&probes);
    }
    assert_int_equal(lubdub_probes_add(&probes), 0); /* every one of these may still be answered */
    assert_int_equal(lubdub_probes_ack(&probes, 1, i, &round_trip), LUBDUB_PROBES_LATE);
    assert_int_equal(add_and_hand_over(&probes, i), LUBDUB_PROBES_LIMIT + 1);
    lubdub_probes_clear(&probes);
}

static void one_that_was_passed_over_makes_room_in_the_end(void **state)
{
    struct lubdub_probes probes;
    lubdub_duration round_trip;
    uint64_t i;
    (void)state;

    lubdub_probes_init(&probes);
    add_and_hand_over(&probes, 1);
    lubdub_probes_time_out(&probes);
    for (i = 2; i <= 3 * LUBDUB_PROBES_LIMIT; i++) {
        assert_int_equal(add_and_hand_over(&probes, i), i);
        assert_int_equal(lubdub_probes_ack(&probes, i, i, &round_trip), LUBDUB_PROBES_ACKED);
    }
    assert_int_equal(lubdub_probes_ack(&probes, 1, i, &round_trip), LUBDUB_PROBES_UNKNOWN);
    assert_int_equal(probes.count, 0);
    lubdub_probes_clear(&probes);
}

static void forgiven_probes_were_sent_later_and_waiting_ones_still_wait(void **state)
{
    struct lubdub_probes probes;
    uint64_t sequence;
    lubdub_duration round_trip;
    (void)state;

    lubdub_probes_init(&probes);
    lubdub_probes_forgive(&probes, 100); /* none there */
    add_and_hand_over(&probes, 10);
    add_and_hand_over(&probes, 20);
    add_and_hand_over(&probes, 30);
    lubdub_probes_ack(&probes, 2, 31, &round_trip);
    lubdub_probes_add(&probes);
    lubdub_probes_forgive(&probes, 100);
    assert_true(lubdub_probes_oldest(&probes, &sequence) == 110);
    assert_int_equal(lubdub_probes_ack(&probes, 2, 140, &round_trip), LUBDUB_PROBES_UNKNOWN);
    assert_int_equal(lubdub_probes_ack(&probes, 1, 140, &round_trip), LUBDUB_PROBES_ACKED);
    assert_int_equal(round_trip, 30);
    assert_int_equal(lubdub_probes_ack(&probes, 4, 140, &round_trip), LUBDUB_PROBES_UNKNOWN);
    lubdub_probes_clear(&probes);
}

/* ---- the model ---- */

enum fate {
    UNSENT,
    WAITING, /* for the kernel */
    OUT,
    ANSWERED,
};

struct model {
    enum fate fate[MODEL_SIZE];
    lubdub_time sent_at[MODEL_SIZE];
    uint64_t last;
    uint64_t timed_out;
};

static uint64_t oldest_in(const struct model *model)
{
    uint64_t i;

    for (i = model->timed_out + 1; i <= model->last; i++) {
        if (model->fate[i] == OUT || model->fate[i] == WAITING) {
            return i;
        }
    }
    return 0;
}

static void check_oldest(const struct model *model, const struct lubdub_probes *probes)
{
    uint64_t expected = oldest_in(model);
    uint64_t sequence;
    lubdub_time sent_at = lubdub_probes_oldest(probes, &sequence);

    assert_int_equal(sequence, expected);
    assert_true(sent_at ==
                (expected > 0 && model->fate[expected] == OUT ? model->sent_at[expected] : LUBDUB_TIME_NEVER));
}

static void random_step(struct model *model, struct lubdub_probes *probes, uint64_t *random, lubdub_time now)
{
    uint64_t sequence;
    lubdub_duration round_trip;

    switch (random_below(random, 6)) {
    case 0:
    case 1:
        sequence = lubdub_probes_add(probes);
        if (model->last > 0 && model->fate[model->last] == WAITING) {
            assert_int_equal(sequence, 0);
        } else {
            assert_int_equal(sequence, model->last + 1);
            model->fate[++model->last] = WAITING;
        }
        break;
    case 2:
    case 3:
        lubdub_probes_handed_over(probes, now);
        if (model->fate[model->last] == WAITING) {
            model->fate[model->last] = OUT;
            model->sent_at[model->last] = now;
        }
        break;
    case 4:
        /* Mostly one that is out, at times any number. */
        sequence = random_below(random, 3) > 0 ? oldest_in(model) : random_below(random, model->last + 3);
        if (sequence <= model->last && model->fate[sequence] == OUT) {
            assert_int_equal(lubdub_probes_ack(probes, sequence, now, &round_trip),
                             sequence <= model->timed_out ? LUBDUB_PROBES_LATE : LUBDUB_PROBES_ACKED);
            assert_true(round_trip == now - model->sent_at[sequence]);
            model->fate[sequence] = ANSWERED;
        } else {
            assert_int_equal(lubdub_probes_ack(probes, sequence, now, &round_trip), LUBDUB_PROBES_UNKNOWN);
        }
        break;
    default:
        if (random_below(random, 4) == 0) {
            sequence = oldest_in(model);
            lubdub_probes_time_out(probes);
            if (sequence > 0 && model->fate[sequence] == OUT) {
                model->timed_out = sequence;
            }
        }
        break;
    }
}

static void ring_does_as_the_model_does(void **state)
{
    struct model *model = malloc(sizeof *model);
    uint64_t seed;
    (void)state;

    for (seed = 1; seed <= 40; seed++) {
        struct lubdub_probes probes;
        uint64_t random = seed;
        lubdub_time now = 1;

        memset(model, 0, sizeof *model);
        lubdub_probes_init(&probes);
        while (model->last < 1000) {
            now += random_below(&random, 1000);
            random_step(model, &probes, &random, now);
            check_oldest(model, &probes);
        }
        lubdub_probes_clear(&probes);
    }
    free(model);
}

static void probes_sent_since_a_moment_are_counted_unless_answered_or_not_sent(void **state)
{
    struct lubdub_probes probes;
    lubdub_duration round_trip;
    lubdub_time now;
    (void)state;

    lubdub_probes_init(&probes);
    assert_int_equal(lubdub_probes_sent_since(&probes, 0), 0);
    for (now = 10; now <= 40; now += 10) {
        add_and_hand_over(&probes, now);
    }
    lubdub_probes_add(&probes); /* waits for the kernel */
    assert_int_equal(lubdub_probes_sent_since(&probes, 0), 4);
    assert_int_equal(lubdub_probes_sent_since(&probes, 20), 2);
    assert_int_equal(lubdub_probes_sent_since(&probes, 40), 0);
    lubdub_probes_ack(&probes, 3, 50, &round_trip);
    assert_int_equal(lubdub_probes_sent_since(&probes, 20), 1);
    lubdub_probes_clear(&probes);
}

/* What the kernel says of the path is compared with the moment at which it really got the question. */
static void forgiven_probes_asked_when_they_were_sent(void **state)
{
    struct lubdub_probes probes;
    (void)state;

    lubdub_probes_init(&probes);
    lubdub_probes_add(&probes);
    lubdub_probes_handed_over(&probes, 10 * LUBDUB_SECOND);
    lubdub_probes_forgive(&probes, 2 * LUBDUB_SECOND);
    assert_true(lubdub_probes_oldest(&probes, NULL) == 12 * LUBDUB_SECOND);
    assert_true(lubdub_probes_sent_before(&probes, 13 * LUBDUB_SECOND) == 10 * LUBDUB_SECOND);
    assert_true(lubdub_probes_sent_before(&probes, 11 * LUBDUB_SECOND) == 10 * LUBDUB_SECOND);
    lubdub_probes_add(&probes);
    lubdub_probes_handed_over(&probes, 13 * LUBDUB_SECOND);
    assert_true(lubdub_probes_sent_before(&probes, 13 * LUBDUB_SECOND) == 13 * LUBDUB_SECOND);
    assert_true(lubdub_probes_sent_before(&probes, 13 * LUBDUB_SECOND - 1) == 10 * LUBDUB_SECOND);
    lubdub_probes_clear(&probes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probes_count_1_2_3),
        cmocka_unit_test(probe_that_waits_for_the_kernel_has_no_timeout_and_no_successor),
        cmocka_unit_test(latest_question_that_is_old_enough_is_told),
        cmocka_unit_test(probe_sent_at_time_0_is_not_taken_for_an_acknowledged_one),
        cmocka_unit_test(no_more_are_sent_than_are_remembered),
        cmocka_unit_test(one_that_was_passed_over_makes_room_in_the_end),
        cmocka_unit_test(forgiven_probes_were_sent_later_and_waiting_ones_still_wait),
        cmocka_unit_test(forgiven_probes_asked_when_they_were_sent),
        cmocka_unit_test(probes_sent_since_a_moment_are_counted_unless_answered_or_not_sent),
        cmocka_unit_test(ring_does_as_the_model_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
