/* Lists, gets and watches what stands in Redis. */
#include "presence/over_redis.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "presence/report.h"
#include "program/process/exit_status.h"

#ifdef LUBDUB_WITH_REDIS

#include "presence/cluster.h"
#include "presence/watch.h"

#define EXIT_NOT_UP 1
#define EXIT_CANNOT_ASK LUBDUB_EXIT_CANNOT_START

struct asking {
    const struct presence_options *options;
    struct cluster *cluster;
    long count;
};

static int fail(const char *why)
{
    fprintf(stderr, "lubdub-presence: redis: %s\n", why);
    return EXIT_CANNOT_ASK;
}

static void write_entry(const struct asking *asking, const json_t *entry)
{
    if (asking->options->is_json) {
        json_dumpf(entry, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        fputc('\n', stdout);
    } else {
        report_entry(stdout, entry);
    }
}

static bool take_listed(const json_t *entry, void *user_data)
{
    struct asking *asking = user_data;

    write_entry(asking, entry);
    asking->count++;
    return ferror(stdout) == 0;
}

static int list(struct asking *asking, const char *state)
{
    const struct cluster_filter filter = {asking->options->id, state, asking->options->label};
    char problem[CLUSTER_PROBLEM_SIZE] = "";

    return cluster_list(asking->cluster, &filter, take_listed, asking, problem) ? 0 : fail(problem);
}

static int get(struct asking *asking)
{
    char problem[CLUSTER_PROBLEM_SIZE] = "";
    json_t *entry = cluster_get(asking->cluster, asking->options->name, problem);
    const char *state = json_string_value(json_object_get(entry, "state"));
    bool is_up = state != NULL && (strcmp(state, "up") == 0 || strcmp(state, "late") == 0);

    if (entry == NULL && problem[0] != '\0') {
        return fail(problem);
    }
    if (entry == NULL) {
        fprintf(stderr, "lubdub-presence: redis: nothing is known of this identity\n");
        return EXIT_NOT_UP;
    }
    write_entry(asking, entry);
    json_decref(entry);
    return is_up ? 0 : EXIT_NOT_UP;
}

/* ---- watch ---- */

static void write_changed(const json_t *entry, void *user_data)
{
    write_entry(user_data, entry);
}

static int watch(struct asking *asking)
{
    char problem[CLUSTER_PROBLEM_SIZE] = "";

    return watch_run(asking->cluster, asking->options->name, write_changed, asking, problem) ? EXIT_CANNOT_ASK
                                                                                             : fail(problem);
}

static int run(struct asking *asking)
{
    int exit_status = EXIT_CANNOT_ASK;

    switch (asking->options->command) {
    case PRESENCE_LIST:
        exit_status = list(asking, asking->options->state);
        break;
    case PRESENCE_GET:
        exit_status = get(asking);
        break;
    case PRESENCE_WATCH:
        exit_status = watch(asking);
        break;
    case PRESENCE_MISSING:
        exit_status = list(asking, "gone");
        exit_status = exit_status == 0 && asking->count > 0 ? EXIT_NOT_UP : exit_status;
        break;
    }
    return exit_status;
}

int over_redis_run(const struct presence_options *options)
{
    const struct lubdub_credentials files = presence_options_credentials(options);
    struct asking asking = {.options = options};
    struct lubdub_slice password = {NULL, 0};
    struct lubdub_tls *tls = NULL;
    struct presence_url url;
    char problem[CLUSTER_PROBLEM_SIZE] = "";
    int exit_status;

    (void)presence_url_parse(options->redis, &url); /* the options have judged it */
    if (options->token.count > 0) {
        password = options->token.lines[0];
    }
    if (options->redis_sentinel_user != NULL) {
        strcpy(url.sentinel_user, options->redis_sentinel_user); /* 255 bytes at most, as is the password */
    }
    if (options->sentinel_password.count > 0) {
        memcpy(url.sentinel_password, options->sentinel_password.lines[0].data,
               options->sentinel_password.lines[0].length);
    }
    if (url.is_tls && !lubdub_credentials_load(&tls, LUBDUB_ROLE_CLIENT, &files, problem, sizeof problem)) {
        return fail(problem);
    }
    asking.cluster = cluster_open(&url, password, tls, problem);
    exit_status = asking.cluster != NULL ? run(&asking) : fail(problem);
    cluster_close(asking.cluster);
    lubdub_credentials_free(tls);
    return exit_status;
}

#else

int over_redis_run(const struct presence_options *options)
{
    (void)options;
    fprintf(stderr, "lubdub-presence: --redis is not built in\n");
    return LUBDUB_EXIT_USAGE;
}

#endif
