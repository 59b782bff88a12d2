/* How long a loop gathers: a pure policy, in virtual time. */
#include "ev/gather.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND
#define US LUBDUB_MICROSECOND
#define LONG_AGO LUBDUB_HOUR

/* A loop whose sockets become ready at a steady rate, and which takes 5 µs for each. */
struct stream {
    struct lubdub_gather gather;
    lubdub_time now;
    double owed;              /* sockets that became ready and were not served yet */
    lubdub_duration interval; /* of its sessions, */
    lubdub_duration timeout;
    lubdub_duration longest; /* the setting */
    lubdub_time looked_at;
};

static struct stream stream_of(lubdub_duration longest, lubdub_duration interval)
{
    struct stream stream = {.now = LONG_AGO, .interval = interval, .timeout = 3 * interval, .longest = longest};

    lubdub_gather_init(&stream.gather, 0);
    return stream;
}

/* One turn of the loop, and the sleep behind it. Returns how long it gathered, counted from the turn's beginning. */
static lubdub_duration turn(struct stream *stream, double per_second)
{
    lubdub_time began = stream->now;
    unsigned served = (unsigned)stream->owed;
    lubdub_duration gathered;
    lubdub_time until;

    if (began - stream->looked_at >= stream->interval / 20) {
        stream->looked_at = began;
        lubdub_gather_note(&stream->gather, stream->longest, stream->interval, stream->timeout);
    }
    stream->now += served * 5 * US;
    until = lubdub_gather_until(&stream->gather, began, stream->now, served);
    assert_true(until >= stream->now);
    gathered = until > stream->now ? until - began : 0;
    stream->now = until;
    stream->owed += (double)(stream->now - began) * per_second / LUBDUB_SECOND - served;
    if (stream->owed < 1) { /* nothing is ready: the loop sleeps until the next one is */
        stream->now += (lubdub_duration)((1 - stream->owed) * LUBDUB_SECOND / per_second) + 1;
        stream->owed = 1;
    }
    return gathered;
}

/* What it gathers for in the end, after so long at this rate. */
static lubdub_duration gathers_for(struct stream *stream, double per_second, lubdub_duration length)
{
    lubdub_time end = stream->now + length;
    lubdub_duration longest = 0;

    while (stream->now < end) {
        lubdub_duration gathered = turn(stream, per_second);

        if (stream->now >= end - length / 4) { /* the last quarter of it: the rate is known by then */
            longest = gathered > longest ? gathered : longest;
        }
    }
    return longest;
}

static lubdub_duration after_a_second(lubdub_duration longest, lubdub_duration interval, double per_second)
{
    struct stream stream = stream_of(longest, interval);

    return gathers_for(&stream, per_second, 2 * LUBDUB_SECOND);
}

static void loop_does_not_gather_while_few_sockets_come(void **state)
{
    (void)state;

    assert_int_equal(after_a_second(MS, LUBDUB_SECOND, 1), 0);
    assert_int_equal(after_a_second(MS, LUBDUB_SECOND, 100), 0);
    assert_int_equal(after_a_second(MS, LUBDUB_SECOND, 1000), 0);
    assert_int_equal(after_a_second(MS, LUBDUB_SECOND, 3000), 0);
}

static void gather_grows_with_the_rate(void **state)
{
    const double rates[] = {3000, 5000, 6000, 7000, 10000, 20000, 40000};
    lubdub_duration before = 0;
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(rates); i++) {
        lubdub_duration gathered = after_a_second(MS, LUBDUB_SECOND, rates[i]);

        assert_true(gathered >= before);
        before = gathered;
    }
    assert_in_range(after_a_second(MS, LUBDUB_SECOND, 5000), MS / 2, MS - 1);
    assert_int_equal(before, MS);
}

static void gather_is_no_longer_than_a_batch_takes_to_come(void **state)
{
    lubdub_duration gathered = after_a_second(10 * MS, 10 * LUBDUB_SECOND, 64000);
    (void)state;

    assert_in_range(gathered, MS - MS / 20, MS + MS / 20);
}

