/* Runs commands with posix_spawn, since fork() is not safe in a program with threads. */
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
#include <unistd.h>

#include "program/events/escape.h"
#include "program/events/field.h"
#include "program/process/startup.h"

extern char **environ;

#define PREFIX "LUBDUB_"
#define FACTS_LIMIT 32
#define NAME_SIZE 40
#define VALUE_SIZE (3 * LUBDUB_EVENT_STRING_MAX)

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

static void add_field(struct environment *environment, const struct lubdub_event_field *field, const char *text)
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
    case LUBDUB_EVENT_FIELD_LABEL:
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
        add_fact(environment, "event", facts->event);
    }
    while (facts != NULL && lubdub_event_field_next(facts->fields, facts->length, &offset, &field, &text)) {
        add_field(environment, &field, text);
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

static int set_files(posix_spawn_file_actions_t *files, int output)
{
    int error = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

    if (error != 0) {
        return error;
    }
    if (output == LUBDUB_COMMAND_TO_NOWHERE) {
        return posix_spawn_file_actions_addopen(files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    }
    return posix_spawn_file_actions_adddup2(files, output == LUBDUB_COMMAND_TO_LOG ? STDERR_FILENO : output,
                                            STDOUT_FILENO);
}

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

static int spawn(pid_t *process, const char *command, char *const entries[], int output)
{
    char shell[] = "sh";
    char option[] = "-c";
    char *text = with_old_limit(command);
    char *arguments[] = {shell, option, text, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int error = text != NULL ? posix_spawn_file_actions_init(&files) : ENOMEM;

    if (error != 0) {
        free(text);
        return error;
    }
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        error = set_attributes(&attributes);
        if (error == 0) {
            error = set_files(&files, output);
        }
        if (error == 0) {
            error = posix_spawn(process, "/bin/sh", &files, &attributes, arguments, entries);
        }
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    free(text);
    return error;
}

pid_t lubdub_command_start(const char *command, const struct lubdub_event_line *facts, int output)
{
    struct environment environment;
    pid_t process = -1;
    int error;

    if (!make_environment(&environment, facts)) {
        errno = ENOMEM;
        return -1;
    }
    error = spawn(&process, command, environment.entries, output);
    free_environment(&environment);
    if (error != 0) {
        errno = error;
        return -1;
    }
    return process;
}

void lubdub_command_kill(pid_t process)
{
    kill(-process, SIGKILL);
}
