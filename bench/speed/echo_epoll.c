/*
 * The floor: the least that any server on epoll can do. Sends back whatever comes; knows of no time and keeps nothing
 * of a connection but its descriptor.
 *
 *     speed-echo-epoll PORT
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "program/process/startup.h"
#include "speed/listening.h"

/* More at once is slower: what the first recv brought into the cache is gone before the last send. */
#define EVENTS 256

static void watch(int epoll, int socket)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = socket};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) != 0) {
        err(EXIT_FAILURE, "epoll_ctl");
    }
}

static void accept_some(int epoll, int listening)
{
    unsigned accepted;

    for (accepted = 0; accepted < ECHO_ACCEPTS; accepted++) {
        int socket = echo_accept(listening);

        if (socket < 0) {
            return;
        }
        watch(epoll, socket);
    }
}

static void echo(int socket)
{
    static uint8_t bytes[ECHO_LENGTH];
    ssize_t length = recv(socket, bytes, sizeof bytes, 0);

    if (length < 0 && errno == EAGAIN) {
        return;
    }
    if (length <= 0 || send(socket, bytes, (size_t)length, 0) != length) {
        close(socket);
    }
}

int main(int argument_count, char **arguments)
{
    struct epoll_event events[EVENTS];
    int listening;
    int epoll;

    if (lubdub_standard_streams_prepare() != 0) {
        return EXIT_FAILURE;
    }
    if (argument_count != 2) {
        errx(2, "usage: speed-echo-epoll PORT");
    }
    listening = echo_listen(arguments[1]);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listening);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        int i;

        for (i = 0; i < count; i++) {
            if (events[i].data.fd == listening) {
                accept_some(epoll, listening);
            } else {
                echo(events[i].data.fd);
            }
        }
    }
}
