/* Alive is not working: the application's promise of progress, and what the probes say when it is broken. */
#include "client_fixture.h"
#include "patience.h"
#include "support/test.h"

#include <pthread.h>

#define MS LUBDUB_MILLISECOND

/* Reads probes until one carries this health. */
static void expect_health(struct fake_peer *peer, enum lubdub_health health)
{
    unsigned i;

    for (i = 0; i < 500; i++) {
        struct lubdub_frame probe = peer_expect(peer, PROBE);

        fake_peer_ack(peer, &probe);
        if ((probe.flags & LUBDUB_FLAG_HEALTH_MASK) == (unsigned)health) {
            return;
        }
    }
    fail_msg("no probe says %s", lubdub_health_word(health));
}

static struct fake_peer *go_up(struct client_fixture *fixture, lubdub_duration within)
{
    fixture->settings.session.interval = 20 * MS;
    fixture->settings.progress_within = within;
    return client_fixture_go_up(fixture);
}

static void missed_progress_makes_the_probes_critical_and_is_told(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_peer *peer = go_up(fixture, 100 * MS);
    const struct seen_event *seen;

    expect_health(peer, LUBDUB_HEALTH_PASSING);
    expect_health(peer, LUBDUB_HEALTH_CRITICAL);
    seen = expect_later(fixture, PROGRESS);
    assert_true(seen->event.is_stalled);
    assert_true(seen->event.without_progress >= 100 * MS);
}

static void progress_that_comes_again_gives_back_the_health_that_was_set(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_peer *peer = go_up(fixture, 100 * MS);

    lubdub_client_set_health(fixture->client, LUBDUB_HEALTH_WARNING);
    expect_health(peer, LUBDUB_HEALTH_CRITICAL);
    assert_true(expect_later(fixture, PROGRESS)->event.is_stalled);
    lubdub_client_set_health(fixture->client, LUBDUB_HEALTH_PASSING); /* says nothing while there is no progress */
    expect_health(peer, LUBDUB_HEALTH_CRITICAL);
    lubdub_client_set_health(fixture->client, LUBDUB_HEALTH_WARNING);
    lubdub_client_progress(fixture->client);
    expect_health(peer, LUBDUB_HEALTH_WARNING);
    assert_false(expect_later(fixture, PROGRESS)->event.is_stalled);
}

static void *make_progress(void *user_data)
{
    lubdub_client_progress(user_data);
    return NULL;
}

static void any_thread_may_make_progress(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_peer *peer = go_up(fixture, 100 * MS);
    pthread_t worker;

    expect_health(peer, LUBDUB_HEALTH_CRITICAL);
    assert_int_equal(pthread_create(&worker, NULL, make_progress, fixture->client), 0);
    assert_int_equal(pthread_join(worker, NULL), 0);
    expect_health(peer, LUBDUB_HEALTH_PASSING);
}

static void nothing_promised_is_nothing_missed(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_peer *peer = go_up(fixture, 0);
    unsigned i;

    for (i = 0; i < 10; i++) {
        expect_health(peer, LUBDUB_HEALTH_PASSING);
    }
    lubdub_client_progress(fixture->client);
}

static void client_may_be_freed_where_it_tells_of_missed_progress(struct client_fixture *fixture,
                                                                  const struct lubdub_client_event *event)
{
    if (event->kind == LUBDUB_CLIENT_PROGRESS) {
        lubdub_client_free(fixture->client);
        fixture->client = NULL;
    }
}

static void freed_from_inside_its_callback_it_is_gone(void **state)
{
    struct client_fixture *fixture = *state;
    struct fake_peer *peer;

    fixture->inside = client_may_be_freed_where_it_tells_of_missed_progress;
    peer = go_up(fixture, 50 * MS);
    peer_expect_end(peer);
    assert_null(fixture->client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, client_fixture_setup, client_fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(missed_progress_makes_the_probes_critical_and_is_told),
        TEST(progress_that_comes_again_gives_back_the_health_that_was_set),
        TEST(any_thread_may_make_progress),
        TEST(nothing_promised_is_nothing_missed),
        TEST(freed_from_inside_its_callback_it_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
