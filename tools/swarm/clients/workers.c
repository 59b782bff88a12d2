/* Forks the processes of the swarm, with a socket pair and a shared page for each. */
#define _GNU_SOURCE
#include "swarm/clients/workers.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ev/container_of.h"

#include "program/process/child.h"

/* Of all processes together, so that their attempts at a time are far fewer than a listen queue holds. */
#define LEAST_ATTEMPTS 4

#define END_PATIENCE_MS 2000

static void set_problem(struct swarm_workers *workers, const char *doing, const char *why)
{
    snprintf(workers->problem, sizeof workers->problem, "%s: %s", doing, why);
}

/* ---- what they say ---- */

static void on_news(void *user_data, const struct swarm_message *news)
{
    struct swarm_worker_process *worker = user_data;
    struct swarm_workers *workers = worker->workers;

    switch ((enum swarm_message_kind)news->kind) {
    case SWARM_READY:
        worker->is_ready = true;
        worker->works = news->flag;
        break;
    case SWARM_UP:
        workers->hooks->on_up(workers->user_data, news);
        break;
    case SWARM_DOWN:
        workers->hooks->on_down(workers->user_data, news);
        break;
    case SWARM_STRUCK:
        workers->hooks->on_struck(workers->user_data, news);
        break;
    case SWARM_SETTLED:
        worker->settled_number = news->number;
        break;
    case SWARM_GONE:
        worker->is_gone = true;
        break;
    case SWARM_SYNCED:
        worker->synced_number = news->number;
        break;
    case SWARM_CONNECT:
    case SWARM_STRIKE:
    case SWARM_RETURN:
    case SWARM_RECORD:
    case SWARM_LEAVE:
    case SWARM_DROP:
    case SWARM_SYNC:
        break;
    }
}

static void on_channel_end(void *user_data)
{
    (void)user_data; /* its process has ended or will; that is heard of by itself */
}

static void on_child_end(struct ev_loop *loop, ev_child *child, int revents)
{
    struct swarm_worker_process *worker = container_of(child, struct swarm_worker_process, child);
    (void)revents;

    ev_child_stop(loop, child);
    worker->is_running = false;
    worker->status = child->rstatus;
}

/* ---- starting ---- */

static struct swarm_worker_settings settings_of(const struct swarm_workers *workers, uint32_t number)
{
    const struct swarm_workers_settings *all = &workers->settings;
    struct swarm_worker_settings settings = all->worker;
    uint32_t attempts = all->worker.crowd.attempt_limit / all->process_count;

    settings.crowd.part = swarm_part_of(all->client_count, all->process_count, number);
    settings.crowd.ramp = all->worker.crowd.ramp * (double)settings.crowd.part.count / (double)all->client_count;
    settings.crowd.attempt_limit = attempts > LEAST_ATTEMPTS ? attempts : LEAST_ATTEMPTS;
    return settings;
}

static void run_worker(const struct swarm_worker_settings *settings, struct swarm_worker_page *page, int channel,
                       pid_t parent)
{
    lubdub_child_begin(parent);
    swarm_worker_run(settings, page, channel);
}

