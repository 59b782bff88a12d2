/* Behind a proxy: the client's address comes in a header, and the proxy's kernel is no witness of the client's. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lubdub/cause.h>
#include <lubdub/option.h>

#include "patience.h"
#include "proxy_bytes.h"
#include "raw_client.h"
#include "scratch.h"
#include "server_process.h"
#include "support/test.h"
#include "support/tool.h"

struct stage {
    struct server_process server;
    struct process proxy;
    struct raw_client client;
    struct raw_client other;
    struct scratch scratch;
};

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);

    *state = stage;
    stage->client.socket = stage->other.socket = -1;
    scratch_make(&stage->scratch);
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;

    raw_close(&stage->client);
    raw_close(&stage->other);
    process_clear(&stage->proxy);
    server_process_clear(&stage->server);
    scratch_remove(&stage->scratch);
    free(stage);
    return 0;
}

/* Connects as a proxy does for a client from there. */
static void connect_for(struct raw_client *client, uint16_t port, const char *address)
{
    struct wire_bytes bytes = {0};

    raw_connect(client, port);
    proxy_bytes_put(&bytes, address, 4711);
    raw_send(client, bytes.data, bytes.length);
    wire_bytes_clear(&bytes);
}

static void join_for(struct raw_client *client, uint16_t port, const char *address, const char *identity)
{
    connect_for(client, port, address);
    raw_hello(client, identity, 1000, 60000);
}

static void address_is_the_client_s(void **state)
{
    struct stage *stage = *state;
    struct wire_bytes bytes = {0};
    const json_t *event;
    size_t i;

    server_process_start(&stage->server, "--proxy-from=127.0.0.0/8", NULL);
    join_for(&stage->client, stage->server.port, "192.0.2.7", "pump-7");
    event = expect_event(&stage->server.events, "connected", "pump-7");
    expect_text(event, "remote", "192.0.2.7:4711");
    assert_true(event_flag(event, "proxied"));

    raw_connect(&stage->other, stage->server.port); /* each byte in a segment of its own */
    proxy_bytes_put(&bytes, "2001:db8::9", 4711);
    for (i = 0; i < bytes.length; i++) {
        raw_send(&stage->other, &bytes.data[i], 1);
    }
    wire_bytes_clear(&bytes);
    raw_hello(&stage->other, "pump-9", 1000, 60000);
    expect_text(expect_event(&stage->server.events, "connected", "pump-9"), "remote", "[2001:db8::9]:4711");
    raw_expect_life(&stage->client);
    raw_bye(&stage->client, 0);
    event = expect_event(&stage->server.events, "disconnected", "pump-7");
    expect_text(event, "remote", "192.0.2.7:4711");
    assert_true(event_flag(event, "proxied"));
    server_process_finish(&stage->server);
}

static void other_networks_send_no_header_and_are_not_marked(void **state)
{
    struct stage *stage = *state;

    server_process_start(&stage->server, "--proxy-from=10.0.0.0/8", "--proxy-from=127.0.0.2", NULL);
    raw_join(&stage->client, stage->server.port, "plain", 1000, 60000);
    assert_false(event_has(expect_event(&stage->server.events, "connected", "plain"), "proxied"));
    connect_for(&stage->other, stage->server.port, "192.0.2.7"); /* a stranger that tells where it comes from */
    raw_expect_silent_end(&stage->other);
    expect_text(expect_event(&stage->server.events, "rejected", NULL), "cause", "protocol");
    server_process_finish(&stage->server);
}

static void connections_are_counted_by_the_client_s_address(void **state)
{
    struct stage *stage = *state;
    struct raw_client third;

    server_process_start(&stage->server, "--proxy-from=127.0.0.1", "--max-per-address=1", NULL);
    join_for(&stage->client, stage->server.port, "192.0.2.7", "one");
    join_for(&stage->other, stage->server.port, "192.0.2.8", "two");
    connect_for(&third, stage->server.port, "192.0.2.7");
    raw_expect_bye(&third, LUBDUB_REASON_OVERLOADED);
    raw_close(&third);
    expect_text(expect_event(&stage->server.events, "rejected", NULL), "remote", "192.0.2.7:4711");
    raw_expect_life(&stage->client);
    raw_expect_life(&stage->other);
    server_process_finish(&stage->server);
}

