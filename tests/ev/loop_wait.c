/* A timer that only wakes the loop. */
#include "loop_wait.h"

static void on_limit(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop, (void)revents;
    *(bool *)timer->data = true;
}

static void start(struct ev_loop *loop, ev_timer *timer, double seconds, bool *is_over)
{
    *is_over = false;
    ev_now_update(loop);
    ev_timer_init(timer, on_limit, seconds, 0);
    timer->data = is_over;
    ev_timer_start(loop, timer);
}

bool loop_wait(struct ev_loop *loop, bool (*is_true)(void *user_data), void *user_data)
{
    ev_timer timer;
    bool is_over;

    start(loop, &timer, WAIT_LIMIT, &is_over);
    while (!is_true(user_data) && !is_over) {
        ev_run(loop, EVRUN_ONCE);
    }
    ev_timer_stop(loop, &timer);
    return is_true(user_data);
}

void loop_run_for(struct ev_loop *loop, double seconds)
{
    ev_timer timer;
    bool is_over;

    start(loop, &timer, seconds, &is_over);
    while (!is_over) {
        ev_run(loop, EVRUN_ONCE);
    }
    ev_timer_stop(loop, &timer);
}
