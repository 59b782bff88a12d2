/* Frames that wait for the kernel: which goes first, and that none is lost or torn. */
#include "statistics/random.h"
#include "support/test.h"
#include "support/wire_bytes.h"

#include "core/outbox.h"

#include <stdlib.h>

#include <lubdub/frame.h>

static void append(struct lubdub_outbox *outbox, unsigned type, uint64_t sequence, size_t length, size_t cut,
                   lubdub_time now)
{
    struct wire_bytes frame = {0};

    wire_bytes_put_frame(&frame, type, 0, sequence, NULL, length);
    assert_true(lubdub_outbox_append(outbox, frame.data, frame.length, cut, now));
    wire_bytes_clear(&frame);
}

/* The kernel takes up to `most` bytes; they are added to `taken`. Returns whether a probe went. */
static bool take(struct lubdub_outbox *outbox, size_t most, struct wire_bytes *taken, lubdub_time now)
{
    size_t length;
    const uint8_t *head = lubdub_outbox_head(outbox, &length);

    if (head == NULL) {
        assert_int_equal(length, 0);
        return false;
    }
    assert_true(length > 0);
    wire_bytes_put(taken, head, length < most ? length : most);
    return lubdub_outbox_sent(outbox, length < most ? length : most, now);
}

static void take_all(struct lubdub_outbox *outbox, struct wire_bytes *taken)
{
    while (!lubdub_outbox_is_empty(outbox)) {
        (void)take(outbox, SIZE_MAX, taken, 0);
    }
}

static struct lubdub_frame next_frame(struct wire_bytes *taken)
{
    struct lubdub_frame frame;
    size_t size;

    assert_int_equal(lubdub_frame_decode(&frame, taken->data, taken->length, LUBDUB_CONTENT_LIMIT, &size),
                     LUBDUB_FRAME_WHOLE);
    frame.content = NULL;
    wire_bytes_drop(taken, size);
    return frame;
}

static void expect_next(struct wire_bytes *taken, unsigned type, uint64_t sequence)
{
    struct lubdub_frame frame = next_frame(taken);

    assert_int_equal(frame.type, type);
    assert_int_equal(frame.sequence, sequence);
}

static void heartbeats_go_ahead_of_messages_and_each_kind_keeps_its_order(void **state)
{
    struct lubdub_outbox outbox = {0};
    struct wire_bytes taken = {0};
    (void)state;

    append(&outbox, LUBDUB_FRAME_MESSAGE, 1, 10, 0, 0);
    append(&outbox, LUBDUB_FRAME_ACK, 1, 3, 0, 0);
    append(&outbox, LUBDUB_FRAME_MESSAGE, 2, 10, 0, 0);
    append(&outbox, LUBDUB_FRAME_ACK, 2, 3, 0, 0);
    append(&outbox, LUBDUB_FRAME_PROBE, 1, 0, 0, 0);
    take_all(&outbox, &taken);
    expect_next(&taken, LUBDUB_FRAME_ACK, 1);
    expect_next(&taken, LUBDUB_FRAME_ACK, 2);
    expect_next(&taken, LUBDUB_FRAME_PROBE, 1);
    expect_next(&taken, LUBDUB_FRAME_MESSAGE, 1);
    expect_next(&taken, LUBDUB_FRAME_MESSAGE, 2);
    assert_int_equal(taken.length, 0);
    wire_bytes_clear(&taken);
}

static void heartbeat_waits_behind_the_one_message_that_is_being_written(void **state)
{
    struct lubdub_outbox outbox = {0};
    struct wire_bytes taken = {0};
    (void)state;

    append(&outbox, LUBDUB_FRAME_MESSAGE, 1, 10, 0, 0);
    append(&outbox, LUBDUB_FRAME_MESSAGE, 2, 10, 0, 0);
    take(&outbox, 1, &taken, 0);
    append(&outbox, LUBDUB_FRAME_ACK, 1, 0, 0, 0);
    take_all(&outbox, &taken);
    expect_next(&taken, LUBDUB_FRAME_MESSAGE, 1);
    expect_next(&taken, LUBDUB_FRAME_ACK, 1);
    expect_next(&taken, LUBDUB_FRAME_MESSAGE, 2);
    wire_bytes_clear(&taken);
}

