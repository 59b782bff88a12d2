/* Runs lubdub-presence: asks, writes the answer, and returns the exit status. */
#define _GNU_SOURCE
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "presence/options.h"
#include "presence/over_redis.h"
#include "presence/report.h"
#include "presence/transport.h"
#include "program/events/escape.h"
#include "program/process/exit_status.h"
#include "program/process/startup.h"

#define EXIT_NOT_UP 1
#define EXIT_CANNOT_ASK LUBDUB_EXIT_CANNOT_START

struct presence {
    struct presence_options options;
    struct transport *transport;
    const char *url;

    char event_id[64]; /* of the stream */
    bool is_named;     /* the event that comes has a name of its own: tick, lost */
    char name[32];
    bool was_heard;
};

static int fail(const struct presence *presence, const char *why)
{
    char shown[TRANSPORT_PROBLEM_SIZE];

    lubdub_escape_text(shown, sizeof shown, why, strlen(why));
    fprintf(stderr, "lubdub-presence: %s: %s\n", presence->url, shown);
    return EXIT_CANNOT_ASK;
}

/* No answer came. Where nobody said which server is meant, it may be another one. */
static int fail_unheard(const struct presence *presence, const char *why)
{
    char text[TRANSPORT_PROBLEM_SIZE];

    if (presence->options.http != NULL) {
        return fail(presence, why);
    }
    snprintf(text, sizeof text, "%.*s; --http says where a lubdub-server serves HTTP", (int)sizeof text / 2, why);
    return fail(presence, text);
}

/* Of an answer that is none of ours, or a fault that the server found. */
static int fail_with_answer(const struct presence *presence, long status, const json_t *answer)
{
    const char *fault = json_string_value(json_object_get(answer, "error"));
    char text[TRANSPORT_PROBLEM_SIZE];

    if (fault == NULL) {
        snprintf(text, sizeof text, "%s (HTTP status %ld)",
                 status == 401 ? "the server asks for a token; --token-file gives it"
                               : "the answer is no lubdub-server's",
                 status);
    }
    return fail(presence, fault != NULL ? fault : text);
}

/* The answer as JSON; NULL and *exit_status. *status is that of HTTP. */
static json_t *ask(struct presence *presence, const char *path, long *status, int *exit_status)
{
    char problem[TRANSPORT_PROBLEM_SIZE];
    const char *body;
    json_t *answer;

    *status = transport_get(presence->transport, path, &body, problem);
    if (*status == 0) {
        *exit_status = fail_unheard(presence, problem);
        return NULL;
    }
    answer = json_loads(body, 0, NULL);
    if (!json_is_object(answer)) {
        *exit_status = fail_with_answer(presence, *status, NULL);
        json_decref(answer);
        return NULL;
    }
    return answer;
}

