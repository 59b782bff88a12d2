/*
 * Clients over TLS or plain TCP that speak Lubdub, MQTT or NATS, with OpenSSL and nothing of the toolkit, so that
 * servers are compared under the same load. Each client asks when it is its turn, one at a time, and waits for its
 * answer.
 *
 *     tls-load PORT CONNECTIONS lubdub|mqtt|nats CA|- INTERVAL_MS
 *
 * A CA of - is plain TCP. INTERVAL_MS is what a client of Lubdub asks for; its expiry is ten minutes. Reads commands, a
 * line each, and answers each with a line of JSON:
 *
 *     connect AT_ONCE    all connect, so many handshakes under way at a time     {"seconds": S, "failed": N}
 *     ask RATE SECONDS   so many questions a second, from one after the other    {"asked": N, "lost": N, …}
 *
 * While it asks it looks at the clock every millisecond, so that it sees a gap in which its processor was somebody
 * else's: "gap_ms" is the longest, "undisturbed_ms" the longest round trip that no gap of more than 5 ms fell into.
 *
 * It ends at the end of its input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define READY_AT_ONCE 256
#define OPENING_LIMIT 20.0 /* seconds for all that is asked at the opening */
#define ANSWER_LIMIT 5.0
#define ROUND_TRIPS 1000000
#define GAP 0.005 /* seconds */

enum state {
    STATE_NOTHING,
    STATE_CONNECTING,
    STATE_GREETED, /* waits for what the server says first, in the clear */
    STATE_SHAKING,
    STATE_OPENING, /* what opens a session is sent */
    STATE_UP,
    STATE_FAILED,
};

struct client {
    SSL *ssl;
    int socket;
    enum state state;
    double asked_at; /* 0: nothing is asked */
    uint64_t number; /* of its questions */
};

struct wire {
    const char *name;
    size_t (*open)(uint8_t *bytes, uint32_t client);
    size_t (*ask)(uint8_t *bytes, uint64_t number);
    const char *opened; /* what the answer to the opening has */
    size_t opened_length;
    const char *greeting; /* what the server says before the handshake of TLS; NULL: nothing */
    const char *question; /* what the server asks in between, */
    const char *reply;    /* and what is said then; NULL: it does not ask */
};

static struct client *clients;
static uint32_t count;
static uint16_t port;
static SSL_CTX *context;
static const struct wire *wire;
static int set;
static uint32_t up, failed, opening;
static uint32_t interval_ms;
static uint64_t answered;
static double *round_trips;
static size_t round_trip_count;
static double looked_at;    /* when the clock was read last to see a gap, */
static double gap_ended_at; /* and when the last one was over */
static double longest_gap;
static double longest_undisturbed;

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- what they say ---- */

static void put64(uint8_t *bytes, uint64_t value)
{
    int i;

    for (i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(value >> (56 - 8 * i));
    }
}

static size_t lubdub_frame(uint8_t *bytes, uint8_t type, uint64_t number, size_t length)
{
    bytes[0] = 'L';
    bytes[1] = 'D';
    bytes[2] = 1;
    bytes[3] = type;
    bytes[4] = bytes[5] = 0;
    bytes[6] = (uint8_t)(length >> 8);
    bytes[7] = (uint8_t)length;
    put64(bytes + 8, number);
    return 16 + length;
}

/* HELLO: a name, an interval, an expiry of ten minutes. */
static size_t lubdub_open(uint8_t *bytes, uint32_t client)
{
    const uint8_t wishes[] = {2,
                              0,
                              4,
                              (uint8_t)(interval_ms >> 24),
                              (uint8_t)(interval_ms >> 16),
                              (uint8_t)(interval_ms >> 8),
                              (uint8_t)interval_ms,
                              3,
                              0,
                              4,
                              0,
                              9,
                              0x27,
                              0xc0};
    int length = snprintf((char *)bytes + 16 + 3, 32, "load-%08u", client);

    bytes[16] = 1;
    bytes[17] = 0;
    bytes[18] = (uint8_t)length;
    memcpy(bytes + 19 + length, wishes, sizeof wishes);
    return lubdub_frame(bytes, 1, 1, 3 + (size_t)length + sizeof wishes);
}