static void messages_are_shown_one_at_a_time(void **state)
{
    struct lubdub_outbox outbox = {0};
    size_t length;
    (void)state;

    append(&outbox, LUBDUB_FRAME_MESSAGE, 1, 10, 0, 0);
    append(&outbox, LUBDUB_FRAME_MESSAGE, 2, 10, 0, 0);
    assert_non_null(lubdub_outbox_head(&outbox, &length));
    assert_int_equal(length, 26);
    append(&outbox, LUBDUB_FRAME_ACK, 1, 0, 0, 0);
    append(&outbox, LUBDUB_FRAME_ACK, 2, 0, 0, 0);
    assert_non_null(lubdub_outbox_head(&outbox, &length));
    assert_int_equal(length, 32);
    lubdub_outbox_clear(&outbox);
}

static void cut_frame_goes_on_where_the_kernel_stopped(void **state)
{
    const unsigned types[] = {LUBDUB_FRAME_MESSAGE, LUBDUB_FRAME_PROBE, LUBDUB_FRAME_ACK};
    size_t i;
    size_t cut;
    (void)state;

    for (i = 0; i < COUNT_OF(types); i++) {
        for (cut = 1; cut < 26; cut++) {
            struct lubdub_outbox outbox = {0};
            struct wire_bytes frame = {0};
            struct wire_bytes taken = {0};

            wire_bytes_put_frame(&frame, types[i], 0, 1, NULL, 10);
            append(&outbox, types[i], 1, 10, cut, 0);
            append(&outbox, LUBDUB_FRAME_ACK, 7, 0, 0, 0);
            wire_bytes_put(&taken, frame.data, cut);
            take_all(&outbox, &taken);
            expect_next(&taken, types[i], 1);
            expect_next(&taken, LUBDUB_FRAME_ACK, 7);
            assert_int_equal(taken.length, 0);
            wire_bytes_clear(&frame);
            wire_bytes_clear(&taken);
        }
    }
}

static void probe_is_told_when_its_last_byte_went_and_not_before(void **state)
{
    struct lubdub_outbox outbox = {0};
    struct wire_bytes taken = {0};
    unsigned i;
    (void)state;

    append(&outbox, LUBDUB_FRAME_ACK, 1, 0, 0, 0);
    append(&outbox, LUBDUB_FRAME_PROBE, 1, 4, 0, 0);
    append(&outbox, LUBDUB_FRAME_ACK, 2, 0, 0, 0);
    for (i = 1; i <= 52; i++) {
        assert_true(take(&outbox, 1, &taken, 0) == (i == 36));
    }
    assert_true(lubdub_outbox_is_empty(&outbox));
    append(&outbox, LUBDUB_FRAME_ACK, 3, 0, 0, 0);
    append(&outbox, LUBDUB_FRAME_PROBE, 2, 0, 0, 0);
    append(&outbox, LUBDUB_FRAME_ACK, 4, 0, 0, 0);
    assert_true(take(&outbox, 40, &taken, 0)); /* several frames in one write */
    assert_false(take(&outbox, 40, &taken, 0));
    wire_bytes_clear(&taken);
}

