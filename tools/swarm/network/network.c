/* Makes two namespaces and a page of paths, starts the wire between them, and reads what it counted. */
#define _GNU_SOURCE
#include "swarm/network/network.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ev/container_of.h"

#include "program/process/child.h"
#include "swarm/network/namespace.h"

/* The clients' card has an address that nobody uses; the clients' own are those of CLIENTS_PREFIX. */
#define CLIENTS_CARD_ADDRESS 0x0a000001u   /* 10.0.0.1 */
#define CLIENTS_PREFIX_ADDRESS 0x0a800001u /* 10.128.0.1 */
#define CLIENTS_PREFIX 9

static bool fail(struct swarm_network *network, const char *doing)
{
    snprintf(network->problem, sizeof network->problem, "%s: %s", doing, strerror(errno));
    return false;
}

/* ---- namespaces ---- */

static bool furnish(struct swarm_network *network, enum swarm_side side)
{
    bool is_server = side == SWARM_SIDE_SERVER;

    network->cards[side] = swarm_card_make(is_server ? SWARM_SERVER_ADDRESS : CLIENTS_CARD_ADDRESS);
    if (network->cards[side] < 0) {
        return fail(network, "no network card by /dev/net/tun");
    }
    if (!is_server && !swarm_namespace_own(CLIENTS_PREFIX_ADDRESS, CLIENTS_PREFIX)) {
        return fail(network, "no addresses for the clients");
    }
    if (!is_server && network->has_two_cables && !swarm_namespace_choose_paths()) {
        return fail(network, "no Multipath TCP whose paths can be chosen (net.mptcp.pm_type)");
    }
    if (network->has_two_cables) {
        swarm_namespace_bound_timeouts();
    }
    if (!swarm_namespace_forget_paths()) {
        return fail(network, "tcp_no_metrics_save cannot be set");
    }
    network->card_counts[side] = swarm_card_counts();
    return true;
}

static bool make_namespace(struct swarm_network *network, enum swarm_side side, int home)
{
    bool is_furnished;

    network->namespaces[side] = swarm_namespace_make();
    if (network->namespaces[side] < 0 || !swarm_namespace_enter(network->namespaces[side])) {
        return fail(network, "no network namespace of our own (it takes root, or CAP_SYS_ADMIN and CAP_NET_ADMIN)");
    }
    is_furnished = furnish(network, side);
    if (!swarm_namespace_enter(home)) {
        return fail(network, "no way back from a network namespace");
    }
    return is_furnished;
}

static bool make_namespaces(struct swarm_network *network)
{
    int home = swarm_namespace_this();
    bool is_made;

    if (home < 0) {
        return fail(network, "no network namespaces here");
    }
    is_made = make_namespace(network, SWARM_SIDE_SERVER, home) && make_namespace(network, SWARM_SIDE_CLIENT, home);
    close(home);
    return is_made;
}

/* ---- the wire ---- */

static bool share(struct swarm_network *network)
{
    void *memory;

    network->shared_size =
        sizeof *network->shared + (size_t)network->client_count * SWARM_CABLES * sizeof network->shared->paths[0];
    memory = mmap(NULL, network->shared_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return fail(network, "no memory for the paths");
    }
    network->shared = memory;
    return true;
}

static void be_the_wire(const struct swarm_network *network, uint64_t seed, pid_t parent)
{
    struct swarm_wire_settings settings = {
        .servers_card = network->cards[SWARM_SIDE_SERVER],
        .clients_card = network->cards[SWARM_SIDE_CLIENT],
        .shared = network->shared,
        .client_count = network->client_count,
        .seed = seed,
    };

    lubdub_child_begin(parent);
    lubdub_child_forget_signals();
    swarm_wire_run(&settings);
    _exit(EXIT_FAILURE);
}

static bool start_wire(struct swarm_network *network, uint64_t seed)
{
    pid_t parent = getpid();
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        be_the_wire(network, seed, parent);
    }
    if (child < 0) {
        return fail(network, "no process for the wire");
    }
    network->wire = child;
    network->is_running = true;
    return true;
}

static void on_wire_end(struct ev_loop *loop, ev_child *child, int revents)
{
    struct swarm_network *network = container_of(child, struct swarm_network, child);
    (void)revents;

    ev_child_stop(loop, child);
    network->is_running = false;
}

void swarm_network_watch(struct swarm_network *network, struct ev_loop *loop)
{
    network->loop = loop;
    ev_child_init(&network->child, on_wire_end, network->wire, 0);
    ev_child_start(loop, &network->child);
}