static size_t lubdub_ask(uint8_t *bytes, uint64_t number)
{
    return lubdub_frame(bytes, 3, number, 0);
}

/* CONNECT of MQTT 3.1.1, a clean session, keepalive ten minutes. */
static size_t mqtt_open(uint8_t *bytes, uint32_t client)
{
    static const uint8_t head[] = {0, 4, 'M', 'Q', 'T', 'T', 4, 2, 2, 88};
    int length = snprintf((char *)bytes + 2 + sizeof head + 2, 32, "load-%08u", client);

    bytes[0] = 0x10;
    bytes[1] = (uint8_t)(sizeof head + 2 + (size_t)length);
    memcpy(bytes + 2, head, sizeof head);
    bytes[2 + sizeof head] = 0;
    bytes[3 + sizeof head] = (uint8_t)length;
    return 2 + sizeof head + 2 + (size_t)length;
}

static size_t mqtt_ask(uint8_t *bytes, uint64_t number)
{
    (void)number;
    bytes[0] = 0xc0;
    bytes[1] = 0;
    return 2;
}

static size_t put_text(uint8_t *bytes, const char *text)
{
    memcpy(bytes, text, strlen(text));
    return strlen(text);
}

/* The PING asks for a word of the server's, which says nothing to a CONNECT. */
static size_t nats_open(uint8_t *bytes, uint32_t client)
{
    (void)client;
    return put_text(bytes, "CONNECT {\"verbose\":false,\"lang\":\"c\",\"version\":\"1\"}\r\nPING\r\n");
}

static size_t nats_ask(uint8_t *bytes, uint64_t number)
{
    (void)number;
    return put_text(bytes, "PING\r\n");
}

static const struct wire wires[] = {
    {.name = "lubdub", .open = lubdub_open, .ask = lubdub_ask, .opened = "LD\x01\x02", .opened_length = 4},
    {.name = "mqtt", .open = mqtt_open, .ask = mqtt_ask, .opened = "\x20\x02", .opened_length = 2},
    {.name = "nats",
     .open = nats_open,
     .ask = nats_ask,
     .opened = "PONG",
     .opened_length = 4,
     .greeting = "INFO ",
     .question = "PING\r\n",
     .reply = "PONG\r\n"},
};

/* ---- one client ---- */

static void watch(struct client *client, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = client};

    if (epoll_ctl(set, EPOLL_CTL_MOD, client->socket, &event) != 0) {
        err(EXIT_FAILURE, "epoll_ctl");
    }
}

static void fail(struct client *client)
{
    failed++;
    opening -= client->state < STATE_UP;
    up -= client->state == STATE_UP;
    client->state = STATE_FAILED;
    SSL_free(client->ssl);
    client->ssl = NULL;
    close(client->socket);
}

static bool send_bytes(struct client *client, const uint8_t *bytes, size_t length)
{
    if (client->ssl == NULL) {
        return send(client->socket, bytes, length, MSG_NOSIGNAL) == (ssize_t)length;
    }
    return SSL_write(client->ssl, bytes, (int)length) == (int)length;
}

static void open_session(struct client *client)
{
    uint8_t bytes[128];

    client->state = STATE_OPENING;
    watch(client, EPOLLIN);
    if (!send_bytes(client, bytes, wire->open(bytes, (uint32_t)(client - clients)))) {
        fail(client);
    }
}

static void shake(struct client *client)
{
    int result = SSL_do_handshake(client->ssl);
    int error = SSL_get_error(client->ssl, result);

    if (result == 1) {
        open_session(client);
    } else if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
        watch(client, error == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT);
    } else {
        ERR_clear_error();
        fail(client);
    }
}

/* The connection is there, and what the server says before TLS was said. */
static void go_on(struct client *client)
{
    if (context == NULL) {
        open_session(client);
        return;
    }
    client->state = STATE_SHAKING;
    client->ssl = SSL_new(context);
    SSL_set_fd(client->ssl, client->socket);
    SSL_set_connect_state(client->ssl);
    shake(client);
}

