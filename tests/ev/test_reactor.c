/* Many deadlines on one timer, and the watch over our own absence. */
#include <ev.h>
#include <stdlib.h>

#include "ev/clock.h"
#include "ev/container_of.h"
#include "ev/reactor.h"
#include "loop_wait.h"
#include "patience.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND
#define SLEEPERS 2000

/* One who has a deadline. */
struct sleeper {
    struct lubdub_deadline node;
    lubdub_time due;
    lubdub_time woken_at; /* 0: sleeps */
    lubdub_duration forgiven;
};

struct bedroom {
    struct ev_loop *loop;
    struct lubdub_reactor *reactor;
    struct sleeper sleepers[SLEEPERS];
    size_t asked;
    size_t woken;
    size_t too_early;
    lubdub_duration patience;
    void (*inside)(struct bedroom *bedroom);
};

static struct bedroom *here; /* the hooks have no user data */

static void on_due(struct lubdub_deadline *node, lubdub_time moment)
{
    struct sleeper *sleeper = container_of(node, struct sleeper, node);

    here->asked++;
    if (moment < sleeper->due) {
        lubdub_reactor_set(here->reactor, node, sleeper->due); /* a coarse slot: asked again nearer to it */
        return;
    }
    sleeper->woken_at = moment;
    here->woken++;
    here->too_early += lubdub_clock_now() < sleeper->due;
    if (here->inside != NULL) {
        here->inside(here);
    }
}

static lubdub_duration on_absence(struct lubdub_deadline *node, const struct lubdub_absence *absence)
{
    struct sleeper *sleeper = container_of(node, struct sleeper, node);

    assert_true(absence->overslept <= absence->away);
    assert_true(absence->before == 0 || absence->before < absence->away);
    sleeper->forgiven += absence->away - absence->before;
    sleeper->due += absence->away - absence->before;
    return here->patience;
}

static const struct lubdub_reactor_hooks hooks = {.due = on_due, .forgive = on_absence};

static int set_up(void **state)
{
    here = calloc(1, sizeof *here);
    here->loop = ev_loop_new(EVFLAG_AUTO);
    here->reactor = lubdub_reactor_acquire(here->loop, &hooks);
    here->patience = LUBDUB_HOUR;
    lubdub_reactor_note_patience(here->reactor, here->patience);
    *state = here;
    return here->reactor == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    if (here->reactor != NULL) {
        lubdub_reactor_release(here->reactor);
    }
    ev_loop_destroy(here->loop);
    free(here);
    return 0;
}

static void set(struct bedroom *bedroom, size_t index, lubdub_duration after)
{
    struct sleeper *sleeper = &bedroom->sleepers[index];

    sleeper->due = lubdub_reactor_now(bedroom->reactor) + after;
    sleeper->woken_at = 0;
    lubdub_reactor_set(bedroom->reactor, &sleeper->node, sleeper->due);
}

static size_t wanted;

static bool so_many_are_awake(void *user_data)
{
    return ((struct bedroom *)user_data)->woken >= wanted;
}

static void wait_for(struct bedroom *bedroom, size_t count)
{
    wanted = count;
    assert_true(loop_wait(bedroom->loop, so_many_are_awake, bedroom));
}

static void everybody_is_woken_in_time_and_nobody_before(void **state)
{
    struct bedroom *bedroom = *state;
    size_t i;

    for (i = 0; i < SLEEPERS; i++) {
        set(bedroom, i, i % 400 * MS);
    }
    wait_for(bedroom, SLEEPERS);
    assert_int_equal(bedroom->woken, SLEEPERS);
    assert_int_equal(bedroom->too_early, 0);
    for (i = 0; i < SLEEPERS; i++) {
        assert_true(bedroom->sleepers[i].woken_at >= bedroom->sleepers[i].due);
        assert_true(bedroom->sleepers[i].woken_at <= bedroom->sleepers[i].due + SLACK);
    }
}

