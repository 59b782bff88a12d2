/* Where things run out: sessions, connections, descriptors, ports. Who is in stays in, and nothing spins. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lubdub/cause.h>
#include <lubdub/option.h>

#include "crowd.h"
#include "patience.h"
#include "raw_client.h"
#include "server_process.h"
#include "support/test.h"

struct stage {
    struct server_process server;
    struct server_process second;
    struct crowd crowd;
    struct raw_client client;
    struct raw_client other;
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);

    *state = stage;
    stage->client.socket = stage->other.socket = -1;
    stage->second.process.errors = stage->second.process.output = -1;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    crowd_kill(&stage->crowd);
    raw_close(&stage->client);
    raw_close(&stage->other);
    server_process_clear(&stage->server);
    server_process_clear(&stage->second);
    free(stage);
    return 0;
}

/*
 * Processor time of the server in a while, in milliseconds: the least of some, as one that has just been busy may have
 * something left to do.
 */
static uint64_t least_cpu_in(const struct process *server, lubdub_duration length, uint64_t wanted)
{
    uint64_t least = UINT64_MAX;
    unsigned i;

    for (i = 0; i < 5 && least > wanted; i++) {
        const uint64_t before = process_cpu(server);
        uint64_t used;

        stay(length);
        used = process_cpu(server) - before;
        least = used < least ? used : least;
    }
    return least;
}

/* ---- sessions and connections ---- */

static void one_session_too_many_is_told_so(void **state)
{
    struct stage *stage = *state;
    static struct raw_frame frame;
    uint64_t retry_after = 0;

    server_process_start(&stage->server, "--max-sessions=1", NULL);
    raw_join(&stage->client, stage->server.port, "first", 1000, 60000);
    raw_connect(&stage->other, stage->server.port);
    raw_say_hello(&stage->other, "second", 0, 0, 1);
    raw_expect(&stage->other, LUBDUB_FRAME_BYE, LUBDUB_REASON_OVERLOADED, &frame);
    assert_true(raw_option(&frame, LUBDUB_OPTION_RETRY_AFTER_MS, &retry_after));
    assert_in_range(retry_after, 1, 60 * 60 * 1000);
    expect_text(expect_event(&stage->server.events, "rejected", "second"), "cause", "rejected");
    raw_close(&stage->other);
    raw_connect(&stage->other, stage->server.port);
    raw_probe(&stage->other); /* nameless, and no ACK either */
    raw_expect_bye(&stage->other, LUBDUB_REASON_OVERLOADED);
    raw_close(&stage->other);

    raw_connect(&stage->other, stage->server.port);
    raw_say_hello(&stage->other, "first", 1000, 60000, UINT64_MAX); /* to take over is not to be one more */
    raw_expect_welcome(&stage->other);
    raw_expect_bye(&stage->client, LUBDUB_REASON_REPLACED);
    raw_close(&stage->other);
    expect_events(&stage->server.events, "disconnected", 2);
    raw_close(&stage->client);
    raw_join(&stage->client, stage->server.port, "third", 1000, 60000); /* there is room again */
    server_process_finish(&stage->server);
}

static void one_address_has_so_many_connections_and_no_more(void **state)
{
    struct stage *stage = *state;
    struct raw_client crowd[3];
    const lubdub_time until = now() + PATIENCE;
    size_t i;

    server_process_start(&stage->server, "--max-per-address=3", "--workers=2", NULL);
    for (i = 0; i < COUNT_OF(crowd); i++) {
        raw_join(&crowd[i], stage->server.port, NULL, 1000, 60000);
    }
    raw_connect(&stage->client, stage->server.port);
    raw_expect_bye(&stage->client, LUBDUB_REASON_OVERLOADED);
    raw_close(&stage->client);
    raw_bye(&crowd[0], 0);
    raw_expect_silent_end(&crowd[0]);
    raw_close(&crowd[0]);
    expect_event(&stage->server.events, "disconnected", NULL);
    while (server_process_count(&stage->server, "connections") > 2) { /* a connection ends a moment after its session */
        assert_true(now() < until);
    }
    raw_join(&stage->client, stage->server.port, NULL, 1000, 60000);
    for (i = 1; i < COUNT_OF(crowd); i++) {
        raw_close(&crowd[i]);
    }
    server_process_finish(&stage->server);
}

/* ---- descriptors ---- */

/* Whatever it is that finds none left: our own files, the threads' eventfds, or libev's. */
static void too_few_descriptors_to_start_are_said_so(void **state)
{
    unsigned limit;
    (void)state;

    for (limit = 6; limit <= 10; limit++) {
        char command[160];
        char words[512];
        size_t length;
        FILE *server;
        int status;

        snprintf(command, sizeof command,
                 "ASAN_OPTIONS=detect_leaks=0 exec timeout -s KILL 20 " /* that would need descriptors itself */
                 "prlimit --nofile=%u \"$LUBDUB_SERVER\" --listen 127.0.0.1:9 2>&1",
                 limit);
        server = popen(command, "r");
        assert_non_null(server);
        length = fread(words, 1, sizeof words - 1, server);
        words[length] = '\0';
        status = pclose(server);
        assert_non_null(strstr(words, "Too many open files"));
        assert_int_equal(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 3);
    }
}

