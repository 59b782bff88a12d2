/*
 * Simulates what happens to a process as a whole: it is stopped and goes on, it dies and starts anew. It notices its
 * own absence, and finds the same when it runs again, as in common/ev/reactor.c.
 */
#ifndef LUBDUB_SIMULATE_WORLD_PROCESS_H
#define LUBDUB_SIMULATE_WORLD_PROCESS_H

#include "simulate/world/world.h"

/* SIGSTOP and SIGCONT. */
void sim_process_stop(struct sim_world *world, uint32_t process);
void sim_process_go_on(struct sim_world *world, uint32_t process);

/* It ends without a word: its kernel closes the sockets, or where the power is lost, they are not closed. */
void sim_process_die(struct sim_world *world, uint32_t process, bool loses_power);

/* It is started anew. */
void sim_process_start(struct sim_world *world, uint32_t process);

#endif
