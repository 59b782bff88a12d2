/*
 * Does the first steps of a program: sets up its descriptors and signals and its event loop, and checks the kernel.
 */
#ifndef LUBDUB_PROGRAM_PROCESS_STARTUP_H
#define LUBDUB_PROGRAM_PROCESS_STARTUP_H

#include <ev.h>
#include <stdint.h>

/*
 * The first call in main, whatever the program was started by:
 *  - descriptors 0, 1 and 2 that are closed are opened on /dev/null, so that no socket gets their number and data for
 *    one of them never reaches a peer;
 *  - SIGPIPE is ignored, and SIGXFSZ, so that a file which reached its limit (RLIMIT_FSIZE) is an error like a full disk
 *    (both also in children that are started without setting them back);
 *  - the limit of open descriptors is raised as far as it may be (a failure of this is no error).
 * Returns 0, or an errno where /dev/null could not be opened: then nothing should be started.
 */
int lubdub_standard_streams_prepare(void);

/*
 * The limit of descriptors before it was raised, for programs that this one starts: a program that closes all
 * descriptors up to its limit, or has select() in it, counts on the usual one. 0: it was not raised.
 */
uint64_t lubdub_descriptor_limit_at_start(void);

/*
 * Makes room in the kernel's table of this process for all descriptors that may be opened, at most 64 Ki. For a program
 * that will have thousands of sockets and more than one thread, to be called while there is one. A failure is no error:
 * the table then grows when it has to.
 */
void lubdub_descriptor_table_reserve(void);

/*
 * libev's default loop; NULL where the system gives none, or where it cannot wait, which is said on stderr. Where libev meets an error it cannot
 * live with later on (no descriptor is left for its own), the process says so and ends with LUBDUB_EXIT_CANNOT_START,
 * instead of libev's abort(). program is kept.
 */
struct ev_loop *lubdub_loop_open(const char *program);

/* Says in the log, at level debug, what this kernel lacks. Below that level it does not ask. */
void lubdub_log_kernel(void);

#endif
