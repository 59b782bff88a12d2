/* How many handshakes are under way, and which comes next. */
#include <ev.h>
#include <stdlib.h>

#include "patience.h"
#include "support/test.h"
#include "tls/gate.h"

#define PLACES (LUBDUB_HANDSHAKES_MOST + 64)

struct scene {
    struct ev_loop *loop;
    struct lubdub_transport_counts counts;
    struct lubdub_handshake_limits limits;
    struct lubdub_gate gate;
    struct lubdub_gate_place places[PLACES];
    ev_io watchers[PLACES];
    int fed[PLACES]; /* in this order, from 1 */
    int fed_count;
};

static void on_fed(struct ev_loop *loop, ev_io *io, int revents)
{
    struct scene *scene = io->data;
    (void)loop, (void)revents;

    scene->fed[io - scene->watchers] = ++scene->fed_count;
}

static int setup(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);
    size_t i;

    scene->loop = ev_loop_new(EVFLAG_AUTO);
    scene->limits = (struct lubdub_handshake_limits){LUBDUB_HANDSHAKES_MOST, LUBDUB_HANDSHAKES_PER_TURN,
                                                     LUBDUB_HANDSHAKE_WORK, LUBDUB_HANDSHAKE_PATIENCE};
    lubdub_gate_init(&scene->gate, scene->loop, &scene->counts, &scene->limits);
    for (i = 0; i < PLACES; i++) {
        ev_io_init(&scene->watchers[i], on_fed, 0, EV_READ);
        scene->watchers[i].data = scene;
    }
    *state = scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    size_t i;

    for (i = 0; i < PLACES; i++) {
        lubdub_gate_leave(&scene->gate, &scene->places[i]);
    }
    assert_int_equal(scene->counts.waiting, 0);
    assert_int_equal(scene->counts.under_way, 0);
    lubdub_gate_clear(&scene->gate);
    ev_loop_destroy(scene->loop);
    free(scene);
    return 0;
}

static void enter(struct scene *scene, size_t first, size_t count)
{
    size_t i;

    for (i = first; i < first + count; i++) {
        lubdub_gate_enter(&scene->gate, &scene->places[i], &scene->watchers[i]);
    }
}

static size_t under_way(const struct scene *scene)
{
    size_t count = 0;
    size_t i;

    for (i = 0; i < PLACES; i++) {
        count += scene->places[i].state == LUBDUB_GATE_UNDER_WAY;
    }
    assert_int_equal(scene->counts.under_way, count);
    return count;
}

static void a_turn_lets_in_so_many_and_the_next_turn_as_many(void **state)
{
    struct scene *scene = *state;

    enter(scene, 0, 20);
    assert_int_equal(under_way(scene), LUBDUB_HANDSHAKES_PER_TURN);
    assert_int_equal(scene->counts.waiting, 12);
    ev_run(scene->loop, EVRUN_NOWAIT);
    assert_int_equal(under_way(scene), 2 * LUBDUB_HANDSHAKES_PER_TURN);
    assert_int_equal(scene->fed_count, LUBDUB_HANDSHAKES_PER_TURN);
    ev_run(scene->loop, EVRUN_NOWAIT);
    assert_int_equal(under_way(scene), 20);
    assert_int_equal(scene->counts.waiting, 0);
    assert_int_equal(scene->counts.begun, 20);
    ev_run(scene->loop, EVRUN_NOWAIT);
    assert_int_equal(scene->counts.put_off, 2);
    assert_int_equal(scene->counts.met_most, 0);
}

static void limits_that_change_hold_from_then_on(void **state)
{
    struct scene *scene = *state;

    scene->limits.most = 3;
    scene->limits.per_turn = 2;
    enter(scene, 0, 6);
    assert_int_equal(under_way(scene), 2);
    ev_run(scene->loop, EVRUN_NOWAIT);
    assert_int_equal(under_way(scene), 3);
    assert_int_equal(scene->counts.met_most, 3);
    ev_run(scene->loop, EVRUN_NOWAIT);
    assert_int_equal(under_way(scene), 3);
    scene->limits.most = 5;
    lubdub_gate_leave(&scene->gate, &scene->places[0]);
    ev_run(scene->loop, EVRUN_NOWAIT);
    assert_int_equal(under_way(scene), 4);
    ev_run(scene->loop, EVRUN_NOWAIT);
    assert_int_equal(under_way(scene), 5);
    assert_int_equal(scene->counts.waiting, 0);
}

static void long_handshakes_leave_fewer_for_the_turn(void **state)
{
    struct scene *scene = *state;

    enter(scene, 0, 1);
    assert_true(lubdub_gate_has_time(&scene->gate));
    lubdub_gate_note_work(&scene->gate, LUBDUB_HANDSHAKE_WORK);
    assert_false(lubdub_gate_has_time(&scene->gate));
    enter(scene, 1, 1);
    assert_int_equal(scene->places[1].state, LUBDUB_GATE_WAITING);
    ev_run(scene->loop, EVRUN_NOWAIT);
    assert_true(lubdub_gate_has_time(&scene->gate));
    assert_int_equal(scene->places[1].state, LUBDUB_GATE_UNDER_WAY);
}

