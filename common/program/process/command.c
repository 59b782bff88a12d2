/*
 * Runs commands by the launcher, where there is one, and else with posix_spawn, since fork() is not safe in a program
 * with threads.
 */
#define _GNU_SOURCE
#include "program/process/command.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "program/events/escape.h"
#include "program/events/field.h"
#include "program/events/json.h"
#include "program/events/timestamp.h"
#include "program/process/launcher.h"
#include "program/process/startup.h"

extern char **environ;

#define PREFIX "LUBDUB_"
#define FACTS_LIMIT 32
#define NAME_SIZE 40
#define VALUE_SIZE (3 * LUBDUB_EVENT_STRING_MAX)
#define OBJECT_SIZE (6 * LUBDUB_EVENT_LINE_CAPACITY) /* of JSON: \uNNNN for each byte at most */

/* ---- the environment ---- */

struct environment {
    char **entries; /* our own variables, then the inherited ones */
    size_t fact_count;
};

static void free_environment(struct environment *environment)
{
    size_t i;

    for (i = 0; i < environment->fact_count; i++) {
        free(environment->entries[i]);
    }
    free(environment->entries);
}

static void add_fact(struct environment *environment, const char *name, const char *value)
{
    char upper[NAME_SIZE];
    size_t i;

    for (i = 0; name[i] != '\0' && i < sizeof upper - 1; i++) {
        upper[i] = name[i] == '-' ? '_' : (char)toupper((unsigned char)name[i]);
    }
    upper[i] = '\0';
    if (environment->fact_count < FACTS_LIMIT &&
        asprintf(&environment->entries[environment->fact_count], PREFIX "%s=%s", upper, value) >= 0) {
        environment->fact_count++;
    }
}

/* What every event has. */
static void add_head(struct environment *environment, const struct lubdub_event_line *facts)
{
    char value[LUBDUB_TIMESTAMP_SIZE];

    add_fact(environment, "time", lubdub_format_timestamp(facts->real, value));
    snprintf(value, sizeof value, "%" PRIu64, facts->mono);
    add_fact(environment, "mono_ns", value);
    add_fact(environment, "event", facts->event);
}

/* An object stays JSON: its keys are no names of variables. */
static void add_object(struct environment *environment, const struct lubdub_event_line *facts, const char *key)
{
    char value[OBJECT_SIZE];
    size_t length = lubdub_event_line_json_member(facts, key, value, sizeof value - 1);

    if (length > 0) {
        value[length] = '\0';
        add_fact(environment, key, value);
    }
}

static void add_field(struct environment *environment, const struct lubdub_event_line *facts,
                      const struct lubdub_event_field *field, const char *text)
{
    char value[VALUE_SIZE];

    switch ((enum lubdub_event_field_kind)field->kind) {
    case LUBDUB_EVENT_FIELD_NUMBER:
        snprintf(value, sizeof value, "%" PRIu64, field->value.number);
        break;
    case LUBDUB_EVENT_FIELD_REAL:
        snprintf(value, sizeof value, "%g", field->value.real);
        break;
    case LUBDUB_EVENT_FIELD_FLAG:
        snprintf(value, sizeof value, "%s", field->value.number != 0 ? "true" : "false");
        break;
    case LUBDUB_EVENT_FIELD_WORD:
        snprintf(value, sizeof value, "%s", field->value.word);
        break;
    case LUBDUB_EVENT_FIELD_STRING:
        lubdub_escape_text(value, sizeof value, text, field->text_length);
        break;
    case LUBDUB_EVENT_FIELD_LABELS:
        add_object(environment, facts, field->key);
        return;
    case LUBDUB_EVENT_FIELD_LABEL:
    case LUBDUB_EVENT_FIELD_COUNT:
    case LUBDUB_EVENT_FIELD_LABELS_END:
        return;
    }
    add_fact(environment, field->key, value);
}

static bool is_fact(const char *entry)
{
    return strncmp(entry, PREFIX, sizeof PREFIX - 1) == 0;
}

/* Facts of an earlier event, of a program around this one, would lie. */
static bool make_environment(struct environment *environment, const struct lubdub_event_line *facts)
{
    struct lubdub_event_field field;
    uint32_t offset = 0;
    size_t inherited = 0;
    size_t count;
    const char *text;
    char **entry;

    for (entry = environ; entry != NULL && *entry != NULL; entry++) {
        inherited++;
    }
    environment->fact_count = 0;
    environment->entries = calloc(FACTS_LIMIT + inherited + 1, sizeof *environment->entries);
    if (environment->entries == NULL) {
        return false;
    }
    if (facts != NULL) {
        add_head(environment, facts);
    }
    while (facts != NULL && lubdub_event_field_next(facts->fields, facts->length, &offset, &field, &text)) {
        add_field(environment, facts, &field, text);
    }
    count = environment->fact_count;
    for (entry = environ; entry != NULL && *entry != NULL; entry++) {
        if (!is_fact(*entry)) {
            environment->entries[count++] = *entry;
        }
    }
    return true;
}

/* ---- the process ---- */

