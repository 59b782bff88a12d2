/*
 * The processes of the swarm, as the coordinator sees them: each with a part of the clients, all told the same.
 *
 *     start -> connect -> strike, record ... -> leave or drop -> connect ... -> end
 *
 * They die with us, whatever we die of, and a Ctrl-C on the terminal does not reach them. Needs the default loop, which
 * alone hears of children.
 */
#ifndef LUBDUB_SWARM_CLIENTS_WORKERS_H
#define LUBDUB_SWARM_CLIENTS_WORKERS_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "swarm/clients/channel.h"
#include "swarm/clients/worker.h"

struct swarm_workers_hooks {
    /* News of one client, in the order in which they happened to it. */
    void (*on_up)(void *user_data, const struct swarm_message *up);
    void (*on_down)(void *user_data, const struct swarm_message *down);
    /* What became of a swarm_workers_strike(). */
    void (*on_struck)(void *user_data, const struct swarm_message *struck);
};

struct swarm_workers_settings {
    uint32_t client_count;
    uint32_t process_count;
    struct swarm_worker_settings worker; /* the part, the ramp and the limit of attempts: of all together */
};

struct swarm_worker_process {
    struct swarm_workers *workers;
    struct swarm_part part;
    pid_t process;
    ev_child child;
    struct swarm_channel channel;
    struct swarm_worker_page *page;
    bool is_running;
    bool is_ready;
    bool works;
    bool is_gone;            /* since the last leave */
    uint32_t settled_number; /* the connect that it is done with */
    uint32_t synced_number;
    int status; /* as waitpid gives it, once it does not run any more */
};

#define SWARM_WORKERS_PROBLEM_SIZE 256

struct swarm_workers {
    struct ev_loop *loop;
    struct swarm_workers_settings settings;
    const struct swarm_workers_hooks *hooks;
    void *user_data;
    struct swarm_worker_process *list;
    uint32_t count; /* that were started */
    uint32_t connect_number;
    uint32_t sync_number;
    bool may_end; /* by our own hand */
    char problem[SWARM_WORKERS_PROBLEM_SIZE];
};

/* Starts them all; _are_ready() becomes true in time. False: problem, and none runs. */
bool swarm_workers_start(struct swarm_workers *workers, struct ev_loop *loop,
                         const struct swarm_workers_settings *settings, const struct swarm_workers_hooks *hooks,
                         void *user_data);

/* Whether each has said that it works, or that it does not. */
bool swarm_workers_are_ready(const struct swarm_workers *workers);

/* After that. False: problem. */
bool swarm_workers_work(struct swarm_workers *workers);

/* One that has ended, and not by our hand; NULL: all is well. */
const struct swarm_worker_process *swarm_workers_lost(const struct swarm_workers *workers);

/* As the messages of channel.h. */
void swarm_workers_connect(struct swarm_workers *workers, const struct lubdub_address *server);
void swarm_workers_strike(struct swarm_workers *workers, uint32_t client, enum swarm_fault fault);
void swarm_workers_return(struct swarm_workers *workers, uint32_t client);
void swarm_workers_record(struct swarm_workers *workers, bool records);
void swarm_workers_leave(struct swarm_workers *workers);
void swarm_workers_drop(struct swarm_workers *workers);
void swarm_workers_sync(struct swarm_workers *workers);

/* Whether all have done the last of these; one that has ended is done with everything. */
bool swarm_workers_are_settled(const struct swarm_workers *workers);
bool swarm_workers_are_gone(const struct swarm_workers *workers);
bool swarm_workers_are_synced(const struct swarm_workers *workers);

void swarm_workers_signal(const struct swarm_workers *workers, int signal);

/* They are told to end, and killed if they do not within a moment. Outside the loop; without a start nothing happens.
 */
void swarm_workers_clear(struct swarm_workers *workers);

#endif
