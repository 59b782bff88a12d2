/* Lets libev watch its own descriptor, and checks whether that failed. */
#include "ev/loop.h"

#include <errno.h>

static _Thread_local int failed;

/* Nothing else is watched: what is pending is libev's own watcher, with EV_ERROR. */
static void look(struct ev_loop *loop)
{
    if (ev_pending_count(loop) > 0 && failed == 0) {
        failed = errno != 0 ? errno : EIO;
    }
    ev_invoke_pending(loop);
}

static void on_wake(struct ev_loop *loop, ev_async *wake, int revents)
{
    (void)loop, (void)wake, (void)revents;
}

bool lubdub_loop_can_wait(struct ev_loop *loop)
{
    ev_async wake;

    failed = errno = 0;
    ev_async_init(&wake, on_wake);
    ev_async_start(loop, &wake);
    ev_set_invoke_pending_cb(loop, look);
    ev_run(loop, EVRUN_NOWAIT);
    ev_set_invoke_pending_cb(loop, ev_invoke_pending);
    ev_async_stop(loop, &wake);
    errno = failed;
    return failed == 0;
}
