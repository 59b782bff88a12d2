/* From a name to a socket. */
#include "support/test.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/library/connector.h"
#include "fake_names.h"
#include "fake_server.h"
#include "loop_wait.h"

#define MS LUBDUB_MILLISECOND
#define EVENTS_LIMIT 128
#define DEAF_LIMIT 4

struct fixture {
    struct ev_loop *loop;
    struct fake_server *server;
    struct lubdub_connector *connector;
    struct lubdub_server_entry entry;
    struct {
        struct lubdub_connector_event event;
        struct lubdub_address address;
        lubdub_duration after;
    } events[EVENTS_LIMIT];
    size_t count;
    size_t looked_at;
    bool is_over;
    bool frees; /* in the first callback */
    double began;
    int deaf[DEAF_LIMIT]; /* sockets around an address where nobody answers */
};

static void on_event(const struct lubdub_connector_event *event, void *user_data)
{
    struct fixture *fixture = user_data;

    assert_false(fixture->is_over);
    assert_true(fixture->count < EVENTS_LIMIT);
    fixture->events[fixture->count].event = *event;
    if (event->address != NULL) {
        fixture->events[fixture->count].address = *event->address;
    }
    fixture->events[fixture->count++].after = (lubdub_duration)((ev_time() - fixture->began) * (double)LUBDUB_SECOND);
    if (event->kind == LUBDUB_CONNECTOR_CONNECTED) {
        close(event->socket);
    }
    if (event->kind == LUBDUB_CONNECTOR_CONNECTED || event->kind == LUBDUB_CONNECTOR_GAVE_UP || fixture->frees) {
        fixture->is_over = true;
        lubdub_connector_free(fixture->connector);
        fixture->connector = NULL;
    }
}

static int setup(void **state)
{
    static struct fixture fixture;
    size_t i;

    memset(&fixture, 0, sizeof fixture);
    fixture.loop = ev_loop_new(EVFLAG_AUTO);
    fixture.server = fake_server_new(fixture.loop, "127.0.0.1", 0);
    for (i = 0; i < DEAF_LIMIT; i++) {
        fixture.deaf[i] = -1;
    }
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    size_t i;

    fake_names_release();
    lubdub_connector_free(fixture->connector);
    fake_server_free(fixture->server);
    for (i = 0; i < DEAF_LIMIT; i++) {
        if (fixture->deaf[i] >= 0) {
            close(fixture->deaf[i]);
        }
    }
    ev_loop_destroy(fixture->loop);
    return 0;
}

static bool is_over(void *user_data)
{
    return ((const struct fixture *)user_data)->is_over;
}

static void begin(struct fixture *fixture, const char *host, uint16_t port, lubdub_duration timeout,
                  const struct lubdub_address *fallback)
{
    const struct lubdub_connector_settings settings = {.loop = fixture->loop,
                                                       .entry = &fixture->entry,
                                                       .timeout = timeout,
                                                       .callback = on_event,
                                                       .user_data = fixture};

    fixture->entry.server = (struct lubdub_client_server){host, port};
    if (fallback != NULL) {
        fixture->entry.last_good = *fallback;
    }
    fixture->count = fixture->looked_at = 0;
    fixture->is_over = false;
    fixture->began = ev_time();
    fixture->connector = lubdub_connector_start(&settings);
    assert_non_null(fixture->connector);
    assert_int_equal(fixture->count, 0);
}

static void run(struct fixture *fixture, const char *host, lubdub_duration timeout)
{
    begin(fixture, host, fixture->server->port, timeout, NULL);
    assert_true(loop_wait(fixture->loop, is_over, fixture));
}

static void expect_at(struct fixture *fixture, enum lubdub_connector_event_kind kind, const char *ip, int line)
{
    char shown[LUBDUB_ADDRESS_TEXT_SIZE] = "";
    size_t i = fixture->looked_at++;

    if (i < fixture->count && fixture->events[i].event.address != NULL) {
        lubdub_address_format(&fixture->events[i].address, shown);
    }
    if (i >= fixture->count || fixture->events[i].event.kind != kind || strncmp(shown, ip, strlen(ip)) != 0) {
        print_error("event %zu of %zu is %u at %s\n", i, fixture->count, fixture->events[i].event.kind, shown);
        _fail(__FILE__, line);
    }
}
#define expect(fixture, kind, ip) expect_at(fixture, LUBDUB_CONNECTOR_##kind, ip, __LINE__)

static enum lubdub_cause last_cause(const struct fixture *fixture)
{
    return fixture->events[fixture->count - 1].event.cause;
}

