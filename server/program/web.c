/* Tells the HTTP server what the program knows of itself. */
#include "server/program/web.h"

#ifdef LUBDUB_HTTP

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <lubdub/version.h>

#include "ev/clock.h"
#include "program/events/log.h"
#include "server/http/http.h"

struct web {
    struct reporter *reporter;
    struct hooks *hooks;
    struct cluster *cluster;
    struct http *http;
    atomic_bool last_reload_is_good;
    atomic_uint_least64_t last_good_reload_s;
    atomic_int_least64_t not_after_s;
};

static void fill(struct http_program_figures *figures, void *user_data)
{
    struct web *web = user_data;
    struct cluster_counts redis;
    int result;

    figures->events_lost_output = reporter_lost_output(web->reporter);
    figures->events_lost_file = reporter_lost_file(web->reporter);
    figures->log_suppressed = lubdub_log_suppressed();
    for (result = 0; result < HOOKS_RESULTS; result++) {
        figures->hook_words[result] = hooks_result_word((enum hooks_result)result);
        figures->hook_counts[result] = hooks_count(web->hooks, (enum hooks_result)result);
    }
    cluster_count(web->cluster, &redis);
    figures->has_redis = redis.is_used;
    figures->redis_is_up = redis.is_up;
    figures->redis_queued = redis.queued;
    figures->redis_answered = redis.answered;
    figures->redis_refused = redis.refused;
    figures->redis_unanswered = redis.unanswered;
    figures->redis_conflicts = redis.conflicts;
    figures->redis_buried = redis.buried;
    figures->redis_moved = redis.moved;
    figures->events_lost_redis = redis.events_lost;
    figures->last_reload_is_good = atomic_load(&web->last_reload_is_good);
    figures->last_good_reload_s = atomic_load(&web->last_good_reload_s);
    figures->certificate_not_after_s = atomic_load(&web->not_after_s);
}

static size_t list_nodes(struct http_node *nodes, size_t most, void *user_data)
{
    struct web *web = user_data;
    struct cluster_node *known = calloc(most, sizeof *known);
    size_t count = known != NULL ? cluster_nodes(web->cluster, known, most) : 0;
    size_t i;

    for (i = 0; i < count; i++) {
        strcpy(nodes[i].name, known[i].name);
        nodes[i].state = known[i].state;
        nodes[i].sessions = known[i].sessions;
        nodes[i].is_self = known[i].is_self;
    }
    free(known);
    return count;
}

static void hear(const struct lubdub_event_line *line, void *user_data)
{
    http_tell(user_data, line);
}

void web_note_reload(struct web *web, const struct options *taken)
{
    if (web == NULL) {
        return;
    }
    atomic_store(&web->last_reload_is_good, taken != NULL);
    if (taken != NULL) {
        atomic_store(&web->last_good_reload_s, lubdub_clock_realtime() / LUBDUB_SECOND);
        atomic_store(&web->not_after_s, lubdub_credentials_not_after(taken->tls));
    }
}

int web_open(struct web **opened, const struct web_settings *settings)
{
    const struct options *options = settings->options;
    struct web *web;
    int error;

    if (options->http == NULL) {
        return 0;
    }
    web = calloc(1, sizeof *web);
    if (web == NULL) {
        return ENOMEM;
    }
    web->reporter = settings->reporter;
    web->hooks = settings->hooks;
    web->cluster = settings->cluster;
    web_note_reload(web, options);
    error = http_open(&web->http, &(struct http_settings){
                                      .address = options->http,
                                      .token = options->http_token.count > 0 ? options->http_token.lines[0]
                                                                             : (struct lubdub_slice){NULL, 0},
                                      .hosts = options->http_hosts.items,
                                      .host_count = options->http_hosts.count,
                                      .node = options->node,
                                      .version = LUBDUB_VERSION,
                                      .server = settings->server,
                                      .reg = settings->reg,
                                      .fill = fill,
                                      .list_nodes = list_nodes,
                                      .user_data = web,
                                  });
    if (error != 0) {
        free(web);
        return error;
    }
    reporter_add_listener(settings->reporter, hear, web->http);
    *opened = web;
    return 0;
}

void web_stop(struct web *web)
{
    if (web != NULL) {
        http_stop(web->http);
    }
}

void web_close(struct web *web)
{
    if (web != NULL) {
        http_free(web->http);
        free(web);
    }
}

#else

int web_open(struct web **web, const struct web_settings *settings)
{
    (void)web, (void)settings;
    return 0; /* no address is right */
}

void web_note_reload(struct web *web, const struct options *taken)
{
    (void)web, (void)taken;
}

void web_stop(struct web *web)
{
    (void)web;
}

void web_close(struct web *web)
{
    (void)web;
}

#endif
