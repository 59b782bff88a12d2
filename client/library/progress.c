/* Looks from time to time whether the application made the progress that it promised. */
#include "client/library/progress.h"

#include <assert.h>

#include "ev/clock.h"
#include "ev/container_of.h"

/* While progress is missing, the client looks for it this many times within the promised time. */
#define LOOKS_WHILE_STALLED 4
#define SHORTEST_LOOK (10 * LUBDUB_MILLISECOND)

static enum lubdub_health told_health(const struct lubdub_client *client)
{
    return client->is_stalled ? LUBDUB_HEALTH_CRITICAL : (enum lubdub_health)client->health;
}

void lubdub_client_tell_health(struct lubdub_client *client)
{
    if (client->has_link) {
        lubdub_session_set_health(&client->link.session, told_health(client));
    }
}

static void look_at(struct lubdub_client *client, lubdub_time due)
{
    struct ev_loop *loop = client->group.reactor->loop;
    lubdub_time now = lubdub_clock_now();

    client->progress_due = due;
    ev_timer_stop(loop, &client->progress);
    ev_now_update(loop);
    ev_timer_set(&client->progress, (ev_tstamp)lubdub_time_between(now, due) / (ev_tstamp)LUBDUB_SECOND, 0);
    ev_timer_start(loop, &client->progress);
}

static void change(struct lubdub_client *client, bool is_stalled, lubdub_time now, lubdub_duration without)
{
    struct lubdub_client_event event = lubdub_client_event_new(client, LUBDUB_CLIENT_PROGRESS, now);

    client->is_stalled = is_stalled;
    lubdub_client_tell_health(client);
    event.is_stalled = is_stalled;
    event.without_progress = without;
    lubdub_client_enter(client);
    lubdub_client_tell(client, &event);
    lubdub_client_leave(client);
}

static void on_look(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct lubdub_client *client = container_of(timer, struct lubdub_client, progress);
    lubdub_duration within = client->progress_within;
    lubdub_time at = atomic_load_explicit(&client->progress_at, memory_order_relaxed);
    lubdub_time now = lubdub_clock_now();
    lubdub_duration without = lubdub_time_between(at, now);
    lubdub_duration overslept = lubdub_time_between(client->progress_due, now);
    lubdub_duration next = lubdub_duration_longer(within / LOOKS_WHILE_STALLED, SHORTEST_LOOK);
    (void)loop, (void)revents;

    if (without < within) {
        look_at(client, lubdub_time_after(at, within));
        if (client->is_stalled) {
            change(client, false, now, without);
        }
        return;
    }
    look_at(client, lubdub_time_after(now, next));
    /* Where the timer came late, the application was probably stopped with the loop, and gets a moment. */
    if (!client->is_stalled && overslept < next) {
        change(client, true, now, without);
    }
}

void lubdub_client_watch_progress(struct lubdub_client *client)
{
    if (client->progress_within == 0) {
        return;
    }
    lubdub_client_progress(client);
    client->is_stalled = false;
    ev_timer_init(&client->progress, on_look, 0, 0);
    look_at(client, lubdub_time_after(lubdub_clock_now(), client->progress_within));
}

void lubdub_client_ignore_progress(struct lubdub_client *client)
{
    if (client->progress_within > 0) {
        ev_timer_stop(client->group.reactor->loop, &client->progress);
    }
}

void lubdub_client_progress(struct lubdub_client *client)
{
    assert(client != NULL);
    atomic_store_explicit(&client->progress_at, lubdub_clock_now(), memory_order_relaxed);
}