static void answers_are_counted_until_their_last_byte_went(void **state)
{
    struct lubdub_outbox outbox = {0};
    struct wire_bytes taken = {0};
    (void)state;

    append(&outbox, LUBDUB_FRAME_PROBE, 1, 0, 0, 0);
    append(&outbox, LUBDUB_FRAME_MESSAGE, 1, 0, 0, 0);
    assert_false(lubdub_outbox_has_answers(&outbox));
    append(&outbox, LUBDUB_FRAME_ACK, 1, 0, 0, 0);
    append(&outbox, LUBDUB_FRAME_ACK, 2, 0, 0, 0);
    take(&outbox, 47, &taken, 0);
    assert_true(lubdub_outbox_has_answers(&outbox));
    take(&outbox, 1, &taken, 0);
    assert_false(lubdub_outbox_has_answers(&outbox));
    append(&outbox, LUBDUB_FRAME_ACK, 3, 0, 0, 0);
    lubdub_outbox_clear(&outbox);
    assert_false(lubdub_outbox_has_answers(&outbox));
    wire_bytes_clear(&taken);
}

static void blocked_is_counted_from_the_last_byte_that_went(void **state)
{
    struct lubdub_outbox outbox = {0};
    struct wire_bytes taken = {0};
    (void)state;

    append(&outbox, LUBDUB_FRAME_ACK, 1, 0, 0, 100);
    assert_true(outbox.blocked_at == 100);
    append(&outbox, LUBDUB_FRAME_ACK, 2, 0, 0, 200);
    assert_true(outbox.blocked_at == 100); /* more to write is no progress */
    take(&outbox, 1, &taken, 300);
    assert_true(outbox.blocked_at == 300);
    lubdub_outbox_sent(&outbox, 0, 400);
    assert_true(outbox.blocked_at == 300);
    assert_true(outbox.waits_since == 100);
    take_all(&outbox, &taken);
    append(&outbox, LUBDUB_FRAME_ACK, 3, 0, 0, 500);
    assert_true(outbox.waits_since == 500);
    lubdub_outbox_clear(&outbox);
    wire_bytes_clear(&taken);
}

static void dropping_messages_keeps_the_one_that_is_being_written(void **state)
{
    struct lubdub_outbox outbox = {0};
    struct wire_bytes taken = {0};
    (void)state;

    append(&outbox, LUBDUB_FRAME_MESSAGE, 1, 10, 0, 0);
    append(&outbox, LUBDUB_FRAME_MESSAGE, 2, 10, 0, 0);
    append(&outbox, LUBDUB_FRAME_MESSAGE, 3, 10, 0, 0);
    take(&outbox, 7, &taken, 0);
    lubdub_outbox_drop_messages(&outbox);
    append(&outbox, LUBDUB_FRAME_BYE, 0, 0, 0, 0);
    assert_int_equal(lubdub_outbox_message_length(&outbox), 19);
    take_all(&outbox, &taken);
    expect_next(&taken, LUBDUB_FRAME_MESSAGE, 1);
    expect_next(&taken, LUBDUB_FRAME_BYE, 0);
    assert_int_equal(taken.length, 0);
    wire_bytes_clear(&taken);
}

static void dropping_messages_drops_all_of_which_nothing_went(void **state)
{
    struct lubdub_outbox outbox = {0};
    struct wire_bytes taken = {0};
    (void)state;

    append(&outbox, LUBDUB_FRAME_ACK, 1, 10, 0, 0);
    append(&outbox, LUBDUB_FRAME_MESSAGE, 1, 10, 0, 0);
    take(&outbox, 7, &taken, 0);
    lubdub_outbox_drop_messages(&outbox);
    take_all(&outbox, &taken);
    expect_next(&taken, LUBDUB_FRAME_ACK, 1);
    assert_int_equal(taken.length, 0);
    wire_bytes_clear(&taken);
}

static void empty_outbox_holds_no_memory(void **state)
{
    struct lubdub_outbox outbox = {0};
    struct wire_bytes taken = {0};
    (void)state;

    append(&outbox, LUBDUB_FRAME_ACK, 1, 1000, 0, 0);
    append(&outbox, LUBDUB_FRAME_MESSAGE, 1, 1000, 0, 0);
    take_all(&outbox, &taken);
    assert_null(outbox.urgent.bytes);
    assert_null(outbox.messages.bytes);
    wire_bytes_clear(&taken);
}

