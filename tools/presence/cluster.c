/* Reads the keys that docs/guide/scaling.md describes. */
#define _GNU_SOURCE
#include "presence/cluster.h"

#include <ev.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/presence/claim.h"
#include "server/presence/redis.h"

#define DEADLINE (5 * LUBDUB_SECOND)
#define WAIT (20 * LUBDUB_MILLISECOND)
#define TRIES 2 /* of each host: its name may have an address at which nobody listens */
#define OUTPUT_LIMIT ((size_t)4 * 1024 * 1024)
#define COMMAND_LIMIT 256
#define POLL_MS 20

/* Nodes count four times a lease. */
#define BEATS_IN_LEASE 4

struct cluster {
    struct presence_url url;
    struct ev_loop *loop;
    struct presence_redis *redis;
    size_t ends; /* how often the connection has ended, or was not to be had */
    char why[CLUSTER_PROBLEM_SIZE];
    json_t *live;        /* node → boot */
    json_t *counts;      /* node → its count, and since when it is seen; for observers */
    char event_seen[48]; /* the number of the last event that was taken; "" before the first call */
};

static bool fail(char problem[CLUSTER_PROBLEM_SIZE], const char *why)
{
    snprintf(problem, CLUSTER_PROBLEM_SIZE, "%s", why);
    return false;
}

/* ---- the connection ---- */

static void on_up(void *user_data)
{
    (void)user_data; /* presence_redis_is_up() says it */
}

static void on_down(const char *why, void *user_data)
{
    struct cluster *cluster = user_data;

    cluster->ends++;
    snprintf(cluster->why, sizeof cluster->why, "%s", why);
}

/* What is asked, until its answer is here. */
struct asked {
    struct cluster *cluster;
    redisReply *reply; /* the caller frees it; NULL: the connection ended */
    bool is_over;
};

static void on_reply(const redisReply *reply, void *user_data)
{
    struct asked *asked = user_data;

    if (reply != NULL) {
        presence_redis_keep(asked->cluster->redis);
    }
    asked->reply = (redisReply *)(uintptr_t)reply;
    asked->is_over = true;
}

static bool begin_to_ask(struct asked *asked, struct cluster *cluster, int count, const char **words,
                         const size_t *lengths)
{
    *asked = (struct asked){.cluster = cluster};
    return presence_redis_command(cluster->redis, count, words, lengths, on_reply, asked);
}

/* Waits for the answer, which the caller frees. NULL, and why: there is none, or a refusal. */
static redisReply *await(struct asked *asked, char problem[CLUSTER_PROBLEM_SIZE])
{
    while (!asked->is_over) {
        ev_run(asked->cluster->loop, EVRUN_ONCE);
    }
    if (asked->reply == NULL) {
        (void)fail(problem, asked->cluster->why);
    } else if (asked->reply->type == REDIS_REPLY_ERROR) {
        (void)fail(problem, asked->reply->str);
        freeReplyObject(asked->reply);
        asked->reply = NULL;
    }
    return asked->reply;
}

static redisReply *ask(struct cluster *cluster, int count, const char **words, const size_t *lengths,
                       char problem[CLUSTER_PROBLEM_SIZE])
{
    struct asked asked;

    if (!begin_to_ask(&asked, cluster, count, words, lengths)) {
        (void)fail(problem, cluster->ends > 0 ? cluster->why : "no memory is left");
        return NULL;
    }
    return await(&asked, problem);
}

static bool connect_now(struct cluster *cluster, struct lubdub_tls *tls)
{
    const struct presence_redis_settings settings = {
        .loop = cluster->loop,
        .url = &cluster->url,
        .tls = tls,
        .deadline = DEADLINE,
        .wait_least = WAIT,
        .wait_most = WAIT,
        .takes_replica = true,
        .output_limit = OUTPUT_LIMIT,
        .command_limit = COMMAND_LIMIT,
        .on_up = on_up,
        .on_down = on_down,
        .user_data = cluster,
    };
    size_t tries = TRIES * (cluster->url.is_unix ? 1 : cluster->url.host_count);

    cluster->redis = presence_redis_new(&settings);
    if (cluster->redis == NULL) {
        return fail(cluster->why, "no memory is left");
    }
    while (!presence_redis_is_up(cluster->redis) && cluster->ends < tries) {
        ev_run(cluster->loop, EVRUN_ONCE);
    }
    return presence_redis_is_up(cluster->redis);
}

