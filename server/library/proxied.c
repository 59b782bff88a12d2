/* Peeks at what a proxy's connection has sent, until the header is whole. */
#include "server/library/proxied.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ev/container_of.h"
#include "ev/socket.h"
#include "server/library/door.h"
#include "server/library/opening.h"
#include "server/library/proxy_header.h"
#include "server/library/tell.h"

struct lubdub_proxied {
    ev_io io;
    ev_timer patience;
    struct lubdub_worker *worker;
    struct lubdub_proxied *next;
    struct lubdub_proxied **link; /* what points to this one */
    struct lubdub_address proxy;
    bool is_tls;
};

bool lubdub_proxied_is_proxy(const struct lubdub_worker *worker, const struct lubdub_address *address)
{
    const struct lubdub_rules *rules = worker->rules;
    size_t i;

    for (i = 0; i < rules->settings.proxy_count; i++) {
        if (lubdub_network_has(&rules->proxies[i], address)) {
            return true;
        }
    }
    return false;
}

/* Takes it out of the loop. Returns its socket. */
static int stop(struct lubdub_proxied *proxied)
{
    struct lubdub_worker *worker = proxied->worker;
    int socket = proxied->io.fd;

    ev_io_stop(worker->loop, &proxied->io);
    ev_timer_stop(worker->loop, &proxied->patience);
    *proxied->link = proxied->next;
    if (proxied->next != NULL) {
        proxied->next->link = proxied->link;
    } else {
        worker->last_proxied = proxied->link;
    }
    worker->proxied_count--;
    atomic_fetch_sub_explicit(&worker->tally.connections, 1, memory_order_relaxed);
    free(proxied);
    return socket;
}

static void reject(struct lubdub_proxied *proxied, enum lubdub_cause cause, const char *text)
{
    struct lubdub_worker *worker = proxied->worker;
    struct lubdub_address proxy = proxied->proxy;
    struct lubdub_server_event event = {
        .kind = LUBDUB_SERVER_REJECTED,
        .remote = &proxy,
        .cause = cause,
        .text = {text, strlen(text)},
    };

    lubdub_tally_add(&worker->tally.accepted, 1);
    lubdub_tally_add(&worker->tally.rejected, 1);
    close(stop(proxied));
    lubdub_server_tell(worker, NULL, &event);
}

/* Port scans and health checks, as everywhere: no news. */
static void note_empty(struct lubdub_proxied *proxied)
{
    lubdub_tally_add(&proxied->worker->tally.accepted, 1);
    lubdub_tally_add(&proxied->worker->tally.empty, 1);
    close(stop(proxied));
}

/* The loop wakes us only when so many bytes have come, or the end has. */
static void want(int socket, size_t length)
{
    const int least = (int)length;

    setsockopt(socket, SOL_SOCKET, SO_RCVLOWAT, &least, sizeof least);
}

static void admit(struct lubdub_proxied *proxied, size_t length, const struct lubdub_address *address, bool is_proxied)
{
    struct lubdub_worker *worker = proxied->worker;
    const struct lubdub_address from = *address;
    bool is_tls = proxied->is_tls;
    int socket = stop(proxied);

    want(socket, 1);
    if (recv(socket, NULL, length, MSG_TRUNC) != (ssize_t)length) { /* the header is thrown away */
        close(socket);
        return;
    }
    lubdub_door_accept(worker, socket, &from, is_tls, is_proxied);
}