static void local_connection_is_the_proxy_s_own(void **state)
{
    struct stage *stage = *state;
    struct wire_bytes bytes = {0};
    const json_t *event;

    server_process_start(&stage->server, "--proxy-from=127.0.0.1", NULL);
    raw_connect(&stage->client, stage->server.port);
    proxy_bytes_put_fixed(&bytes, 0x20, 0, 0);
    raw_send(&stage->client, bytes.data, bytes.length);
    wire_bytes_clear(&bytes);
    raw_hello(&stage->client, "check", 1000, 60000);
    event = expect_event(&stage->server.events, "connected", "check");
    assert_memory_equal(event_text(event, "remote"), "127.0.0.1:", 10);
    assert_false(event_has(event, "proxied"));
    server_process_finish(&stage->server);
}

/* ---- headers that are wrong, and that do not come ---- */

static void expect_refusal(struct stage *stage, const void *bytes, size_t length, const char *text)
{
    const json_t *event;

    raw_connect(&stage->other, stage->server.port);
    raw_send(&stage->other, bytes, length);
    raw_expect_silent_end(&stage->other);
    event = expect_event(&stage->server.events, "rejected", NULL);
    expect_text(event, "cause", "protocol");
    expect_text(event, "text", text);
    assert_memory_equal(event_text(event, "remote"), "127.0.0.1:", 10);
    raw_close(&stage->other);
}

static void wrong_header_is_refused_by_name_and_without_a_byte(void **state)
{
    static const char version_1[] = "PROXY TCP4 192.0.2.7 192.0.2.1 4711 3333\r\n";
    struct stage *stage = *state;
    struct wire_bytes bytes = {0};

    server_process_start(&stage->server, "--proxy-from=127.0.0.1", NULL);
    join_for(&stage->client, stage->server.port, "192.0.2.7", "good");
    expect_refusal(stage, version_1, sizeof version_1 - 1,
                   "the PROXY header is of version 1, and only version 2 is taken");
    expect_refusal(stage, "LD\1\3\0\0\0\0\0\0\0\0\0\0\0\1", 16,
                   "there is no PROXY header, and the connection comes from a network of proxies");
    proxy_bytes_put_fixed(&bytes, 0x21, 0x12, 12);
    expect_refusal(stage, bytes.data, bytes.length, "the transport in the PROXY header is not TCP over IPv4 or IPv6");
    raw_connect(&stage->other, stage->server.port);
    raw_send(&stage->other, bytes.data, 13);
    assert_int_equal(shutdown(stage->other.socket, SHUT_WR), 0);
    raw_expect_silent_end(&stage->other);
    expect_text(expect_event(&stage->server.events, "rejected", NULL), "text",
                "the connection ended inside the PROXY header");
    raw_close(&stage->other);
    raw_connect(&stage->other, stage->server.port); /* a port scan is only counted */
    raw_close(&stage->other);
    wire_bytes_clear(&bytes);
    raw_expect_life(&stage->client);
    server_process_finish(&stage->server);
    assert_int_equal(count_events(&stage->server.events, "rejected", NULL), 4);
}

static void header_has_a_handshake_time_and_no_processor(void **state)
{
    struct stage *stage = *state;
    struct wire_bytes bytes = {0};
    uint64_t before;

    server_process_start(&stage->server, "--proxy-from=127.0.0.1", "--handshake-timeout=1s", "--workers=1", NULL);
    raw_connect(&stage->client, stage->server.port);
    proxy_bytes_put(&bytes, "192.0.2.7", 4711);
    raw_send(&stage->client, bytes.data, bytes.length - 1);
    wire_bytes_clear(&bytes);
    before = process_cpu(&stage->server.process);
    expect_text(expect_event(&stage->server.events, "rejected", NULL), "text",
                "no PROXY header came within the handshake time");
    assert_in_range(process_cpu(&stage->server.process) - before, 0, 200); /* the loop does not spin meanwhile */
    raw_expect_silent_end(&stage->client);
    raw_connect(&stage->other, stage->server.port); /* and a server that leaves does not wait for it */
    server_process_finish(&stage->server);
}

