#define _GNU_SOURCE
#include "network.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process.h"
#include "support/test.h"
#include "support/tool.h"

static int this_namespace(void)
{
    return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int new_namespace(void)
{
    if (unshare(CLONE_NEWNET) != 0) {
        return -1;
    }
    return this_namespace();
}

void network_enter(int where)
{
    assert_int_equal(setns(where, CLONE_NEWNET), 0);
}

void network_make(struct network *network)
{
    char other[64];

    network->home = this_namespace();
    network->server = network->client = -1;
    assert_true(network->home >= 0);
    /* A root of a user namespace may leave the network it was born in, but not come back. */
    if (geteuid() != 0 || setns(network->home, CLONE_NEWNET) != 0 || (network->client = new_namespace()) < 0 ||
        (network->server = new_namespace()) < 0) {
        network_remove(network);
        print_message("needs the right to make network namespaces: skipped\n");
        skip();
    }
    snprintf(other, sizeof other, "/proc/%d/fd/%d", (int)getpid(), network->client);
    if (run("ip", "link", "add", "name", "cable0", "type", "veth", "peer", "name", "cable1", NULL) != 0) {
        network_remove(network);
        print_message("needs ip and veth: skipped\n");
        skip();
    }
    assert_int_equal(run("ip", "link", "set", "cable1", "netns", other, NULL), 0);
    assert_int_equal(run("ip", "address", "add", NETWORK_SERVER "/24", "dev", "cable0", NULL), 0);
    assert_int_equal(run("ip", "link", "set", "lo", "up", NULL), 0);
    assert_int_equal(run("ip", "link", "set", "cable0", "up", NULL), 0);
    network_enter(network->client);
    assert_int_equal(run("ip", "address", "add", NETWORK_CLIENT "/24", "dev", "cable1", NULL), 0);
    assert_int_equal(run("ip", "link", "set", "lo", "up", NULL), 0);
    assert_int_equal(run("ip", "link", "set", "cable1", "up", NULL), 0);
    network_enter(network->home);
}

static void add_second_cable(const struct network *network)
{
    char other[64];

    snprintf(other, sizeof other, "/proc/%d/fd/%d", (int)getpid(), network->client);
    network_enter(network->server);
    assert_int_equal(run("ip", "link", "add", "name", "cable2", "type", "veth", "peer", "name", "cable3", NULL), 0);
    assert_int_equal(run("ip", "link", "set", "cable3", "netns", other, NULL), 0);
    assert_int_equal(run("ip", "address", "add", NETWORK_SERVER_2 "/24", "dev", "cable2", NULL), 0);
    assert_int_equal(run("ip", "link", "set", "cable2", "up", NULL), 0);
    network_enter(network->client);
    assert_int_equal(run("ip", "address", "add", NETWORK_CLIENT_2 "/24", "dev", "cable3", NULL), 0);
    assert_int_equal(run("ip", "link", "set", "cable3", "up", NULL), 0);
    network_enter(network->home);
}

#define PROTOCOL_MPTCP 262

static bool has_multipath_tcp(void)
{
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, PROTOCOL_MPTCP);

    if (descriptor >= 0) {
        close(descriptor);
    }
    return descriptor >= 0;
}

/* What docs/guide/two-paths.md tells an operator to do. */
static bool join_paths(const struct network *network)
{
    bool is_done;

    network_enter(network->client);
    is_done = has_multipath_tcp() &&
              run("ip", "mptcp", "limits", "set", "subflows", "2", "add_addr_accepted", "2", NULL) == 0;
    network_enter(network->server);
    is_done = is_done && run("ip", "mptcp", "limits", "set", "subflows", "2", NULL) == 0 &&
              run("ip", "mptcp", "endpoint", "add", NETWORK_SERVER_2, "dev", "cable2", "signal", NULL) == 0;
    network_enter(network->home);
    return is_done;
}

