/* Waits in epoll for edges: each event ends one wait, however long it takes the loop to handle it. */
#define _GNU_SOURCE
#include "ev/waiting.h"

#include <errno.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Taken out of the set at once; what is left of more ends the next wait. */
#define EVENTS 64

void lubdub_waiting_init(struct lubdub_waiting *waiting)
{
    waiting->set = waiting->bell = -1;
    waiting->is_unable = false;
    atomic_init(&waiting->is_rung, false);
    atomic_init(&waiting->is_waiting, false);
}

void lubdub_waiting_clear(struct lubdub_waiting *waiting)
{
    if (waiting->set >= 0) {
        close(waiting->set);
        close(waiting->bell);
    }
    waiting->set = waiting->bell = -1;
}

static bool add(struct lubdub_waiting *waiting, int descriptor, uint32_t events)
{
    struct epoll_event event = {.events = events | EPOLLET};

    return epoll_ctl(waiting->set, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

bool lubdub_waiting_open(struct lubdub_waiting *waiting)
{
    if (waiting->set >= 0) {
        return true;
    }
    waiting->set = epoll_create1(EPOLL_CLOEXEC);
    if (waiting->set < 0) {
        return false;
    }
    waiting->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (waiting->bell < 0 || !add(waiting, waiting->bell, EPOLLIN)) {
        lubdub_waiting_clear(waiting);
        return false;
    }
    return true;
}

void lubdub_waiting_mind_listener(struct lubdub_waiting *waiting, int socket)
{
    if (waiting->set >= 0) {
        (void)add(waiting, socket, EPOLLIN);
    }
}

void lubdub_waiting_mind_end(struct lubdub_waiting *waiting, int socket)
{
    if (waiting->set >= 0) {
        (void)add(waiting, socket, EPOLLRDHUP);
    }
}

void lubdub_waiting_forget(struct lubdub_waiting *waiting, int socket)
{
    struct epoll_event unused;

    if (waiting->set >= 0) {
        (void)epoll_ctl(waiting->set, EPOLL_CTL_DEL, socket, &unused);
    }
}

void lubdub_waiting_ring(struct lubdub_waiting *waiting)
{
    const uint64_t one = 1;

    /* Rung before it is looked whether there is a wait; the waiting thread does these two the other way round. */
    atomic_store(&waiting->is_rung, true);
    if (atomic_load(&waiting->is_waiting)) {
        (void)!write(waiting->bell, &one, sizeof one);
    }
}

void lubdub_waiting_wait(struct lubdub_waiting *waiting, lubdub_time now, lubdub_time until)
{
    lubdub_duration length = lubdub_time_between(now, until);
    const struct timespec patience = {.tv_sec = (time_t)(length / LUBDUB_SECOND),
                                      .tv_nsec = (long)(length % LUBDUB_SECOND)};
    struct epoll_event events[EVENTS];

    if (waiting->set < 0 || waiting->is_unable) {
        return;
    }
    atomic_store(&waiting->is_waiting, true);
    if (!atomic_exchange(&waiting->is_rung, false)) {
        int count = epoll_pwait2(waiting->set, events, EVENTS, &patience, NULL);

        waiting->is_unable = count < 0 && errno != EINTR; /* before Linux 5.11, or kept from us by a filter */
    }
    atomic_store(&waiting->is_waiting, false);
}