/* Appends and takes at random. Each kind comes out whole, in order, and all of it. */
static void nothing_is_lost_or_torn_by_random_writes(void **state)
{
    static const unsigned types[] = {LUBDUB_FRAME_MESSAGE, LUBDUB_FRAME_ACK, LUBDUB_FRAME_PROBE};
    uint64_t seed;
    (void)state;

    for (seed = 1; seed <= 100; seed++) {
        struct lubdub_outbox outbox = {0};
        struct wire_bytes taken = {0};
        uint64_t sent[COUNT_OF(types)] = {0};
        uint64_t come[COUNT_OF(types)] = {0};
        uint64_t random = seed;
        unsigned probes_told = 0;
        unsigned step;
        size_t i;

        for (step = 0; step < 300; step++) {
            if (random_below(&random, 2) == 0) {
                struct wire_bytes frames = {0};
                size_t first_size = 0;
                size_t cut = 0;
                uint64_t count = random_between(&random, 1, 4);
                bool was_empty = lubdub_outbox_is_empty(&outbox);

                while (count-- > 0) {
                    i = (size_t)random_below(&random, COUNT_OF(types));
                    wire_bytes_put_frame(&frames, types[i], 0, ++sent[i], NULL,
                                         (size_t)random_below(&random, random_below(&random, 10) == 0 ? 5000 : 60));
                    first_size = first_size > 0 ? first_size : frames.length;
                }
                if (was_empty && random_below(&random, 2) == 0) {
                    cut = (size_t)random_below(&random, first_size); /* the kernel has the start of the first */
                    wire_bytes_put(&taken, frames.data, cut);
                }
                assert_true(lubdub_outbox_append(&outbox, frames.data, frames.length, cut, step));
                wire_bytes_clear(&frames);
            } else {
                probes_told += take(&outbox, (size_t)random_between(&random, 1, 100), &taken, step) ? 1 : 0;
            }
        }
        while (!lubdub_outbox_is_empty(&outbox)) {
            probes_told += take(&outbox, 1, &taken, step) ? 1 : 0;
        }
        while (taken.length > 0) {
            struct lubdub_frame frame = next_frame(&taken);

            for (i = 0; types[i] != frame.type; i++) {
                assert_true(i + 1 < COUNT_OF(types));
            }
            assert_int_equal(frame.sequence, ++come[i]);
        }
        assert_memory_equal(come, sent, sizeof sent);
        assert_in_range(probes_told, sent[2] > 0, sent[2]); /* several may go in one write */
        assert_false(lubdub_outbox_has_answers(&outbox));
        wire_bytes_clear(&taken);
    }
}

/* A heartbeat that is put in comes out after at most the rest of one frame and the heartbeats before it. */
static void heartbeat_never_waits_behind_more_than_one_message(void **state)
{
    uint64_t seed;
    (void)state;

    for (seed = 1; seed <= 100; seed++) {
        struct lubdub_outbox outbox = {0};
        struct wire_bytes taken = {0};
        uint64_t random = seed;
        uint64_t i;
        size_t before;

        for (i = 1; i <= 20; i++) {
            append(&outbox, LUBDUB_FRAME_MESSAGE, i, (size_t)random_below(&random, 500), 0, 0);
        }
        for (i = random_below(&random, 200); i > 0; i--) {
            take(&outbox, (size_t)random_between(&random, 1, 20), &taken, 0);
        }
        before = taken.length;
        append(&outbox, LUBDUB_FRAME_PROBE, 1, 0, 0, 0);
        while (!take(&outbox, (size_t)random_between(&random, 1, 20), &taken, 0)) {
            assert_true(taken.length < before + 516 + 20 + 16);
        }
        lubdub_outbox_clear(&outbox);
        wire_bytes_clear(&taken);
    }
}

