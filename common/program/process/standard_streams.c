#define _GNU_SOURCE
#include "program/process/standard_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

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

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int lubdub_standard_streams_prepare(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    int wrong = fill_standard_descriptors();

    if (wrong != 0) {
        return wrong;
    }
    sigaction(SIGPIPE, &ignore, NULL);
    raise_descriptor_limit();
    return 0;
}