static void one_that_is_put_back_is_the_first_of_the_next_turn(void **state)
{
    struct scene *scene = *state;

    scene->limits.per_turn = 1;
    enter(scene, 0, 3);
    assert_int_equal(scene->places[0].state, LUBDUB_GATE_UNDER_WAY);
    lubdub_gate_put_back(&scene->gate, &scene->places[0]);
    assert_int_equal(under_way(scene), 0);
    assert_int_equal(scene->counts.waiting, 3);
    assert_int_equal(scene->counts.begun, 0);
    ev_run(scene->loop, EVRUN_NOWAIT);
    assert_int_equal(scene->places[0].state, LUBDUB_GATE_UNDER_WAY);
    assert_true(scene->fed[0] > 0);
    lubdub_gate_leave(&scene->gate, &scene->places[1]);
    lubdub_gate_leave(&scene->gate, &scene->places[2]);
    lubdub_gate_put_back(&scene->gate, &scene->places[0]); /* none other waits */
    ev_run(scene->loop, EVRUN_NOWAIT);
    assert_int_equal(scene->places[0].state, LUBDUB_GATE_UNDER_WAY);
    assert_int_equal(scene->counts.waiting, 0);
}

/* Until all places are taken; the others wait. */
static void fill(struct scene *scene)
{
    unsigned i;

    enter(scene, 0, PLACES);
    for (i = 0; i < LUBDUB_HANDSHAKES_MOST / LUBDUB_HANDSHAKES_PER_TURN + 8; i++) {
        ev_run(scene->loop, EVRUN_NOWAIT);
    }
    assert_int_equal(under_way(scene), LUBDUB_HANDSHAKES_MOST);
    assert_int_equal(scene->counts.waiting, PLACES - LUBDUB_HANDSHAKES_MOST);
}

static void the_first_that_waits_follows_one_that_is_done(void **state)
{
    struct scene *scene = *state;

    fill(scene);
    lubdub_gate_leave(&scene->gate, &scene->places[3]);
    ev_run(scene->loop, EVRUN_NOWAIT);
    assert_int_equal(scene->places[LUBDUB_HANDSHAKES_MOST].state, LUBDUB_GATE_UNDER_WAY);
    assert_int_equal(scene->places[LUBDUB_HANDSHAKES_MOST + 1].state, LUBDUB_GATE_WAITING);
}

static void one_that_has_waited_for_long_comes_after_the_last(void **state)
{
    struct scene *scene = *state;
    size_t i;

    fill(scene);
    for (i = LUBDUB_HANDSHAKES_MOST; i < PLACES; i++) {
        scene->places[i].since -= i < PLACES - 1 ? 2 * LUBDUB_HANDSHAKE_PATIENCE : 0;
    }
    lubdub_gate_leave(&scene->gate, &scene->places[3]);
    ev_run(scene->loop, EVRUN_NOWAIT);
    assert_int_equal(scene->places[PLACES - 1].state, LUBDUB_GATE_UNDER_WAY);
    assert_int_equal(scene->places[LUBDUB_HANDSHAKES_MOST].state, LUBDUB_GATE_WAITING);
}

static void a_silent_client_loses_its_place_to_one_that_waits(void **state)
{
    struct scene *scene = *state;
    lubdub_time until = now() + PATIENCE;
    size_t i;

    fill(scene);
    scene->fed_count = 0;
    memset(scene->fed, 0, sizeof scene->fed);
    for (i = 1; i < LUBDUB_HANDSHAKES_MOST; i++) {
        lubdub_gate_note_heard(&scene->gate, &scene->places[i]);
    }
    while (scene->places[0].state != LUBDUB_GATE_EVICTED) {
        assert_true(now() < until);
        ev_run(scene->loop, EVRUN_ONCE);
    }
    assert_true(scene->fed[0] > 0);
    assert_true(now() - scene->places[0].since >= LUBDUB_GATE_PATIENCE);
    assert_true(scene->counts.waiting < PLACES - LUBDUB_HANDSHAKES_MOST);
}

static void one_that_leaves_while_it_waits_is_forgotten(void **state)
{
    struct scene *scene = *state;

    enter(scene, 0, 10);
    lubdub_gate_leave(&scene->gate, &scene->places[8]);
    lubdub_gate_leave(&scene->gate, &scene->places[8]);
    ev_run(scene->loop, EVRUN_NOWAIT);
    assert_int_equal(scene->fed[8], 0);
    assert_int_equal(scene->places[9].state, LUBDUB_GATE_UNDER_WAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_turn_lets_in_so_many_and_the_next_turn_as_many, setup, teardown),
        cmocka_unit_test_setup_teardown(limits_that_change_hold_from_then_on, setup, teardown),
        cmocka_unit_test_setup_teardown(long_handshakes_leave_fewer_for_the_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_is_put_back_is_the_first_of_the_next_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_that_waits_follows_one_that_is_done, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_has_waited_for_long_comes_after_the_last, setup, teardown),
        cmocka_unit_test_setup_teardown(a_silent_client_loses_its_place_to_one_that_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_leaves_while_it_waits_is_forgotten, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
