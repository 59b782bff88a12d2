/* Does to each server, one after the other, what is asked for all. */
#include "swarm/servers/servers.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool swarm_servers_init(struct swarm_servers *servers, size_t count, const struct lubdub_address *wanted,
                        struct ev_loop *loop, const struct swarm_server_settings *settings,
                        void (*on_event)(void *user_data, const struct swarm_server_event *event), void *user_data)
{
    struct swarm_server_settings each = *settings;

    memset(servers, 0, sizeof *servers);
    servers->wanted = *wanted;
    servers->list = calloc(count, sizeof *servers->list);
    if (servers->list == NULL) {
        snprintf(servers->problem, sizeof servers->problem, "no memory is left");
        return false;
    }
    each.shares_port = count > 1;
    for (; servers->count < count; servers->count++) {
        struct swarm_server *server = &servers->list[servers->count];

        if (!swarm_server_init(server, loop, &each, on_event, user_data)) {
            memcpy(servers->problem, server->problem, sizeof servers->problem);
            return false;
        }
    }
    return true;
}

/* Finds a port that is free now. Another program may take it before the server does; then the server says so. */
static bool find_port(struct swarm_servers *servers)
{
    struct sockaddr_storage address;
    socklen_t length = lubdub_address_to_socket(&servers->wanted, &address);
    int probe = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_found = probe >= 0 && bind(probe, (const struct sockaddr *)&address, length) == 0 &&
                    getsockname(probe, (struct sockaddr *)&address, &length) == 0;

    if (!is_found) {
        snprintf(servers->problem, sizeof servers->problem, "no free port for a server: %s", strerror(errno));
    }
    if (probe >= 0) {
        close(probe);
    }
    return is_found && lubdub_address_from_socket(&servers->address, (const struct sockaddr *)&address);
}

bool swarm_servers_start(struct swarm_servers *servers)
{
    size_t i;

    servers->address = servers->wanted;
    if (servers->wanted.port == 0 && !find_port(servers)) {
        return false;
    }
    for (i = 0; i < servers->count; i++) {
        swarm_server_clear(&servers->list[i]);
    }
    for (i = 0; i < servers->count; i++) {
        if (!swarm_server_start(&servers->list[i], &servers->address)) {
            memcpy(servers->problem, servers->list[i].problem, sizeof servers->problem);
            return false;
        }
    }
    return true;
}

bool swarm_servers_listen(const struct swarm_servers *servers)
{
    size_t i;

    for (i = 0; i < servers->count && servers->list[i].is_listening; i++) {
    }
    return i == servers->count;
}

bool swarm_servers_have_ended(const struct swarm_servers *servers)
{
    size_t i;

    for (i = 0; i < servers->count && !servers->list[i].is_running; i++) {
    }
    return i == servers->count;
}

const struct swarm_server *swarm_servers_ended(const struct swarm_servers *servers)
{
    size_t i;

    for (i = 0; i < servers->count; i++) {
        if (!servers->list[i].is_running) {
            return &servers->list[i];
        }
    }
    return NULL;
}

void swarm_servers_signal(const struct swarm_servers *servers, int signal)
{
    size_t i;

    for (i = 0; i < servers->count; i++) {
        swarm_server_signal(&servers->list[i], signal);
    }
}

bool swarm_servers_usage(const struct swarm_servers *servers, struct lubdub_usage *usage)
{
    struct lubdub_usage one;
    size_t i;

    *usage = (struct lubdub_usage){0};
    for (i = 0; i < servers->count; i++) {
        if (!lubdub_usage_read(&one, servers->list[i].process)) {
            return false;
        }
        usage->processor += one.processor;
        usage->resident += one.resident;
    }
    return servers->count > 0;
}

void swarm_servers_clear(struct swarm_servers *servers)
{
    size_t i;

    for (i = 0; i < servers->count; i++) {
        swarm_server_clear(&servers->list[i]);
    }
    free(servers->list);
    servers->list = NULL;
    servers->count = 0;
}