/* Signals as a program expects them, and a group of its own, which can be killed as a whole. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none;
    sigset_t all;
    int error;

    sigemptyset(&none);
    sigfillset(&all);
    error =
        posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (error == 0) {
        error = posix_spawnattr_setpgroup(attributes, 0);
    }
    if (error == 0) {
        error = posix_spawnattr_setsigmask(attributes, &none);
    }
    return error != 0 ? error : posix_spawnattr_setsigdefault(attributes, &all);
}

/* Where the three standard streams of a command lead. */
struct streams {
    int input;  /* -1: from /dev/null */
    int output; /* a descriptor, or LUBDUB_COMMAND_TO_... */
    int errors; /* -1: ours */
};

static int set_files(posix_spawn_file_actions_t *files, const struct streams *streams)
{
    int output = streams->output == LUBDUB_COMMAND_TO_LOG ? STDERR_FILENO : streams->output;
    int error = streams->input < 0 ? posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
                                   : posix_spawn_file_actions_adddup2(files, streams->input, STDIN_FILENO);

    if (error == 0 && output == LUBDUB_COMMAND_TO_NOWHERE) {
        error = posix_spawn_file_actions_addopen(files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    } else if (error == 0) {
        error = posix_spawn_file_actions_adddup2(files, output, STDOUT_FILENO);
    }
    if (error == 0 && streams->errors >= 0) {
        error = posix_spawn_file_actions_adddup2(files, streams->errors, STDERR_FILENO);
    }
    return error;
}

/* Returns 0 or an errno. */
static int spawn(pid_t *process, const char *path, char *const arguments[], char *const entries[],
                 const struct streams *streams)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&files);

    if (error != 0) {
        return error;
    }
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        error = set_attributes(&attributes);
        if (error == 0) {
            error = set_files(&files, streams);
        }
        if (error == 0) {
            error = posix_spawnp(process, path, &files, &attributes, arguments, entries);
        }
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    return error;
}

/* The same by the launcher. */
static int launch(pid_t *process, const char *path, char *const arguments[], char *const entries[],
                  const struct streams *streams)
{
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    const struct lubdub_launch launch = {
        .path = path,
        .arguments = arguments,
        .environment = entries,
        .streams = {streams->input < 0 ? nowhere : streams->input,
                    streams->output == LUBDUB_COMMAND_TO_LOG       ? STDERR_FILENO
                    : streams->output == LUBDUB_COMMAND_TO_NOWHERE ? nowhere
                                                                   : streams->output,
                    streams->errors >= 0 ? streams->errors : STDERR_FILENO},
    };
    int error = nowhere < 0 ? errno : lubdub_launcher_start(&launch, process);

    if (nowhere >= 0) {
        close(nowhere);
    }
    return error;
}

/* Returns the process, or -1 and errno. */
static pid_t start(const char *path, char *const arguments[], const struct lubdub_event_line *facts,
                   const struct streams *streams)
{
    struct environment environment;
    pid_t process = -1;
    int error;

    if (!make_environment(&environment, facts)) {
        errno = ENOMEM;
        return -1;
    }
    error = lubdub_launcher_is_open() ? launch(&process, path, arguments, environment.entries, streams)
                                      : spawn(&process, path, arguments, environment.entries, streams);
    free_environment(&environment);
    if (error != 0) {
        errno = error;
        return -1;
    }
    return process;
}

/* ---- a line for the shell ---- */

/*
 * The shell itself sets the old limit, on the line of the command, so that the lines of its messages are right. In this
 * process the limit must not be lowered even for a moment: other threads open descriptors.
 */
static char *with_old_limit(const char *command)
{
    uint64_t limit = lubdub_descriptor_limit_at_start();
    char *text = NULL;

    if (limit == 0) {
        return strdup(command);
    }
    return asprintf(&text, "ulimit -S -n %" PRIu64 "; %s", limit, command) >= 0 ? text : NULL;
}

pid_t lubdub_command_start(const char *command, const struct lubdub_event_line *facts, int output)
{
    const struct streams streams = {.input = -1, .output = output, .errors = -1};
    char shell[] = "sh";
    char option[] = "-c";
    char *text = with_old_limit(command);
    char *arguments[] = {shell, option, text, NULL};
    pid_t process;

    if (text == NULL) {
        errno = ENOMEM;
        return -1;
    }
    process = start("/bin/sh", arguments, facts, &streams);
    free(text);
    return process;
}

/* ---- a program ---- */

/* Without a shell, the limit can only be set from here: at once, while the program is being loaded. */
static void set_old_limit(pid_t process)
{
    uint64_t old = lubdub_descriptor_limit_at_start();
    struct rlimit limit;

    if (old != 0 && prlimit(process, RLIMIT_NOFILE, NULL, &limit) == 0) {
        limit.rlim_cur = old < limit.rlim_max ? old : limit.rlim_max;
        (void)prlimit(process, RLIMIT_NOFILE, &limit, NULL);
    }
}

pid_t lubdub_command_start_program(const char *program, const struct lubdub_event_line *facts, int input, int output)
{
    const struct streams streams = {.input = input, .output = output, .errors = output};
    char *name = strdup(program);
    char *arguments[] = {name, NULL};
    pid_t process;

    if (name == NULL) {
        errno = ENOMEM;
        return -1;
    }
    process = start(program, arguments, facts, &streams);
    free(name);
    if (process > 0 && !lubdub_launcher_is_open()) {
        set_old_limit(process);
    }
    return process;
}

void lubdub_command_kill(pid_t process)
{
    kill(-process, SIGKILL);
}