/* An address of which the kernel takes no more connections, so that a connect there waits. Returns the port. */
static uint16_t make_deaf(struct fixture *fixture, const char *ip)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct lubdub_address parsed;
    struct sockaddr_storage target;
    socklen_t length = sizeof address;
    size_t i;

    assert_true(lubdub_address_parse(&parsed, ip, fixture->server->port));
    lubdub_address_to_socket(&parsed, &target);
    fixture->deaf[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fixture->deaf[0], (const struct sockaddr *)&target, length), 0);
    assert_int_equal(listen(fixture->deaf[0], 0), 0);
    for (i = 1; i < DEAF_LIMIT; i++) {
        fixture->deaf[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fixture->deaf[i], (const struct sockaddr *)&target, length);
    }
    return fixture->server->port;
}

/* ---- addresses ---- */

static void numeric_address_needs_no_name(void **state)
{
    struct fixture *fixture = *state;
    unsigned asked = fake_names_asked();

    run(fixture, "127.0.0.1", LUBDUB_SECOND);
    expect(fixture, TRYING, "127.0.0.1:");
    expect(fixture, CONNECTED, "127.0.0.1:");
    assert_int_equal(fake_names_asked(), asked);
}

static void numeric_ipv6_address_works_with_and_without_brackets(void **state)
{
    struct fixture *fixture = *state;
    struct fake_server *other = fake_server_new(fixture->loop, "::1", 0);

    begin(fixture, "[::1]", other->port, LUBDUB_SECOND, NULL);
    assert_true(loop_wait(fixture->loop, is_over, fixture));
    expect(fixture, TRYING, "[::1]:");
    expect(fixture, CONNECTED, "[::1]:");
    begin(fixture, "::1", other->port, LUBDUB_SECOND, NULL);
    assert_true(loop_wait(fixture->loop, is_over, fixture));
    expect(fixture, TRYING, "[::1]:");
    expect(fixture, CONNECTED, "[::1]:");
    fake_server_free(other);
}

static void all_addresses_of_a_name_are_tried(void **state)
{
    struct fixture *fixture = *state;

    run(fixture, "two.fake", LUBDUB_SECOND);
    expect(fixture, TRYING, "[::1]:");
    expect(fixture, FAILED, "[::1]:");
    expect(fixture, TRYING, "127.0.0.1:");
    expect(fixture, CONNECTED, "127.0.0.1:");
    assert_int_equal(fixture->events[1].event.cause, LUBDUB_CAUSE_REFUSED);
}

static void address_that_does_not_answer_keeps_us_for_a_second_at_most(void **state)
{
    struct fixture *fixture = *state;

    make_deaf(fixture, "127.0.0.3");
    run(fixture, "blackhole.fake", 30 * LUBDUB_SECOND);
    expect(fixture, TRYING, "127.0.0.3:");
    expect(fixture, FAILED, "127.0.0.3:");
    expect(fixture, TRYING, "127.0.0.1:");
    expect(fixture, CONNECTED, "127.0.0.1:");
    assert_int_equal(fixture->events[1].event.cause, LUBDUB_CAUSE_TIMEOUT);
    assert_in_range(fixture->events[1].after, 990 * MS, 3000 * MS);
}

static void last_address_gets_the_whole_limit(void **state)
{
    struct fixture *fixture = *state;

    make_deaf(fixture, "127.0.0.3");
    run(fixture, "127.0.0.3", 1500 * MS);
    expect(fixture, TRYING, "127.0.0.3:");
    expect(fixture, GAVE_UP, "127.0.0.3:");
    assert_int_equal(last_cause(fixture), LUBDUB_CAUSE_TIMEOUT);
    assert_in_range(fixture->events[1].after, 1490 * MS, 5000 * MS);
}

static void short_limit_holds_for_every_address(void **state)
{
    struct fixture *fixture = *state;

    make_deaf(fixture, "127.0.0.3");
    run(fixture, "blackhole.fake", 100 * MS);
    expect(fixture, TRYING, "127.0.0.3:");
    expect(fixture, FAILED, "127.0.0.3:");
    assert_in_range(fixture->events[1].after, 90 * MS, 900 * MS);
    expect(fixture, TRYING, "127.0.0.1:");
    expect(fixture, CONNECTED, "127.0.0.1:");
}

static void five_hundred_addresses_come_to_an_end(void **state)
{
    struct fixture *fixture = *state;

    fake_server_close(fixture->server);
    run(fixture, "many.fake", LUBDUB_SECOND);
    assert_int_equal(fixture->count, 32 + 31 + 1); /* tried, failed, given up */
    assert_int_equal(last_cause(fixture), LUBDUB_CAUSE_REFUSED);
}

/* ---- names ---- */

static void unknown_name_is_the_cause_resolve(void **state)
{
    struct fixture *fixture = *state;

    run(fixture, "none.fake", LUBDUB_SECOND);
    expect(fixture, GAVE_UP, "");
    assert_int_equal(last_cause(fixture), LUBDUB_CAUSE_RESOLVE);
    assert_non_null(fixture->events[0].event.text);
}

