/* Reports the client's events as lines on standard output, as text in the manner of ping or as JSON. */
#ifndef LUBDUB_CLIENT_PROGRAM_REPORTER_H
#define LUBDUB_CLIENT_PROGRAM_REPORTER_H

#include <lubdub/client.h>

#include "client/program/options.h"
#include "client/program/round_trips.h"
#include "program/events/writer.h"

struct reporter {
    struct lubdub_event_writer *output; /* NULL: none */
    const char *identity;               /* borrowed; NULL: none */
    bool is_quiet;                      /* of acks */
    bool names_servers;                 /* in every line, as there are several sessions */
};

/* A server of --all, at the end. */
struct reporter_host {
    const struct lubdub_client_server *server;
    bool is_up;
    struct lubdub_client_counts counts;
};

struct reporter_summary {
    struct lubdub_client_counts counts; /* of all */
    const struct round_trips *round_trips;
    size_t host_count; /* 0: without --all */
    size_t up_count;
};

/* on_failed comes in another thread when nothing will ever read standard output. Returns 0 or an errno. */
int reporter_open(struct reporter *reporter, const struct options *options, void (*on_failed)(void *user_data),
                  void *user_data);

/* Writes the event and leaves it in *line, for the commands. */
void reporter_report(struct reporter *reporter, const struct lubdub_client_event *event,
                     struct lubdub_event_line *line);

/* What options that were read again change. */
void reporter_take_options(struct reporter *reporter, const struct options *options);

void reporter_report_host(struct reporter *reporter, const struct reporter_host *host);
void reporter_summarize(struct reporter *reporter, const struct reporter_summary *summary);

/* Writes what waits, for a bounded time. Returns how many lines were lost. */
uint64_t reporter_close(struct reporter *reporter);

#endif
