/*
 * The yardstick: the least that a libev server with an expiry can do. Sends back whatever comes, and closes a
 * connection that was silent for the expiry: one ev_io and one ev_timer each, and the timer is set again only when it
 * fires, for what is left then. No protocol, no events, no protection against its own absence.
 *
 *     speed-echo-libev PORT EXPIRY-IN-SECONDS [GATHERED-FOR-MILLISECONDS]
 *
 * With a third argument it is the yardstick that gathers: libev's own way to do that, which waits so long from turn to
 * turn of its loop, whatever comes.
 */
#include <err.h>
#include <errno.h>
#include <ev.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "program/process/startup.h"
#include "speed/listening.h"

struct connection {
    ev_io io;
    ev_timer timer;
    ev_tstamp heard_at;
};

static ev_tstamp expiry;

static void end(struct ev_loop *loop, struct connection *connection)
{
    ev_io_stop(loop, &connection->io);
    ev_timer_stop(loop, &connection->timer);
    close(connection->io.fd);
    free(connection);
}

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
    static uint8_t bytes[ECHO_LENGTH];
    struct connection *connection = io->data;
    ssize_t length = recv(io->fd, bytes, sizeof bytes, 0);
    (void)revents;

    if (length < 0 && errno == EAGAIN) {
        return;
    }
    if (length <= 0 || send(io->fd, bytes, (size_t)length, 0) != length) {
        end(loop, connection);
        return;
    }
    connection->heard_at = ev_now(loop);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct connection *connection = timer->data;
    ev_tstamp left = connection->heard_at + expiry - ev_now(loop);
    (void)revents;

    if (left <= 0) {
        end(loop, connection);
        return;
    }
    ev_timer_set(timer, left, 0);
    ev_timer_start(loop, timer);
}

static void on_connection(struct ev_loop *loop, ev_io *io, int revents)
{
    unsigned accepted;
    (void)revents;

    for (accepted = 0; accepted < ECHO_ACCEPTS; accepted++) {
        int socket = echo_accept(io->fd);
        struct connection *connection;

        if (socket < 0) {
            return;
        }
        connection = malloc(sizeof *connection);
        if (connection == NULL) {
            err(EXIT_FAILURE, "malloc");
        }
        connection->heard_at = ev_now(loop);
        ev_io_init(&connection->io, on_io, socket, EV_READ);
        connection->io.data = connection;
        ev_io_start(loop, &connection->io);
        ev_timer_init(&connection->timer, on_timer, expiry, 0);
        connection->timer.data = connection;
        ev_timer_start(loop, &connection->timer);
    }
}

int main(int argument_count, char **arguments)
{
    struct ev_loop *loop;
    ev_io listener;

    if (lubdub_standard_streams_prepare() != 0) {
        return EXIT_FAILURE;
    }
    loop = ev_default_loop(EVBACKEND_EPOLL);
    if (argument_count < 3 || argument_count > 4 || loop == NULL) {
        errx(2, "usage: speed-echo-libev PORT EXPIRY-IN-SECONDS [GATHERED-FOR-MILLISECONDS]");
    }
    expiry = atof(arguments[2]);
    if (argument_count == 4) {
        ev_set_io_collect_interval(loop, atof(arguments[3]) / 1000);
    }
    ev_io_init(&listener, on_connection, echo_listen(arguments[1]), EV_READ);
    ev_io_start(loop, &listener);
    ev_run(loop, 0);
    return EXIT_SUCCESS;
}
