/* Sockets, epoll and just enough of the protocol. */
#define _GNU_SOURCE
#include "speed/connections.h"

#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <lubdub/option.h>

#include "core/bytes.h"
#include "ev/clock.h"

#define EVENTS 256
#define SOURCES 250
#define FIRST_SOURCE 0x7f0a0001 /* 127.10.0.1 */
#define AWAITED_FOR (10 * LUBDUB_SECOND)

void speed_connections_init(struct speed_connections *connections, uint32_t count, bool is_echo)
{
    uint32_t i;

    memset(connections, 0, sizeof *connections);
    connections->all = calloc(count, sizeof *connections->all);
    connections->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (connections->all == NULL || connections->epoll < 0) {
        err(EXIT_FAILURE, "%u connections", count);
    }
    connections->count = count;
    connections->is_echo = is_echo;
    for (i = 0; i < count; i++) {
        connections->all[i].socket = -1;
    }
}

void speed_connections_clear(struct speed_connections *connections)
{
    uint32_t i;

    for (i = 0; i < connections->count; i++) {
        if (connections->all[i].socket >= 0) {
            close(connections->all[i].socket);
        }
    }
    close(connections->epoll);
    free(connections->all);
}

void speed_connections_reset(struct speed_connections *connections)
{
    memset(&connections->counts, 0, sizeof connections->counts);
}

/* ---- opening ---- */

/* A connection from the index-th source; -1 and errno. On loopback there is nothing to wait for. */
static int connect_from(uint32_t index, uint16_t port)
{
    const int on = 1;
    const struct sockaddr_in remote = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(FIRST_SOURCE + index % SOURCES)};
    int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (made < 0) {
        return -1;
    }
    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(made, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(made, (const struct sockaddr *)&local, sizeof local) != 0 ||
        connect(made, (const struct sockaddr *)&remote, sizeof remote) != 0) {
        int error = errno;

        close(made);
        errno = error;
        return -1;
    }
    return made;
}

bool speed_await_server(uint16_t port)
{
    const struct timespec pause = {.tv_nsec = 10 * (long)LUBDUB_MILLISECOND};
    lubdub_time end = lubdub_clock_now() + AWAITED_FOR;

    do {
        int made = connect_from(0, port);

        if (made >= 0) {
            close(made);
            return true;
        }
        nanosleep(&pause, NULL);
    } while (lubdub_clock_now() < end);
    return false;
}

void speed_connections_open(struct speed_connections *connections, uint32_t index, uint16_t port)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    int made = connect_from(index, port);

    if (made < 0 || epoll_ctl(connections->epoll, EPOLL_CTL_ADD, made, &event) != 0) {
        err(EXIT_FAILURE, "connection %u", index);
    }
    connections->all[index].socket = made;
    connections->alive_count++;
}

static void end(struct speed_connections *connections, struct speed_connection *connection)
{
    close(connection->socket);
    connection->socket = -1;
    connections->alive_count--;
}

/* ---- sending ---- */

/* A connection that the kernel takes no whole frame of any more is of no use here. */
static void put(struct speed_connections *connections, struct speed_connection *connection,
                const struct lubdub_frame *frame)
{
    uint8_t bytes[LUBDUB_HEADER_LENGTH + LUBDUB_OPTIONS_LIMIT];
    size_t length = lubdub_frame_encode(bytes, sizeof bytes, frame);

    if (send(connection->socket, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)length) {
        end(connections, connection);
    }
}

void speed_connections_probe(struct speed_connections *connections, uint32_t index)
{
    struct speed_connection *connection = &connections->all[index];
    struct lubdub_frame probe = {.type = LUBDUB_FRAME_PROBE};

    if (connection->socket < 0) {
        return;
    }
    if (connection->sent_at != 0) {
        connections->counts.overdue++;
        return;
    }
    probe.sequence = ++connection->probe_count;
    connection->sent_at = lubdub_clock_now();
    connections->counts.probes++;
    put(connections, connection, &probe);
}