void network_make_two(struct network *network)
{
    network_make(network);
    add_second_cable(network);
    if (!join_paths(network)) {
        network_remove(network);
        print_message("needs Multipath TCP and ip mptcp: skipped\n");
        skip();
    }
}

void network_remove(struct network *network)
{
    if (network->home <= 0) {
        return;
    }
    if (network->client >= 0) { /* else we never left: without the right to leave there is none to enter either */
        network_enter(network->home);
        close(network->client);
    }
    if (network->server >= 0) {
        close(network->server);
    }
    close(network->home);
    network->home = 0;
}

static void run_in(const struct network *network, int where, const char *link, const char *state)
{
    network_enter(where);
    assert_int_equal(run("ip", "link", "set", link, state, NULL), 0);
    network_enter(network->home);
}

void network_cut(const struct network *network)
{
    run_in(network, network->client, "cable1", "down");
}

void network_mend(const struct network *network)
{
    run_in(network, network->client, "cable1", "up");
}

void network_cut_at_server(const struct network *network)
{
    run_in(network, network->server, "cable0", "down");
}

/* The frames go to an address that no card has. */
static void lose(const struct network *network, int where, const char *link, const char *to)
{
    network_enter(where);
    assert_int_equal(
        run("ip", "neighbour", "replace", to, "lladdr", "02:00:00:00:00:99", "dev", link, "nud", "permanent", NULL), 0);
    network_enter(network->home);
}

static void find(const struct network *network, int where, const char *link, const char *to)
{
    network_enter(where);
    assert_int_equal(run("ip", "neighbour", "delete", to, "dev", link, NULL), 0);
    network_enter(network->home);
}

void network_lose_path(const struct network *network, unsigned path)
{
    lose(network, network->server, path == 1 ? "cable0" : "cable2", path == 1 ? NETWORK_CLIENT : NETWORK_CLIENT_2);
    lose(network, network->client, path == 1 ? "cable1" : "cable3", path == 1 ? NETWORK_SERVER : NETWORK_SERVER_2);
}

void network_find_path(const struct network *network, unsigned path)
{
    find(network, network->server, path == 1 ? "cable0" : "cable2", path == 1 ? NETWORK_CLIENT : NETWORK_CLIENT_2);
    find(network, network->client, path == 1 ? "cable1" : "cable3", path == 1 ? NETWORK_SERVER : NETWORK_SERVER_2);
}

void network_lose_from_server(const struct network *network)
{
    lose(network, network->server, "cable0", NETWORK_CLIENT);
}

void network_lose_from_client(const struct network *network)
{
    lose(network, network->client, "cable1", NETWORK_SERVER);
}

void network_lose_second_from_server(const struct network *network)
{
    lose(network, network->server, "cable2", NETWORK_CLIENT_2);
}

void network_offer(const struct network *network, unsigned count, bool is_reachable)
{
    unsigned i;

    network_enter(network->server);
    for (i = 0; i < count; i++) {
        char address[32];

        snprintf(address, sizeof address, is_reachable ? "10.78.0.%u" : "10.79.0.%u", 100 + i);
        assert_int_equal(run("ip", "address", "add", address, "dev", is_reachable ? "cable2" : "lo", NULL), 0);
        assert_int_equal(run("ip", "mptcp", "endpoint", "add", address, "signal", NULL), 0);
    }
    network_enter(network->home);
}

void network_strip(const struct network *network, int receiver, enum network_packets packets)
{
    network_enter(receiver);
    if (run("nft", "add", "table", "ip", "box", NULL) != 0) {
        network_enter(network->home);
        skip_for_want_of("nft");
    }
    assert_int_equal(run("nft", "add chain ip box way { type filter hook prerouting priority raw; }", NULL), 0);
    assert_int_equal(run("nft",
                         packets == NETWORK_SYNS ? "add rule ip box way tcp flags syn reset tcp option mptcp"
                                                 : "add rule ip box way tcp flags ! syn reset tcp option mptcp",
                         NULL),
                     0);
    network_enter(network->home);
}
