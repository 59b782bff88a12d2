/* Compares what a run takes with the limits of this machine on open files and memory. */
#include "swarm/orders/capacity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "swarm/orders/layout.h"

/* What a process of ours, or a server with the same limit, holds open beside the clients' sockets. */
#define OTHER_DESCRIPTORS 64

/*
 * Bytes that a connection takes at least: of the kernel's for each end that is on this machine (socket, inode, file,
 * place in epoll), and of ours. As measured on x86-64 with idle connections.
 */
#define KERNEL_MEMORY 3600
#define CLIENT_MEMORY 300
#define SESSION_MEMORY 300

/* Of one number in a file of /proc, behind a word; 0: there is none. */
static uint64_t read_number(const char *path, const char *word)
{
    FILE *file = fopen(path, "re");
    size_t length = strlen(word);
    uint64_t number = 0;
    char line[128];

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, word, length) == 0 && sscanf(line + length, "%" SCNu64, &number) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return number;
}

/* Files that one process may open; the soft limit is raised to the hard one. */
static uint64_t descriptor_limit(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max > UINT32_MAX ? UINT32_MAX : limit.rlim_max;
}

/* Clients or sessions that one process may hold. */
static uint64_t process_capacity(void)
{
    uint64_t limit = descriptor_limit();

    return limit > OTHER_DESCRIPTORS ? limit - OTHER_DESCRIPTORS : 1;
}

/* Of --processes or --server-processes: completes it, or judges what was given. */
static bool fit_processes(uint64_t *processes, uint64_t needed, const char *name, const struct swarm_demand *demand,
                          char *problem, size_t capacity)
{
    uint64_t given = *processes;

    if (given == 0) {
        *processes = needed;
    }
    if (given > 0 && needed > given) {
        snprintf(problem, capacity,
                 "--clients %" PRIu64 ": a process may open %" PRIu64 " files here (ulimit -n), so they take --%s "
                 "%" PRIu64 " at least, or a higher limit",
                 demand->clients, descriptor_limit(), name, needed);
        return false;
    }
    if (*processes > SWARM_PROCESS_LIMIT) {
        snprintf(problem, capacity,
                 "--clients %" PRIu64 ": a process may open %" PRIu64 " files here (ulimit -n), and there can be %d "
                 "processes; a higher limit would help",
                 demand->clients, descriptor_limit(), SWARM_PROCESS_LIMIT);
        return false;
    }
    return true;
}

/* The process that coordinates has a channel to each of the others, and two pipes from each server. */
static bool fit_coordinator(const struct swarm_demand *demand, char *problem, size_t capacity)
{
    uint64_t needed = OTHER_DESCRIPTORS + demand->processes + 2 * demand->server_processes;

    if (needed > descriptor_limit()) {
        snprintf(problem, capacity,
                 "--clients %" PRIu64 ": a process may open %" PRIu64
                 " files here (ulimit -n), and to coordinate %" PRIu64 " processes and %" PRIu64
                 " servers takes %" PRIu64 "; a higher limit would help",
                 demand->clients, descriptor_limit(), demand->processes, demand->server_processes, needed);
        return false;
    }
    return true;
}

static bool fit_machine(const struct swarm_demand *demand, char *problem, size_t capacity)
{
    uint64_t ends = demand->has_servers ? 2 : 1;
    uint64_t files = read_number("/proc/sys/fs/file-max", "");
    uint64_t memory = read_number("/proc/meminfo", "MemAvailable:") * 1024;
    uint64_t needed = demand->clients * (ends * KERNEL_MEMORY + CLIENT_MEMORY + (ends - 1) * SESSION_MEMORY);

    if (files > 0 && demand->clients * ends > files) {
        snprintf(problem, capacity,
                 "--clients %" PRIu64 ": this machine opens %" PRIu64
                 " files in all (sysctl fs.file-max), and a client takes %" PRIu64 "; a higher one would help",
                 demand->clients, files, ends);
        return false;
    }
    if (memory > 0 && needed > memory) {
        snprintf(problem, capacity,
                 "--clients %" PRIu64 ": they take %" PRIu64 " MiB of memory at least, and %" PRIu64
                 " MiB are free here, which is enough for %" PRIu64 " clients",
                 demand->clients, needed >> 20, memory >> 20, memory / (needed / demand->clients));
        return false;
    }
    return true;
}

bool swarm_capacity_fit(struct swarm_demand *demand, char *problem, size_t capacity)
{
    uint64_t room = process_capacity();

    if (!fit_processes(&demand->processes, swarm_processes_for(demand->clients, room), "processes", demand, problem,
                       capacity)) {
        return false;
    }
    if (demand->has_servers && !fit_processes(&demand->server_processes, swarm_servers_for(demand->clients, room),
                                              "server-processes", demand, problem, capacity)) {
        return false;
    }
    return fit_coordinator(demand, problem, capacity) && fit_machine(demand, problem, capacity);
}