static void on_connected(struct client *client)
{
    const int on = 1;
    int error = 0;
    socklen_t length = sizeof error;

    if (getsockopt(client->socket, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0) {
        fail(client);
        return;
    }
    setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (wire->greeting != NULL) {
        client->state = STATE_GREETED;
        watch(client, EPOLLIN);
    } else {
        go_on(client);
    }
}

/* The server's greeting is a line, in one segment. */
static void on_greeting(struct client *client)
{
    char bytes[4096];
    ssize_t length = recv(client->socket, bytes, sizeof bytes, MSG_DONTWAIT);

    if (length < 0 && errno == EAGAIN) {
        return;
    }
    if (length < (ssize_t)strlen(wire->greeting) || memcmp(bytes, wire->greeting, strlen(wire->greeting)) != 0 ||
        bytes[length - 1] != '\n') {
        fail(client);
        return;
    }
    go_on(client);
}
/* Answers a question of the server's; returns how many bytes it took. */
static size_t answer(struct client *client, const uint8_t *bytes, size_t length)
{
    size_t taken = wire->question != NULL ? strlen(wire->question) : 0;

    if (taken == 0 || length < taken || memcmp(bytes, wire->question, taken) != 0) {
        return 0;
    }
    if (!send_bytes(client, (const uint8_t *)wire->reply, strlen(wire->reply))) {
        fail(client);
    }
    return taken;
}

static void on_bytes(struct client *client, const uint8_t *bytes, size_t length)
{
    size_t taken = answer(client, bytes, length);

    bytes += taken;
    length -= taken;
    if (client->state == STATE_FAILED || length == 0) {
        return;
    }
    if (client->state == STATE_OPENING) {
        if (length < wire->opened_length || memcmp(bytes, wire->opened, wire->opened_length) != 0) {
            fail(client);
            return;
        }
        client->state = STATE_UP;
        opening--;
        up++;
    } else if (client->asked_at > 0) {
        double took = now() - client->asked_at;

        if (round_trip_count < ROUND_TRIPS) {
            round_trips[round_trip_count++] = took;
        }
        if (client->asked_at > gap_ended_at && took > longest_undisturbed) {
            longest_undisturbed = took;
        }
        client->asked_at = 0;
        answered++;
    }
}

static void read_some(struct client *client)
{
    uint8_t bytes[4096];

    for (;;) {
        ssize_t length = client->ssl != NULL ? SSL_read(client->ssl, bytes, sizeof bytes)
                                             : recv(client->socket, bytes, sizeof bytes, MSG_DONTWAIT);

        if (length > 0) {
            on_bytes(client, bytes, (size_t)length);
            if (client->state == STATE_FAILED) {
                return;
            }
            continue;
        }
        if (client->ssl != NULL ? SSL_get_error(client->ssl, (int)length) != SSL_ERROR_WANT_READ
                                : length == 0 || errno != EAGAIN) {
            ERR_clear_error();
            fail(client);
        }
        return;
    }
}

static void on_ready(struct client *client)
{
    switch (client->state) {
    case STATE_CONNECTING:
        on_connected(client);
        break;
    case STATE_GREETED:
        on_greeting(client);
        break;
    case STATE_SHAKING:
        shake(client);
        break;
    case STATE_OPENING:
    case STATE_UP:
        read_some(client);
        break;
    case STATE_NOTHING:
    case STATE_FAILED:
        break;
    }
}

static void begin(struct client *client)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = client};

    client->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->socket < 0) {
        err(EXIT_FAILURE, "socket");
    }
    client->state = STATE_CONNECTING;
    opening++;
    if (connect(client->socket, (const struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS) {
        fail(client);
        return;
    }
    if (epoll_ctl(set, EPOLL_CTL_ADD, client->socket, &event) != 0) {
        err(EXIT_FAILURE, "epoll_ctl");
    }
}

/* ---- all of them ---- */

static void mind_gap(void)
{
    double at = now();

    longest_gap = at - looked_at > longest_gap ? at - looked_at : longest_gap;
    gap_ended_at = at - looked_at > GAP ? at : gap_ended_at;
    looked_at = at;
}

/* It sleeps for a millisecond at most where gaps are minded. */
static void serve(int milliseconds)
{
    struct epoll_event ready[READY_AT_ONCE];
    int length = epoll_wait(set, ready, READY_AT_ONCE, milliseconds);
    int i;

    mind_gap();
    for (i = 0; i < length; i++) {
        on_ready(ready[i].data.ptr);
    }
}

static void connect_all(uint32_t at_once)
{
    double began = now();
    uint32_t next = 0;

    while (up + failed < count && now() < began + OPENING_LIMIT * (1 + count / 2000)) {
        while (next < count && opening < at_once) {
            begin(&clients[next++]);
        }
        serve(10);
    }
    printf("{\"seconds\": %.3f, \"failed\": %u}\n", now() - began, count - up);
}

static int compare(const void *one, const void *other)
{
    double first = *(const double *)one;
    double second = *(const double *)other;

    return (first > second) - (first < second);
}

static void ask_all(double rate, double seconds)
{
    double began = now();
    uint64_t asked = 0;
    uint32_t next = 0;
    double limit;

    answered = round_trip_count = 0;
    gap_ended_at = longest_gap = longest_undisturbed = 0;
    looked_at = began;
    while (now() < began + seconds) {
        uint64_t due = (uint64_t)((now() - began) * rate);

        for (; asked < due; next = (next + 1) % count) {
            struct client *client = &clients[next];
            uint8_t bytes[64];

            if (client->state == STATE_UP && client->asked_at <= 0) {
                client->asked_at = now();
                if (!send_bytes(client, bytes, wire->ask(bytes, ++client->number))) {
                    fail(client);
                }
            }
            asked++;
        }
        serve(1);
    }
    for (limit = now() + ANSWER_LIMIT; answered < asked && now() < limit;) {
        serve(1);
    }
    qsort(round_trips, round_trip_count, sizeof *round_trips, compare);
    printf("{\"asked\": %llu, \"lost\": %llu, \"p99_ms\": %.3f, \"longest_ms\": %.3f, "
           "\"undisturbed_ms\": %.3f, \"gap_ms\": %.3f}\n",
           (unsigned long long)asked, (unsigned long long)(asked - answered),
           round_trip_count > 0 ? 1e3 * round_trips[round_trip_count * 99 / 100] : 0.0,
           round_trip_count > 0 ? 1e3 * round_trips[round_trip_count - 1] : 0.0, 1e3 * longest_undisturbed,
           1e3 * longest_gap);
}

static void serve_commands(void)
{
    char line[128];
    double rate;
    double seconds;
    unsigned at_once;

    while (fgets(line, sizeof line, stdin) != NULL) {
        if (sscanf(line, "connect %u", &at_once) == 1) {
            connect_all(at_once);
        } else if (sscanf(line, "ask %lf %lf", &rate, &seconds) == 2) {
            ask_all(rate, seconds);
        } else {
            errx(2, "there is no such command: %s", line);
        }
        fflush(stdout);
    }
}

int main(int argument_count, char **arguments)
{
    size_t i;

    if (argument_count != 6) {
        errx(2, "usage: tls-load PORT CONNECTIONS lubdub|mqtt|nats CA|- INTERVAL_MS");
    }
    port = (uint16_t)atoi(arguments[1]);
    count = (uint32_t)atoi(arguments[2]);
    interval_ms = (uint32_t)atoi(arguments[5]);
    for (i = 0; i < sizeof wires / sizeof wires[0]; i++) {
        wire = strcmp(wires[i].name, arguments[3]) == 0 ? &wires[i] : wire;
    }
    if (wire == NULL || port == 0 || count == 0) {
        errx(2, "usage: tls-load PORT CONNECTIONS lubdub|mqtt|nats CA|- INTERVAL_MS");
    }
    if (strcmp(arguments[4], "-") != 0) {
        context = SSL_CTX_new(TLS_client_method());
        if (context == NULL || SSL_CTX_load_verify_file(context, arguments[4]) != 1) {
            errx(EXIT_FAILURE, "cannot use %s", arguments[4]);
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    }
    clients = calloc(count, sizeof *clients);
    round_trips = calloc(ROUND_TRIPS, sizeof *round_trips);
    set = epoll_create1(EPOLL_CLOEXEC);
    if (clients == NULL || round_trips == NULL || set < 0) {
        errx(EXIT_FAILURE, "no memory is left");
    }
    signal(SIGPIPE, SIG_IGN); /* a server may close before a client has spoken */
    serve_commands();
    return EXIT_SUCCESS;
}
