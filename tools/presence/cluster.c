/* Reads the keys that docs/guide/scaling.md describes. */
#define _GNU_SOURCE
#include "presence/cluster.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/presence/claim.h"

#define TIMEOUT_S 5
#define POLL_MS 20

/* Nodes count four times a lease. */
#define BEATS_IN_LEASE 4

struct cluster {
    redisContext *redis;
    json_t *live; /* node → boot */
};

static bool fail(char problem[CLUSTER_PROBLEM_SIZE], const char *why)
{
    snprintf(problem, CLUSTER_PROBLEM_SIZE, "%s", why);
    return false;
}

/* ---- the connection ---- */

static redisContext *connect_to(const struct presence_url *url, const struct presence_host *host,
                                char problem[CLUSTER_PROBLEM_SIZE])
{
    const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    redisContext *redis = url->is_unix ? redisConnectUnixWithTimeout(url->path, timeout)
                                       : redisConnectWithTimeout(host->name, host->port, timeout);

    if (redis != NULL && redis->err == 0 && redisSetTimeout(redis, timeout) == REDIS_OK) {
        return redis;
    }
    (void)fail(problem, redis != NULL ? redis->errstr : "no memory is left");
    if (redis != NULL) {
        redisFree(redis);
    }
    return NULL;
}

/* The caller frees it. NULL, and why: no answer, or a refusal. */
static redisReply *ask(redisContext *redis, int count, const char **words, const size_t *lengths,
                       char problem[CLUSTER_PROBLEM_SIZE])
{
    redisReply *reply = redisCommandArgv(redis, count, words, lengths);

    if (reply == NULL) {
        (void)fail(problem, redis->errstr[0] != '\0' ? redis->errstr : "it does not answer");
    } else if (reply->type == REDIS_REPLY_ERROR) {
        (void)fail(problem, reply->str);
        freeReplyObject(reply);
        reply = NULL;
    }
    return reply;
}

static bool tell(redisContext *redis, int count, const char **words, char problem[CLUSTER_PROBLEM_SIZE])
{
    redisReply *reply = ask(redis, count, words, NULL, problem);

    if (reply != NULL) {
        freeReplyObject(reply);
    }
    return reply != NULL;
}

static bool find_master(const struct presence_url *url, struct presence_host *master,
                        char problem[CLUSTER_PROBLEM_SIZE])
{
    const char *words[] = {"SENTINEL", "get-master-addr-by-name", url->master};
    size_t i;

    for (i = 0; i < url->host_count; i++) {
        redisContext *sentinel = connect_to(url, &url->hosts[i], problem);
        redisReply *reply = sentinel != NULL ? ask(sentinel, 3, words, NULL, problem) : NULL;
        bool is_found = reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                        strlen(reply->element[0]->str) < sizeof master->name;

        if (is_found) {
            strcpy(master->name, reply->element[0]->str);
            master->port = (uint16_t)strtoul(reply->element[1]->str, NULL, 10);
        } else if (reply != NULL) {
            (void)fail(problem, "the sentinel knows no such master");
        }
        if (reply != NULL) {
            freeReplyObject(reply);
        }
        if (sentinel != NULL) {
            redisFree(sentinel);
        }
        if (is_found) {
            return true;
        }
    }
    return false;
}

static bool introduce(redisContext *redis, const struct presence_url *url, struct lubdub_slice password,
                      char problem[CLUSTER_PROBLEM_SIZE])
{
    char secret[PRESENCE_NAME_SIZE];
    char database[16];
    const char *select[] = {"SELECT", database};
    const char *auth[] = {"AUTH", secret, secret};
    bool is_done = true;

    snprintf(secret, sizeof secret, "%.*s", password.data != NULL ? (int)password.length : (int)strlen(url->password),
             password.data != NULL ? password.data : url->password);
    if (secret[0] != '\0') {
        auth[1] = url->user[0] != '\0' ? url->user : secret;
        is_done = tell(redis, url->user[0] != '\0' ? 3 : 2, auth, problem);
    }
    explicit_bzero(secret, sizeof secret);
    snprintf(database, sizeof database, "%u", url->database);
    return is_done && (url->database == 0 || tell(redis, 2, select, problem));
}

struct cluster *cluster_open(const struct presence_url *url, struct lubdub_slice password,
                             char problem[CLUSTER_PROBLEM_SIZE])
{
    struct presence_host master = url->hosts[0];
    struct cluster *cluster = calloc(1, sizeof *cluster);

    if (cluster == NULL) {
        (void)fail(problem, "no memory is left");
        return NULL;
    }
    if (!url->has_sentinels || find_master(url, &master, problem)) {
        cluster->redis = connect_to(url, &master, problem);
    }
    if (cluster->redis == NULL || !introduce(cluster->redis, url, password, problem)) {
        cluster_close(cluster);
        return NULL;
    }
    return cluster;
}