static void name_that_is_not_looked_up_in_time_is_too(void **state)
{
    struct fixture *fixture = *state;

    fake_names_hold();
    run(fixture, "slow.fake", 100 * MS);
    expect(fixture, GAVE_UP, "");
    assert_int_equal(last_cause(fixture), LUBDUB_CAUSE_RESOLVE);
    assert_in_range(fixture->events[0].after, 90 * MS, 3000 * MS);
}

static void address_that_was_good_serves_while_the_name_is_unknown(void **state)
{
    struct fixture *fixture = *state;
    struct lubdub_address fallback;

    assert_true(lubdub_address_parse(&fallback, "127.0.0.1", fixture->server->port));
    fake_names_set_flaky(false);
    begin(fixture, "flaky.fake", fixture->server->port, LUBDUB_SECOND, &fallback);
    assert_true(loop_wait(fixture->loop, is_over, fixture));
    expect(fixture, TRYING, "127.0.0.1:");
    expect(fixture, CONNECTED, "127.0.0.1:");
}

static void strange_names_are_only_names(void **state)
{
    static const char *const names[] = {"$(reboot).fake", ";.fake", "a b.fake", "\x1b[2J.fake", ".fake"};
    struct fixture *fixture = *state;
    size_t i;

    for (i = 0; i < COUNT_OF(names); i++) {
        run(fixture, names[i], LUBDUB_SECOND);
        assert_true(fixture->is_over);
    }
}

/* ---- ourselves ---- */

static void sleeper_finds_the_answer_that_came_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    double until;

    begin(fixture, "127.0.0.1", fixture->server->port, 50 * MS, NULL);
    while (fixture->count == 0) {
        ev_run(fixture->loop, EVRUN_ONCE); /* it connects, and we do not look */
    }
    until = ev_time() + 0.1;
    while (ev_time() < until) { /* we are the ones who do not run */
    }
    assert_true(loop_wait(fixture->loop, is_over, fixture));
    expect(fixture, TRYING, "127.0.0.1:");
    expect(fixture, CONNECTED, "127.0.0.1:");
}

static void connection_that_met_itself_is_known(void **state)
{
    struct fixture *fixture = *state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int met = socket(AF_INET, SOCK_STREAM, 0);
    int other = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_port = htons(fake_free_port());
    assert_int_equal(bind(met, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(connect(met, (const struct sockaddr *)&address, sizeof address), 0);
    assert_true(lubdub_connector_met_itself(met));
    address.sin_port = htons(fixture->server->port);
    assert_int_equal(connect(other, (const struct sockaddr *)&address, sizeof address), 0);
    assert_false(lubdub_connector_met_itself(other));
    close(met);
    close(other);
}

static void connector_is_freed_at_any_time(void **state)
{
    struct fixture *fixture = *state;

    begin(fixture, "127.0.0.1", fixture->server->port, LUBDUB_SECOND, NULL); /* before anything happened */
    lubdub_connector_free(fixture->connector);
    fixture->connector = NULL;

    fake_names_hold(); /* while a name is looked up */
    begin(fixture, "slow.fake", fixture->server->port, LUBDUB_SECOND, NULL);
    loop_run_for(fixture->loop, 0.02);
    lubdub_connector_free(fixture->connector);
    fixture->connector = NULL;
    fake_names_release();

    make_deaf(fixture, "127.0.0.3"); /* while it connects */
    begin(fixture, "127.0.0.3", fixture->server->port, LUBDUB_SECOND, NULL);
    loop_run_for(fixture->loop, 0.02);
    assert_int_equal(fixture->count, 1);
    lubdub_connector_free(fixture->connector);
    fixture->connector = NULL;

    fixture->frees = true; /* from inside */
    run(fixture, "two.fake", LUBDUB_SECOND);
    assert_int_equal(fixture->count, 1);
    loop_run_for(fixture->loop, 0.02);
}

int main(void)
{
#define CONNECTOR_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CONNECTOR_TEST(numeric_address_needs_no_name),
        CONNECTOR_TEST(numeric_ipv6_address_works_with_and_without_brackets),
        CONNECTOR_TEST(all_addresses_of_a_name_are_tried),
        CONNECTOR_TEST(address_that_does_not_answer_keeps_us_for_a_second_at_most),
        CONNECTOR_TEST(last_address_gets_the_whole_limit),
        CONNECTOR_TEST(short_limit_holds_for_every_address),
        CONNECTOR_TEST(five_hundred_addresses_come_to_an_end),
        CONNECTOR_TEST(unknown_name_is_the_cause_resolve),
        CONNECTOR_TEST(name_that_is_not_looked_up_in_time_is_too),
        CONNECTOR_TEST(address_that_was_good_serves_while_the_name_is_unknown),
        CONNECTOR_TEST(strange_names_are_only_names),
        CONNECTOR_TEST(sleeper_finds_the_answer_that_came_meanwhile),
        CONNECTOR_TEST(connection_that_met_itself_is_known),
        CONNECTOR_TEST(connector_is_freed_at_any_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
