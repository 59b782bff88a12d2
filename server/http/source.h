/* Where all that is shown comes from. */
#ifndef LUBDUB_SERVER_HTTP_SOURCE_H
#define LUBDUB_SERVER_HTTP_SOURCE_H

#include <stdatomic.h>

#include <lubdub/server.h>

#include "server/http/program_figures.h"

struct lubdub_register;

struct source {
    struct lubdub_server *server;
    struct lubdub_register *reg;
    http_fill fill;
    http_list_nodes list_nodes;
    void *user_data;
    const char *node; /* NULL: none */
    const char *version;
    uint64_t started_ns;               /* since 1970 */
    atomic_uint streams;               /* of events, open now */
    atomic_uint_least64_t events_lost; /* that streams had missed when they came to them */
};

#endif