void cluster_close(struct cluster *cluster)
{
    if (cluster == NULL) {
        return;
    }
    json_decref(cluster->live);
    if (cluster->redis != NULL) {
        redisFree(cluster->redis);
    }
    free(cluster);
}

/* ---- nodes ---- */

static redisReply *read_nodes(struct cluster *cluster, char problem[CLUSTER_PROBLEM_SIZE])
{
    const char *words[] = {"HGETALL", PRESENCE_NODES};

    return ask(cluster->redis, 2, words, NULL, problem);
}

static double now_s(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Takes those that have counted since the first reading; returns the longest time for which another one is waited for.
 */
static double compare(struct cluster *cluster, const redisReply *before, const redisReply *after)
{
    double longest = 0;
    size_t i;
    size_t k;

    for (i = 0; i + 1 < before->elements; i += 2) {
        const char *name = before->element[i]->str;
        struct presence_entry old;
        struct presence_entry fresh = {0};

        if (!presence_entry_read(&old, before->element[i + 1]->str, (size_t)before->element[i + 1]->len) ||
            !old.is_live || json_object_get(cluster->live, name) != NULL) {
            continue;
        }
        for (k = 0; k + 1 < after->elements; k += 2) {
            if (strcmp(after->element[k]->str, name) == 0) {
                (void)presence_entry_read(&fresh, after->element[k + 1]->str, (size_t)after->element[k + 1]->len);
            }
        }
        if (fresh.is_live && (fresh.counter != old.counter || strcmp(fresh.boot, old.boot) != 0)) {
            json_object_set_new(cluster->live, name, json_string(fresh.boot));
        } else if (fresh.is_live) {
            double wait = 1.5 * (double)old.lease_ms / 1000 / BEATS_IN_LEASE;

            longest = wait > longest ? wait : longest;
        }
    }
    return longest;
}

/* Which nodes are live: those whose count rises while we look. */
static bool look_at_nodes(struct cluster *cluster, char problem[CLUSTER_PROBLEM_SIZE])
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
    redisReply *before = read_nodes(cluster, problem);
    redisReply *after = NULL;
    double began_at = now_s();
    double longest = 1;

    json_decref(cluster->live);
    cluster->live = json_object();
    while (before != NULL && longest > 0) {
        nanosleep(&pause, NULL);
        after = read_nodes(cluster, problem);
        if (after == NULL) {
            break;
        }
        longest = compare(cluster, before, after);
        freeReplyObject(after);
        if (now_s() - began_at > longest) {
            longest = 0;
        }
    }
    if (before != NULL) {
        freeReplyObject(before);
    }
    return before != NULL && after != NULL;
}

/* ---- claims ---- */

static const char *word_of(struct cluster *cluster, const struct presence_claim *claim)
{
    const char *boot = json_string_value(json_object_get(cluster->live, claim->node));

    if (claim->state == PRESENCE_ABSENT) {
        return "gone";
    }
    if (claim->state == PRESENCE_GONE || (boot != NULL && strcmp(boot, claim->boot) == 0)) {
        return presence_state_word(claim->state);
    }
    return presence_state_word(PRESENCE_UNKNOWN);
}

static json_t *time_json(uint64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char text[40];
    size_t length = gmtime_r(&seconds, &parts) != NULL ? strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts) : 0;

    snprintf(text + length, sizeof text - length, ".%03uZ", (unsigned)(ms % 1000));
    return json_string(text);
}

/* In place: %2C is a comma. */
static void decode(char *text)
{
    char *to = text;
    unsigned byte;

    for (; *text != '\0'; to++) {
        if (text[0] == '%' && sscanf(text + 1, "%2x", &byte) == 1) {
            *to = (char)byte;
            text += 3;
        } else {
            *to = *text++;
        }
    }
    *to = '\0';
}

static json_t *labels_json(const char *labels)
{
    json_t *object = json_object();
    char *copy = strdup(labels);
    char *rest = copy;
    char *label;

    while (copy != NULL && (label = strsep(&rest, ",")) != NULL) {
        char *value = strchr(label, '=');

        if (value != NULL) {
            *value++ = '\0';
            decode(label);
            decode(value);
            json_object_set_new(object, label, json_string(value));
        }
    }
    free(copy);
    return object;
}

