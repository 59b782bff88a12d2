/*
 * Reads what the servers' events name, and scans everything now and then, in parts: for nodes that live or die without
 * an event, and for events that were trimmed or never written.
 */
#include "presence/watch.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define WAIT_MS 100     /* for an event, where there is nothing else to do */
#define WAIT_SOON_MS 20 /* where a claim is expected to change in a moment */
#define OBSERVED_EVERY_S 0.1
#define SCANNED_EVERY_S 10
#define PATIENCE_S 2 /* a claim may be written so much later than its event */

struct watch {
    struct cluster *cluster;
    const char *name;
    watch_write write;
    void *user_data;
    bool is_first;    /* the first scan: nothing is shown */
    json_t *known;    /* identity → [state, node] */
    json_t *found;    /* the same, of the scan under way */
    json_t *expected; /* identity → when its event was taken */
    char cursor[CLUSTER_CURSOR_SIZE];
    bool is_scanning;
    double scan_due;
    double observe_due;
};

static double now_s(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool is_watched(const struct watch *watch, const char *identity)
{
    return watch->name == NULL || strcmp(watch->name, identity) == 0;
}

/* True: it is another one than was known. */
static bool compare(struct watch *watch, const json_t *entry)
{
    const char *identity = json_string_value(json_object_get(entry, "id"));
    json_t *seen;
    bool has_changed;

    if (identity == NULL || !is_watched(watch, identity)) {
        return false;
    }
    seen = json_pack("[s?, s?]", json_string_value(json_object_get(entry, "state")),
                     json_string_value(json_object_get(entry, "node")));
    has_changed = !json_equal(json_object_get(watch->known, identity), seen);
    if (has_changed && !watch->is_first) {
        watch->write(entry, watch->user_data);
    }
    json_object_set(watch->known, identity, seen);
    json_object_set_new(watch->found, identity, seen);
    return has_changed;
}

static bool take_scanned(const json_t *entry, void *user_data)
{
    (void)compare(user_data, entry);
    return true;
}

/* The next part of a scan; behind the last one, what was not found is forgotten. */
static bool scan(struct watch *watch, char problem[CLUSTER_PROBLEM_SIZE])
{
    const struct cluster_filter all = {watch->name, NULL, NULL};

    problem[0] = '\0';
    if (!cluster_scan(watch->cluster, watch->cursor, &all, take_scanned, watch, problem)) {
        return false;
    }
    if (strcmp(watch->cursor, "0") == 0) {
        json_decref(watch->known);
        watch->known = watch->found;
        watch->found = json_object();
        watch->is_scanning = false;
        watch->is_first = false;
        watch->scan_due = now_s() + SCANNED_EVERY_S;
    }
    return true;
}

static void expect(const char *identity, void *user_data)
{
    struct watch *watch = user_data;

    if (is_watched(watch, identity)) {
        json_object_set_new(watch->expected, identity, json_real(now_s()));
    }
}

/* What has changed is expected no longer. */
static bool take_expected(const json_t *entry, void *user_data)
{
    struct watch *watch = user_data;

    if (compare(watch, entry)) {
        json_object_del(watch->expected, json_string_value(json_object_get(entry, "id")));
    }
    return true;
}

static void forget_expected(struct watch *watch)
{
    const double oldest = now_s() - PATIENCE_S;
    const char *identity;
    json_t *since;
    void *next;

    json_object_foreach_safe(watch->expected, next, identity, since)
    {
        if (json_real_value(since) < oldest) {
            json_object_del(watch->expected, identity);
        }
    }
}

/* Reads those that had an event, until their claims have changed. */
static bool read_expected(struct watch *watch, char problem[CLUSTER_PROBLEM_SIZE])
{
    json_t *all = json_copy(watch->expected); /* what is read is taken out of it meanwhile */
    const char *identities[CLUSTER_READ_MOST];
    const char *identity;
    json_t *since;
    size_t count = 0;
    bool is_read = true;

    json_object_foreach(all, identity, since)
    {
        identities[count++] = identity;
        if (count == CLUSTER_READ_MOST) {
            is_read = is_read && cluster_read(watch->cluster, identities, count, take_expected, watch, problem);
            count = 0;
        }
    }
    if (count > 0) {
        is_read = is_read && cluster_read(watch->cluster, identities, count, take_expected, watch, problem);
    }
    json_decref(all);
    forget_expected(watch);
    return is_read;
}

static bool observe(struct watch *watch, char problem[CLUSTER_PROBLEM_SIZE])
{
    bool has_changed = false;

    if (now_s() < watch->observe_due) {
        return true;
    }
    watch->observe_due = now_s() + OBSERVED_EVERY_S;
    if (!cluster_observe(watch->cluster, &has_changed, problem)) {
        return false;
    }
    if (has_changed) {
        watch->scan_due = now_s(); /* a node is live by now, or is not any more */
    }
    return true;
}

static bool step(struct watch *watch, char problem[CLUSTER_PROBLEM_SIZE])
{
    unsigned wait = watch->is_scanning ? 1 : json_object_size(watch->expected) > 0 ? WAIT_SOON_MS : WAIT_MS;

    if (!cluster_events(watch->cluster, wait, expect, watch, problem) || !read_expected(watch, problem) ||
        !observe(watch, problem)) {
        return false;
    }
    if (now_s() >= watch->scan_due && !watch->is_scanning) {
        watch->is_scanning = true;
        strcpy(watch->cursor, "0");
    }
    return !watch->is_scanning || scan(watch, problem);
}

bool watch_run(struct cluster *cluster, const char *name, watch_write write, void *user_data,
               char problem[CLUSTER_PROBLEM_SIZE])
{
    struct watch watch = {.cluster = cluster,
                          .name = name,
                          .write = write,
                          .user_data = user_data,
                          .is_first = true,
                          .known = json_object(),
                          .found = json_object(),
                          .expected = json_object()};
    bool can_write = true;

    /* Which nodes are live is known before the first look at claims. */
    if (cluster_events(cluster, 0, expect, &watch, problem) && cluster_look(cluster, problem)) {
        while (can_write && step(&watch, problem)) {
            can_write = fflush(stdout) == 0;
        }
    }
    json_decref(watch.known);
    json_decref(watch.found);
    json_decref(watch.expected);
    return !can_write;
}