static bool start_one(struct swarm_workers *workers, uint32_t number)
{
    struct swarm_worker_process *worker = &workers->list[number];
    struct swarm_worker_settings settings = settings_of(workers, number);
    pid_t parent = getpid();
    int ends[2];

    worker->workers = workers;
    worker->part = settings.crowd.part;
    worker->page =
        mmap(NULL, sizeof *worker->page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (worker->page == MAP_FAILED) {
        worker->page = NULL;
        set_problem(workers, "a process of the swarm finds no memory", strerror(errno));
        return false;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        set_problem(workers, "no channel to a process of the swarm", strerror(errno));
        return false;
    }
    fflush(NULL);
    worker->process = fork();
    if (worker->process == 0) {
        run_worker(&settings, worker->page, ends[1], parent);
    }
    close(ends[1]);
    if (worker->process < 0) {
        set_problem(workers, "a process of the swarm cannot be started", strerror(errno));
        close(ends[0]);
        return false;
    }
    worker->is_running = true;
    swarm_channel_open(&worker->channel, workers->loop, ends[0], on_news, on_channel_end, worker);
    ev_child_init(&worker->child, on_child_end, worker->process, 0);
    ev_child_start(workers->loop, &worker->child);
    return true;
}

bool swarm_workers_start(struct swarm_workers *workers, struct ev_loop *loop,
                         const struct swarm_workers_settings *settings, const struct swarm_workers_hooks *hooks,
                         void *user_data)
{
    assert(settings->process_count >= 1 && settings->process_count <= settings->client_count);
    memset(workers, 0, sizeof *workers);
    workers->loop = loop;
    workers->settings = *settings;
    workers->hooks = hooks;
    workers->user_data = user_data;
    workers->list = calloc(settings->process_count, sizeof *workers->list);
    if (workers->list == NULL) {
        set_problem(workers, "the swarm cannot start", "no memory is left");
        return false;
    }
    while (workers->count < settings->process_count) {
        if (!start_one(workers, workers->count++)) {
            swarm_workers_clear(workers);
            return false;
        }
    }
    return true;
}

/* ---- looking after them ---- */

bool swarm_workers_are_ready(const struct swarm_workers *workers)
{
    uint32_t i;

    for (i = 0; i < workers->count && (workers->list[i].is_ready || !workers->list[i].is_running); i++) {
    }
    return i == workers->count;
}

bool swarm_workers_work(struct swarm_workers *workers)
{
    char end[96];
    uint32_t i;

    for (i = 0; i < workers->count; i++) {
        const struct swarm_worker_process *worker = &workers->list[i];

        if (!worker->is_running) {
            set_problem(workers, "a process of the swarm did not start", lubdub_child_end(worker->status, end, sizeof end));
            return false;
        }
        if (!worker->works) {
            snprintf(workers->problem, sizeof workers->problem, "%s",
                     worker->is_ready ? worker->page->crowd.counts.failure : "a process of the swarm does not answer");
            return false;
        }
    }
    return true;
}

const struct swarm_worker_process *swarm_workers_lost(const struct swarm_workers *workers)
{
    uint32_t i;

    for (i = 0; i < workers->count && !workers->may_end; i++) {
        if (!workers->list[i].is_running) {
            return &workers->list[i];
        }
    }
    return NULL;
}

/* ---- what they are told ---- */

static void tell_all(struct swarm_workers *workers, struct swarm_message command)
{
    uint32_t i;

    for (i = 0; i < workers->count; i++) {
        swarm_channel_send(&workers->list[i].channel, &command);
    }
}

void swarm_workers_connect(struct swarm_workers *workers, const struct lubdub_address *server)
{
    workers->connect_number++;
    tell_all(workers, (struct swarm_message){.kind = SWARM_CONNECT, .server = *server});
}

static void tell_its_process(struct swarm_workers *workers, struct swarm_message command)
{
    uint32_t number = swarm_part_with(workers->settings.client_count, workers->count, command.client);

    swarm_channel_send(&workers->list[number].channel, &command);
}

void swarm_workers_strike(struct swarm_workers *workers, uint32_t client, enum swarm_fault fault)
{
    tell_its_process(workers, (struct swarm_message){.kind = SWARM_STRIKE, .client = client, .fault = (uint8_t)fault});
}

void swarm_workers_return(struct swarm_workers *workers, uint32_t client)
{
    tell_its_process(workers, (struct swarm_message){.kind = SWARM_RETURN, .client = client});
}

void swarm_workers_record(struct swarm_workers *workers, bool records)
{
    tell_all(workers, (struct swarm_message){.kind = SWARM_RECORD, .flag = records});
}

void swarm_workers_leave(struct swarm_workers *workers)
{
    uint32_t i;

    for (i = 0; i < workers->count; i++) {
        workers->list[i].is_gone = false;
    }
    tell_all(workers, (struct swarm_message){.kind = SWARM_LEAVE});
}

void swarm_workers_drop(struct swarm_workers *workers)
{
    tell_all(workers, (struct swarm_message){.kind = SWARM_DROP});
}

void swarm_workers_sync(struct swarm_workers *workers)
{
    tell_all(workers, (struct swarm_message){.kind = SWARM_SYNC, .number = ++workers->sync_number});
}

bool swarm_workers_are_settled(const struct swarm_workers *workers)
{
    uint32_t i;

    for (i = 0; i < workers->count; i++) {
        if (workers->list[i].is_running && workers->list[i].settled_number != workers->connect_number) {
            return false;
        }
    }
    return true;
}

bool swarm_workers_are_gone(const struct swarm_workers *workers)
{
    uint32_t i;

    for (i = 0; i < workers->count && (workers->list[i].is_gone || !workers->list[i].is_running); i++) {
    }
    return i == workers->count;
}

bool swarm_workers_are_synced(const struct swarm_workers *workers)
{
    uint32_t i;

    for (i = 0; i < workers->count; i++) {
        if (workers->list[i].is_running && workers->list[i].synced_number != workers->sync_number) {
            return false;
        }
    }
    return true;
}

void swarm_workers_signal(const struct swarm_workers *workers, int signal)
{
    uint32_t i;

    for (i = 0; i < workers->count; i++) {
        if (workers->list[i].is_running) {
            kill(workers->list[i].process, signal);
        }
    }
}

/* ---- the end ---- */

/* Kills what has not ended by itself, and takes what is left of it. */
static void reap(struct swarm_worker_process *worker, int *patience_ms)
{
    ev_child_stop(worker->workers->loop, &worker->child);
    while (worker->is_running) {
        pid_t ended = waitpid(worker->process, &worker->status, WNOHANG);

        if (ended == worker->process || (ended < 0 && errno == ECHILD)) {
            worker->is_running = false;
        } else if (*patience_ms > 0) {
            poll(NULL, 0, 5);
            *patience_ms -= 5;
        } else {
            kill(worker->process, SIGKILL);
            poll(NULL, 0, 1);
        }
    }
}

void swarm_workers_clear(struct swarm_workers *workers)
{
    int patience_ms = END_PATIENCE_MS;
    uint32_t i;

    workers->may_end = true;
    swarm_workers_signal(workers, SIGCONT);
    for (i = 0; i < workers->count; i++) {
        swarm_channel_close(&workers->list[i].channel); /* which each understands */
    }
    for (i = 0; i < workers->count; i++) {
        reap(&workers->list[i], &patience_ms);
        if (workers->list[i].page != NULL) {
            munmap(workers->list[i].page, sizeof *workers->list[i].page);
        }
    }
    free(workers->list);
    workers->list = NULL;
    workers->count = 0;
}
