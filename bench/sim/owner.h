/*
 * What a process does with its sessions: as common/ev/link.c and reactor.c do it on real sockets.
 *
 * Reads what has come, hands it in, answers HELLO, writes what the session shows, keeps a lazy timer, reads before it
 * judges, notices its own absences. The client comes back after an end; the server gives an identity to the higher
 * incarnation.
 */
#ifndef LUBDUB_SIM_OWNER_H
#define LUBDUB_SIM_OWNER_H

#include "world.h"

/* A client's process is to connect, as soon as it runs. */
void sim_owner_connect(struct sim_world *world, uint32_t client, lubdub_duration in);

/* The kernels have a connection: both processes begin their sessions, when they run. */
void sim_owner_begin(struct sim_world *world, struct sim_connection *connection);

/* Something can be read. Ignored while the process does not run. */
void sim_owner_on_readable(struct sim_world *world, struct sim_connection *connection, enum sim_side side);
void sim_owner_on_timer(struct sim_world *world, struct sim_connection *connection, enum sim_side side);
void sim_owner_on_connect(struct sim_world *world, uint32_t client);
void sim_owner_on_established(struct sim_world *world, uint32_t client, uint32_t attempt);

/* SIGSTOP and SIGCONT. */
void sim_owner_stop(struct sim_world *world, uint32_t process);
void sim_owner_go_on(struct sim_world *world, uint32_t process);

/* The process ends without a word: its kernel closes the sockets, or where the power is lost, nobody does. */
void sim_owner_die(struct sim_world *world, uint32_t process, bool loses_power);

/* It is started anew. */
void sim_owner_start(struct sim_world *world, uint32_t process);

/* The client's process says goodbye and comes back. */
void sim_owner_leave(struct sim_world *world, uint32_t client);

#endif
