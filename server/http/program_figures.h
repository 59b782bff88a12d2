/* What the program around the server knows of itself, for the page and the metrics. */
#ifndef LUBDUB_SERVER_HTTP_PROGRAM_FIGURES_H
#define LUBDUB_SERVER_HTTP_PROGRAM_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HOOK_RESULTS 5

struct http_program_figures {
    uint64_t events_lost_output; /* on standard output, */
    uint64_t events_lost_file;   /* and in the file */
    uint64_t log_suppressed;     /* lines of the log that its rate left out */
    const char *hook_words[HTTP_HOOK_RESULTS];
    uint64_t hook_counts[HTTP_HOOK_RESULTS];
    bool last_reload_is_good;        /* of the settings; their first reading counts */
    uint64_t last_good_reload_s;     /* since 1970 */
    int64_t certificate_not_after_s; /* since 1970; 0: there is none */

    bool has_redis; /* else these are 0 */
    bool redis_is_up;
    uint64_t redis_queued;
    uint64_t redis_answered; /* commands */
    uint64_t redis_refused;
    uint64_t redis_unanswered;
    uint64_t redis_conflicts;
    uint64_t redis_buried;
    uint64_t redis_moved;
    uint64_t events_lost_redis;
};

/* A node of the cluster. */
struct http_node {
    char name[65];
    const char *state; /* static */
    uint64_t sessions;
    bool is_self;
};

#define HTTP_NODES 256

/* Fills it; in the thread of the HTTP server. */
typedef void (*http_fill)(struct http_program_figures *figures, void *user_data);

/* Fills up to `most`, and returns how many; in the same thread. */
typedef size_t (*http_list_nodes)(struct http_node *nodes, size_t most, void *user_data);

#endif
