/* Listens on a socket and accepts connections. */
#define _GNU_SOURCE
#include "server/library/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ev/container_of.h"
#include "ev/paths.h"
#include "ev/socket.h"
#include "server/library/door.h"
#include "server/library/opening.h"
#include "server/library/proxied.h"
#include "server/library/tell.h"

#define BACKLOG 4096 /* cut to net.core.somaxconn by the kernel */
#define PAUSE 0.1    /* seconds */

/* Newcomers are told that no descriptor is left, so many at once and then after a while. */
#define REFUSED_AT_ONCE 16
#define SHORT_PAUSE 0.01 /* seconds */

/* Descriptors that no client gets: to read settings and tokens again, to reopen files, to refuse connections. */
#define RESERVE 8
#define FEW_DESCRIPTORS 64

static const char null_device[] = "/dev/null";

/* Errors after which the next accept would fail just the same, until something is freed. */
static bool is_lack(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Without a descriptor left, one client can still be told so: the spare descriptor is given up for it. */
static void refuse_one(struct lubdub_worker *worker, int listening, bool is_tls)
{
    int socket;

    if (worker->spare_descriptor < 0) {
        return;
    }
    close(worker->spare_descriptor);
    socket = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
        lubdub_tally_add(&worker->tally.by_limit[LUBDUB_SERVER_LIMIT_DESCRIPTORS], 1);
        lubdub_door_turn_away(worker, socket, is_tls, "no descriptor is left");
    }
    worker->spare_descriptor = open(null_device, O_RDONLY | O_CLOEXEC);
}

static void pause_accepting(struct lubdub_listener *listener, const char *text, ev_tstamp length)
{
    struct lubdub_worker *worker = listener->worker;
    struct lubdub_server_event event = {
        .kind = LUBDUB_SERVER_PAUSED,
        .text = {text, strlen(text)},
    };

    ev_io_stop(worker->loop, &listener->io);
    ev_timer_set(&listener->pause, length, 0);
    ev_timer_start(worker->loop, &listener->pause);
    if (!listener->lacks) {
        lubdub_tally_add(&worker->tally.pauses, 1);
        listener->lacks = true; /* told once, however long the lack lasts */
        lubdub_server_tell(worker, NULL, &event);
    }
}

/* No lack: there is more to do than the loop can do at once. */
static void wait_a_moment(struct lubdub_listener *listener)
{
    ev_io_stop(listener->worker->loop, &listener->io);
    ev_timer_set(&listener->pause, SHORT_PAUSE, 0);
    ev_timer_start(listener->worker->loop, &listener->pause);
}