static void write_entry(const struct presence *presence, const json_t *entry)
{
    if (presence->options.is_json) {
        json_dumpf(entry, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
        fputc('\n', stdout);
    } else {
        report_entry(stdout, entry);
    }
}

/* ---- list, missing ---- */

/* "&id=pump" behind the path, where there is a value. Returns false without memory. */
static bool add_query(struct presence *presence, char **path, const char *key, const char *value)
{
    char *escaped = value != NULL ? transport_escape(presence->transport, value) : NULL;
    char *longer = NULL;
    bool is_added = true;

    if (value != NULL) {
        is_added = escaped != NULL && asprintf(&longer, "%s&%s=%s", *path, key, escaped) >= 0;
        transport_free(escaped);
    }
    if (longer != NULL) {
        free(*path);
        *path = longer;
    }
    return is_added;
}

static char *make_path(struct presence *presence, const char *state, const char *after)
{
    char *path = strdup("/api/sessions?limit=1000");

    if (path != NULL &&
        !(add_query(presence, &path, "id", presence->options.id) && add_query(presence, &path, "state", state) &&
          add_query(presence, &path, "label", presence->options.label) && add_query(presence, &path, "after", after))) {
        free(path);
        return NULL;
    }
    return path;
}

/* One page; *after is set to the next one, or to NULL. Returns how many there were, or -1 and *exit_status. */
static long list_page(struct presence *presence, const char *state, char **after, int *exit_status)
{
    char *path = make_path(presence, state, *after);
    const json_t *sessions;
    const char *next;
    json_t *answer;
    long status;
    size_t i;

    free(*after);
    *after = NULL;
    if (path == NULL) {
        *exit_status = fail(presence, "no memory is left");
        return -1;
    }
    answer = ask(presence, path, &status, exit_status);
    free(path);
    if (answer == NULL) {
        return -1;
    }
    sessions = json_object_get(answer, "sessions");
    if (status != 200 || !json_is_array(sessions)) {
        *exit_status = status == 400 ? LUBDUB_EXIT_USAGE : EXIT_CANNOT_ASK;
        fail_with_answer(presence, status, answer);
        json_decref(answer);
        return -1;
    }
    for (i = 0; i < json_array_size(sessions); i++) {
        write_entry(presence, json_array_get(sessions, i));
    }
    next = json_string_value(json_object_get(answer, "next"));
    *after = next != NULL ? strdup(next) : NULL;
    status = (long)json_array_size(sessions);
    json_decref(answer);
    return status;
}

/* Returns how many there are, or -1 and *exit_status. */
static long list(struct presence *presence, const char *state, int *exit_status)
{
    char *after = NULL;
    long sum = 0;

    do {
        long count = list_page(presence, state, &after, exit_status);

        if (count < 0) {
            return -1;
        }
        sum += count;
    } while (after != NULL);
    return sum;
}

/* ---- get ---- */

static bool is_up(const json_t *entry)
{
    const char *state = json_string_value(json_object_get(entry, "state"));

    return state != NULL && (strcmp(state, "up") == 0 || strcmp(state, "late") == 0);
}

static int get(struct presence *presence)
{
    char *escaped = transport_escape(presence->transport, presence->options.name);
    char *path = NULL;
    json_t *answer;
    int exit_status = EXIT_CANNOT_ASK;
    long status;

    if (escaped == NULL || asprintf(&path, "/api/sessions/%s", escaped) < 0) {
        transport_free(escaped);
        return fail(presence, "no memory is left");
    }
    answer = ask(presence, path, &status, &exit_status);
    transport_free(escaped);
    free(path);
    if (answer == NULL) {
        return exit_status;
    }
    if (status == 200) {
        write_entry(presence, answer);
        if (!presence->options.is_json) {
            report_ends(stdout, answer);
        }
        exit_status = is_up(answer) ? EXIT_SUCCESS : EXIT_NOT_UP;
    } else {
        exit_status = fail_with_answer(presence, status, answer);
        exit_status = status == 404 ? EXIT_NOT_UP : exit_status;
    }
    json_decref(answer);
    return exit_status;
}

/* ---- watch ---- */

static bool is_shown(const struct presence *presence, const json_t *event)
{
    static const char *const kinds[] = {"connected", "disconnected", "late",  "recovered", "health",
                                        "gone",      "missing",      "found", "outage",    "flapping"};
    const char *kind = json_string_value(json_object_get(event, "event"));
    const char *name = json_string_value(json_object_get(event, "id"));
    size_t i;

    if (presence->options.name != NULL && (name == NULL || strcmp(name, presence->options.name) != 0)) {
        return false;
    }
    for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kind != NULL && strcmp(kinds[i], kind) == 0) {
            return true;
        }
    }
    return false;
}

/* Returns whether somebody still reads. */
static bool take_event(struct presence *presence, const char *text)
{
    json_t *event = json_loads(text, 0, NULL);

    if (is_shown(presence, event)) {
        if (presence->options.is_json) {
            puts(text);
        } else {
            report_event(stdout, event);
        }
    }
    json_decref(event);
    return fflush(stdout) == 0;
}

