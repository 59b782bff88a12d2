/*
 * Loaded into a program before its libraries (LD_PRELOAD): clocks that step, reads and writes of a few bytes, and calls
 * of the system that fail, by the orders in a file that the injector of faults writes while the program runs.
 * LUBDUB_SHIM names the file.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* shim.py writes the same layout. */
struct failing {
    _Atomic int32_t with; /* errno */
    _Atomic int32_t left; /* so many calls */
};

struct orders {
    _Atomic int64_t realtime; /* nanoseconds that are added to the clock */
    _Atomic int64_t boottime;
    _Atomic int64_t back; /* every seventh reading of the monotonic clock is earlier by this */
    _Atomic int32_t
        piece; /* bytes that one recv() or send() takes, 0: any number; every other call is EAGAIN or EINTR then */
    _Atomic int32_t unused;
    struct failing accept4;
    struct failing epoll_ctl;
    _Atomic int64_t hits; /* so many calls failed, were short or read a false clock */
};

static struct orders nothing;
static struct orders *orders = &nothing;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("LUBDUB_SHIM");
    int file = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *memory = file >= 0 ? mmap(NULL, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0) : MAP_FAILED;

    if (memory != MAP_FAILED) {
        orders = memory;
    }
    if (file >= 0) {
        close(file);
    }
}

static void hit(void)
{
    atomic_fetch_add(&orders->hits, 1);
}

static int fails(struct failing *failing)
{
    if (atomic_load(&failing->left) > 0 && atomic_fetch_sub(&failing->left, 1) > 0) {
        hit();
        errno = atomic_load(&failing->with);
        return -1;
    }
    return 0;
}

static void add(struct timespec *time, int64_t nanoseconds)
{
    int64_t sum = time->tv_nsec + nanoseconds % 1000000000;

    time->tv_sec += nanoseconds / 1000000000 + (sum < 0 ? -1 : sum / 1000000000);
    time->tv_nsec = sum < 0 ? sum + 1000000000 : sum % 1000000000;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    static int (*real)(clockid_t, struct timespec *);
    static atomic_uint readings;
    int result;
    int64_t off = 0;

    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    }
    result = real(clock, time);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) {
        off = atomic_load(&orders->realtime);
    } else if (clock == CLOCK_BOOTTIME) {
        off = atomic_load(&orders->boottime);
    } else if (clock == CLOCK_MONOTONIC && atomic_fetch_add(&readings, 1) % 7 == 6) {
        off = -atomic_load(&orders->back);
    }
    if (off != 0 && result == 0) {
        add(time, off);
        hit();
    }
    return result;
}

/* Returns how many bytes a call may take, or -1 with an errno. */
static ssize_t allowed(size_t length)
{
    static atomic_uint calls;
    int32_t piece = atomic_load(&orders->piece);
    unsigned call;

    if (piece == 0 || length == 0) {
        return (ssize_t)length;
    }
    hit();
    call = atomic_fetch_add(&calls, 1);
    if (call % 2 == 0) {
        errno = call % 4 == 0 ? EAGAIN : EINTR;
        return -1;
    }
    return length < (size_t)piece ? (ssize_t)length : piece;
}

ssize_t recv(int descriptor, void *bytes, size_t length, int flags)
{
    static ssize_t (*real)(int, void *, size_t, int);
    ssize_t room = allowed(length);

    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "recv");
    }
    return room < 0 ? -1 : real(descriptor, bytes, (size_t)room, flags);
}

ssize_t send(int descriptor, const void *bytes, size_t length, int flags)
{
    static ssize_t (*real)(int, const void *, size_t, int);
    ssize_t room = allowed(length);

    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "send");
    }
    return room < 0 ? -1 : real(descriptor, bytes, (size_t)room, flags);
}

int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags)
{
    static int (*real)(int, struct sockaddr *, socklen_t *, int);

    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "accept4");
    }
    return fails(&orders->accept4) != 0 ? -1 : real(descriptor, address, length, flags);
}

int epoll_ctl(int epoll, int operation, int descriptor, struct epoll_event *event)
{
    static int (*real)(int, int, int, struct epoll_event *);

    if (real == NULL) {
        *(void **)&real = dlsym(RTLD_NEXT, "epoll_ctl");
    }
    if (operation != EPOLL_CTL_DEL && fails(&orders->epoll_ctl) != 0) {
        return -1;
    }
    return real(epoll, operation, descriptor, event);
}