/* A wake-up before it is what most of an idle client's time would go to. */
static void loop_with_one_deadline_sleeps_until_then(void **state)
{
    const lubdub_duration lengths[] = {70 * MS, 110 * MS, 150 * MS}; /* beyond the finest level of the wheel */
    struct bedroom *bedroom = *state;
    size_t i;

    for (i = 0; i < COUNT_OF(lengths); i++) {
        set(bedroom, 0, lengths[i]);
        wait_for(bedroom, i + 1);
    }
    assert_int_equal(bedroom->asked, COUNT_OF(lengths));
    assert_int_equal(bedroom->too_early, 0);
}

static void closer_deadline_wakes_the_loop_earlier(void **state)
{
    struct bedroom *bedroom = *state;

    set(bedroom, 0, LUBDUB_HOUR);
    loop_run_for(bedroom->loop, 0.01);
    set(bedroom, 1, 30 * MS);
    set(bedroom, 0, 20 * MS);
    wait_for(bedroom, 2);
    assert_true(bedroom->sleepers[0].woken_at <= bedroom->sleepers[1].woken_at);
}

static void cancelled_deadline_does_not_come(void **state)
{
    struct bedroom *bedroom = *state;

    set(bedroom, 0, 10 * MS);
    set(bedroom, 1, 20 * MS);
    lubdub_deadlines_cancel(&bedroom->sleepers[0].node);
    wait_for(bedroom, 1);
    assert_int_equal(bedroom->sleepers[0].woken_at, 0);
}

static void lies_down_again(struct bedroom *bedroom)
{
    if (bedroom->woken < 5) {
        set(bedroom, 0, 5 * MS);
    }
}

static void deadline_may_be_set_again_from_inside(void **state)
{
    struct bedroom *bedroom = *state;

    bedroom->inside = lies_down_again;
    set(bedroom, 0, 0);
    wait_for(bedroom, 5);
    loop_run_for(bedroom->loop, 0.03);
    assert_int_equal(bedroom->woken, 5);
}

/* Between two handfuls of verdicts the loop looks at its sockets. */
static void note_turn(struct ev_loop *loop, ev_check *check, int revents)
{
    size_t *most = check->data;
    static size_t before;
    (void)loop, (void)revents;

    if (here->woken > before && here->woken - before > *most) {
        *most = here->woken - before;
    }
    before = here->woken;
}

static void takes_a_millisecond(struct bedroom *bedroom)
{
    (void)bedroom;
    stay(MS);
}

static void no_turn_judges_for_longer_than_its_share(void **state)
{
    enum { CROWD = 100 };
    struct bedroom *bedroom = *state;
    size_t most = 0;
    ev_check check;
    size_t i;

    bedroom->inside = takes_a_millisecond;
    ev_check_init(&check, note_turn);
    check.data = &most;
    ev_check_start(bedroom->loop, &check);
    for (i = 0; i < CROWD; i++) {
        set(bedroom, i, MS);
    }
    stay(5 * MS);
    wait_for(bedroom, CROWD);
    ev_check_stop(bedroom->loop, &check);
    assert_in_range(most, 1, LUBDUB_JUDGED_AT_ONCE); /* between two readings of the clock */
}

/* One of a crowd whose sockets are ready; fed to the loop in the order in which the kernel would name them. */
struct guest {
    ev_timer watcher;
    bool is_served;
};

static struct guest guests[SLEEPERS];
static size_t served;
static bool are_leaving;
static lubdub_time serving_at; /* 0: the turn begins; as if no time passed in it */

static void on_guest(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    struct guest *guest = container_of(watcher, struct guest, watcher);
    (void)loop, (void)revents;

    if (serving_at == 0) {
        serving_at = lubdub_reactor_now(here->reactor);
    }
    if (lubdub_reactor_serves(here->reactor, serving_at)) {
        guest->is_served = true;
        served++;
        if (are_leaving) {
            lubdub_reactor_note_end(here->reactor);
        }
    }
}

