/* Starts the processes, the servers on another port where one is taken, and finds a server that is not ours. */
#include "swarm/run/start.h"

#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/wait.h>

#include "ev/clock.h"

#include "program/process/child.h"
#include "swarm/run/attendance.h"
#include "swarm/run/casualties.h"
#include "swarm/run/news.h"
#include "swarm/run/paths.h"
#include "swarm/run/wait.h"

#define START_LIMIT (10 * LUBDUB_SECOND)
#define START_TRIES 3
#define CANNOT_START 3 /* exit status of a server that finds its port taken */

/* Connections under way at a time, in all processes together: far fewer than a listen queue holds. */
#define ATTEMPT_LIMIT 256

/* ---- servers ---- */

static bool have_started_or_failed(const struct swarm_run *run)
{
    return swarm_servers_listen(&run->servers) || swarm_servers_ended(&run->servers) != NULL;
}

/* Returns whether they listen; else problem, and whether another port might help. */
static bool try_to_start(struct swarm_run *run, bool *is_port_taken)
{
    const struct swarm_server *ended;
    char end[96];

    *is_port_taken = false;
    if (!swarm_servers_start(&run->servers)) {
        return swarm_findings_fail(run->findings, "%s", run->servers.problem);
    }
    swarm_run_wait(run, lubdub_time_after(lubdub_clock_now(), START_LIMIT), have_started_or_failed);
    if (swarm_servers_listen(&run->servers)) {
        return true;
    }
    ended = swarm_servers_ended(&run->servers);
    if (ended == NULL) {
        swarm_findings_fail(run->findings, "lubdub-server does not listen");
    } else {
        *is_port_taken = WIFEXITED(ended->status) && WEXITSTATUS(ended->status) == CANNOT_START;
        swarm_findings_fail(run->findings, "lubdub-server did not start: %s",
                            lubdub_child_end(ended->status, end, sizeof end));
    }
    return false;
}

bool swarm_run_start_servers(struct swarm_run *run)
{
    bool is_listening = false;
    bool is_port_taken = true;
    int tries;

    run->server_may_end = true;
    for (tries = 0; tries < START_TRIES && !is_listening && is_port_taken && !swarm_run_is_over(run); tries++) {
        is_listening = try_to_start(run, &is_port_taken);
    }
    run->server_may_end = false;
    run->address = run->servers.address;
    return is_listening;
}

static bool begin_servers(struct swarm_run *run)
{
    const struct swarm_options *options = run->options;
    struct swarm_server_settings settings = {
        .options = options->spawn_server,
        .interval = options->interval,
        .expiry = options->expiry,
        .speaks_tls = options->tls != NULL,
    };

    if (options->needs_network) {
        settings.enter = swarm_run_enter_servers_network;
        settings.enter_data = run;
    }

    if (!swarm_servers_init(&run->servers, options->server_processes, &run->address, run->loop, &settings,
                            swarm_run_on_server_event, run)) {
        return swarm_findings_fail(run->findings, "%s", run->servers.problem);
    }
    return swarm_run_start_servers(run);
}

/* ---- somebody else's server ---- */

static bool resolve(struct swarm_run *run)
{
    const struct lubdub_hostport *server = &run->options->server;
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int error = getaddrinfo(server->host, NULL, &hints, &found);

    if (error != 0) {
        hints.ai_family = AF_INET6;
        error = getaddrinfo(server->host, NULL, &hints, &found);
    }
    if (error != 0) {
        return swarm_findings_fail(run->findings, "%s: %s", server->host, gai_strerror(error));
    }
    lubdub_address_from_socket(&run->address, found->ai_addr);
    run->address.port = server->port;
    freeaddrinfo(found);
    return true;
}

static bool is_loopback(const struct lubdub_address *address)
{
    return lubdub_address_is_ipv4(address) && address->ip[12] == 127;
}

