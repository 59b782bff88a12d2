/* Writes and reads the bytes of a client by itself, without the toolkit. */
#define _GNU_SOURCE
#include "raw_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <lubdub/option.h>

#include "patience.h"
#include "test.h"

#define HEADER 16
#define READ_SIZE 65536
#define PROTOCOL_MPTCP 262

static void (*turn_others)(void *user_data);
static void *turn_user_data;
static const struct raw_cover *covers;

void raw_clients_cover(const struct raw_cover *cover)
{
    covers = cover;
}

void raw_clients_turn(void (*turn)(void *user_data), void *user_data)
{
    turn_others = turn;
    turn_user_data = user_data;
}

bool raw_wait_readable(int socket, lubdub_time until)
{
    struct pollfd wait = {.fd = socket, .events = POLLIN};

    if (turn_others == NULL) {
        return poll(&wait, 1, poll_time(until)) > 0;
    }
    do {
        turn_others(turn_user_data);
        if (poll(&wait, 1, 1) > 0) {
            return true;
        }
    } while (now() < until);
    return false;
}

static socklen_t parse_address(struct sockaddr_storage *target, const char *address, uint16_t port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    if (inet_pton(AF_INET, address, &in.sin_addr) == 1) {
        memcpy(target, &in, sizeof in);
        return sizeof in;
    }
    assert_int_equal(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
    memcpy(target, &in6, sizeof in6);
    return sizeof in6;
}

static void bind_to(const struct raw_client *client, const char *source)
{
    struct sockaddr_storage own;
    socklen_t length = parse_address(&own, source, 0);

    assert_int_equal(bind(client->socket, (const struct sockaddr *)&own, length), 0);
}

/* protocol 0: plain TCP. source NULL: the kernel's choice. */
static bool connect_by(int protocol, struct raw_client *client, const char *source, const char *address, uint16_t port,
                       int receive_buffer)
{
    struct sockaddr_storage target;
    socklen_t length = parse_address(&target, address, port);
    const int on = 1;

    memset(client, 0, sizeof *client);
    client->socket = socket(target.ss_family, SOCK_STREAM | SOCK_CLOEXEC, protocol);
    assert_true(client->socket >= 0);
    if (receive_buffer > 0) {
        setsockopt(client->socket, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (source != NULL) {
        bind_to(client, source);
    }
    if (connect(client->socket, (const struct sockaddr *)&target, length) != 0) {
        close(client->socket);
        client->socket = -1;
    }
    client->cover = client->socket >= 0 && covers != NULL ? covers->begin() : NULL;
    return client->socket >= 0;
}

static bool connect_to(struct raw_client *client, const char *source, const char *address, uint16_t port,
                       int receive_buffer)
{
    return connect_by(0, client, source, address, port, receive_buffer);
}

void raw_connect(struct raw_client *client, uint16_t port)
{
    assert_true(raw_try_connect(client, port));
}

bool raw_try_connect(struct raw_client *client, uint16_t port)
{
    return connect_to(client, NULL, "127.0.0.1", port, 0);
}

void raw_connect_to(struct raw_client *client, const char *address, uint16_t port)
{
    assert_true(connect_to(client, NULL, address, port, 0));
}

void raw_connect_over_paths(struct raw_client *client, const char *address, uint16_t port)
{
    assert_true(connect_by(PROTOCOL_MPTCP, client, NULL, address, port, 0));
}

void raw_connect_from(struct raw_client *client, const char *source, uint16_t port)
{
    assert_true(connect_to(client, source, "127.0.0.1", port, 0));
}

void raw_connect_narrow(struct raw_client *client, uint16_t port, int receive_buffer)
{
    assert_true(connect_to(client, NULL, "127.0.0.1", port, receive_buffer));
}

void raw_close(struct raw_client *client)
{
    close(client->socket);
    client->socket = -1;
    if (client->cover != NULL) {
        covers->end(client->cover);
        client->cover = NULL;
    }
    free(client->bytes);
    client->bytes = NULL;
    client->length = 0;
}

void raw_reset(struct raw_client *client)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    setsockopt(client->socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    raw_close(client);
}

void raw_send(struct raw_client *client, const void *bytes, size_t length)
{
    const uint8_t *next = bytes;

    while (length > 0) {
        ssize_t sent = client->cover != NULL ? covers->send(client->cover, client->socket, next, length)
                                             : send(client->socket, next, length, MSG_NOSIGNAL);

        if (sent < 0) {
            return; /* the server has had enough; what it said is there to be read */
        }
        next += sent;
        length -= (size_t)sent;
    }
}

void raw_send_frame(struct raw_client *client, unsigned type, unsigned flags, uint64_t sequence, const void *content,
                    size_t length)
{
    struct wire_bytes bytes = {0};

    wire_bytes_put_frame(&bytes, type, flags, sequence, content, length);
    raw_send(client, bytes.data, bytes.length);
    wire_bytes_clear(&bytes);
}

void raw_probe(struct raw_client *client)
{
    raw_send_frame(client, LUBDUB_FRAME_PROBE, 0, ++client->probes, NULL, 0);
}

void raw_message(struct raw_client *client, const char *content)
{
    raw_send_frame(client, LUBDUB_FRAME_MESSAGE, 0, ++client->messages, content, strlen(content));
}

void raw_bye(struct raw_client *client, unsigned reason)
{
    raw_send_frame(client, LUBDUB_FRAME_BYE, 0, reason, NULL, 0);
}

void raw_say_hello(struct raw_client *client, const char *identity, uint32_t interval_ms, uint32_t expiry_ms,
                   uint64_t incarnation)
{
    struct wire_bytes options = {0};

    if (identity != NULL) {
        wire_bytes_put_option(&options, LUBDUB_OPTION_IDENTITY, identity, strlen(identity));
    }
    if (interval_ms > 0) {
        wire_bytes_put_number_option(&options, LUBDUB_OPTION_INTERVAL_MS, interval_ms);
    }
    if (expiry_ms > 0) {
        wire_bytes_put_number_option(&options, LUBDUB_OPTION_EXPIRY_MS, expiry_ms);
    }
    raw_send_frame(client, LUBDUB_FRAME_HELLO, 0, incarnation, options.data, options.length);
    wire_bytes_clear(&options);
}

void raw_hello(struct raw_client *client, const char *identity, uint32_t interval_ms, uint32_t expiry_ms)
{
    struct timespec time;

    clock_gettime(CLOCK_REALTIME, &time);
    raw_say_hello(client, identity, interval_ms, expiry_ms,
                  (uint64_t)time.tv_sec * LUBDUB_SECOND + (uint64_t)time.tv_nsec);
    raw_expect_welcome(client);
}

void raw_join(struct raw_client *client, uint16_t port, const char *identity, uint32_t interval_ms, uint32_t expiry_ms)
{
    raw_connect(client, port);
    raw_hello(client, identity, interval_ms, expiry_ms);
}

static uint64_t number(const uint8_t *bytes, size_t length)
{
    uint64_t value = 0;

    while (length-- > 0) {
        value = value << 8 | *bytes++;
    }
    return value;
}

/* Takes a whole frame from the front, if there is one. */
static bool take_frame(struct raw_client *client, struct raw_frame *frame)
{
    size_t length;

    if (client->length < HEADER) {
        return false;
    }
    assert_int_equal(number(client->bytes, 2), 0x4C44);
    assert_int_equal(client->bytes[2], 1);
    length = (size_t)number(client->bytes + 6, 2);
    if (client->length < HEADER + length) {
        return false;
    }
    frame->type = client->bytes[3];
    frame->flags = (unsigned)number(client->bytes + 4, 2);
    frame->length = length;
    frame->sequence = number(client->bytes + 8, 8);
    memcpy(frame->content, client->bytes + HEADER, length);
    client->length -= HEADER + length;
    memmove(client->bytes, client->bytes + HEADER + length, client->length);
    return true;
}

/* As recv(), but waits; -2: the time is over. */
static ssize_t receive_bytes(struct raw_client *client, void *bytes, size_t capacity, lubdub_time until)
{
    if (client->cover != NULL) {
        return covers->receive(client->cover, client->socket, bytes, capacity, until);
    }
    return raw_wait_readable(client->socket, until) ? recv(client->socket, bytes, capacity, 0) : -2;
}

enum raw_result raw_receive(struct raw_client *client, struct raw_frame *frame, lubdub_time until)
{
    while (!take_frame(client, frame)) {
        ssize_t part;

        client->bytes = realloc(client->bytes, client->length + READ_SIZE);
        assert_non_null(client->bytes);
        part = receive_bytes(client, client->bytes + client->length, READ_SIZE, until);
        if (part <= 0) {
            return part == 0 ? RAW_END : part == -1 ? RAW_RESET : RAW_NOTHING;
        }
        client->length += (size_t)part;
    }
    return RAW_FRAME;
}

void raw_expect(struct raw_client *client, unsigned type, uint64_t sequence, struct raw_frame *frame)
{
    do {
        assert_int_equal(raw_receive(client, frame, now() + PATIENCE), RAW_FRAME);
    } while (frame->type == LUBDUB_FRAME_PROBE && type != LUBDUB_FRAME_PROBE);
    assert_int_equal(frame->type, type);
    assert_int_equal(frame->sequence, sequence);
}

bool raw_option(const struct raw_frame *frame, unsigned tag, uint64_t *value)
{
    size_t at;

    for (at = 0; at + 3 <= frame->length;) {
        size_t length = (size_t)number(frame->content + at + 1, 2);

        assert_true(at + 3 + length <= frame->length);
        if (frame->content[at] == tag) {
            *value = number(frame->content + at + 3, length < 8 ? length : 8);
            return true;
        }
        at += 3 + length;
    }
    return false;
}

void raw_expect_welcome(struct raw_client *client)
{
    static _Thread_local struct raw_frame frame; /* large, and for tests with clients in threads */
    uint64_t value = 0;

    assert_int_equal(raw_receive(client, &frame, now() + PATIENCE), RAW_FRAME);
    assert_int_equal(frame.type, LUBDUB_FRAME_WELCOME);
    assert_true(frame.sequence != 0);
    client->session = frame.sequence;
    assert_true(raw_option(&frame, LUBDUB_OPTION_INTERVAL_MS, &value));
    client->interval_ms = (uint32_t)value;
    assert_true(raw_option(&frame, LUBDUB_OPTION_EXPIRY_MS, &value));
    client->expiry_ms = (uint32_t)value;
    assert_true(client->expiry_ms >= 2 * client->interval_ms);
}

void raw_expect_bye(struct raw_client *client, unsigned reason)
{
    static _Thread_local struct raw_frame frame;
    lubdub_time until = now() + PATIENCE;
    enum raw_result result;

    do {
        result = raw_receive(client, &frame, until);
    } while (result == RAW_FRAME && (frame.type == LUBDUB_FRAME_ACK || frame.type == LUBDUB_FRAME_PROBE));
    assert_int_equal(result, RAW_FRAME);
    assert_int_equal(frame.type, LUBDUB_FRAME_BYE);
    assert_int_equal(frame.sequence, reason);
    result = raw_receive(client, &frame, until);
    assert_true(result == RAW_END || result == RAW_RESET);
}

void raw_expect_silent_end(struct raw_client *client)
{
    static _Thread_local struct raw_frame frame;
    enum raw_result result = raw_receive(client, &frame, now() + PATIENCE);

    assert_true(result == RAW_END || result == RAW_RESET);
}

void raw_expect_life(struct raw_client *client)
{
    static _Thread_local struct raw_frame frame;

    raw_probe(client);
    do {
        assert_int_equal(raw_receive(client, &frame, now() + PATIENCE), RAW_FRAME);
    } while (frame.type != LUBDUB_FRAME_ACK || frame.sequence != client->probes);
}
