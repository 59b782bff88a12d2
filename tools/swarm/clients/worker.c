/* Does the coordinator's commands with a crowd, and sends back its news. */
#define _GNU_SOURCE
#include "swarm/clients/worker.h"

#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "swarm/clients/channel.h"
#include "program/process/child.h"
#include "program/process/usage.h"

struct worker {
    struct ev_loop *loop;
    struct swarm_worker_page *page;
    struct swarm_crowd crowd;
    struct swarm_channel channel;
    ev_prepare look;
    struct lubdub_usage before;
    uint32_t connect_count;
    bool owes_settled;
    bool owes_gone;
};

static void tell(struct worker *worker, struct swarm_message message)
{
    swarm_channel_send(&worker->channel, &message);
}

/* ---- news ---- */

static void on_up(void *user_data, uint32_t client, uint64_t session_number, lubdub_time now)
{
    tell(user_data, (struct swarm_message){.kind = SWARM_UP, .client = client, .session = session_number, .at = now});
}

static void on_down(void *user_data, uint32_t client, enum lubdub_cause cause, lubdub_time now, lubdub_time deadline)
{
    tell(user_data, (struct swarm_message){.kind = SWARM_DOWN,
                                           .client = client,
                                           .cause = (uint8_t)cause,
                                           .at = now,
                                           .flag = deadline != 0,
                                           .late_by = deadline != 0 ? (int64_t)(now - deadline) : 0});
}

static const struct swarm_crowd_hooks crowd_hooks = {.on_up = on_up, .on_down = on_down};

/* What is a state and not an event is looked at once a turn, after all news of that turn. */
static void on_look(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
    struct worker *worker = prepare->data;
    (void)loop, (void)revents;

    if (worker->owes_settled && swarm_crowd_is_settled(&worker->crowd)) {
        worker->owes_settled = false;
        tell(worker, (struct swarm_message){.kind = SWARM_SETTLED, .number = worker->connect_count});
    }
    if (worker->owes_gone && swarm_crowd_is_gone(&worker->crowd)) {
        worker->owes_gone = false;
        tell(worker, (struct swarm_message){.kind = SWARM_GONE});
    }
}

/* ---- commands ---- */

static void strike(struct worker *worker, const struct swarm_message *command)
{
    struct swarm_message answer = {.kind = SWARM_STRUCK, .client = command->client, .fault = command->fault};

    answer.flag = swarm_crowd_strike(&worker->crowd, command->client, (enum swarm_fault)command->fault, &answer.at);
    tell(worker, answer);
}

static void synchronize(struct worker *worker, uint32_t number)
{
    struct lubdub_usage now;

    swarm_crowd_count(&worker->crowd);
    if (lubdub_usage_read(&now, getpid())) {
        worker->page->memory = (int64_t)now.resident - (int64_t)worker->before.resident;
    }
    tell(worker, (struct swarm_message){.kind = SWARM_SYNCED, .number = number});
}

static void on_command(void *user_data, const struct swarm_message *command)
{
    struct worker *worker = user_data;

    switch ((enum swarm_message_kind)command->kind) {
    case SWARM_CONNECT:
        worker->crowd.settings.server = command->server;
        worker->connect_count++;
        worker->owes_settled = true;
        swarm_crowd_connect(&worker->crowd);
        break;
    case SWARM_STRIKE:
        strike(worker, command);
        break;
    case SWARM_RETURN:
        swarm_crowd_return(&worker->crowd, command->client);
        break;
    case SWARM_RECORD:
        worker->crowd.records_round_trips = command->flag;
        break;
    case SWARM_LEAVE:
        worker->owes_gone = true;
        swarm_crowd_leave(&worker->crowd);
        break;
    case SWARM_DROP:
        swarm_crowd_drop(&worker->crowd);
        break;
    case SWARM_SYNC:
        synchronize(worker, command->number);
        break;
    case SWARM_READY:
    case SWARM_UP:
    case SWARM_DOWN:
    case SWARM_STRUCK:
    case SWARM_SETTLED:
    case SWARM_GONE:
    case SWARM_SYNCED:
        break;
    }
}

/* The coordinator is gone, or cannot be told any more. */
static void on_channel_end(void *user_data)
{
    struct worker *worker = user_data;

    ev_break(worker->loop, EVBREAK_ALL);
}

/* ---- life ---- */

/* Nothing of the process that forked us may be kept open by us, or be heard by us. */
static void part_from_parent(int channel)
{
    lubdub_child_forget_signals();
    if (channel > STDERR_FILENO + 1) {
        close_range(STDERR_FILENO + 1, (unsigned)channel - 1, 0);
    }
    close_range((unsigned)channel + 1, ~0u, 0);
}

static bool begin(struct worker *worker, const struct swarm_worker_settings *settings)
{
    lubdub_usage_read(&worker->before, getpid());
    return swarm_crowd_init(&worker->crowd, worker->loop, &settings->crowd, &worker->page->crowd, &crowd_hooks, worker);
}

void swarm_worker_run(const struct swarm_worker_settings *settings, struct swarm_worker_page *page, int channel)
{
    static struct worker worker;
    bool works;

    worker.page = page;
    works = settings->enter == NULL ||
            settings->enter(settings->user_data, page->crowd.counts.failure, sizeof page->crowd.counts.failure);
    part_from_parent(channel);
    worker.loop = ev_loop_new(EVFLAG_AUTO);
    if (worker.loop == NULL) {
        _exit(EXIT_FAILURE);
    }
    swarm_channel_open(&worker.channel, worker.loop, channel, on_command, on_channel_end, &worker);
    works = works && begin(&worker, settings);
    tell(&worker, (struct swarm_message){.kind = SWARM_READY, .flag = works});
    ev_prepare_init(&worker.look, on_look);
    worker.look.data = &worker;
    ev_prepare_start(worker.loop, &worker.look);
    ev_run(worker.loop, 0);
    swarm_crowd_clear(&worker.crowd);
    swarm_channel_close(&worker.channel);
    ev_prepare_stop(worker.loop, &worker.look);
    ev_loop_destroy(worker.loop);
    _exit(EXIT_SUCCESS);
}