static void without_descriptors_accepting_pauses_and_goes_on(void **state)
{
    struct stage *stage = *state;
    struct raw_client crowd[40];
    struct rlimit few = {0};
    struct rlimit before;
    size_t i;

    server_process_start(&stage->server, NULL);
    raw_join(&stage->client, stage->server.port, "insider", 1000, 60000);
    few.rlim_cur = few.rlim_max = process_descriptors(&stage->server.process) + 8;
    assert_int_equal(prlimit(stage->server.process.pid, RLIMIT_NOFILE, NULL, &before), 0);
    few.rlim_max = before.rlim_max;
    assert_int_equal(prlimit(stage->server.process.pid, RLIMIT_NOFILE, &few, NULL), 0);
    for (i = 0; i < COUNT_OF(crowd); i++) {
        raw_connect(&crowd[i], stage->server.port); /* the backlog takes them */
        raw_probe(&crowd[i]);
    }
    process_expect_error(&stage->server.process, "accepting pauses");
    assert_in_range(least_cpu_in(&stage->server.process, LUBDUB_SECOND, 300), 0, 300); /* it does not spin */
    raw_expect_life(&stage->client);

    assert_int_equal(prlimit(stage->server.process.pid, RLIMIT_NOFILE, &before, NULL), 0);
    raw_join(&stage->other, stage->server.port, "newcomer", 1000, 60000);
    for (i = 0; i < COUNT_OF(crowd); i++) {
        raw_close(&crowd[i]);
    }
    server_process_finish(&stage->server);
    assert_true(process_count_errors(&stage->server.process, "accepting pauses") < 100);
}

/* ---- ports and addresses ---- */

static void expect_no_start(struct server_process *server, const char *words)
{
    process_start(&server->process);
    assert_int_equal(process_wait(&server->process), 3);
    assert_int_equal(process_count_errors(&server->process, words), 1);
    assert_int_equal(process_count_errors(&server->process, "\n"), 1);
}

/* Also where the first shares its port among its own workers: a second server would take half of its clients. */
static void second_server_on_the_same_port_does_not_start(void **state)
{
    static const char *const workers[][2] = {{"--workers=1", "--workers=1"},
                                             {"--workers=2", "--workers=2"},
                                             {"--workers=1", "--workers=2"},
                                             {"--workers=2", "--workers=1"}};
    struct stage *stage = *state;
    size_t i;

    for (i = 0; i < COUNT_OF(workers); i++) {
        server_process_start(&stage->server, workers[i][0], NULL);
        server_process_init(&stage->second);
        process_add(&stage->second.process, "--listen");
        process_add(&stage->second.process, stage->server.address);
        process_add(&stage->second.process, workers[i][1]);
        expect_no_start(&stage->second, "127.0.0.1");
        process_clear(&stage->second.process);
        raw_connect(&stage->client, stage->server.port);
        raw_expect_life(&stage->client);
        raw_close(&stage->client);
        server_process_finish(&stage->server);
        server_process_clear(&stage->server);
    }
}

static void same_address_twice_does_not_start(void **state)
{
    struct stage *stage = *state;

    server_process_init(&stage->server);
    server_process_listen(&stage->server);
    process_add(&stage->server.process, "--workers=2");
    process_add(&stage->server.process, "--listen");
    process_add(&stage->server.process, stage->server.address);
    process_start(&stage->server.process);
    assert_in_range(process_wait(&stage->server.process), 2, 3);
}

static void address_of_another_machine_does_not_start(void **state)
{
    struct stage *stage = *state;

    server_process_init(&stage->server);
    process_add(&stage->server.process, "--listen=192.0.2.1:4444");
    expect_no_start(&stage->server, "192.0.2.1");
}

static void port_is_free_again_at_once_after_a_restart(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    raw_join(&stage->client, stage->server.port, "guest", 1000, 60000);
    server_process_finish(&stage->server); /* closes first: its end stays in TIME_WAIT */
    raw_close(&stage->client);

    server_process_init(&stage->second);
    process_add(&stage->second.process, "--listen");
    process_add(&stage->second.process, stage->server.address);
    process_add(&stage->second.process, "--events=json");
    process_start(&stage->second.process);
    event_reader_init(&stage->second.events, stage->second.process.output);
    expect_event(&stage->second.events, "listening", NULL);
    raw_join(&stage->client, stage->server.port, "guest", 1000, 60000);
    server_process_finish(&stage->second);
}