static void wrong_network_starts_nothing_and_changes_nothing(void **state)
{
    struct stage *stage = *state;
    char config[SCRATCH_PATH];
    struct server_process refused;

    server_process_init(&refused);
    process_add(&refused.process, "--proxy-from=10.0.0.1/8");
    process_start(&refused.process);
    assert_int_equal(process_wait(&refused.process), 2);
    process_expect_error(&refused.process, "--proxy-from 10.0.0.1/8: must be a network such as 10.0.0.0/8");
    process_clear(&refused.process);

    scratch_write_text(&stage->scratch, "config", "proxy-from = 127.0.0.1\n", config);
    server_process_start(&stage->server, "--config", config, NULL);
    scratch_write_text(&stage->scratch, "config", "proxy-from = 127.0.0.1/8\n", config);
    process_signal(&stage->server.process, SIGHUP);
    process_expect_error(&stage->server.process, "configuration not taken");
    join_for(&stage->client, stage->server.port, "192.0.2.7", "pump-7");
    scratch_write_text(&stage->scratch, "config", "proxy-from = 10.0.0.0/8\n", config);
    process_signal(&stage->server.process, SIGHUP);
    process_expect_error(&stage->server.process, "changed=\"proxy-from\"");
    raw_join(&stage->other, stage->server.port, "plain", 1000, 60000);
    raw_expect_life(&stage->client);
    server_process_finish(&stage->server);
}

/* ---- verdicts ---- */

/* Its kernel acknowledges at once. Without a proxy that is evidence, and the verdict comes long before the expiry. */
static void proxy_s_kernel_gives_no_early_verdict(void **state)
{
    struct stage *stage = *state;
    const json_t *event;
    int i;

    server_process_start(&stage->server, "--proxy-from=127.0.0.1", "--detect=adaptive", "--workers=1", NULL);
    connect_for(&stage->client, stage->server.port, "192.0.2.7");
    raw_hello(&stage->client, "pump-7", 50, 2500);
    for (i = 0; i < 10; i++) {
        raw_expect_life(&stage->client);
        stay(50 * LUBDUB_MILLISECOND);
    }
    event = expect_event(&stage->server.events, "disconnected", "pump-7");
    expect_text(event, "cause", "hung");
    assert_true(event_flag(event, "proxied"));
    assert_false(event_has(event, "adaptive_ms"));
    assert_in_range(event_number(event, "silent_ms"), 2400, 60000);
    server_process_finish(&stage->server);
}

/* ---- haproxy ---- */

static void haproxy_s_headers_are_understood(void **state)
{
    struct stage *stage = *state;
    uint16_t port = free_port();
    const lubdub_time until = now() + PATIENCE;
    char config[SCRATCH_PATH];
    char text[1024];
    const json_t *event;

    if (access("/usr/sbin/haproxy", X_OK) != 0) {
        skip_for_want_of("haproxy");
    }
    server_process_start(&stage->server, "--proxy-from=127.0.0.1", "--handshake-timeout=2s", NULL);
    snprintf(text, sizeof text,
             "defaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n"
             "listen heartbeats\n bind 127.0.0.1:%u\n source 127.0.0.1\n"
             " server one %s send-proxy-v2 proxy-v2-options crc32c check inter 100 fall 100 check-send-proxy\n",
             (unsigned)port, stage->server.address);
    scratch_write_text(&stage->scratch, "haproxy.cfg", text, config);
    setenv("LUBDUB_HAPROXY", "/usr/sbin/haproxy", 1);
    process_init(&stage->proxy, "LUBDUB_HAPROXY");
    process_add(&stage->proxy, "-db");
    process_add(&stage->proxy, "-f");
    process_add(&stage->proxy, config);
    process_start(&stage->proxy);
    while (!raw_try_connect(&stage->client, port)) {
        assert_true(now() < until);
        stay(10 * LUBDUB_MILLISECOND);
    }
    raw_hello(&stage->client, "pump-7", 1000, 60000);
    event = expect_event(&stage->server.events, "connected", "pump-7");
    assert_true(event_flag(event, "proxied"));
    raw_expect_life(&stage->client);
    while (server_process_count(&stage->server, "empty") == 0) { /* its health checks */
        assert_true(now() < until);
        stay(20 * LUBDUB_MILLISECOND);
    }
    assert_int_equal(count_events(&stage->server.events, "rejected", NULL), 0);
    process_clear(&stage->proxy);
    server_process_finish(&stage->server);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(address_is_the_client_s),
        TEST(other_networks_send_no_header_and_are_not_marked),
        TEST(connections_are_counted_by_the_client_s_address),
        TEST(local_connection_is_the_proxy_s_own),
        TEST(wrong_header_is_refused_by_name_and_without_a_byte),
        TEST(header_has_a_handshake_time_and_no_processor),
        TEST(wrong_network_starts_nothing_and_changes_nothing),
        TEST(proxy_s_kernel_gives_no_early_verdict),
        TEST(haproxy_s_headers_are_understood),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
