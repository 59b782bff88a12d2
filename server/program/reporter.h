/* Reports the server's events as lines: to standard output as text or JSON, to a file as JSON. */
#ifndef LUBDUB_SERVER_PROGRAM_REPORTER_H
#define LUBDUB_SERVER_PROGRAM_REPORTER_H

#include <lubdub/server.h>

#include "program/events/writer.h"
#include "server/program/options.h"

struct reporter {
    struct lubdub_event_writer *output; /* NULL: none */
    struct lubdub_event_writer *file;   /* NULL: none */
    const char *node;                   /* borrowed; NULL: none */
};

/* Returns 0, or an errno for the file. */
int reporter_open(struct reporter *reporter, const struct options *options);

/* Any thread. */
void reporter_report(struct reporter *reporter, const struct lubdub_server_event *event);

/* Opens the file anew; 0 or an errno. */
int reporter_reopen(struct reporter *reporter);

/* How many lines were lost so far. */
uint64_t reporter_lost(const struct reporter *reporter);

/* Writes what waits, for a bounded time. Returns how many lines were lost. */
uint64_t reporter_close(struct reporter *reporter);

#endif