static void both_families_are_served(void **state)
{
    struct stage *stage = *state;
    char everywhere[64];
    const json_t *event;

    server_process_init(&stage->server);
    stage->server.port = free_port();
    snprintf(everywhere, sizeof everywhere, "*:%u", stage->server.port);
    process_add(&stage->server.process, "--listen");
    process_add(&stage->server.process, everywhere);
    process_add(&stage->server.process, "--events=json");
    process_start(&stage->server.process);
    event_reader_init(&stage->server.events, stage->server.process.output);
    expect_events(&stage->server.events, "listening", 2);

    raw_connect_to(&stage->client, "::1", stage->server.port);
    raw_hello(&stage->client, "six", 1000, 60000);
    event = expect_event(&stage->server.events, "connected", "six");
    assert_memory_equal(event_text(event, "remote"), "[::1]:", 6);
    raw_connect_to(&stage->other, "127.0.0.1", stage->server.port);
    raw_hello(&stage->other, "four", 1000, 60000);
    event = expect_event(&stage->server.events, "connected", "four");
    assert_memory_equal(event_text(event, "remote"), "127.0.0.1:", 10);
    raw_expect_life(&stage->client);
    server_process_finish(&stage->server);
}

/* ---- idling ---- */

static void idle_sessions_cost_no_processor_time(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, NULL);
    stage->crowd = (struct crowd){
        .port = stage->server.port, .prefix = "idle", .count = 1000, .interval_ms = 600000, .expiry_ms = 3600000};
    crowd_start(&stage->crowd);
    expect_events(&stage->server.events, "connected", 1000);
    crowd_stop(&stage->crowd);
    assert_in_range(least_cpu_in(&stage->server.process, 1500 * LUBDUB_MILLISECOND, 20), 0, 20);
    server_process_finish(&stage->server);
}

/* What comes and goes leaves nothing behind. */
static void descriptors_and_memory_return_to_where_they_were(void **state)
{
    struct stage *stage = *state;
    size_t descriptors = 0;
    size_t resident = 0;
    int round;

    server_process_start(&stage->server, NULL);
    for (round = 0; round < 6; round++) {
        lubdub_time until = now() + PATIENCE;

        stage->crowd = (struct crowd){
            .port = stage->server.port, .prefix = "guest", .count = 500, .interval_ms = 100, .expiry_ms = 5000};
        crowd_start(&stage->crowd);
        crowd_kill(&stage->crowd);
        expect_events(&stage->server.events, "disconnected", (size_t)(round + 1) * 500);
        while (server_process_count(&stage->server, "connections") > 0) {
            assert_true(now() < until);
        }
        if (round == 2) {
            descriptors = process_descriptors(&stage->server.process);
            resident = process_resident(&stage->server.process);
        }
    }
    assert_int_equal(process_descriptors(&stage->server.process), descriptors);
    assert_true(process_resident(&stage->server.process) < resident + MEMORY_FACTOR * 4096);
    server_process_finish(&stage->server);
}

/* ---- what a stranger costs ---- */

#define STRANGERS 6000

/* Sanitizers put room around every block: there it is seen only that a connection has no buffer. */
#ifdef LUBDUB_SANITIZED
#define STRANGER_LIMIT (1536 * MEMORY_FACTOR)
#else
#define STRANGER_LIMIT 256
#endif

static void connect_strangers(struct stage *stage, int *sockets, unsigned from, unsigned to)
{
    const lubdub_time until = now() + PATIENCE;
    struct raw_client stranger;
    unsigned i;

    for (i = from; i < to; i++) {
        raw_connect(&stranger, stage->server.port);
        sockets[i] = stranger.socket;
    }
    while (server_process_count(&stage->server, "connections") < to) {
        assert_true(now() < until);
    }
}

/* The first ones bring what is needed once; the tables of the loop grow by doubling, so that all of it is counted. */
static void plain_connection_costs_at_most_256_bytes_before_its_first_frame(void **state)
{
    struct stage *stage = *state;
    static int sockets[STRANGERS];
    struct rlimit limit;
    size_t before;
    size_t grown;
    unsigned i;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < STRANGERS + 100) {
        skip();
    }
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    server_process_start(&stage->server, "--workers=1", "--handshake-timeout=60s", "--max-per-address=0",
                         "--max-opening=0", NULL);
    connect_strangers(stage, sockets, 0, 100);
    before = process_resident(&stage->server.process);
    connect_strangers(stage, sockets, 100, STRANGERS);
    grown = 1024 * (process_resident(&stage->server.process) - before) / (STRANGERS - 100);
    print_message("bytes of a connection before its first frame: %zu\n", grown);
    assert_in_range(grown, 1, STRANGER_LIMIT);
    for (i = 0; i < STRANGERS; i++) {
        close(sockets[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plain_connection_costs_at_most_256_bytes_before_its_first_frame, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_session_too_many_is_told_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_address_has_so_many_connections_and_no_more, set_up, tear_down),
        cmocka_unit_test(too_few_descriptors_to_start_are_said_so),
        cmocka_unit_test_setup_teardown(without_descriptors_accepting_pauses_and_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(second_server_on_the_same_port_does_not_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(same_address_twice_does_not_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(address_of_another_machine_does_not_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(port_is_free_again_at_once_after_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(both_families_are_served, set_up, tear_down),
        cmocka_unit_test_setup_teardown(idle_sessions_cost_no_processor_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(descriptors_and_memory_return_to_where_they_were, set_up, tear_down),
    };

    measure_memory();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
