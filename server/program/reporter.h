/*
 * Reports the server's events as lines: to standard output as text or JSON, to a file as JSON. What one session,
 * address or identity brings about beyond its budget is told as a `summary` (budget.h, takeovers.h, brief_sessions.h).
 */
#ifndef LUBDUB_SERVER_PROGRAM_REPORTER_H
#define LUBDUB_SERVER_PROGRAM_REPORTER_H

#include <ev.h>
#include <pthread.h>

#include <lubdub/server.h>

#include "program/events/writer.h"
#include "server/program/brief_sessions.h"
#include "server/program/budget.h"
#include "server/program/options.h"
#include "server/program/takeovers.h"

/*
 * Hears of each line that is told. Called in any thread, also with locks of the reporter held: it copies what it needs
 * and returns.
 */
typedef void (*reporter_hear)(const struct lubdub_event_line *line, void *user_data);

#define REPORTER_LISTENERS 4

struct reporter {
    struct lubdub_event_writer *output; /* NULL: none */
    struct lubdub_event_writer *file;   /* NULL: none */
    const char *node;                   /* borrowed; NULL: none */
    reporter_hear listeners[REPORTER_LISTENERS];
    void *listener_data[REPORTER_LISTENERS];
    size_t listener_count;

    struct ev_loop *loop; /* settles what was counted, while there is something */
    ev_async wake;
    ev_timer timer;

    pthread_mutex_t lock; /* of all below */
    struct budget *budget;
    struct takeovers *takeovers;
    struct brief_sessions *brief_sessions;
    bool is_settling; /* the timer runs, or will */
};

/*
 * Returns 0, or an errno for the file (lubdub_event_output_error_text). The loop is that of the calling thread; it is
 * used until _close.
 */
int reporter_open(struct reporter *reporter, const struct options *options, struct ev_loop *loop);

/* Before the first event. */
void reporter_add_listener(struct reporter *reporter, reporter_hear hear, void *user_data);

/* Any thread. */
void reporter_report(struct reporter *reporter, const struct lubdub_server_event *event);

/* A line that is no event of the server library's. Any thread. */
void reporter_tell(struct reporter *reporter, const struct lubdub_event_line *line);

/* Opens the file anew; 0 or an errno. */
int reporter_reopen(struct reporter *reporter);

/* How many lines were lost so far: on standard output, in the file, and both together. */
uint64_t reporter_lost_output(const struct reporter *reporter);
uint64_t reporter_lost_file(const struct reporter *reporter);
uint64_t reporter_lost(const struct reporter *reporter);

/* No event may be reported meanwhile. Writes what waits, for a bounded time. Returns how many lines were lost. */
uint64_t reporter_close(struct reporter *reporter);

#endif
