/* libev's errors are told as all others are. */
#include "program/process/loop.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "program/process/exit_status.h"

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
    }
    return loop;
}