static json_t *entry_json(struct cluster *cluster, const char *identity, size_t length, const redisReply *value)
{
    struct presence_claim *claim = malloc(sizeof *claim);
    json_t *entry = NULL;

    if (claim != NULL && value->type == REDIS_REPLY_STRING &&
        presence_claim_read(claim, value->str, (size_t)value->len)) {
        entry = json_object();
        json_object_set_new(entry, "id", json_stringn(identity, length));
        json_object_set_new(entry, "state", json_string(word_of(cluster, claim)));
        json_object_set_new(entry, "node", json_string(claim->node));
        json_object_set_new(entry, "since", time_json(claim->since_ms));
        if (claim->session != 0) {
            json_object_set_new(entry, "session", json_integer((json_int_t)claim->session));
            json_object_set_new(entry, "incarnation", json_string(claim->incarnation));
            json_object_set_new(entry, "remote", json_string(claim->address));
            json_object_set_new(entry, "health", json_string(claim->health));
            json_object_set_new(entry, "labels", labels_json(claim->labels));
        }
    }
    free(claim);
    return entry;
}

static bool has_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    const char *place;

    for (place = words; (place = strstr(place, word)) != NULL; place += length) {
        if ((place == words || place[-1] == ',') && (place[length] == ',' || place[length] == '\0')) {
            return true;
        }
    }
    return false;
}

static bool has_label(const json_t *labels, const char *wanted)
{
    const char *equals = strchr(wanted, '=');
    char key[LUBDUB_LABEL_KEY_LIMIT + 1];
    const char *value;

    snprintf(key, sizeof key, "%.*s", equals != NULL ? (int)(equals - wanted) : (int)strlen(wanted), wanted);
    value = json_string_value(json_object_get(labels, key));
    return value != NULL && (equals == NULL || strcmp(value, equals + 1) == 0);
}

static bool is_wanted(const struct cluster_filter *filter, const json_t *entry)
{
    return (filter->state == NULL || has_word(filter->state, json_string_value(json_object_get(entry, "state")))) &&
           (filter->label == NULL || has_label(json_object_get(entry, "labels"), filter->label));
}

/* The keys of one part of a scan, with their values. Returns false after a failure, or when it is enough. */
static bool take_keys(struct cluster *cluster, const redisReply *keys, const struct cluster_filter *filter,
                      cluster_take take, void *user_data, char problem[CLUSTER_PROBLEM_SIZE])
{
    const size_t prefix = sizeof PRESENCE_IDS - 1;
    bool goes_on = true;
    size_t i;

    for (i = 0; i < keys->elements && goes_on; i++) {
        const redisReply *key = keys->element[i];
        const char *words[] = {"GET", key->str};
        const size_t lengths[] = {3, (size_t)key->len};
        redisReply *value;
        json_t *entry;

        if (filter->id != NULL && strncmp(key->str + prefix, filter->id, strlen(filter->id)) != 0) {
            continue;
        }
        value = ask(cluster->redis, 2, words, lengths, problem);
        if (value == NULL) {
            return false;
        }
        entry = entry_json(cluster, key->str + prefix, (size_t)key->len - prefix, value);
        if (entry != NULL && is_wanted(filter, entry)) {
            goes_on = take(entry, user_data);
        }
        json_decref(entry);
        freeReplyObject(value);
    }
    return goes_on;
}

bool cluster_list(struct cluster *cluster, const struct cluster_filter *filter, cluster_take take, void *user_data,
                  char problem[CLUSTER_PROBLEM_SIZE])
{
    char cursor[24] = "0";
    bool goes_on = look_at_nodes(cluster, problem);

    if (!goes_on) {
        return false;
    }
    problem[0] = '\0';
    do {
        const char *words[] = {"SCAN", cursor, "MATCH", PRESENCE_IDS "*", "COUNT", "1000"};
        redisReply *reply = ask(cluster->redis, 6, words, NULL, problem);

        if (reply == NULL) {
            return false;
        }
        if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
            strlen(reply->element[0]->str) >= sizeof cursor) {
            freeReplyObject(reply);
            return fail(problem, "the answer is none of Redis");
        }
        strcpy(cursor, reply->element[0]->str);
        goes_on = take_keys(cluster, reply->element[1], filter, take, user_data, problem);
        freeReplyObject(reply);
    } while (goes_on && strcmp(cursor, "0") != 0);
    return problem[0] == '\0';
}

json_t *cluster_get(struct cluster *cluster, const char *identity, char problem[CLUSTER_PROBLEM_SIZE])
{
    char key[sizeof PRESENCE_IDS + LUBDUB_IDENTITY_LIMIT];
    const char *words[] = {"GET", key};
    redisReply *value;
    json_t *entry;

    snprintf(key, sizeof key, "%s%s", PRESENCE_IDS, identity);
    if (!look_at_nodes(cluster, problem)) {
        return NULL;
    }
    problem[0] = '\0';
    value = ask(cluster->redis, 2, words, NULL, problem);
    if (value == NULL) {
        return NULL;
    }
    entry = entry_json(cluster, identity, strlen(identity), value);
    freeReplyObject(value);
    return entry;
}
