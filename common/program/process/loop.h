/* The event loop of a program. */
#ifndef LUBDUB_PROGRAM_PROCESS_LOOP_H
#define LUBDUB_PROGRAM_PROCESS_LOOP_H

#include <ev.h>

/*
 * libev's default loop; NULL where the system gives none, which is said on stderr. Where libev meets an error it cannot
 * live with later on (no descriptor is left for its own), the process says so and ends with LUBDUB_EXIT_CANNOT_START,
 * instead of libev's abort(). program is kept.
 */
struct ev_loop *lubdub_loop_open(const char *program);

#endif