static void crowd(struct bedroom *bedroom)
{
    size_t i;

    served = 0;
    are_leaving = true;
    bedroom->reactor->serving.were_dear = true;
    bedroom->reactor->link_count = SLEEPERS;
    for (i = 0; i < SLEEPERS; i++) {
        ev_timer_init(&guests[i].watcher, on_guest, 0, 0);
        guests[i].is_served = false;
    }
}

static void one_turn(struct bedroom *bedroom)
{
    size_t i;

    serving_at = 0;
    for (i = 0; i < SLEEPERS; i++) {
        if (!guests[i].is_served) {
            ev_feed_event(bedroom->loop, &guests[i].watcher, EV_CUSTOM);
        }
    }
    ev_run(bedroom->loop, EVRUN_NOWAIT);
}

static void who_does_not_leave_is_not_put_off(void **state)
{
    struct bedroom *bedroom = *state;

    crowd(bedroom);
    are_leaving = bedroom->reactor->serving.were_dear = false;
    bedroom->reactor->serving.cost = LUBDUB_SECOND;
    one_turn(bedroom);
    assert_int_equal(served, SLEEPERS);
}

static void who_is_ready_longest_is_served_first_and_the_others_in_later_turns(void **state)
{
    struct bedroom *bedroom = *state;
    unsigned turns = 0;

    crowd(bedroom);
    while (served < SLEEPERS) {
        size_t before = served;
        size_t i;

        bedroom->reactor->serving.cost = 20 * LUBDUB_MICROSECOND;
        one_turn(bedroom);
        turns++;
        assert_int_equal(served - before, SLEEPERS - before < 400 ? SLEEPERS - before : 400); /* what 8 ms are for */
        for (i = 0; i < SLEEPERS; i++) {
            assert_int_equal(guests[i].is_served, i < served);
        }
    }
    assert_int_equal(turns, (SLEEPERS + 399) / 400);
}

static void however_dear_they_are_some_are_served(void **state)
{
    struct bedroom *bedroom = *state;

    crowd(bedroom);
    bedroom->reactor->serving.cost = LUBDUB_SECOND;
    one_turn(bedroom);
    assert_int_equal(served, 1);
    assert_true(guests[0].is_served); /* the one that has waited longest */
}

/* Sockets of the application's own stand in front of the few that are ours. */
static void nobody_is_put_off_in_two_turns_where_nobody_was_served(void **state)
{
    struct bedroom *bedroom = *state;
    struct lubdub_reactor *reactor = bedroom->reactor;
    unsigned i;

    crowd(bedroom);
    reactor->serving.cost = LUBDUB_SECOND;
    for (i = 0; i < SLEEPERS; i++) {
        ev_feed_event(bedroom->loop, &guests[i].watcher, EV_CUSTOM);
    }
    serving_at = lubdub_reactor_now(reactor);
    assert_false(lubdub_reactor_serves(reactor, serving_at));
    for (i = 0; i < SLEEPERS; i++) {
        ev_clear_pending(bedroom->loop, &guests[i].watcher);
    }
    reactor->turn_began = serving_at;
    ev_run(bedroom->loop, EVRUN_NOWAIT);
    one_turn(bedroom);
    assert_int_equal(served, SLEEPERS);
}

static void no_end_is_begun_on_after_the_limit(void **state)
{
    struct bedroom *bedroom = *state;
    struct lubdub_reactor *reactor = bedroom->reactor;
    lubdub_time began = lubdub_reactor_now(reactor);

    assert_true(lubdub_reactor_serves(reactor, began));
    lubdub_reactor_note_end(reactor);
    assert_true(lubdub_reactor_serves(reactor, began + LUBDUB_SERVING_LIMIT - 1));
    lubdub_reactor_note_end(reactor);
    assert_false(lubdub_reactor_serves(reactor, began + LUBDUB_SERVING_LIMIT));
}

/* ---- A13 ---- */

#define TALKERS 100

