/* Prepares a process before it does anything else. */
#define _GNU_SOURCE
#include "program/process/startup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ev/loop.h"
#include "ev/tuning.h"
#include "program/events/log.h"
#include "program/process/exit_status.h"

#define MOST_RESERVED 65536

/* ---- standard streams ---- */

static int fill_standard_descriptors(void)
{
    int descriptor;

    /* open() gives the lowest free number, so going upwards each hole is filled by its own turn. */
    for (descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; descriptor++) {
        if (fcntl(descriptor, F_GETFD) == -1 && errno == EBADF && open("/dev/null", O_RDWR) != descriptor) {
            return errno != EBADF ? errno : EIO;
        }
    }
    return 0;
}

/* 0: it was not raised. */
static uint64_t limit_at_start;

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        rlim_t was = limit.rlim_cur;

        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) == 0) {
            limit_at_start = was;
        }
    }
}

uint64_t lubdub_descriptor_limit_at_start(void)
{
    return limit_at_start;
}

int lubdub_standard_streams_prepare(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    int wrong = fill_standard_descriptors();

    if (wrong != 0) {
        return wrong;
    }
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL);
    raise_descriptor_limit();
    return 0;
}

/* ---- the table of descriptors ---- */

/*
 * The table doubles when it is full, and in a process of several threads the kernel waits for all processors while it
 * does: the loop that accepts stands still for 10 to 50 ms, and its listen queue runs over. With one thread it does not
 * wait. Room for 64 Ki descriptors is half a megabyte of the kernel's memory.
 */
void lubdub_descriptor_table_reserve(void)
{
    struct rlimit limit;
    rlim_t room;
    int last;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    room = limit.rlim_cur < MOST_RESERVED ? limit.rlim_cur : MOST_RESERVED;
    last = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, (int)room - 1);
    if (last != -1) {
        close(last); /* the table stays */
    }
}

/* ---- the event loop ---- */

/* For give_up(), which libev hands nothing of the program's own. */
static const char *program_name;

static void give_up(const char *message) EV_NOEXCEPT
{
    fprintf(stderr, "%s: cannot go on: %s: %s\n", program_name, message, strerror(errno));
    _exit(LUBDUB_EXIT_CANNOT_START);
}

struct ev_loop *lubdub_loop_open(const char *program)
{
    struct ev_loop *loop;

    program_name = program;
    ev_set_syserr_cb(give_up);
    loop = ev_default_loop(EVFLAG_AUTO);
    if (loop == NULL) {
        fprintf(stderr, "%s: cannot start: libev finds no way to wait for events\n", program);
        return NULL;
    }
    if (!lubdub_loop_can_wait(loop)) {
        fprintf(stderr, "%s: cannot start: cannot wait for signals: %s\n", program, strerror(errno));
        return NULL;
    }
    return loop;
}

/* ---- the kernel ---- */

/* Where the kernel is older, TCP's own timers have to do. */
void lubdub_log_kernel(void)
{
    char names[LUBDUB_TUNING_TEXT_SIZE];

    if (lubdub_log_level() >= LUBDUB_LOG_DEBUG && lubdub_tuning_lacks(names)[0] != '\0') {
        lubdub_log_debug("TCP's timers stay as they are: this kernel lacks options=\"%s\"", names);
    }
}
