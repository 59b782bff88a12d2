/* Declares the state of lubdub-client for the files of this folder: a watch for each session, and what the watches
 * share. */
#ifndef LUBDUB_CLIENT_PROGRAM_PROGRAM_H
#define LUBDUB_CLIENT_PROGRAM_PROGRAM_H

#include <ev.h>
#include <stdbool.h>

#include <lubdub/client.h>

#include "client/program/check.h"
#include "client/program/options.h"
#include "client/program/reporter.h"
#include "client/program/round_trips.h"
#include "client/program/service.h"
#include "program/process/hooks.h"

#define EXIT_DOWN 1

struct program;

/* One client of the library: over all servers, or with --all over one of them. */
struct watch {
    struct program *program;
    size_t index; /* of its server, with --all */
    struct lubdub_client *client;
    struct lubdub_client_counts past;  /* of clients that a reload has replaced */
    struct lubdub_hook_subject state;  /* up or down, as the commands were told */
    struct lubdub_hook_subject rounds; /* that failed */
    uint64_t ack_count;
    lubdub_duration told_interval; /* granted, as the log has told */
    unsigned unauthorized;         /* rounds in a row that ended so */
    bool is_up;                    /* until it goes down by itself, not when we leave */
    bool is_done;                  /* it has its count of acks */
    bool has_failed;
    bool renews; /* is stopped to begin anew with other options */
    bool is_stopped;
};

struct program {
    struct ev_loop *loop;
    int argc;
    char **argv;
    struct options options;
    struct reporter reporter;
    struct round_trips round_trips;
    struct check check;
    struct lubdub_hooks hooks;
    struct service service;
    struct watch *watches;
    size_t watch_count; /* 0 until they begin */
    int exit_status;
    int signal;                               /* that ends it; 0: none */
    bool is_leaving;                          /* a signal came, the deadline is over, or standard output is not read */
    bool is_over;                             /* all watches are at rest */
    void (*on_rest)(struct program *program); /* a watch is at rest and does not begin anew */
    ev_signal terminate;
    ev_signal interrupt;
    ev_signal hang_up;
    ev_async output_failed;
    ev_timer deadline;
    ev_timer patience;
};

#endif
