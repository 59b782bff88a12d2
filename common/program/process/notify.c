/* Sends lines of NAME=VALUE to the manager's socket. */
#define _GNU_SOURCE
#include "program/process/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LONGEST_LINES 512

/* The address of a path, or of an abstract name, which is written with @ for its leading zero byte. */
static bool take_address(struct lubdub_notify *notify, const char *name)
{
    size_t length = strlen(name);
    bool is_abstract = name[0] == '@';

    if ((name[0] != '/' && !is_abstract) || length < 2 || length >= sizeof notify->address.sun_path) {
        return false;
    }
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, name, length + 1);
    if (is_abstract) {
        notify->address.sun_path[0] = '\0';
    }
    /* The end of an abstract name is told by the length alone; a path is terminated. */
    notify->address_length =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (is_abstract ? 0 : 1));
    return true;
}

/* WATCHDOG_PID says for which process WATCHDOG_USEC is. */
static lubdub_duration watchdog_of_environment(void)
{
    const char *microseconds = getenv("WATCHDOG_USEC");
    const char *process = getenv("WATCHDOG_PID");
    unsigned long long length;
    char *end;

    if (microseconds == NULL || (process != NULL && strtol(process, NULL, 10) != (long)getpid())) {
        return 0;
    }
    errno = 0;
    length = strtoull(microseconds, &end, 10);
    return errno == 0 && *end == '\0' && length <= UINT64_MAX / LUBDUB_MICROSECOND ? length * LUBDUB_MICROSECOND : 0;
}

int lubdub_notify_open(struct lubdub_notify *notify)
{
    const char *name = getenv("NOTIFY_SOCKET");
    int wrong = 0;

    memset(notify, 0, sizeof *notify);
    notify->socket = -1;
    if (name != NULL && *name != '\0') {
        if (!take_address(notify, name)) {
            wrong = EINVAL;
        } else {
            notify->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
            wrong = notify->socket < 0 ? errno : 0;
            notify->watchdog = watchdog_of_environment();
        }
    }
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return wrong;
}

void lubdub_notify_close(struct lubdub_notify *notify)
{
    if (notify->socket >= 0) {
        close(notify->socket);
        notify->socket = -1;
    }
}

bool lubdub_notify_is_heard(const struct lubdub_notify *notify)
{
    return notify->socket >= 0;
}

static bool tell(const struct lubdub_notify *notify, const char *lines)
{
    size_t length = strlen(lines);

    return notify->socket < 0 ||
           sendto(notify->socket, lines, length, MSG_NOSIGNAL | MSG_DONTWAIT,
                  (const struct sockaddr *)&notify->address, notify->address_length) == (ssize_t)length;
}

static bool tell_with_status(const struct lubdub_notify *notify, const char *line, const char *status)
{
    char lines[LONGEST_LINES];

    snprintf(lines, sizeof lines, "%sSTATUS=%.*s", line, (int)strcspn(status, "\n"), status);
    return tell(notify, lines);
}

bool lubdub_notify_ready(const struct lubdub_notify *notify, const char *status)
{
    return tell_with_status(notify, "READY=1\n", status);
}

/* The time is asked for by managers for which a reload is a state of its own (notify-reload, systemd 253). */
bool lubdub_notify_reloading(const struct lubdub_notify *notify)
{
    char lines[LONGEST_LINES];
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%llu",
             (unsigned long long)now.tv_sec * 1000000u + (unsigned long long)now.tv_nsec / 1000u);
    return tell(notify, lines);
}

bool lubdub_notify_stopping(const struct lubdub_notify *notify, const char *status)
{
    return tell_with_status(notify, "STOPPING=1\n", status);
}

bool lubdub_notify_status(const struct lubdub_notify *notify, const char *status)
{
    return tell_with_status(notify, "", status);
}

bool lubdub_notify_alive(const struct lubdub_notify *notify)
{
    return tell(notify, "WATCHDOG=1");
}