/* To a server elsewhere all clients connect from the one address that leads there. */
static bool has_ports(struct swarm_run *run)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
    unsigned first;
    unsigned last;
    bool is_known = file != NULL && fscanf(file, "%u %u", &first, &last) == 2;

    if (file != NULL) {
        fclose(file);
    }
    if (!is_known || is_loopback(&run->address) || run->options->clients <= last - first + 1) {
        return true;
    }
    return swarm_findings_fail(run->findings,
                               "%" PRIu64
                               " clients: each takes a port of this machine, which has %u for one server (sysctl "
                               "net.ipv4.ip_local_port_range); a wider range or swarms on more machines would help",
                               run->options->clients, last - first + 1);
}

/* ---- the swarm ---- */

static bool are_ready(const struct swarm_run *run)
{
    return swarm_workers_are_ready(&run->workers);
}

static const char *tls_name(const struct swarm_options *options)
{
    if (options->tls_name != NULL) {
        return options->tls_name;
    }
    return options->spawn_server != NULL ? "localhost" : options->server.host;
}

static bool begin_workers(struct swarm_run *run)
{
    const struct swarm_options *options = run->options;
    struct swarm_workers_settings settings = {
        .client_count = (uint32_t)options->clients,
        .process_count = (uint32_t)options->processes,
        .worker.crowd = {.interval = options->interval,
                         .timeout = options->timeout,
                         .expiry = options->expiry,
                         .adapts = options->adaptive,
                         .gather = options->longest_gather,
                         .multipath = options->mptcp,
                         .ramp = (double)options->ramp,
                         .attempt_limit = ATTEMPT_LIMIT,
                         .seed = options->seed,
                         .tls = options->tls,
                         .tls_name = tls_name(options),
                         .source_address = is_loopback(&run->address) ? swarm_source_address : NULL},
    };

    if (options->needs_network) {
        settings.worker.crowd.source_address = swarm_run_network_source;
        settings.worker.crowd.second_path = options->mptcp ? swarm_run_second_path : NULL;
        settings.worker.enter = swarm_run_enter_clients_network;
        settings.worker.user_data = run;
    }
    if (swarm_workers_start(&run->workers, run->loop, &settings, &swarm_run_workers_hooks, run)) {
        run->workers.may_end = true;
        swarm_run_wait(run, lubdub_time_after(lubdub_clock_now(), START_LIMIT), are_ready);
        if (swarm_run_is_over(run)) {
            return false;
        }
        if (swarm_workers_work(&run->workers)) {
            run->workers.may_end = false;
            return true;
        }
    }
    return swarm_findings_fail(run->findings, "%s", run->workers.problem);
}

bool swarm_run_start(struct swarm_run *run)
{
    const struct swarm_options *options = run->options;
    uint32_t client_count = (uint32_t)options->clients;

    if (options->needs_network) {
        if (!swarm_run_make_network(run)) {
            return false;
        }
    } else if (run->findings->has_server) {
        lubdub_address_parse(&run->address, "127.0.0.1", 0);
    } else if (!resolve(run) || !has_ports(run)) {
        return false;
    }
    if (!run->findings->has_server && options->order_count > 0) {
        swarm_findings_note(run->findings,
                            "this server does not tell us what it notices; --spawn-server starts one that does");
    }
    /* Before the rest takes its room, which the swarm's processes would have copies of. */
    if (!begin_workers(run)) {
        return false;
    }
    if (!swarm_ledger_init(&run->findings->ledger, client_count) ||
        !swarm_attendance_init(&run->attendance, client_count) ||
        !swarm_strikes_draw(&run->strikes, options->orders, options->order_count, client_count, options->duration,
                            &run->random)) {
        return swarm_findings_fail(run->findings, "no memory is left");
    }
    if (run->findings->has_server && !begin_servers(run)) {
        return false;
    }
    if (run->findings->has_server) {
        swarm_servers_usage(&run->servers, &run->server_before);
    }
    return true;
}
