/* What the tests of lubdub-client share: the client and its events, two servers, and a folder for files. */
#ifndef LUBDUB_TESTS_SYSTEM_CLIENT_STAGE_H
#define LUBDUB_TESTS_SYSTEM_CLIENT_STAGE_H

#include "scratch.h"
#include "server_process.h"

struct stage {
    struct server_process server;
    struct server_process other;
    struct process client;
    struct event_reader events; /* of the client; no descriptor until it runs */
    struct scratch scratch;
};

/* For cmocka. Neither server runs yet; whatever runs at the end is killed. */
int client_stage_set_up(void **state);
int client_stage_tear_down(void **state);

/* With these options up to a NULL, the server's address where it runs, and events in JSON. */
void start_client(struct stage *stage, ...) __attribute__((sentinel));

/* Waits for the client's next event of this name. The event is the reader's. */
json_t *expect(struct stage *stage, const char *event);

/* Waits until the client has ended, with this status. */
void expect_status(struct stage *stage, int status);

#endif