struct cluster *cluster_open(const struct presence_url *url, struct lubdub_slice password, struct lubdub_tls *tls,
                             char problem[CLUSTER_PROBLEM_SIZE])
{
    struct cluster *cluster = calloc(1, sizeof *cluster);

    if (cluster == NULL || (cluster->loop = ev_loop_new(EVFLAG_AUTO)) == NULL) {
        cluster_close(cluster);
        (void)fail(problem, "no memory is left");
        return NULL;
    }
    cluster->url = *url;
    if (password.data != NULL) {
        snprintf(cluster->url.password, sizeof cluster->url.password, "%.*s", (int)password.length, password.data);
    }
    if (!connect_now(cluster, tls)) {
        (void)fail(problem, cluster->why);
        cluster_close(cluster);
        return NULL;
    }
    cluster->ends = 0;
    return cluster;
}

void cluster_close(struct cluster *cluster)
{
    if (cluster == NULL) {
        return;
    }
    json_decref(cluster->live);
    json_decref(cluster->counts);
    presence_redis_free(cluster->redis);
    if (cluster->loop != NULL) {
        ev_loop_destroy(cluster->loop);
    }
    explicit_bzero(&cluster->url, sizeof cluster->url);
    free(cluster);
}

/* ---- nodes ---- */

static redisReply *read_nodes(struct cluster *cluster, char problem[CLUSTER_PROBLEM_SIZE])
{
    const char *words[] = {"HGETALL", PRESENCE_NODES};

    return ask(cluster, 2, words, NULL, problem);
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

bool cluster_look(struct cluster *cluster, char problem[CLUSTER_PROBLEM_SIZE])
{
    return look_at_nodes(cluster, problem);
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

static bool is_named(const struct cluster_filter *filter, const redisReply *key)
{
    return filter->id == NULL || strncmp(key->str + sizeof PRESENCE_IDS - 1, filter->id, strlen(filter->id)) == 0;
}

/* Shows one, if it is wanted. False: enough. */
static bool show(struct cluster *cluster, const redisReply *key, const redisReply *value,
                 const struct cluster_filter *filter, cluster_take take, void *user_data)
{
    const size_t prefix = sizeof PRESENCE_IDS - 1;
    json_t *entry = entry_json(cluster, key->str + prefix, (size_t)key->len - prefix, value);
    bool goes_on = entry == NULL || !is_wanted(filter, entry) || take(entry, user_data);

    json_decref(entry);
    return goes_on;
}

/* The keys from the first on, so many that their values are asked for at once. False: a failure, or enough. */
static bool take_some(struct cluster *cluster, const redisReply *keys, size_t first, size_t end,
                      const struct cluster_filter *filter, cluster_take take, void *user_data,
                      char problem[CLUSTER_PROBLEM_SIZE])
{
    struct asked asked[COMMAND_LIMIT];
    bool goes_on = true;
    size_t i;

    for (i = first; i < end; i++) {
        const redisReply *key = keys->element[i];
        const char *words[] = {"GET", key->str};
        const size_t lengths[] = {3, (size_t)key->len};

        if (!is_named(filter, key)) {
            asked[i - first] = (struct asked){.is_over = true};
        } else if (!begin_to_ask(&asked[i - first], cluster, 2, words, lengths)) {
            goes_on = fail(problem, cluster->ends > 0 ? cluster->why : "no memory is left");
            end = i;
        }
    }
    for (i = first; i < end; i++) { /* all are waited for: they lie in this function's memory */
        redisReply *value = is_named(filter, keys->element[i]) ? await(&asked[i - first], problem) : NULL;

        goes_on = goes_on && (value != NULL || !is_named(filter, keys->element[i]));
        if (value != NULL) {
            goes_on = goes_on && show(cluster, keys->element[i], value, filter, take, user_data);
            freeReplyObject(value);
        }
    }
    return goes_on;
}

/* The keys of one part of a scan, with their values. False: a failure, or enough. */
static bool take_keys(struct cluster *cluster, const redisReply *keys, const struct cluster_filter *filter,
                      cluster_take take, void *user_data, char problem[CLUSTER_PROBLEM_SIZE])
{
    bool goes_on = true;
    size_t first;

    for (first = 0; first < keys->elements && goes_on; first += COMMAND_LIMIT) {
        size_t end = first + COMMAND_LIMIT < keys->elements ? first + COMMAND_LIMIT : keys->elements;

        goes_on = take_some(cluster, keys, first, end, filter, take, user_data, problem);
    }
    return goes_on;
}

bool cluster_scan(struct cluster *cluster, char cursor[CLUSTER_CURSOR_SIZE], const struct cluster_filter *filter,
                  cluster_take take, void *user_data, char problem[CLUSTER_PROBLEM_SIZE])
{
    const char *words[] = {"SCAN", cursor, "MATCH", PRESENCE_IDS "*", "COUNT", "1000"};
    redisReply *reply = ask(cluster, 6, words, NULL, problem);
    bool goes_on;

    if (reply == NULL) {
        return false;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        strlen(reply->element[0]->str) >= CLUSTER_CURSOR_SIZE) {
        freeReplyObject(reply);
        return fail(problem, "the answer is none of Redis");
    }
    strcpy(cursor, reply->element[0]->str);
    goes_on = take_keys(cluster, reply->element[1], filter, take, user_data, problem);
    freeReplyObject(reply);
    return goes_on;
}

bool cluster_list(struct cluster *cluster, const struct cluster_filter *filter, cluster_take take, void *user_data,
                  char problem[CLUSTER_PROBLEM_SIZE])
{
    char cursor[CLUSTER_CURSOR_SIZE] = "0";

    if (!look_at_nodes(cluster, problem)) {
        return false;
    }
    problem[0] = '\0';
    while (cluster_scan(cluster, cursor, filter, take, user_data, problem) && strcmp(cursor, "0") != 0) {
    }
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
    value = ask(cluster, 2, words, NULL, problem);
    if (value == NULL) {
        return NULL;
    }
    entry = entry_json(cluster, identity, strlen(identity), value);
    freeReplyObject(value);
    return entry;
}

bool cluster_read(struct cluster *cluster, const char *const *identities, size_t count, cluster_take take,
                  void *user_data, char problem[CLUSTER_PROBLEM_SIZE])
{
    char keys[CLUSTER_READ_MOST][sizeof PRESENCE_IDS + LUBDUB_IDENTITY_LIMIT];
    const char *words[1 + CLUSTER_READ_MOST] = {"MGET"};
    redisReply *reply;
    size_t i;

    for (i = 0; i < count; i++) {
        snprintf(keys[i], sizeof keys[i], "%s%s", PRESENCE_IDS, identities[i]);
        words[1 + i] = keys[i];
    }
    reply = ask(cluster, 1 + (int)count, words, NULL, problem);
    if (reply == NULL) {
        return false;
    }
    for (i = 0; i < count && i < reply->elements; i++) {
        json_t *entry = entry_json(cluster, identities[i], strlen(identities[i]), reply->element[i]);

        if (entry != NULL) {
            (void)take(entry, user_data);
            json_decref(entry);
        }
    }
    freeReplyObject(reply);
    return true;
}

/* ---- what changes ---- */

/* Whether it is live: its count rose lately. At first sight, whether it was found to be so before. */
static bool has_counted(struct cluster *cluster, const char *name, const struct presence_entry *entry)
{
    const double longest = 1.5 * (double)entry->lease_ms / 1000 / BEATS_IN_LEASE;
    const char *boot = json_string_value(json_object_get(cluster->live, name));
    bool was_live = boot != NULL && strcmp(boot, entry->boot) == 0;
    json_t *seen = json_object_get(cluster->counts, name);
    char count[64];

    snprintf(count, sizeof count, "%s %llu", entry->boot, (unsigned long long)entry->counter);
    if (seen == NULL || strcmp(json_string_value(json_array_get(seen, 0)), count) != 0) {
        json_object_set_new(cluster->counts, name, json_pack("[s, f]", count, now_s()));
        return seen != NULL || was_live;
    }
    return was_live && now_s() - json_real_value(json_array_get(seen, 1)) <= longest;
}

bool cluster_observe(struct cluster *cluster, bool *has_changed, char problem[CLUSTER_PROBLEM_SIZE])
{
    redisReply *reply = read_nodes(cluster, problem);
    json_t *live;
    size_t i;

    if (reply == NULL) {
        return false;
    }
    if (cluster->counts == NULL) {
        cluster->counts = json_object();
    }
    live = json_object();
    for (i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *text = reply->element[i + 1];
        struct presence_entry entry;

        if (presence_entry_read(&entry, text->str, (size_t)text->len) && entry.is_live &&
            has_counted(cluster, reply->element[i]->str, &entry)) {
            json_object_set_new(live, reply->element[i]->str, json_string(entry.boot));
        }
    }
    freeReplyObject(reply);
    *has_changed = cluster->live == NULL || !json_equal(live, cluster->live);
    json_decref(cluster->live);
    cluster->live = live;
    return true;
}

static bool changes_state(const char *event)
{
    static const char *const events[] = {"connected", "disconnected", "late", "recovered", "gone"};
    size_t i;

    for (i = 0; event != NULL && i < sizeof events / sizeof events[0]; i++) {
        if (strcmp(event, events[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* An entry of the stream: its number, and one field with JSON. */
static void take_event(struct cluster *cluster, const redisReply *entry, cluster_take_identity take, void *user_data)
{
    const redisReply *fields = entry->elements == 2 ? entry->element[1] : NULL;
    json_t *event;
    const char *identity;

    if (fields == NULL || entry->element[0]->type != REDIS_REPLY_STRING ||
        strlen(entry->element[0]->str) >= sizeof cluster->event_seen) {
        return;
    }
    strcpy(cluster->event_seen, entry->element[0]->str);
    if (fields->type != REDIS_REPLY_ARRAY || fields->elements != 2 || fields->element[1]->type != REDIS_REPLY_STRING) {
        return;
    }
    event = json_loadb(fields->element[1]->str, (size_t)fields->element[1]->len, 0, NULL);
    identity = json_string_value(json_object_get(event, "id"));
    if (identity != NULL && changes_state(json_string_value(json_object_get(event, "event")))) {
        take(identity, user_data);
    }
    json_decref(event);
}

/* The number of the last event that is there; events behind it are new. */
static bool find_last_event(struct cluster *cluster, char problem[CLUSTER_PROBLEM_SIZE])
{
    const char *words[] = {"XREVRANGE", PRESENCE_EVENTS, "+", "-", "COUNT", "1"};
    redisReply *reply = ask(cluster, 6, words, NULL, problem);

    if (reply == NULL) {
        return false;
    }
    strcpy(cluster->event_seen, "0");
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 && reply->element[0]->elements == 2 &&
        strlen(reply->element[0]->element[0]->str) < sizeof cluster->event_seen) {
        strcpy(cluster->event_seen, reply->element[0]->element[0]->str);
    }
    freeReplyObject(reply);
    return true;
}

bool cluster_events(struct cluster *cluster, unsigned wait_ms, cluster_take_identity take, void *user_data,
                    char problem[CLUSTER_PROBLEM_SIZE])
{
    char wait[16];
    const char *words[] = {"XREAD", "COUNT", "1000", "BLOCK", wait, "STREAMS", PRESENCE_EVENTS, cluster->event_seen};
    redisReply *reply;
    size_t i;

    if (cluster->event_seen[0] == '\0') {
        return find_last_event(cluster, problem);
    }
    snprintf(wait, sizeof wait, "%u", wait_ms > 0 ? wait_ms : 1); /* 0 would wait for ever */
    reply = ask(cluster, 8, words, NULL, problem);
    if (reply == NULL) {
        return false;
    }
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 && reply->element[0]->elements == 2) {
        const redisReply *entries = reply->element[0]->element[1];

        for (i = 0; i < entries->elements; i++) {
            take_event(cluster, entries->element[i], take, user_data);
        }
    }
    freeReplyObject(reply);
    return true;
}
