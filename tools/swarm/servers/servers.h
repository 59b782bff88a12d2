/*
 * The servers of our own: as many processes as it takes to hold all clients, on one port, among which the kernel deals
 * the connections out. What is done to them is done to all, at one moment.
 *
 * A session's number is one server's; two of them may give the same one to different clients.
 */
#ifndef LUBDUB_SWARM_SERVERS_SERVERS_H
#define LUBDUB_SWARM_SERVERS_SERVERS_H

#include <stdbool.h>
#include <stddef.h>

#include "swarm/servers/process.h"
#include "program/process/usage.h"

struct swarm_servers {
    struct swarm_server *list;
    size_t count;
    struct lubdub_address wanted;  /* where they are to listen; port 0: a free one, another at each start */
    struct lubdub_address address; /* where they listen */
    char problem[SWARM_SERVER_PROBLEM_SIZE];
};

/* Finds the program. False: problem says why not. */
bool swarm_servers_init(struct swarm_servers *servers, size_t count, const struct lubdub_address *wanted,
                        struct ev_loop *loop, const struct swarm_server_settings *settings,
                        void (*on_event)(void *user_data, const struct swarm_server_event *event), void *user_data);

/* Finds a port and starts them; what still ran is killed first. False: problem. */
bool swarm_servers_start(struct swarm_servers *servers);

/* Whether all listen, whether none runs, and the first that does not run (NULL: all do). */
bool swarm_servers_listen(const struct swarm_servers *servers);
bool swarm_servers_have_ended(const struct swarm_servers *servers);
const struct swarm_server *swarm_servers_ended(const struct swarm_servers *servers);

/* Those that do not run hear nothing. */
void swarm_servers_signal(const struct swarm_servers *servers, int signal);

/* The sum. False: one of them cannot be looked at. */
bool swarm_servers_usage(const struct swarm_servers *servers, struct lubdub_usage *usage);

/* Kills what still runs, and reads what it last said. Outside the loop; without an init nothing happens. */
void swarm_servers_clear(struct swarm_servers *servers);

#endif