void speed_connections_greet(struct speed_connections *connections, uint32_t index, const char *identity)
{
    struct speed_connection *connection = &connections->all[index];
    char name[LUBDUB_IDENTITY_LIMIT];
    uint8_t content[LUBDUB_IDENTITY_LIMIT + 16];
    struct lubdub_options options = {.identity.data = name};
    struct lubdub_frame hello = {.type = LUBDUB_FRAME_HELLO, .content = content};

    if (connections->is_echo || identity == NULL) {
        speed_connections_probe(connections, index);
        return;
    }
    options.identity.length = (size_t)snprintf(name, sizeof name, "%s-%u", identity, index);
    hello.length = (uint16_t)lubdub_options_encode(&options, LUBDUB_FRAME_HELLO, content, sizeof content);
    hello.sequence = lubdub_clock_realtime();
    put(connections, connection, &hello);
}

/* ---- receiving ---- */

static void note_greeted(struct speed_connections *connections, struct speed_connection *connection)
{
    if (!connection->is_greeted) {
        connection->is_greeted = true;
        connections->greeted_count++;
    }
}

static void take_answer(struct speed_connections *connections, struct speed_connection *connection, uint64_t sequence)
{
    if (sequence != connection->probe_count || connection->sent_at == 0) {
        errx(EXIT_FAILURE, "an answer to probe %lu, when the last was %u", (unsigned long)sequence,
             connection->probe_count);
    }
    lubdub_histogram_add(&connections->counts.round_trips, lubdub_clock_now() - connection->sent_at);
    connections->counts.answers++;
    connection->sent_at = 0;
    note_greeted(connections, connection);
    if (connections->answers_at_once) {
        speed_connections_probe(connections, (uint32_t)(connection - connections->all));
    }
}

static void take_frame(struct speed_connections *connections, struct speed_connection *connection)
{
    uint64_t sequence = lubdub_bytes_get64(connection->header + 8);
    struct lubdub_frame ack = {.type = LUBDUB_FRAME_ACK, .sequence = sequence};

    switch ((enum lubdub_frame_type)connection->header[3]) {
    case LUBDUB_FRAME_ACK:
        take_answer(connections, connection, sequence);
        return;
    case LUBDUB_FRAME_PROBE:
        if (connections->is_echo) {
            take_answer(connections, connection, sequence);
        } else {
            connections->counts.challenges++;
            put(connections, connection, &ack);
        }
        return;
    case LUBDUB_FRAME_WELCOME:
        note_greeted(connections, connection);
        return;
    case LUBDUB_FRAME_BYE:
        warnx("the server said BYE %lu", (unsigned long)sequence);
        end(connections, connection);
        return;
    case LUBDUB_FRAME_HELLO:
    case LUBDUB_FRAME_MESSAGE:
        break;
    }
    errx(EXIT_FAILURE, "a frame of type %u from the server", connection->header[3]);
}

/* Headers are looked at, content is passed over. */
static void take_bytes(struct speed_connections *connections, struct speed_connection *connection, const uint8_t *bytes,
                       size_t length)
{
    while (length > 0 && connection->socket >= 0) {
        size_t part = connection->content_left;

        if (part == 0) {
            part = LUBDUB_HEADER_LENGTH - connection->header_length;
            part = part < length ? part : length;
            memcpy(connection->header + connection->header_length, bytes, part);
            connection->header_length += (uint8_t)part;
            if (connection->header_length == LUBDUB_HEADER_LENGTH) {
                connection->header_length = 0;
                connection->content_left = lubdub_bytes_get16(connection->header + 6);
                take_frame(connections, connection);
            }
        } else {
            part = part < length ? part : length;
            connection->content_left -= (uint16_t)part;
        }
        bytes += part;
        length -= part;
    }
}

static void read_some(struct speed_connections *connections, struct speed_connection *connection)
{
    static uint8_t bytes[16384];
    ssize_t length;

    if (connection->socket < 0) {
        return;
    }
    length = recv(connection->socket, bytes, sizeof bytes, MSG_DONTWAIT);
    if (length > 0) {
        take_bytes(connections, connection, bytes, (size_t)length);
    } else if (length == 0 || errno != EAGAIN) {
        end(connections, connection);
    }
}

void speed_connections_wait(struct speed_connections *connections, lubdub_time until)
{
    struct epoll_event events[EVENTS];
    lubdub_duration left = lubdub_time_between(lubdub_clock_now(), until);
    const struct timespec patience = {.tv_sec = (time_t)(left / LUBDUB_SECOND),
                                      .tv_nsec = (long)(left % LUBDUB_SECOND)};
    int count = epoll_pwait2(connections->epoll, events, EVENTS, &patience, NULL);
    int i;

    for (i = 0; i < count; i++) {
        read_some(connections, &connections->all[events[i].data.u32]);
    }
}