static void on_connection(struct ev_loop *loop, ev_io *io, int revents)
{
    struct lubdub_listener *listener = container_of(io, struct lubdub_listener, io);
    struct lubdub_worker *worker = listener->worker;
    const size_t most = lubdub_worker_settings(worker)->accepts_per_turn;
    unsigned refused = 0;
    size_t accepted;
    (void)loop;

    lubdub_worker_enter(worker);
    if ((revents & EV_ERROR) != 0) {
        pause_accepting(listener, "the loop cannot watch the listening socket", PAUSE); /* libev stopped the watcher */
    }
    for (accepted = 0; accepted < most && !worker->is_draining && !worker->server->is_doomed; accepted++) {
        struct sockaddr_storage remote;
        socklen_t length = sizeof remote;
        struct lubdub_address address;
        int socket;

        if (listener->is_tls && lubdub_opening_is_busy(worker)) {
            wait_a_moment(listener);
            break;
        }
        socket = accept4(io->fd, (struct sockaddr *)&remote, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (socket < 0) {
            if (is_lack(errno)) {
                int error = errno;

                if (error == EMFILE) {
                    refuse_one(worker, io->fd, listener->is_tls);
                }
                pause_accepting(listener, strerror(error), PAUSE);
                break;
            }
            if (errno == EAGAIN || errno == EWOULDBLOCK) {
                listener->lacks = listener->lacks && (listener->is_at_reserve || !ev_is_active(io));
                break;
            }
            continue; /* the one connection failed: ECONNABORTED, EPROTO, … */
        }
        listener->is_at_reserve = socket >= worker->first_reserved;
        if (listener->is_at_reserve) {
            lubdub_tally_add(&worker->tally.by_limit[LUBDUB_SERVER_LIMIT_DESCRIPTORS], 1);
            lubdub_door_turn_away(worker, socket, listener->is_tls, "no descriptor is left");
            if (++refused == REFUSED_AT_ONCE || !listener->lacks) {
                pause_accepting(listener, strerror(EMFILE), SHORT_PAUSE);
                break;
            }
        } else if (!lubdub_address_from_socket(&address, (const struct sockaddr *)&remote)) {
            close(socket);
        } else if (lubdub_proxied_is_proxy(worker, &address)) {
            lubdub_proxied_accept(worker, socket, &address, listener->is_tls);
        } else {
            lubdub_door_accept(worker, socket, &address, listener->is_tls, false);
        }
    }
    if (accepted == most) {
        lubdub_tally_add(&worker->tally.by_limit[LUBDUB_SERVER_LIMIT_ACCEPTS], 1);
    }
    lubdub_worker_leave(worker);
}

static void on_pause_over(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct lubdub_listener *listener = container_of(timer, struct lubdub_listener, pause);
    (void)revents;

    if (listener->worker->spare_descriptor < 0) {
        listener->worker->spare_descriptor = open(null_device, O_RDONLY | O_CLOEXEC);
    }
    ev_io_start(loop, &listener->io);
}

static enum lubdub_error error_of_bind(int error)
{
    switch (error) {
    case EADDRINUSE:
        return LUBDUB_ERROR_ADDRESS_IN_USE;
    case EACCES:
    case EPERM:
        return LUBDUB_ERROR_PERMISSION;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
        return LUBDUB_ERROR_ADDRESS;
    default:
        return LUBDUB_ERROR_SYSTEM;
    }
}

/* A listening socket; -1 and errno. */
static int listen_on(struct lubdub_address *address, const struct lubdub_tuning *tuning,
                     enum lubdub_multipath multipath, bool shares_port, bool opens_port)
{
    const int on = 1;
    struct sockaddr_storage local;
    socklen_t length = lubdub_address_to_socket(address, &local);
    struct lubdub_address bound;
    int socket = lubdub_socket_new(address, multipath != LUBDUB_MULTIPATH_OFF);

    if (socket < 0) {
        return -1;
    }
    if (multipath == LUBDUB_MULTIPATH_REQUIRED && !lubdub_socket_may_have_paths(socket)) {
        errno = EPROTONOSUPPORT;
        goto fail;
    }
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (!lubdub_address_is_ipv4(address)) {
        setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    }
    if (shares_port) {
        setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    }
    /* What is set here is inherited by every socket that is accepted. */
    lubdub_socket_tune(socket);
    lubdub_tuning_set(socket, tuning, NULL);
    if (bind(socket, (const struct sockaddr *)&local, length) != 0) {
        goto fail;
    }
    if (opens_port) {
        setsockopt(socket, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    }
    if (listen(socket, BACKLOG) != 0) {
        goto fail;
    }
    length = sizeof local;
    if (getsockname(socket, (struct sockaddr *)&local, &length) == 0 &&
        lubdub_address_from_socket(&bound, (const struct sockaddr *)&local)) {
        address->port = bound.port;
    }
    return socket;

fail:
    length = (socklen_t)errno;
    close(socket);
    errno = (int)length;
    return -1;
}

/* Puts a listening socket, which is the listener's from now on, into a listener. NULL: no memory, and it is closed. */
static struct lubdub_listener *listener_on(struct lubdub_worker *worker, int socket,
                                           const struct lubdub_address *address)
{
    struct lubdub_listener *made = calloc(1, sizeof *made);

    if (made == NULL) {
        close(socket);
        return NULL;
    }
    made->worker = worker;
    lubdub_waiting_mind_listener(&worker->group.reactor->waiting, socket);
    made->address = *address;
    ev_io_init(&made->io, on_connection, socket, EV_READ);
    ev_timer_init(&made->pause, on_pause_over, PAUSE, 0);
    return made;
}

enum lubdub_error lubdub_listener_new(struct lubdub_listener **listener, struct lubdub_worker *worker,
                                      struct lubdub_address *address, bool shares_port, bool opens_port)
{
    int socket =
        listen_on(address, &worker->tuning, worker->rules->settings.multipath, shares_port, opens_port);

    if (socket < 0) {
        return error_of_bind(errno);
    }
    *listener = listener_on(worker, socket, address);
    return *listener != NULL ? LUBDUB_ERROR_OK : LUBDUB_ERROR_NO_MEMORY;
}

/* Whether it is a listening socket of TCP, and where. */
static bool listens(int socket, struct lubdub_address *address)
{
    struct sockaddr_storage local;
    socklen_t length = sizeof local;
    int is_listening = 0;
    socklen_t size = sizeof is_listening;

    return getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) == 0 && is_listening != 0 &&
           getsockname(socket, (struct sockaddr *)&local, &length) == 0 && lubdub_socket_is_tcp(socket) &&
           lubdub_address_from_socket(address, (const struct sockaddr *)&local);
}

enum lubdub_error lubdub_listener_adopt(struct lubdub_listener **listener, struct lubdub_worker *worker, int socket,
                                        struct lubdub_address *address)
{
    int copy;

    if (!listens(socket, address)) {
        return LUBDUB_ERROR_INVALID;
    }
    copy = fcntl(socket, F_DUPFD_CLOEXEC, 0);
    if (copy < 0 || fcntl(copy, F_SETFL, fcntl(copy, F_GETFL) | O_NONBLOCK) != 0) {
        int error = errno;

        if (copy >= 0) {
            close(copy);
        }
        errno = error;
        return LUBDUB_ERROR_SYSTEM;
    }
    lubdub_socket_tune(copy);
    lubdub_tuning_set(copy, &worker->tuning, NULL);
    *listener = listener_on(worker, copy, address);
    return *listener != NULL ? LUBDUB_ERROR_OK : LUBDUB_ERROR_NO_MEMORY;
}

int lubdub_listener_first_reserved(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX) {
        return INT_MAX;
    }
    return (int)limit.rlim_cur - (limit.rlim_cur < FEW_DESCRIPTORS ? RESERVE / 4 : RESERVE);
}

void lubdub_listener_start(struct lubdub_listener *listener)
{
    ev_io_start(listener->worker->loop, &listener->io);
}

void lubdub_listener_free(struct lubdub_listener *listener)
{
    ev_io_stop(listener->worker->loop, &listener->io);
    ev_timer_stop(listener->worker->loop, &listener->pause);
    lubdub_waiting_forget(&listener->worker->group.reactor->waiting, listener->io.fd); /* it may be open elsewhere */
    close(listener->io.fd);
    free(listener);
}