static void busy_loop_does_not_gather(void **state)
{
    (void)state;

    /* At 5 µs for each, these are more than it can serve. */
    assert_int_equal(after_a_second(MS, LUBDUB_SECOND, 210000), 0);
}

static void gather_is_at_most_a_hundredth_of_the_interval(void **state)
{
    (void)state;

    assert_int_equal(after_a_second(MS, 100 * MS, 20000), MS);
    assert_int_equal(after_a_second(MS, 50 * MS, 20000), MS / 2);
    assert_int_equal(after_a_second(MS, 10 * MS, 20000), 0); /* 0.1 ms, in which two would come: not worth it */
    assert_int_equal(after_a_second(100 * MS, 2 * LUBDUB_SECOND, 600), 20 * MS);
}

static void gather_is_at_most_a_hundredth_of_the_timeout(void **state)
{
    struct stream stream = stream_of(MS, LUBDUB_SECOND);
    (void)state;

    stream.timeout = 40 * MS;
    assert_int_equal(gathers_for(&stream, 40000, 5 * LUBDUB_SECOND), 400 * US);
}

static void setting_of_zero_is_off(void **state)
{
    (void)state;

    assert_int_equal(after_a_second(0, LUBDUB_SECOND, 20000), 0);
}

static void short_session_is_minded_at_once_and_forgotten_when_it_has_left(void **state)
{
    struct stream stream = stream_of(MS, LUBDUB_SECOND);
    (void)state;

    assert_int_equal(gathers_for(&stream, 20000, 2 * LUBDUB_SECOND), MS);
    lubdub_gather_note(&stream.gather, MS, 50 * MS, 150 * MS);
    assert_in_range(turn(&stream, 20000), 0, MS / 2);
    assert_int_equal(gathers_for(&stream, 20000, 5 * LUBDUB_SECOND), MS);
}

/* Its timeout is short, its interval long: nothing but its own next probe says that it is there still. */
static void session_that_is_seldom_looked_at_is_minded_in_between(void **state)
{
    struct stream stream = stream_of(MS, LUBDUB_SECOND);
    lubdub_time end;
    (void)state;

    (void)gathers_for(&stream, 20000, 2 * LUBDUB_SECOND);
    lubdub_gather_note(&stream.gather, MS, LUBDUB_MINUTE, 50 * MS);
    for (end = stream.now + 90 * LUBDUB_SECOND; stream.now < end;) {
        assert_true(turn(&stream, 20000) <= MS / 2);
    }
}

static void session_that_allows_less_holds_for_the_loop(void **state)
{
    struct stream stream = stream_of(MS, LUBDUB_SECOND);
    (void)state;

    (void)gathers_for(&stream, 20000, 2 * LUBDUB_SECOND);
    lubdub_gather_note(&stream.gather, 300 * US, LUBDUB_SECOND, LUBDUB_SECOND);
    assert_in_range(turn(&stream, 20000), 0, 300 * US);
}

static void loop_of_which_nothing_is_known_does_not_gather(void **state)
{
    struct lubdub_gather gather;
    lubdub_time now = LONG_AGO;
    unsigned i;
    (void)state;

    lubdub_gather_init(&gather, 0);
    for (i = 0; i < 10000; i++, now += 100 * US) {
        assert_int_equal(lubdub_gather_until(&gather, now, now, 10), now);
    }
}

static void burst_after_a_silence_is_not_gathered_at_first(void **state)
{
    struct stream stream = stream_of(MS, LUBDUB_SECOND);
    lubdub_time end;
    (void)state;

    (void)gathers_for(&stream, 1, LUBDUB_MINUTE);
    for (end = stream.now + 8 * MS; stream.now < end;) {
        assert_int_equal(turn(&stream, 20000), 0);
    }
    assert_int_equal(gathers_for(&stream, 20000, LUBDUB_SECOND), MS);
    assert_int_equal(gathers_for(&stream, 1, LUBDUB_MINUTE), 0);
}

