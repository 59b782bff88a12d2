/* Multipath TCP on the loopback: what the kernel makes of our options, and what is read of its paths. */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ev/paths.h"
#include "ev/socket.h"
#include "patience.h"
#include "support/test.h"

struct pair {
    int listener;
    int client;
    int accepted;
};

static int set_up(void **state)
{
    static struct pair pair;

    pair = (struct pair){-1, -1, -1};
    *state = &pair;
    return 0;
}

static void close_all(struct pair *pair)
{
    close(pair->listener);
    close(pair->client);
    close(pair->accepted);
    *pair = (struct pair){-1, -1, -1};
}

static int tear_down(void **state)
{
    close_all(*state);
    return 0;
}

static void wait_until(int socket, short events)
{
    struct pollfd watched = {.fd = socket, .events = events};

    assert_int_equal(poll(&watched, 1, PATIENCE / LUBDUB_MILLISECOND), 1);
}

/* Between a listener and a client of which each may have several paths, or not. */
static void join(struct pair *pair, bool listener_has_paths, bool client_has_paths)
{
    struct lubdub_address address;
    struct sockaddr_storage there;
    socklen_t length;

    if (lubdub_paths_lack() != NULL) {
        print_message("%s: skipped\n", lubdub_paths_lack());
        skip();
    }
    assert_true(lubdub_address_parse(&address, "127.0.0.1", 0));
    pair->listener = lubdub_socket_new(&address, listener_has_paths);
    pair->client = lubdub_socket_new(&address, client_has_paths);
    assert_true(pair->listener >= 0 && pair->client >= 0);
    lubdub_socket_tune(pair->listener);
    lubdub_socket_tune(pair->client);
    length = lubdub_address_to_socket(&address, &there);
    assert_int_equal(bind(pair->listener, (struct sockaddr *)&there, length), 0);
    assert_int_equal(listen(pair->listener, 1), 0);
    assert_int_equal(getsockname(pair->listener, (struct sockaddr *)&there, &length), 0);
    (void)connect(pair->client, (struct sockaddr *)&there, length);
    wait_until(pair->listener, POLLIN);
    pair->accepted = accept(pair->listener, NULL, NULL);
    assert_true(pair->accepted >= 0);
    wait_until(pair->client, POLLOUT);
}

static void both_ends_have_one_path_at_first(void **state)
{
    struct pair *pair = *state;

    join(pair, true, true);
    assert_true(lubdub_socket_may_have_paths(pair->client));
    assert_true(lubdub_socket_may_have_paths(pair->accepted));
    assert_false(lubdub_paths_fell_back(pair->client));
    assert_false(lubdub_paths_fell_back(pair->accepted));
    assert_int_equal(lubdub_paths_count(pair->client), 1);
    assert_int_equal(lubdub_paths_count(pair->accepted), 1);
}

static void client_falls_back_before_a_plain_listener(void **state)
{
    struct pair *pair = *state;

    join(pair, false, true);
    assert_true(lubdub_paths_fell_back(pair->client));
    assert_false(lubdub_socket_may_have_paths(pair->accepted));
    assert_int_equal(lubdub_paths_count(pair->client), 0); /* what is plain has no paths to look at */
}

static void plain_client_of_a_listener_with_paths_has_a_plain_socket(void **state)
{
    struct pair *pair = *state;

    join(pair, true, false);
    assert_false(lubdub_socket_may_have_paths(pair->client));
    assert_false(lubdub_socket_may_have_paths(pair->accepted));
    assert_int_equal(lubdub_paths_count(pair->accepted), 0);
}

static unsigned segments_sent(int socket)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;

    assert_int_equal(getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length), 0); /* of the first path */
    return info.tcpi_data_segs_out;
}

/* A queue of one unsent byte made a segment of each byte. */
static void probe_is_one_segment(void **state)
{
    struct pair *pair = *state;
    char probe[16] = "sixteen bytes..";
    char taken[16];

    join(pair, true, true);
    assert_int_equal(lubdub_socket_send(pair->client, probe, sizeof probe), sizeof probe);
    wait_until(pair->accepted, POLLIN);
    assert_int_equal(lubdub_socket_receive(pair->accepted, taken, sizeof taken), sizeof taken);
    assert_int_equal(segments_sent(pair->client), 1);
    assert_int_equal(lubdub_socket_send(pair->accepted, probe, sizeof probe), sizeof probe);
    wait_until(pair->client, POLLIN);
    assert_int_equal(lubdub_socket_receive(pair->client, taken, sizeof taken), sizeof taken);
    assert_int_equal(segments_sent(pair->accepted), 1);
}

static void evidence_is_of_the_whole_stream(void **state)
{
    struct pair *pair = *state;
    struct lubdub_evidence evidence = {0};
    lubdub_time until;
    char probe[16] = "sixteen bytes..";

    join(pair, true, true);
    assert_int_equal(lubdub_socket_send(pair->client, probe, sizeof probe), sizeof probe);
    wait_until(pair->accepted, POLLIN);
    for (until = now() + PATIENCE; now() < until;) { /* its kernel acknowledges after 40 ms at the latest */
        assert_true(lubdub_paths_look(pair->client, &evidence));
        if (evidence.unacknowledged == 0) {
            break;
        }
    }
    assert_true(evidence.is_known);
    assert_int_equal(evidence.unacknowledged, 0);
    assert_false(evidence.is_sent_again);
}

static void end_is_the_connections_and_not_the_first_paths(void **state)
{
    struct pair *pair = *state;

    join(pair, true, true);
    assert_false(lubdub_socket_has_ended(pair->accepted));
    close(pair->client);
    pair->client = -1;
    wait_until(pair->accepted, POLLIN);
    assert_true(lubdub_socket_has_ended(pair->accepted));
}

static void table_knows_what_was_added_and_looks_again_after_a_while(void **state)
{
    struct pair *pair = *state;
    struct lubdub_paths paths = {0};
    unsigned was = 99;

    join(pair, true, true);
    assert_int_equal(lubdub_paths_known(&paths, pair->client), 0);
    assert_false(lubdub_paths_have_changed(&paths, pair->client, LUBDUB_HOUR, &was));
    assert_true(lubdub_paths_add(&paths, pair->client, LUBDUB_SECOND));
    assert_int_equal(lubdub_paths_known(&paths, pair->client), 1);
    assert_int_equal(lubdub_paths_known(&paths, pair->accepted), 0);
    assert_int_equal(lubdub_paths_renew(&paths, pair->client, LUBDUB_SECOND), 1);
    assert_false(lubdub_paths_have_changed(&paths, pair->client, LUBDUB_HOUR, &was));
    assert_int_equal(was, 1);
    lubdub_paths_remove(&paths, pair->client);
    assert_int_equal(lubdub_paths_renew(&paths, pair->client, LUBDUB_SECOND), 0);
    lubdub_paths_clear(&paths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_ends_have_one_path_at_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(client_falls_back_before_a_plain_listener, set_up, tear_down),
        cmocka_unit_test_setup_teardown(plain_client_of_a_listener_with_paths_has_a_plain_socket, set_up, tear_down),
        cmocka_unit_test_setup_teardown(probe_is_one_segment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(evidence_is_of_the_whole_stream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(end_is_the_connections_and_not_the_first_paths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(table_knows_what_was_added_and_looks_again_after_a_while, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
