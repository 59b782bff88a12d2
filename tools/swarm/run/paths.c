/* Gives the addresses on the network, and carries orders out on its paths. */
#include "swarm/run/paths.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

#include "ev/clock.h"

#include "swarm/clients/workers_count.h"
#include "swarm/network/namespace.h"
#include "swarm/network/subflow.h"
#include "swarm/run/attendance.h"

/* Ours alone there: nobody else listens in that namespace. */
#define SERVER_PORT 3333

/* A wire that is later than this part of a deadline can prove little about it. */
#define LAG_SHARE 20

/* ---- addresses ---- */

static void put_address(struct lubdub_address *target, uint32_t address, uint16_t port)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};

    lubdub_address_from_socket(target, (const struct sockaddr *)&ipv4);
}

void swarm_run_network_source(struct lubdub_address *address, uint32_t client)
{
    put_address(address, swarm_client_address(client), 0);
}

/* Each process of clients has its own, made when it is first wanted: it stands in their network by then. */
bool swarm_run_second_path(int socket, uint32_t client)
{
    static struct swarm_subflows subflows = {.socket = -1};

    return (subflows.socket >= 0 || swarm_subflows_init(&subflows)) &&
           swarm_subflows_open(&subflows, socket, swarm_client_second_address(client));
}

bool swarm_run_enter_clients_network(void *user_data, char *problem, size_t capacity)
{
    const struct swarm_run *run = user_data;

    if (swarm_namespace_enter(swarm_network_of(&run->network, SWARM_SIDE_CLIENT))) {
        return true;
    }
    snprintf(problem, capacity, "a process of the swarm cannot enter its network namespace");
    return false;
}

bool swarm_run_enter_servers_network(void *user_data)
{
    const struct swarm_run *run = user_data;

    return swarm_namespace_enter(swarm_network_of(&run->network, SWARM_SIDE_SERVER));
}

static const char *first_network_fault(const struct swarm_options *options)
{
    size_t i;

    for (i = 0; i < options->order_count && !swarm_fault_is_networks(options->orders[i].fault); i++) {
    }
    return swarm_fault_word(options->orders[i].fault);
}

bool swarm_run_make_network(struct swarm_run *run)
{
    put_address(&run->address, SWARM_SERVER_ADDRESS, SERVER_PORT);
    if (swarm_network_make(&run->network, (uint32_t)run->options->clients, run->options->mptcp, run->options->seed)) {
        swarm_network_watch(&run->network, run->loop);
        return true;
    }
    return swarm_findings_fail(run->findings, "--fault %s takes an internet of our own: %s",
                               first_network_fault(run->options), run->network.problem);
}

/* ---- bad paths ---- */

void swarm_run_worsen_paths(struct swarm_run *run)
{
    const struct swarm_strikes *strikes = &run->strikes;
    size_t i;

    if (swarm_network_is_made(&run->network)) {
        swarm_network_forget_lag(&run->network); /* of the crowd's connecting */
    }
    for (i = 0; i < strikes->sufferer_count; i++) {
        const struct swarm_sufferer *sufferer = &strikes->sufferers[i];

        swarm_network_add_conditions(&run->network, sufferer->client,
                                     &run->options->orders[sufferer->order].conditions);
    }
}

void swarm_run_inject_bad_paths(struct swarm_run *run)
{
    lubdub_time at = lubdub_clock_now();
    size_t i;

    for (i = 0; i < run->strikes.sufferer_count; i++) {
        const struct swarm_sufferer *sufferer = &run->strikes.sufferers[i];

        if (swarm_run_is_up(run, sufferer->client)) {
            swarm_run_inject(run, run->options->orders[sufferer->order].fault, sufferer->client, at,
                             SWARM_MUST_NOT_NOTICE);
        }
    }
}

void swarm_run_mend_paths(struct swarm_run *run)
{
    if (swarm_network_is_made(&run->network)) {
        swarm_network_heal(&run->network);
    }
}

/* ---- dead paths ---- */

void swarm_run_strike_path(struct swarm_run *run, enum swarm_fault fault, uint32_t client)
{
    lubdub_time at = lubdub_clock_now();

    if (!swarm_run_is_up(run, client)) {
        run->findings->measures.skipped_count++;
        return;
    }
    if (swarm_fault_doer(fault) == SWARM_BY_ONE_CABLE) {
        swarm_network_close_one(&run->network, client, swarm_fault_ways(fault));
    } else {
        swarm_network_close(&run->network, client, swarm_fault_ways(fault));
    }
    swarm_run_inject(run, fault, client, at, swarm_fault_passes(fault) ? SWARM_MUST_NOT_NOTICE : SWARM_MUST_NOTICE);
    if (swarm_fault_doer(fault) == SWARM_BY_BOTH) {
        swarm_run_strike(run, fault, client); /* its process closes the socket; nobody hears of that */
    }
}

/* ---- how it went ---- */

void swarm_run_measure_network(struct swarm_run *run)
{
    lubdub_duration deadline = lubdub_duration_shorter(run->findings->timing.timeout, run->findings->timing.expiry);
    struct swarm_network_measures *measures = &run->findings->measures.network;

    run->findings->measures.has_network = swarm_network_is_made(&run->network);
    if (!run->findings->measures.has_network) {
        return;
    }
    swarm_network_measure(&run->network, measures);
    if (run->network.has_two_cables) {
        struct swarm_crowd_counts counts;

        swarm_workers_count(&run->workers, &counts);
        if (counts.lone_count > 0) {
            swarm_findings_note(run->findings,
                                "%" PRIu64 " sessions had one path only: is it --spawn-server=--mptcp, too?",
                                counts.lone_count);
        }
    }
    if (measures->failed_count > 0) {
        swarm_findings_note(run->findings,
                            "the network could not carry %" PRIu64 " of %" PRIu64
                            " packets for want of room, and not by order",
                            measures->failed_count, measures->failed_count + measures->carried_count);
    }
    if (measures->lag.max > deadline / LAG_SHARE) {
        swarm_findings_note(
            run->findings,
            "the network was late itself, by %.1f ms at most (p99 %.2f ms): figures may be too high by that",
            (double)measures->lag.max / 1e6, (double)measures->lag.p99 / 1e6);
    }
}