/* Of a loop with so many sockets a second, and sessions that probe every 20 s and wait 60 s. */
static lubdub_time goes_at(uint64_t per_second, lubdub_duration phase, lubdub_time due, lubdub_time latest)
{
    struct lubdub_gather gather;

    lubdub_gather_init(&gather, phase);
    gather.per_second = per_second;
    return lubdub_gather_probe(&gather, due, latest, 40 * MS, 20 * LUBDUB_SECOND, LUBDUB_MINUTE);
}

static void probes_of_one_while_go_together_and_none_goes_early(void **state)
{
    const lubdub_time start = LONG_AGO; /* a whole number of 40 ms */
    (void)state;

    assert_true(start % (40 * MS) == 0);
    assert_true(goes_at(1000, 0, start + 1, LUBDUB_TIME_NEVER) == start + 40 * MS);
    assert_true(goes_at(1000, 0, start + 39 * MS, LUBDUB_TIME_NEVER) == start + 40 * MS);
    assert_true(goes_at(1000, 0, start + 40 * MS, LUBDUB_TIME_NEVER) == start + 40 * MS);
    assert_true(goes_at(1000, 10 * MS, start + 40 * MS, LUBDUB_TIME_NEVER) == start + 70 * MS); /* another loop */
}

static void probe_waits_for_no_others_where_few_come_or_something_else_is_due(void **state)
{
    const lubdub_time due = LONG_AGO + 1;
    (void)state;

    assert_true(goes_at(49, 0, due, LUBDUB_TIME_NEVER) == due); /* fewer than two in 40 ms */
    assert_true(goes_at(50, 0, due, LUBDUB_TIME_NEVER) == due + 40 * MS - 1);
    assert_true(goes_at(1000, 0, due, 0) == due);
    assert_true(goes_at(1000, 0, due, due) == due);
    assert_true(goes_at(1000, 0, due, due + 3 * MS) == due + 3 * MS);
}

static void probes_wait_no_longer_than_a_share_of_their_interval_or_until_enough_came(void **state)
{
    struct lubdub_gather gather;
    const lubdub_time due = LONG_AGO + 1;
    (void)state;

    lubdub_gather_init(&gather, 0);
    gather.per_second = 1000;
    assert_true(lubdub_gather_probe(&gather, due, LUBDUB_TIME_NEVER, 40 * MS, LUBDUB_SECOND, LUBDUB_MINUTE) == due + 10 * MS - 1);
    assert_true(lubdub_gather_probe(&gather, due, LUBDUB_TIME_NEVER, 40 * MS, LUBDUB_MINUTE, LUBDUB_SECOND) == due + 10 * MS - 1);
    assert_true(goes_at(64000, 0, due, LUBDUB_TIME_NEVER) == due + 1 * MS - 1); /* 64 come in a millisecond */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loop_does_not_gather_while_few_sockets_come),
        cmocka_unit_test(gather_grows_with_the_rate),
        cmocka_unit_test(gather_is_no_longer_than_a_batch_takes_to_come),
        cmocka_unit_test(busy_loop_does_not_gather),
        cmocka_unit_test(gather_is_at_most_a_hundredth_of_the_interval),
        cmocka_unit_test(gather_is_at_most_a_hundredth_of_the_timeout),
        cmocka_unit_test(setting_of_zero_is_off),
        cmocka_unit_test(short_session_is_minded_at_once_and_forgotten_when_it_has_left),
        cmocka_unit_test(session_that_is_seldom_looked_at_is_minded_in_between),
        cmocka_unit_test(session_that_allows_less_holds_for_the_loop),
        cmocka_unit_test(loop_of_which_nothing_is_known_does_not_gather),
        cmocka_unit_test(burst_after_a_silence_is_not_gathered_at_first),
        cmocka_unit_test(probes_of_one_while_go_together_and_none_goes_early),
        cmocka_unit_test(probe_waits_for_no_others_where_few_come_or_something_else_is_due),
        cmocka_unit_test(probes_wait_no_longer_than_a_share_of_their_interval_or_until_enough_came),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