static void stop_wire(struct swarm_network *network)
{
    if (network->loop != NULL) {
        ev_child_stop(network->loop, &network->child);
    }
    if (network->is_running) {
        kill(network->wire, SIGKILL);
        while (waitpid(network->wire, NULL, 0) < 0 && errno == EINTR) {
        }
        network->is_running = false;
    }
}

bool swarm_network_make(struct swarm_network *network, uint32_t client_count, bool has_two_cables, uint64_t seed)
{
    *network = (struct swarm_network){.client_count = client_count,
                                      .has_two_cables = has_two_cables,
                                      .namespaces = {-1, -1},
                                      .cards = {-1, -1},
                                      .card_counts = {-1, -1}};
    if (share(network) && make_namespaces(network) && start_wire(network, seed)) {
        return true;
    }
    swarm_network_clear(network);
    return false;
}

static void close_if_open(int *descriptor)
{
    if (*descriptor >= 0) {
        close(*descriptor);
        *descriptor = -1;
    }
}

void swarm_network_clear(struct swarm_network *network)
{
    int side;

    if (network->shared == NULL) {
        return;
    }
    stop_wire(network);
    for (side = 0; side < SWARM_SIDE_COUNT; side++) {
        close_if_open(&network->cards[side]);
        close_if_open(&network->card_counts[side]);
        close_if_open(&network->namespaces[side]);
    }
    munmap(network->shared, network->shared_size);
    network->shared = NULL;
}

bool swarm_network_is_made(const struct swarm_network *network)
{
    return network->shared != NULL;
}

int swarm_network_of(const struct swarm_network *network, enum swarm_side side)
{
    return swarm_network_is_made(network) ? network->namespaces[side] : -1;
}

/* ---- paths ---- */

static void close_cable(struct swarm_network *network, uint32_t client, unsigned cable, uint32_t ways)
{
    atomic_store_explicit(&network->shared->paths[swarm_path_number(client, cable)].closed_ways, ways,
                          memory_order_release);
}

void swarm_network_close(struct swarm_network *network, uint32_t client, uint32_t ways)
{
    unsigned cable;

    for (cable = 0; cable < SWARM_CABLES; cable++) {
        close_cable(network, client, cable, ways);
    }
}

void swarm_network_close_one(struct swarm_network *network, uint32_t client, uint32_t ways)
{
    close_cable(network, client, 0, ways);
}

void swarm_network_close_all(struct swarm_network *network, uint32_t ways)
{
    atomic_store_explicit(&network->shared->closed_ways, ways, memory_order_release);
}

void swarm_network_close_one_of_all(struct swarm_network *network, uint32_t ways)
{
    atomic_store_explicit(&network->shared->closed_ways_of_one, ways, memory_order_release);
}

void swarm_network_set_conditions(struct swarm_network *network, uint32_t client,
                                  const struct swarm_conditions *conditions)
{
    unsigned cable;

    for (cable = 0; cable < SWARM_CABLES; cable++) {
        swarm_path_set_conditions(&network->shared->paths[swarm_path_number(client, cable)], conditions);
    }
}

void swarm_network_add_conditions(struct swarm_network *network, uint32_t client,
                                  const struct swarm_conditions *conditions)
{
    unsigned cable;

    for (cable = 0; cable < SWARM_CABLES; cable++) {
        swarm_path_add_conditions(&network->shared->paths[swarm_path_number(client, cable)], conditions);
    }
}

void swarm_network_heal(struct swarm_network *network)
{
    static const struct swarm_conditions good;
    uint32_t i;

    for (i = 0; i < network->client_count; i++) {
        swarm_network_set_conditions(network, i, &good);
        swarm_network_close(network, i, 0);
    }
    swarm_network_close_all(network, 0);
    swarm_network_close_one_of_all(network, 0);
}

/* ---- how it went ---- */

static uint64_t read_count(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void swarm_network_forget_lag(struct swarm_network *network)
{
    atomic_store_explicit(&network->shared->forgets_lag, true, memory_order_relaxed);
}

void swarm_network_measure(const struct swarm_network *network, struct swarm_network_measures *measures)
{
    const struct swarm_wire_shared *shared = network->shared;
    int side;

    memset(measures, 0, sizeof *measures);
    measures->carried_count = read_count(&shared->carried_count);
    measures->cut_count = read_count(&shared->cut_count);
    measures->lost_count = read_count(&shared->lost_count);
    measures->overflow_count = read_count(&shared->overflow_count);
    measures->failed_count = read_count(&shared->no_room_count);
    for (side = 0; side < SWARM_SIDE_COUNT; side++) {
        measures->failed_count += swarm_card_dropped(network->card_counts[side]);
    }
    swarm_histogram_summarize(&measures->lag, &shared->lag);
}