static bool take_line(const char *line, void *user_data)
{
    struct presence *presence = user_data;
    bool goes_on = true;

    presence->was_heard = true;
    if (line[0] == '\0') {
        presence->is_named = false;
    } else if (strncmp(line, "event: ", 7) == 0) {
        presence->is_named = true;
        snprintf(presence->name, sizeof presence->name, "%s", line + 7);
    } else if (strncmp(line, "id: ", 4) == 0) {
        snprintf(presence->event_id, sizeof presence->event_id, "%s", line + 4);
    } else if (strncmp(line, "data: ", 6) == 0 && !presence->is_named) {
        goes_on = take_event(presence, line + 6);
    } else if (strncmp(line, "data: ", 6) == 0 && strcmp(presence->name, "lost") == 0) {
        fprintf(stderr, "lubdub-presence: events were lost: %s\n", line + 6);
    }
    return goes_on;
}

/* Until a signal ends it. A server that was heard once is waited for. */
static int watch(struct presence *presence)
{
    const struct timespec pause = {.tv_sec = 1};
    char problem[TRANSPORT_PROBLEM_SIZE] = "the stream of events ended";
    bool is_silent = false;

    for (;;) {
        bool was_heard = presence->was_heard;
        long status;

        presence->was_heard = presence->is_named = false;
        status = transport_follow(presence->transport, "/api/events", presence->event_id, take_line, presence, problem);
        if (ferror(stdout)) {
            return EXIT_CANNOT_ASK;
        }
        if (!was_heard && !presence->was_heard && !is_silent) {
            return status != 0 ? fail_with_answer(presence, status, NULL) : fail_unheard(presence, problem);
        }
        if (presence->was_heard || !is_silent) {
            fprintf(stderr, "lubdub-presence: %s: not heard any more, trying again\n", presence->url);
        }
        is_silent = true;
        nanosleep(&pause, NULL);
    }
}

/* ---- main ---- */

static const char *choose_url(const struct presence_options *options)
{
    struct stat status;

    if (options->http != NULL) {
        return options->http;
    }
    return stat(PRESENCE_SOCKET, &status) == 0 && S_ISSOCK(status.st_mode) ? "unix:" PRESENCE_SOCKET
                                                                           : "http://localhost";
}

static int run(struct presence *presence)
{
    int exit_status = EXIT_SUCCESS;
    long count;

    switch (presence->options.command) {
    case PRESENCE_LIST:
        (void)list(presence, presence->options.state, &exit_status);
        break;
    case PRESENCE_GET:
        exit_status = get(presence);
        break;
    case PRESENCE_WATCH:
        exit_status = watch(presence);
        break;
    case PRESENCE_MISSING:
        count = list(presence, "missing", &exit_status);
        exit_status = count > 0 ? EXIT_NOT_UP : exit_status;
        break;
    }
    return exit_status;
}

/* The exit status, unless not all of the answer could be written. */
static int finish_output(int exit_status)
{
    errno = 0;
    if (fflush(stdout) == 0 && ferror(stdout) == 0) {
        return exit_status;
    }
    fprintf(stderr, "lubdub-presence: could not write all of the answer%s%s\n", errno != 0 ? ": " : "",
            errno != 0 ? strerror(errno) : "");
    return EXIT_CANNOT_ASK;
}

int main(int argc, char *argv[])
{
    static struct presence presence;
    struct lubdub_slice token = {NULL, 0};
    int exit_status;

    if (lubdub_standard_streams_prepare() != 0) {
        return LUBDUB_EXIT_CANNOT_START;
    }
    presence_options_init(&presence.options);
    if (!lubdub_settings_start(&presence_options_table, argc, argv, &presence.options, &presence.options.loaded,
                               &exit_status)) {
        return exit_status;
    }
    if (presence.options.redis != NULL) {
        exit_status = over_redis_run(&presence.options);
        presence_options_clear(&presence.options);
        return finish_output(exit_status);
    }
    if (presence.options.token.count > 0) {
        token = presence.options.token.lines[0];
    }
    presence.url = choose_url(&presence.options);
    presence.transport = transport_open(presence.url, token);
    if (presence.transport != NULL) {
        exit_status = run(&presence);
    } else {
        exit_status = fail(&presence, "no memory is left");
    }
    transport_close(presence.transport);
    presence_options_clear(&presence.options);
    return finish_output(exit_status);
}
