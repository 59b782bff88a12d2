#define _GNU_SOURCE
#include "server_process.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "patience.h"
#include "support/test.h"

#define LOWEST_PORT 12000
#define PORT_COUNT 20000

/* A socket that has the port. -1: it is taken. */
static int take_port(int type, in_addr_t where, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(where)};
    int taken = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    assert_true(taken >= 0);
    if (bind(taken, (const struct sockaddr *)&address, sizeof address) != 0) {
        close(taken);
        return -1;
    }
    return taken;
}

/* The UDP socket stays open: it is the note to other tests, which draw ports at the same time
 * (tests/support/waiting.py). */
static bool is_free(uint16_t port)
{
    int note = take_port(SOCK_DGRAM, INADDR_LOOPBACK, port);
    int candidate = note >= 0 ? take_port(SOCK_STREAM, INADDR_ANY, port) : -1;

    if (candidate >= 0) {
        close(candidate);
    } else if (note >= 0) {
        close(note);
    }
    return candidate >= 0;
}

uint16_t free_port(void)
{
    uint16_t port;

    do {
        uint32_t number = 0;

        assert_int_equal(getrandom(&number, sizeof number, 0), sizeof number);
        port = (uint16_t)(LOWEST_PORT + number % PORT_COUNT);
    } while (!is_free(port));
    return port;
}

void server_process_init(struct server_process *server)
{
    memset(server, 0, sizeof *server);
    process_init(&server->process, "LUBDUB_SERVER");
}

void server_process_listen(struct server_process *server)
{
    server->port = free_port();
    snprintf(server->address, sizeof server->address, "127.0.0.1:%u", server->port);
    process_add(&server->process, "--listen");
    process_add(&server->process, server->address);
}

void server_process_start(struct server_process *server, ...)
{
    const char *option;
    va_list options;

    if (server->process.argument_count == 0) {
        server_process_init(server);
    }
    server_process_listen(server);
    process_add(&server->process, "--events=json");
    va_start(options, server);
    while ((option = va_arg(options, const char *)) != NULL) {
        process_add(&server->process, option);
    }
    va_end(options);
    process_start(&server->process);
    event_reader_init(&server->events, server->process.output);
    expect_text(expect_event(&server->events, "listening", NULL), "address", server->address);
}

static int compare_numbers(const void *one, const void *other)
{
    uint64_t first = *(const uint64_t *)one;
    uint64_t second = *(const uint64_t *)other;

    return first < second ? -1 : first > second;
}

/* The sessions of all events of this name, in order. The caller frees. */
static uint64_t *sessions_of(const struct event_reader *events, const char *name, size_t *count)
{
    uint64_t *sessions = calloc(events->count + 1, sizeof *sessions);
    size_t i;

    assert_non_null(sessions);
    *count = 0;
    for (i = 0; i < events->count; i++) {
        if (strcmp(event_text(events->events[i], "event"), name) == 0) {
            sessions[(*count)++] = event_number(events->events[i], "session");
        }
    }
    qsort(sessions, *count, sizeof *sessions, compare_numbers);
    return sessions;
}

/* One end for each session, and no number twice. */
static void check_ends(const struct event_reader *events)
{
    size_t begun_count;
    size_t ended_count;
    uint64_t *begun = sessions_of(events, "connected", &begun_count);
    uint64_t *ended = sessions_of(events, "disconnected", &ended_count);
    size_t i;

    assert_int_equal(begun_count, ended_count);
    assert_memory_equal(begun, ended, begun_count * sizeof *begun);
    for (i = 1; i < begun_count; i++) {
        assert_true(begun[i - 1] < begun[i]);
    }
    free(begun);
    free(ended);
}

void server_process_finish(struct server_process *server)
{
    process_signal(&server->process, SIGTERM);
    event_reader_finish(&server->events);
    assert_int_equal(process_wait(&server->process), 0);
    assert_int_equal(count_events(&server->events, "draining", NULL), 1);
    expect_text(server->events.events[server->events.count - 1], "event", "stopped");
    assert_int_equal(count_events(&server->events, "dropped", NULL), 0);
    check_ends(&server->events);
}

uint64_t server_process_count(struct server_process *server, const char *name)
{
    const unsigned lines = process_count_errors(&server->process, "counters ");
    const lubdub_time until = now() + PATIENCE;
    char wanted[64];
    char *errors;
    const char *line;
    uint64_t number;

    process_signal(&server->process, SIGUSR1);
    while (process_count_errors(&server->process, "counters ") == lines) {
        assert_true(now() < until);
        stay(2 * LUBDUB_MILLISECOND);
    }
    snprintf(wanted, sizeof wanted, " %s=", name);
    errors = process_errors(&server->process);
    line = errors;
    while (strstr(line + 1, "counters ") != NULL) {
        line = strstr(line + 1, "counters ");
    }
    line = strstr(line, wanted);
    assert_non_null(line);
    number = strtoull(line + strlen(wanted), NULL, 10);
    free(errors);
    return number;
}

void server_process_await_count(struct server_process *server, const char *name, uint64_t wanted)
{
    const lubdub_time until = now() + PATIENCE;
    uint64_t found;

    while ((found = server_process_count(server, name)) != wanted) {
        if (now() > until) {
            fail_msg("%s is %llu, not %llu", name, (unsigned long long)found, (unsigned long long)wanted);
        }
        stay(10 * LUBDUB_MILLISECOND);
    }
}

lubdub_duration server_process_absence(struct server_process *server)
{
    return server_process_count(server, "absent_ms") * LUBDUB_MILLISECOND;
}

void server_process_clear(struct server_process *server)
{
    event_reader_clear(&server->events);
    process_clear(&server->process);
    server->process.argument_count = 0;
}
