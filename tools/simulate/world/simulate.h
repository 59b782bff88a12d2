/*
 * Simulates the core of clients and servers in one process, over a network drawn from a seed, in virtual time.
 * The same settings give the same run, to the last bit of its digest, with any compiler on any machine.
 *
 * While it runs it checks what must always hold (judge.h) and stops at the first thing that does not.
 */
#ifndef LUBDUB_SIMULATE_WORLD_SIMULATE_H
#define LUBDUB_SIMULATE_WORLD_SIMULATE_H

#include "simulate/world/result.h"
#include "simulate/world/settings.h"

/* Fills a zeroed result. Ends the program where there is no memory. May run in any number of threads. */
void sim_run(const struct sim_settings *settings, struct sim_result *result);

#endif
