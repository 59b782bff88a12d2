/* Reads LISTEN_PID and LISTEN_FDS. */
#define _POSIX_C_SOURCE 200809L
#include "program/process/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
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

unsigned lubdub_activation_take(void)
{
    long process;
    long announced;
    unsigned count = 0;

    if (read_number("LISTEN_PID", &process) && process == (long)getpid() && read_number("LISTEN_FDS", &announced)) {
        /* A descriptor that is not open would soon be another one's. */
        while ((long)count < announced && announced <= INT_MAX - LUBDUB_ACTIVATION_FIRST &&
               fcntl(LUBDUB_ACTIVATION_FIRST + (int)count, F_SETFD, FD_CLOEXEC) == 0) {
            count++;
        }
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return count;
}