static void on_talker(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    struct guest *guest = container_of(watcher, struct guest, watcher);
    (void)loop, (void)revents;

    if (lubdub_reactor_serves(here->reactor, lubdub_reactor_now(here->reactor))) {
        guest->is_served = true;
        (void)lubdub_reactor_note_end(here->reactor); /* a dear one */
        stay(MS);
    }
}

/* A hundred sockets are dear and ready in each turn. The one among them that has waited longest has its turn all the
 * same. */
static void a13_socket_that_has_waited_longest_is_served_among_dear_ones(void **state)
{
    struct bedroom *bedroom = *state;
    unsigned turns;
    size_t i;

    crowd(bedroom);
    for (i = 0; i < TALKERS; i++) {
        ev_timer_init(&guests[i].watcher, on_talker, 0, 0);
    }
    for (turns = 0; !guests[0].is_served; turns++) {
        size_t count = 0;

        assert_true(turns < 5);
        for (i = 0; i < TALKERS; i++) {
            guests[i].is_served = false;
            ev_feed_event(bedroom->loop, &guests[i].watcher, EV_CUSTOM);
        }
        ev_run(bedroom->loop, EVRUN_NOWAIT);
        for (i = 0; i < TALKERS; i++) {
            count += guests[i].is_served;
        }
        assert_in_range(count, 1, LUBDUB_SERVING_LIMIT / MS + 1);
    }
}

static void a13_patience_is_asked_for_again(void **state)
{
    struct bedroom *bedroom = *state;

    set(bedroom, 0, LUBDUB_HOUR);
    bedroom->patience = 40 * MS;
    lubdub_reactor_renew_patience(bedroom->reactor);
    assert_int_equal(bedroom->reactor->shortest_patience, 40 * MS);
    assert_int_equal(bedroom->sleepers[0].forgiven, 0);
    assert_int_equal(bedroom->reactor->absence_count, 0);
}

/* ---- D1: a turn of many short callbacks ---- */

#define DAWDLERS 8

static void on_dawdler(struct ev_loop *loop, ev_timer *watcher, int revents)
{
    (void)loop, (void)watcher, (void)revents;
    lubdub_reactor_now(here->reactor);
    stay(30 * MS);
}

static void d1_long_turn_is_forgiven_once(void **state)
{
    struct bedroom *bedroom = *state;
    const lubdub_time began = now();
    lubdub_duration longest;
    size_t i;

    bedroom->patience = 400 * MS;
    lubdub_reactor_note_patience(bedroom->reactor, bedroom->patience);
    set(bedroom, 0, LUBDUB_HOUR);
    loop_run_for(bedroom->loop, 0.005);
    for (i = 0; i < DAWDLERS; i++) {
        ev_timer_init(&guests[i].watcher, on_dawdler, 0, 0);
        ev_feed_event(bedroom->loop, &guests[i].watcher, EV_CUSTOM);
    }
    ev_run(bedroom->loop, EVRUN_NOWAIT);
    loop_run_for(bedroom->loop, 0.02);
    longest = bedroom->reactor->longest_turn;
    assert_true(longest >= DAWDLERS * 30 * MS);
    assert_true(bedroom->reactor->absence_count >= 1);
    /* What is less than a quarter of the patience may be left over. */
    assert_in_range(bedroom->sleepers[0].forgiven, longest - 100 * MS, now() - began);
    assert_int_equal(bedroom->sleepers[0].forgiven, bedroom->reactor->absence_total);
}

/* ---- B9: another timer of the loop ---- */

static void b9_absence_is_noticed_by_a_timer_of_others(void **state)
{
    struct bedroom *bedroom = *state;
    struct lubdub_reactor *reactor = bedroom->reactor;

    lubdub_reactor_expect(reactor, lubdub_reactor_now(reactor) + 500 * MS, LUBDUB_SECOND);
    stay(20 * MS);
    lubdub_reactor_now(reactor);
    assert_int_equal(reactor->absence_count, 0); /* it was not to come yet */
    stay(1300 * MS);
    lubdub_reactor_now(reactor);
    assert_int_equal(reactor->absence_count, 1);
    assert_true(reactor->absence_total >= 1300 * MS);
    lubdub_reactor_expect(reactor, LUBDUB_TIME_NEVER, 0);
    stay(100 * MS);
    lubdub_reactor_now(reactor);
    assert_int_equal(reactor->absence_count, 1);
}

