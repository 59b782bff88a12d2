/* lubdub-server as a child process, on a free port of the loopback, its events read as JSON. */
#ifndef LUBDUB_TESTS_SYSTEM_SERVER_PROCESS_H
#define LUBDUB_TESTS_SYSTEM_SERVER_PROCESS_H

#include <stdint.h>

#include "event_reader.h"
#include "process.h"

struct server_process {
    struct process process;
    struct event_reader events;
    uint16_t port;
    char address[64];
};

/*
 * Starts it with --listen 127.0.0.1:PORT --events json and these options, up to a NULL, and waits until it listens.
 * What stands in `process` already (after server_process_init) is kept.
 */
void server_process_start(struct server_process *server, ...) __attribute__((sentinel));

/* The same in two steps, for tests that want other events or another address. */
void server_process_init(struct server_process *server);
void server_process_listen(struct server_process *server); /* adds --listen and the port */

/*
 * SIGTERM; it ends with status 0. Reads its events to the end: each session that was connected was disconnected once,
 * and nothing came after `stopped`.
 */
void server_process_finish(struct server_process *server);

/* How long it was away by its own account: what it forgave, its verdicts come so much later. */
lubdub_duration server_process_absence(struct server_process *server);

/* A number from the line that SIGUSR1 writes: "sessions", … */
uint64_t server_process_count(struct server_process *server, const char *name);

/* Asks again and again until it is this one: a worker may be behind what the test has seen of another. */
void server_process_await_count(struct server_process *server, const char *name, uint64_t wanted);

/* Kills it, should it still run. */
void server_process_clear(struct server_process *server);

/*
 * A port that nobody has, below those that the kernel gives to connections; no test that asks in this way gets it while
 * this process lives.
 */
uint16_t free_port(void);

#endif