/* Looks at what has come. *proxied may be gone afterwards. */
static void look(struct lubdub_proxied *proxied)
{
    uint8_t bytes[LUBDUB_PROXY_HEADER_LIMIT];
    struct lubdub_proxy_header header;
    int socket = proxied->io.fd;
    bool has_ended = lubdub_socket_has_ended(socket); /* before the look: what came before the end is seen */
    ssize_t length = recv(socket, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);

    if (length == 0) {
        note_empty(proxied);
        return;
    }
    if (length < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            note_empty(proxied);
        }
        return;
    }
    switch (lubdub_proxy_header_read(bytes, (size_t)length, &header)) {
    case LUBDUB_PROXY_HEADER_IS_SHORT:
        if (has_ended) {
            reject(proxied, LUBDUB_CAUSE_CLOSED, "the connection ended inside the PROXY header");
        } else {
            want(socket, header.length);
        }
        return;
    case LUBDUB_PROXY_HEADER_CLIENT:
        admit(proxied, header.length, &header.address, true);
        return;
    case LUBDUB_PROXY_HEADER_UNKNOWN:
        admit(proxied, header.length, &proxied->proxy, true);
        return;
    case LUBDUB_PROXY_HEADER_LOCAL:
        admit(proxied, header.length, &proxied->proxy, false);
        return;
    case LUBDUB_PROXY_HEADER_WRONG:
        reject(proxied, LUBDUB_CAUSE_PROTOCOL, header.fault);
        return;
    }
}

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
    struct lubdub_proxied *proxied = container_of(io, struct lubdub_proxied, io);
    struct lubdub_worker *worker = proxied->worker;
    (void)loop;

    lubdub_worker_enter(worker);
    if ((revents & EV_ERROR) != 0) {
        reject(proxied, LUBDUB_CAUSE_SHUTDOWN, "the loop cannot watch the socket");
    } else {
        look(proxied);
    }
    lubdub_worker_leave(worker);
}

/* We may be the ones who slept: what has arrived counts before the timer does. */
static void on_patience_over(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct lubdub_proxied *proxied = container_of(timer, struct lubdub_proxied, patience);
    struct lubdub_worker *worker = proxied->worker;
    unsigned before = worker->proxied_count;
    (void)loop, (void)revents;

    lubdub_worker_enter(worker);
    look(proxied);
    if (worker->proxied_count == before) {
        reject(proxied, LUBDUB_CAUSE_TIMEOUT, "no PROXY header came within the handshake time");
    }
    lubdub_worker_leave(worker);
}

void lubdub_proxied_accept(struct lubdub_worker *worker, int socket, const struct lubdub_address *proxy, bool is_tls)
{
    struct lubdub_proxied *proxied = calloc(1, sizeof *proxied);
    lubdub_duration patience = lubdub_worker_settings(worker)->session.handshake_timeout;

    if (proxied == NULL) {
        lubdub_tally_add(&worker->tally.accepted, 1);
        lubdub_tally_add(&worker->tally.rejected, 1);
        lubdub_socket_reset(socket);
        return;
    }
    if (worker->proxied_count >= lubdub_opening_most(worker)) {
        char text[LUBDUB_OPENING_TEXT];

        lubdub_tally_add(&worker->tally.by_limit[LUBDUB_SERVER_LIMIT_OPENING], 1);
        reject(worker->proxied, LUBDUB_CAUSE_REJECTED, lubdub_opening_refusal(worker, text));
    }
    proxied->worker = worker;
    proxied->proxy = *proxy;
    proxied->is_tls = is_tls;
    proxied->link = worker->last_proxied;
    *proxied->link = proxied;
    worker->last_proxied = &proxied->next;
    worker->proxied_count++;
    lubdub_tally_add(&worker->tally.connections, 1);
    ev_io_init(&proxied->io, on_io, socket, EV_READ);
    ev_io_start(worker->loop, &proxied->io);
    ev_now_update(worker->loop); /* libev counts from its own idea of now, which may be old */
    ev_timer_init(&proxied->patience, on_patience_over, (ev_tstamp)patience / (ev_tstamp)LUBDUB_SECOND, 0);
    ev_timer_start(worker->loop, &proxied->patience);
}

void lubdub_proxied_clear(struct lubdub_worker *worker)
{
    while (worker->proxied != NULL) {
        close(stop(worker->proxied));
    }
}