static void absence_is_noticed_and_forgiven_before_anybody_is_judged(void **state)
{
    struct bedroom *bedroom = *state;

    bedroom->patience = 40 * MS;
    lubdub_reactor_note_patience(bedroom->reactor, bedroom->patience);
    set(bedroom, 0, 40 * MS);
    set(bedroom, 1, 60 * MS);
    loop_run_for(bedroom->loop, 0.005);
    stay(300 * MS);
    wait_for(bedroom, 2);
    assert_true(bedroom->sleepers[0].forgiven >= 300 * MS);
    assert_true(bedroom->sleepers[1].forgiven >= 300 * MS);
    assert_true(bedroom->reactor->absence_count >= 1);
    assert_true(bedroom->reactor->absence_total >= 300 * MS);
    assert_int_equal(bedroom->too_early, 0);
}

/* A tenth of a second is nothing to who waits for an hour. */
static void short_absence_is_no_matter_to_the_patient(void **state)
{
    struct bedroom *bedroom = *state;

    set(bedroom, 0, 20 * MS);
    loop_run_for(bedroom->loop, 0.005);
    stay(100 * MS);
    wait_for(bedroom, 1);
    assert_int_equal(bedroom->reactor->absence_count, 0);
    assert_int_equal(bedroom->sleepers[0].forgiven, 0);
}

/* Sleeping as long as was meant is no absence, however long. */
static void sleep_that_was_meant_is_no_absence(void **state)
{
    struct bedroom *bedroom = *state;

    bedroom->patience = 4 * LUBDUB_SECOND;
    lubdub_reactor_note_patience(bedroom->reactor, bedroom->patience);
    set(bedroom, 0, 1200 * MS);
    wanted = 1;
    while (bedroom->woken == 0) {
        ev_run(bedroom->loop, EVRUN_ONCE);
    }
    assert_true(bedroom->sleepers[0].forgiven == 0 || bedroom->sleepers[0].forgiven >= LUBDUB_SECOND);
    assert_int_equal(bedroom->too_early, 0);
}

static void one_loop_has_one_reactor_as_long_as_anybody_wants_it(void **state)
{
    struct bedroom *bedroom = *state;
    struct ev_loop *other_loop = ev_loop_new(EVFLAG_AUTO);
    struct lubdub_reactor *again = lubdub_reactor_acquire(bedroom->loop, &hooks);
    struct lubdub_reactor *other = lubdub_reactor_acquire(other_loop, &hooks);

    assert_ptr_equal(again, bedroom->reactor);
    assert_ptr_not_equal(other, bedroom->reactor);
    lubdub_reactor_release(again);
    set(bedroom, 0, MS);
    wait_for(bedroom, 1);
    lubdub_reactor_release(other);
    ev_loop_destroy(other_loop);
}

static void let_go(struct bedroom *bedroom)
{
    if (bedroom->reactor != NULL) {
        lubdub_deadlines_cancel(&bedroom->sleepers[0].node);
        lubdub_deadlines_cancel(&bedroom->sleepers[1].node);
        lubdub_reactor_release(bedroom->reactor);
        bedroom->reactor = NULL;
    }
}

static void reactor_let_go_from_inside_ends_with_the_callback(void **state)
{
    struct bedroom *bedroom = *state;

    bedroom->inside = let_go;
    set(bedroom, 0, MS);
    set(bedroom, 1, MS);
    wait_for(bedroom, 1);
    assert_null(bedroom->reactor);
    loop_run_for(bedroom->loop, 0.02);
    assert_int_equal(bedroom->woken, 1);
}

/* Longer than what a busy machine takes away from a turn in which nothing is done. */
#define DAWDLE (300 * MS)
#define SLEEP LUBDUB_SECOND

