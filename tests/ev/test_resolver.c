/* Names in threads, answers in the loop. */
#include "support/test.h"

#include "fake_names.h"
#include "loop_wait.h"
#include "ev/resolver.h"

struct answer {
    unsigned count; /* of callbacks */
    size_t address_count;
    struct lubdub_address addresses[LUBDUB_RESOLVED_LIMIT];
    char text[128];
};

static struct ev_loop *loop;

static int setup(void **state)
{
    static struct answer answer;

    memset(&answer, 0, sizeof answer);
    loop = ev_loop_new(EVFLAG_AUTO);
    *state = &answer;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_names_release();
    if (loop != NULL) {
        ev_loop_destroy(loop);
    }
    return 0;
}

static void on_resolved(const struct lubdub_resolution *resolution, void *user_data)
{
    struct answer *answer = user_data;

    answer->count++;
    answer->address_count = resolution->count;
    memcpy(answer->addresses, resolution->addresses, resolution->count * sizeof *resolution->addresses);
    answer->text[0] = '\0';
    if (resolution->text != NULL) {
        strncat(answer->text, resolution->text, sizeof answer->text - 1);
    }
}

static bool is_answered(void *user_data)
{
    return ((const struct answer *)user_data)->count > 0;
}

static void resolve(struct answer *answer, const char *name)
{
    memset(answer, 0, sizeof *answer);
    assert_non_null(lubdub_resolver_start(loop, name, 3333, on_resolved, answer));
    assert_int_equal(answer->count, 0); /* never before it returns */
    assert_true(loop_wait(loop, is_answered, answer));
}

static void assert_address(const struct lubdub_address *address, const char *text)
{
    char shown[LUBDUB_ADDRESS_TEXT_SIZE];

    assert_string_equal(lubdub_address_format(address, shown), text);
}

static void name_becomes_addresses_with_the_port(void **state)
{
    struct answer *answer = *state;

    resolve(answer, "two.fake");
    assert_int_equal(answer->address_count, 2);
    assert_address(&answer->addresses[0], "[::1]:3333");
    assert_address(&answer->addresses[1], "127.0.0.1:3333");
}

static void families_take_turns_and_none_comes_twice(void **state)
{
    struct answer *answer = *state;

    resolve(answer, "mixed.fake");
    assert_int_equal(answer->address_count, 5);
    assert_address(&answer->addresses[0], "[::1]:3333");
    assert_address(&answer->addresses[1], "127.0.0.1:3333");
    assert_address(&answer->addresses[2], "[::2]:3333");
    assert_address(&answer->addresses[3], "127.0.0.2:3333");
    assert_address(&answer->addresses[4], "[::3]:3333");
}

static void five_hundred_addresses_are_cut(void **state)
{
    struct answer *answer = *state;

    resolve(answer, "many.fake");
    assert_int_equal(answer->address_count, LUBDUB_RESOLVED_LIMIT);
}

static void failures_say_why(void **state)
{
    struct answer *answer = *state;

    resolve(answer, "none.fake");
    assert_int_equal(answer->address_count, 0);
    assert_true(answer->text[0] != '\0');
    resolve(answer, "empty.fake");
    assert_int_equal(answer->address_count, 0);
    assert_string_equal(answer->text, "the name has no address");
}

static void real_name_is_found(void **state)
{
    struct answer *answer = *state;

    resolve(answer, "localhost");
    assert_true(answer->address_count > 0);
}

static bool has_waiting(void *count)
{
    return fake_names_waiting() >= *(const unsigned *)count;
}

/* The loop has nothing of its own that would wake it while a thread gets going. */
static void on_tick(struct ev_loop *unused, ev_timer *timer, int revents)
{
    (void)unused, (void)timer, (void)revents;
}

static void wait_for_threads(unsigned count)
{
    ev_timer tick;

    ev_timer_init(&tick, on_tick, 0, 0.001);
    ev_timer_start(loop, &tick);
    assert_true(loop_wait(loop, has_waiting, &count));
    ev_timer_stop(loop, &tick);
}

