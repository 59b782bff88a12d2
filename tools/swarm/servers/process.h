/*
 * A lubdub-server of our own: found, started, listened to, stopped, killed.
 *
 * It dies with us, whatever we die of, and a Ctrl-C on the terminal does not reach it. Needs the default loop, which
 * alone hears of children.
 */
#ifndef LUBDUB_SWARM_SERVERS_PROCESS_H
#define LUBDUB_SWARM_SERVERS_PROCESS_H

#include <ev.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ev/address.h"

#include "swarm/servers/lines.h"
#include "swarm/servers/event.h"

struct swarm_server_settings {
    const char *options;      /* more of the command line, cut at spaces; wins over what follows */
    lubdub_duration interval; /* what clients will ask for */
    lubdub_duration expiry;
    bool shares_port; /* with others of ours */
    bool speaks_tls;  /* and nothing else */
    /*
     * Called first of all in the new process, for instance to enter a network namespace. False: the process ends with
     * status 3. What is to be said of it goes to standard error, which we hear. NULL: not needed.
     */
    bool (*enter)(void *user_data);
    void *enter_data;
};

#define SWARM_SERVER_PROBLEM_SIZE 256

struct swarm_server {
    struct ev_loop *loop;
    struct swarm_server_settings settings;
    void (*on_event)(void *user_data, const struct swarm_server_event *event);
    void *user_data;

    char path[PATH_MAX];
    pid_t process; /* also after its end */
    ev_child child;
    bool is_running;
    bool is_listening;
    int status; /* as waitpid gives it, once it does not run any more */
    struct swarm_lines output;
    struct swarm_lines errors;
    char problem[SWARM_SERVER_PROBLEM_SIZE]; /* why something failed */
};

/* Finds the program. False: problem says why not. */
bool swarm_server_init(struct swarm_server *server, struct ev_loop *loop, const struct swarm_server_settings *settings,
                       void (*on_event)(void *user_data, const struct swarm_server_event *event), void *user_data);

/* Starts it on this address; is_listening becomes true in time. Again after its end. False: problem. */
bool swarm_server_start(struct swarm_server *server, const struct lubdub_address *address);

/* Not running: nothing happens. */
void swarm_server_signal(const struct swarm_server *server, int signal);

/* Kills it if it still runs, waits for that, reads what it last said. Outside the loop. */
void swarm_server_clear(struct swarm_server *server);

#endif