static void dawdle(struct bedroom *bedroom)
{
    (void)bedroom;
    stay(DAWDLE);
}

static void turn_is_as_long_as_what_is_done_in_it(void **state)
{
    struct bedroom *bedroom = *state;
    struct lubdub_reactor *reactor = bedroom->reactor;

    set(bedroom, 0, 0);
    stay(SLEEP); /* before the loop runs: no turn of it */
    bedroom->inside = dawdle;
    wait_for(bedroom, 1);
    loop_run_for(bedroom->loop, (double)SLEEP / (double)LUBDUB_SECOND); /* nor is sleep */
    assert_true(reactor->longest_turn >= DAWDLE);
    assert_true(reactor->longest_turn < SLEEP);
    assert_int_equal(reactor->longest_recent_turn, reactor->longest_turn);

    reactor->longest_recent_turn = 0;
    bedroom->inside = NULL;
    set(bedroom, 1, MS);
    wait_for(bedroom, 2);
    loop_run_for(bedroom->loop, 0.001);
    assert_true(reactor->longest_turn >= DAWDLE);
    assert_true(reactor->longest_recent_turn < reactor->longest_turn);
}

/* Awake by the clock, and without a processor: what another program on a busy machine does to us. */
static void rest(struct bedroom *bedroom)
{
    const struct timespec length = {.tv_nsec = 30 * (long)MS};

    (void)bedroom;
    nanosleep(&length, NULL);
}

static void turn_without_a_processor_is_long_and_no_work(void **state)
{
    struct bedroom *bedroom = *state;
    struct lubdub_reactor *reactor = bedroom->reactor;

    set(bedroom, 0, MS);
    bedroom->inside = rest; /* the first long turn: it cannot tell yet what was worked before */
    wait_for(bedroom, 1);
    loop_run_for(bedroom->loop, 0.001);
    assert_true(reactor->longest_recent_work > 0);
    reactor->longest_recent_turn = reactor->longest_recent_work = 0;

    set(bedroom, 1, MS);
    wait_for(bedroom, 2);
    loop_run_for(bedroom->loop, 0.001);
    assert_true(reactor->longest_recent_turn >= 30 * MS);
    assert_true(reactor->longest_recent_work < reactor->longest_recent_turn);
}

/* Which would be with deadlines, or sockets. */
static void reactor_alone_does_not_keep_the_loop(void **state)
{
    struct bedroom *bedroom = *state;

    assert_false(ev_run(bedroom->loop, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(everybody_is_woken_in_time_and_nobody_before),
        TEST(loop_with_one_deadline_sleeps_until_then),
        TEST(closer_deadline_wakes_the_loop_earlier),
        TEST(cancelled_deadline_does_not_come),
        TEST(deadline_may_be_set_again_from_inside),
        TEST(no_turn_judges_for_longer_than_its_share),
        TEST(who_does_not_leave_is_not_put_off),
        TEST(who_is_ready_longest_is_served_first_and_the_others_in_later_turns),
        TEST(however_dear_they_are_some_are_served),
        TEST(nobody_is_put_off_in_two_turns_where_nobody_was_served),
        TEST(no_end_is_begun_on_after_the_limit),
        TEST(a13_socket_that_has_waited_longest_is_served_among_dear_ones),
        TEST(a13_patience_is_asked_for_again),
        TEST(d1_long_turn_is_forgiven_once),
        TEST(b9_absence_is_noticed_by_a_timer_of_others),
        TEST(absence_is_noticed_and_forgiven_before_anybody_is_judged),
        TEST(short_absence_is_no_matter_to_the_patient),
        TEST(sleep_that_was_meant_is_no_absence),
        TEST(one_loop_has_one_reactor_as_long_as_anybody_wants_it),
        TEST(reactor_let_go_from_inside_ends_with_the_callback),
        TEST(turn_is_as_long_as_what_is_done_in_it),
        TEST(turn_without_a_processor_is_long_and_no_work),
        TEST(reactor_alone_does_not_keep_the_loop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
