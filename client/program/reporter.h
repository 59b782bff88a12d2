/* Reports the client's events as lines on standard output, as text in the manner of ping or as JSON. */
#ifndef LUBDUB_CLIENT_PROGRAM_REPORTER_H
#define LUBDUB_CLIENT_PROGRAM_REPORTER_H

#include <lubdub/client.h>

#include "client/program/options.h"
#include "program/events/writer.h"

struct reporter {
    struct lubdub_event_writer *output; /* NULL: none */
    const char *identity;               /* borrowed; NULL: none */
    bool is_quiet;                      /* of acks */
    bool names_servers;                 /* in every line, as there are several sessions */
};

struct program;

/* on_failed comes in another thread when nothing will ever read standard output. Returns 0 or an errno. */
int reporter_open(struct reporter *reporter, const struct options *options, void (*on_failed)(void *user_data),
                  void *user_data);

/* Writes the event and leaves it in *line, for the commands. */
void reporter_report(struct reporter *reporter, const struct lubdub_client_event *event,
                     struct lubdub_event_line *line);

/* What options that were read again change. */
void reporter_take_options(struct reporter *reporter, const struct options *options);

/* With --all a line for each server, and one summary. */
void reporter_summarize(struct reporter *reporter, const struct program *program);

/* Writes what waits, for a bounded time. Returns how many lines were lost. */
uint64_t reporter_close(struct reporter *reporter);

#endif
