/* Reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES. */
#define _POSIX_C_SOURCE 200809L
#include "program/process/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether the variable holds a number from 1 to INT_MAX. */
static bool read_number(const char *name, long *number)
{
    const char *text = getenv(name);
    char *end;

    if (text == NULL || *text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    *number = strtol(text, &end, 10);
    return errno == 0 && *end == '\0' && *number > 0 && *number <= INT_MAX;
}

/* The names of descriptors of which none is open, or no memory for them, are none: then nothing is served. */
static void take_names(struct lubdub_activation *activation)
{
    const char *names = getenv("LISTEN_FDNAMES");
    const char *at;

    if (names == NULL || activation->count == 0) {
        return;
    }
    activation->names = strdup(names);
    activation->name_count = activation->names != NULL;
    for (at = activation->names; at != NULL && (at = strchr(at, ':')) != NULL; at++) {
        activation->name_count++;
    }
}

void lubdub_activation_take(struct lubdub_activation *activation)
{
    long process;
    long announced;

    *activation = (struct lubdub_activation){0};
    if (read_number("LISTEN_PID", &process) && process == (long)getpid() && read_number("LISTEN_FDS", &announced)) {
        /* A descriptor that is not open would soon be another one's. */
        while ((long)activation->count < announced && announced <= INT_MAX - LUBDUB_ACTIVATION_FIRST &&
               fcntl(LUBDUB_ACTIVATION_FIRST + (int)activation->count, F_SETFD, FD_CLOEXEC) == 0) {
            activation->count++;
        }
    }
    take_names(activation);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}

bool lubdub_activation_is_doubtful(const struct lubdub_activation *activation)
{
    return activation->names != NULL && activation->name_count != activation->count;
}

static bool ends_in(const char *name, size_t length, const char *word)
{
    size_t word_length = strlen(word);

    return length >= word_length && memcmp(name + length - word_length, word, word_length) == 0 &&
           (length == word_length || name[length - word_length - 1] == '-');
}

bool lubdub_activation_is_named(const struct lubdub_activation *activation, unsigned index, const char *word)
{
    static const char unit[] = ".socket";
    const char *name = activation->names;
    size_t length;

    for (; index > 0 && name != NULL; index--) {
        name = strchr(name, ':');
        name = name != NULL ? name + 1 : NULL;
    }
    if (name == NULL) {
        return false;
    }
    length = strcspn(name, ":");
    if (length >= sizeof unit - 1 && memcmp(name + length - (sizeof unit - 1), unit, sizeof unit - 1) == 0) {
        length -= sizeof unit - 1;
    }
    return ends_in(name, length, word);
}
