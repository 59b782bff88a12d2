/* The channel between the coordinator and a process of the swarm: whole, in order, and never stuck. */
#include "support/patience.h"
#include "support/test.h"

#include <ev.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "swarm/clients/channel.h"

/* Far more than a socket holds. */
#define MANY 50000

struct end {
    struct swarm_channel channel;
    uint32_t received;
    uint32_t answers; /* sent for each that comes */
    bool has_ended;
    bool closes_itself; /* at the first message */
};

struct fixture {
    struct ev_loop *loop;
    struct end ends[2];
};

static void on_message(void *user_data, const struct swarm_message *message)
{
    struct end *end = user_data;
    uint32_t i;

    assert_int_equal(message->kind, SWARM_UP);
    assert_int_equal(message->client, end->received);
    assert_true(message->session == ((uint64_t)message->client << 20 | 7));
    end->received++;
    if (end->closes_itself) {
        swarm_channel_close(&end->channel);
        return;
    }
    for (i = 0; i < end->answers; i++) {
        uint32_t number = (end->received - 1) * end->answers + i;

        swarm_channel_send(
            &end->channel,
            &(struct swarm_message){.kind = SWARM_UP, .client = number, .session = (uint64_t)number << 20 | 7});
    }
}

static void on_end(void *user_data)
{
    struct end *end = user_data;

    assert_false(end->has_ended);
    end->has_ended = true;
}

static int setup(void **state)
{
    static struct fixture fixture;
    int sockets[2];
    size_t i;

    memset(&fixture, 0, sizeof fixture);
    fixture.loop = ev_loop_new(EVFLAG_AUTO);
    assert_non_null(fixture.loop);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    for (i = 0; i < 2; i++) {
        swarm_channel_open(&fixture.ends[i].channel, fixture.loop, sockets[i], on_message, on_end, &fixture.ends[i]);
    }
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    swarm_channel_close(&fixture->ends[0].channel);
    swarm_channel_close(&fixture->ends[1].channel);
    ev_loop_destroy(fixture->loop);
    return 0;
}

static void send_many(struct end *end, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < count; i++) {
        swarm_channel_send(&end->channel,
                           &(struct swarm_message){.kind = SWARM_UP, .client = i, .session = (uint64_t)i << 20 | 7});
    }
}

static void on_wake(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop, (void)timer, (void)revents; /* so that a wait for nothing ends */
}

/* Lets the loop turn until both have received so many, or ended. */
static void turn_until(struct fixture *fixture, uint32_t first, uint32_t second)
{
    const lubdub_time until = now() + PATIENCE;
    ev_timer wake;

    ev_timer_init(&wake, on_wake, 0.1, 0.1);
    ev_timer_start(fixture->loop, &wake);
    while ((fixture->ends[0].received < first && !fixture->ends[0].has_ended) ||
           (fixture->ends[1].received < second && !fixture->ends[1].has_ended)) {
        assert_true(now() < until);
        ev_run(fixture->loop, EVRUN_ONCE);
    }
    ev_timer_stop(fixture->loop, &wake);
}

static void what_is_sent_comes_whole_and_in_order(void **state)
{
    struct fixture *fixture = *state;

    send_many(&fixture->ends[0], 3);
    turn_until(fixture, 0, 3);
    assert_int_equal(fixture->ends[1].received, 3);
}

static void two_that_both_have_much_to_say_do_not_keep_each_other(void **state)
{
    struct fixture *fixture = *state;

    send_many(&fixture->ends[0], MANY);
    send_many(&fixture->ends[1], MANY);
    turn_until(fixture, MANY, MANY);
    assert_int_equal(fixture->ends[0].received, MANY);
    assert_int_equal(fixture->ends[1].received, MANY);
}

static void answers_to_a_flood_wait_and_are_not_lost(void **state)
{
    struct fixture *fixture = *state;

    fixture->ends[1].answers = 3;
    send_many(&fixture->ends[0], MANY);
    turn_until(fixture, 3 * MANY, MANY);
    assert_int_equal(fixture->ends[0].received, 3 * MANY);
}

static void message_that_comes_in_pieces_is_one(void **state)
{
    struct fixture *fixture = *state;
    const struct swarm_message message = {.kind = SWARM_UP, .client = 0, .session = 7};
    size_t i;

    for (i = 0; i < sizeof message; i++) {
        assert_int_equal(write(fixture->ends[0].channel.input.fd, (const uint8_t *)&message + i, 1), 1);
        ev_run(fixture->loop, EVRUN_NOWAIT);
        assert_int_equal(fixture->ends[1].received, i + 1 == sizeof message);
    }
}

static void end_comes_once_after_all_that_was_sent(void **state)
{
    struct fixture *fixture = *state;

    send_many(&fixture->ends[0], 5);
    ev_run(fixture->loop, EVRUN_NOWAIT);
    swarm_channel_close(&fixture->ends[0].channel);
    turn_until(fixture, 0, MANY);
    assert_int_equal(fixture->ends[1].received, 5);
    assert_true(fixture->ends[1].has_ended);
    send_many(&fixture->ends[1], 1); /* nobody is there: nothing happens */
}

static void channel_may_be_closed_from_inside(void **state)
{
    struct fixture *fixture = *state;

    fixture->ends[1].closes_itself = true;
    send_many(&fixture->ends[0], 100);
    turn_until(fixture, 0, 1);
    assert_int_equal(fixture->ends[1].received, 1);
    assert_false(fixture->ends[1].has_ended);
    turn_until(fixture, 1, 0);
    assert_true(fixture->ends[0].has_ended);
}

#define CHANNEL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHANNEL_TEST(what_is_sent_comes_whole_and_in_order),
        CHANNEL_TEST(two_that_both_have_much_to_say_do_not_keep_each_other),
        CHANNEL_TEST(answers_to_a_flood_wait_and_are_not_lost),
        CHANNEL_TEST(message_that_comes_in_pieces_is_one),
        CHANNEL_TEST(end_comes_once_after_all_that_was_sent),
        CHANNEL_TEST(channel_may_be_closed_from_inside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
