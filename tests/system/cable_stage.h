/* A server and a client with cables between them, for tests that cut one: each in a namespace of its own, or not yet
 * started. */
#ifndef CABLE_STAGE_H
#define CABLE_STAGE_H

#include "event_reader.h"
#include "network.h"
#include "process.h"
#include "server_process.h"

struct cable_stage {
    struct network network;
    struct server_process server;
    struct process client;
    struct event_reader client_events;
};

/* Of zeroed memory. Nothing runs, and there is no network. */
void cable_stage_init(struct cable_stage *stage);

/* Ends what runs, and takes the network away. */
void cable_stage_clear(struct cable_stage *stage);

/* The same as a fixture of cmocka: *state is the stage. */
int cable_stage_set_up(void **state);
int cable_stage_tear_down(void **state);

#endif