static void hold(struct lubdub_outbox *outbox, uint64_t sequence, size_t length)
{
    struct wire_bytes frame = {0};

    wire_bytes_put_frame(&frame, LUBDUB_FRAME_MESSAGE, 0, sequence, NULL, length);
    assert_true(lubdub_outbox_hold(outbox, frame.data, frame.length));
    wire_bytes_clear(&frame);
}

static void held_messages_count_as_messages_and_do_not_wait_for_the_kernel(void **state)
{
    struct lubdub_outbox outbox = {0};
    size_t length;
    (void)state;

    hold(&outbox, 1, 10);
    hold(&outbox, 2, 0);
    assert_true(lubdub_outbox_has_held(&outbox));
    assert_false(lubdub_outbox_has_messages(&outbox));
    assert_true(lubdub_outbox_is_empty(&outbox));
    assert_null(lubdub_outbox_head(&outbox, &length));
    assert_int_equal(lubdub_outbox_message_length(&outbox), 26 + 16);
    append(&outbox, LUBDUB_FRAME_MESSAGE, 3, 4, 0, 0);
    assert_int_equal(lubdub_outbox_message_length(&outbox), 26 + 16 + 20);
    lubdub_outbox_clear(&outbox);
    assert_false(lubdub_outbox_has_held(&outbox));
}

static void held_messages_are_released_in_their_order_however_many_come_meanwhile(void **state)
{
    struct lubdub_outbox outbox = {0};
    uint64_t random = 4;
    uint64_t held = 0;
    uint64_t released = 0;
    (void)state;

    while (released < 5000) {
        if (released == held || random_below(&random, 2) == 0) {
            held++;
            hold(&outbox, held, (size_t)random_below(&random, 300));
        } else {
            struct lubdub_frame frame;
            size_t length;
            size_t size;
            const uint8_t *bytes = lubdub_outbox_release(&outbox, &length);

            assert_int_equal(lubdub_frame_decode(&frame, bytes, length, LUBDUB_CONTENT_LIMIT, &size),
                             LUBDUB_FRAME_WHOLE);
            assert_int_equal(size, length);
            assert_int_equal(frame.sequence, ++released);
        }
    }
    lubdub_outbox_clear(&outbox);
}

static void dropping_messages_drops_the_held_ones_too(void **state)
{
    struct lubdub_outbox outbox = {0};
    (void)state;

    hold(&outbox, 1, 10);
    lubdub_outbox_drop_messages(&outbox);
    assert_false(lubdub_outbox_has_held(&outbox));
    assert_int_equal(lubdub_outbox_message_length(&outbox), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heartbeats_go_ahead_of_messages_and_each_kind_keeps_its_order),
        cmocka_unit_test(heartbeat_waits_behind_the_one_message_that_is_being_written),
        cmocka_unit_test(messages_are_shown_one_at_a_time),
        cmocka_unit_test(cut_frame_goes_on_where_the_kernel_stopped),
        cmocka_unit_test(probe_is_told_when_its_last_byte_went_and_not_before),
        cmocka_unit_test(answers_are_counted_until_their_last_byte_went),
        cmocka_unit_test(blocked_is_counted_from_the_last_byte_that_went),
        cmocka_unit_test(dropping_messages_keeps_the_one_that_is_being_written),
        cmocka_unit_test(dropping_messages_drops_all_of_which_nothing_went),
        cmocka_unit_test(held_messages_count_as_messages_and_do_not_wait_for_the_kernel),
        cmocka_unit_test(held_messages_are_released_in_their_order_however_many_come_meanwhile),
        cmocka_unit_test(dropping_messages_drops_the_held_ones_too),
        cmocka_unit_test(empty_outbox_holds_no_memory),
        cmocka_unit_test(nothing_is_lost_or_torn_by_random_writes),
        cmocka_unit_test(heartbeat_never_waits_behind_more_than_one_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
