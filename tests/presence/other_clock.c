/*
 * Preloaded into Redis: its real-time clock is off by as many seconds as a file says, which the environment names
 * (LUBDUB_OTHER_CLOCK: a file of 8 bytes). The test writes there while Redis runs. The monotonic clock stays.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *seconds_off;

__attribute__((constructor)) static void open_clock(void)
{
    const char *path = getenv("LUBDUB_OTHER_CLOCK");
    int file = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;

    if (file >= 0) {
        void *mapped = mmap(NULL, sizeof *seconds_off, PROT_READ, MAP_SHARED, file, 0);

        seconds_off = mapped != MAP_FAILED ? mapped : NULL;
        close(file);
    }
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);

    if (result == 0 && clock == CLOCK_REALTIME && seconds_off != NULL) {
        now->tv_sec += *seconds_off;
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;
    int result = clock_gettime(CLOCK_REALTIME, &precise);
    (void)zone;

    if (result == 0) {
        now->tv_sec = precise.tv_sec;
        now->tv_usec = precise.tv_nsec / 1000;
    }
    return result;
}

time_t time(time_t *target)
{
    struct timespec precise = {0};

    (void)clock_gettime(CLOCK_REALTIME, &precise);
    if (target != NULL) {
        *target = precise.tv_sec;
    }
    return precise.tv_sec;
}
