/* Makes settings of presence from options. */
#include "server/program/cluster.h"

#ifdef LUBDUB_WITH_REDIS

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program/events/json.h"
#include "program/events/log.h"
#include "server/presence/presence.h"

struct cluster {
    struct presence *presence;
    struct lubdub_tls *tls; /* towards Redis; NULL: none */
};

static void log_line(bool is_warning, const char *text, void *user_data)
{
    (void)user_data;
    lubdub_log_peer(is_warning ? LUBDUB_LOG_WARNING : LUBDUB_LOG_INFO, "%s", text);
}

/* The bytes are a line, as far as it is filled. */
static size_t write_event(const void *event, size_t length, char *json, size_t capacity)
{
    struct lubdub_event_line line;

    memcpy(&line, event, length);
    return lubdub_event_line_json(&line, json, capacity);
}

static bool fail(char *problem, size_t capacity, const char *why)
{
    snprintf(problem, capacity, "%s", why);
    return false;
}

/* What the file has, if one was read: 255 bytes at most. */
static void take_secret(char target[PRESENCE_NAME_SIZE], const struct lubdub_secret_file *file)
{
    if (file->count > 0) {
        memcpy(target, file->lines[0].data, file->lines[0].length);
        target[file->lines[0].length] = '\0';
    }
}

bool cluster_open(struct cluster **cluster, const struct options *options, char *problem, size_t capacity)
{
    const struct lubdub_credentials files = options_redis_credentials(options);
    struct presence_settings settings = {
        .node = options->node,
        .lease = options->redis_lease,
        .grace = options->grace,
        .rate = options->redis_rate,
        .write_event = write_event,
        .log = log_line,
    };
    int error;

    if (options->redis == NULL) {
        return true;
    }
    *cluster = calloc(1, sizeof **cluster);
    if (*cluster == NULL || presence_url_parse(options->redis, &settings.url) != NULL) {
        return fail(problem, capacity, strerror(ENOMEM));
    }
    if (settings.url.is_tls &&
        !lubdub_credentials_load(&(*cluster)->tls, LUBDUB_ROLE_CLIENT, &files, problem, capacity)) {
        return false;
    }
    lubdub_credentials_warn((*cluster)->tls, &files);
    settings.tls = (*cluster)->tls;
    take_secret(settings.url.password, &options->redis_password);
    take_secret(settings.url.sentinel_password, &options->redis_sentinel_password);
    if (options->redis_sentinel_user != NULL) {
        strcpy(settings.url.sentinel_user, options->redis_sentinel_user);
    }
    error = presence_open(&(*cluster)->presence, &settings);
    explicit_bzero(&settings, sizeof settings);
    return error == 0 || fail(problem, capacity, strerror(error));
}

int cluster_start(struct cluster *cluster, struct lubdub_server *server)
{
    return cluster != NULL ? presence_start(cluster->presence, server) : 0;
}

void cluster_tell(struct cluster *cluster, const struct lubdub_event_line *line)
{
    presence_publish(cluster->presence, line, offsetof(struct lubdub_event_line, fields) + line->length);
}

void cluster_note(struct cluster *cluster, const struct lubdub_server_event *event)
{
    if (cluster != NULL) {
        presence_note(cluster->presence, event);
    }
}

static enum register_where where(enum presence_where known)
{
    switch (known) {
    case PRESENCE_NOT_ELSEWHERE:
        return REGISTER_NOT_ELSEWHERE;
    case PRESENCE_ELSEWHERE:
        return REGISTER_ELSEWHERE;
    case PRESENCE_WHERE_UNKNOWN:
        return REGISTER_WHERE_UNKNOWN;
    case PRESENCE_WHERE_ASKED:
        break;
    }
    return REGISTER_WHERE_ASKED;
}

static enum register_where find(struct lubdub_slice identity, void *user_data)
{
    const struct cluster *cluster = user_data;

    return where(presence_find(cluster->presence, identity.data, identity.length));
}

static enum register_where find_like(struct lubdub_slice pattern, uint64_t here, uint64_t *elsewhere, void *user_data)
{
    const struct cluster *cluster = user_data;

    return where(presence_find_like(cluster->presence, pattern.data, pattern.length, here, elsewhere));
}

struct register_elsewhere cluster_elsewhere(struct cluster *cluster)
{
    return cluster != NULL ? (struct register_elsewhere){find, find_like, cluster} : (struct register_elsewhere){0};
}

void cluster_count(struct cluster *cluster, struct cluster_counts *counts)
{
    struct presence_counts known;

    *counts = (struct cluster_counts){0};
    if (cluster != NULL) {
        presence_counts(cluster->presence, &known);
        *counts = (struct cluster_counts){
            .is_used = true,
            .is_up = known.is_up,
            .queued = known.queued,
            .answered = known.answered,
            .refused = known.refused,
            .unanswered = known.unanswered,
            .conflicts = known.conflicts,
            .buried = known.buried,
            .moved = known.moved,
            .events_lost = known.events_lost,
        };
    }
}

size_t cluster_nodes(struct cluster *cluster, struct cluster_node *nodes, size_t most)
{
    static const char *const words[] = {"live", "suspect", "dead", "left", "unknown"};
    struct presence_node *known = cluster != NULL ? calloc(most, sizeof *known) : NULL;
    size_t count = known != NULL ? presence_nodes(cluster->presence, known, most) : 0;
    size_t i;

    for (i = 0; i < count; i++) {
        strcpy(nodes[i].name, known[i].name);
        nodes[i].state = words[known[i].state];
        nodes[i].sessions = known[i].sessions;
        nodes[i].is_self = known[i].is_self;
    }
    free(known);
    return count;
}

void cluster_stop(struct cluster *cluster)
{
    if (cluster != NULL) {
        presence_stop(cluster->presence);
    }
}

void cluster_close(struct cluster *cluster)
{
    if (cluster != NULL) {
        presence_close(cluster->presence);
        lubdub_credentials_free(cluster->tls);
        free(cluster);
    }
}

#else

bool cluster_open(struct cluster **cluster, const struct options *options, char *problem, size_t capacity)
{
    (void)cluster, (void)options, (void)problem, (void)capacity;
    return true;
}

int cluster_start(struct cluster *cluster, struct lubdub_server *server)
{
    (void)cluster, (void)server;
    return 0;
}

void cluster_tell(struct cluster *cluster, const struct lubdub_event_line *line)
{
    (void)cluster, (void)line;
}

void cluster_note(struct cluster *cluster, const struct lubdub_server_event *event)
{
    (void)cluster, (void)event;
}

struct register_elsewhere cluster_elsewhere(struct cluster *cluster)
{
    (void)cluster;
    return (struct register_elsewhere){0};
}

void cluster_count(struct cluster *cluster, struct cluster_counts *counts)
{
    (void)cluster;
    *counts = (struct cluster_counts){0};
}

size_t cluster_nodes(struct cluster *cluster, struct cluster_node *nodes, size_t most)
{
    (void)cluster, (void)nodes, (void)most;
    return 0;
}

void cluster_stop(struct cluster *cluster)
{
    (void)cluster;
}

void cluster_close(struct cluster *cluster)
{
    (void)cluster;
}

#endif