static void loop_goes_on_while_a_name_is_looked_up(void **state)
{
    struct answer *answer = *state;

    fake_names_hold();
    assert_non_null(lubdub_resolver_start(loop, "slow.fake", 1, on_resolved, answer));
    loop_run_for(loop, 0.05);
    assert_int_equal(answer->count, 0);
    fake_names_release();
    assert_true(loop_wait(loop, is_answered, answer));
    assert_int_equal(answer->count, 1);
}

static void cancelled_request_is_never_answered(void **state)
{
    struct answer *answer = *state;
    struct lubdub_resolver_request *request;

    fake_names_hold();
    request = lubdub_resolver_start(loop, "slow.fake", 1, on_resolved, answer);
    wait_for_threads(1);
    lubdub_resolver_cancel(request);
    fake_names_release();
    loop_run_for(loop, 0.05);
    assert_int_equal(answer->count, 0);
}

static void loop_may_go_before_the_thread_comes_back(void **state)
{
    struct answer *answer = *state;
    struct lubdub_resolver_request *request;

    fake_names_hold();
    request = lubdub_resolver_start(loop, "slow.fake", 1, on_resolved, answer);
    wait_for_threads(1);
    lubdub_resolver_cancel(request);
    ev_loop_destroy(loop);
    loop = NULL;
    fake_names_release();
    assert_int_equal(answer->count, 0);
}

static void answer_that_is_there_can_be_had_without_the_loop(void **state)
{
    struct answer *answer = *state;
    struct lubdub_resolver_request *request;
    double began = ev_time();

    fake_names_hold();
    request = lubdub_resolver_start(loop, "slow.fake", 1, on_resolved, answer);
    assert_false(lubdub_resolver_hurry(request));
    fake_names_release();
    while (!lubdub_resolver_hurry(request)) {
        assert_true(ev_time() - began < WAIT_LIMIT);
    }
    assert_int_equal(answer->count, 1);
    assert_int_equal(answer->address_count, 1);
    loop_run_for(loop, 0.02);
    assert_int_equal(answer->count, 1);
}

#define CROWD 40

static bool are_all_answered(void *user_data)
{
    const struct answer *answers = user_data;
    size_t i;

    for (i = 0; i < CROWD && (answers[i].count > 0 || i % 4 == 3); i++) {
    }
    return i == CROWD;
}

static void crowd_shares_a_few_threads_and_some_of_it_gives_up(void **state)
{
    static struct answer answers[CROWD];
    struct lubdub_resolver_request *requests[CROWD];
    size_t i;
    (void)state;

    memset(answers, 0, sizeof answers);
    fake_names_hold();
    for (i = 0; i < CROWD; i++) {
        requests[i] = lubdub_resolver_start(loop, "slow.fake", 1, on_resolved, &answers[i]);
        assert_non_null(requests[i]);
    }
    wait_for_threads(8);
    assert_int_equal(fake_names_waiting(), 8);
    for (i = 3; i < CROWD; i += 4) {
        lubdub_resolver_cancel(requests[i]); /* one that runs, and many that wait, the last one of all too */
    }
    fake_names_release();
    assert_true(loop_wait(loop, are_all_answered, answers));
    for (i = 0; i < CROWD; i++) {
        assert_int_equal(answers[i].count, i % 4 == 3 ? 0 : 1);
    }
}

int main(void)
{
#define RESOLVER_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        RESOLVER_TEST(name_becomes_addresses_with_the_port),
        RESOLVER_TEST(families_take_turns_and_none_comes_twice),
        RESOLVER_TEST(five_hundred_addresses_are_cut),
        RESOLVER_TEST(failures_say_why),
        RESOLVER_TEST(real_name_is_found),
        RESOLVER_TEST(loop_goes_on_while_a_name_is_looked_up),
        RESOLVER_TEST(cancelled_request_is_never_answered),
        RESOLVER_TEST(loop_may_go_before_the_thread_comes_back),
        RESOLVER_TEST(answer_that_is_there_can_be_had_without_the_loop),
        RESOLVER_TEST(crowd_shares_a_few_threads_and_some_of_it_gives_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
