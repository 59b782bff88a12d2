/*
 * One run, from the first connection to the last goodbye:
 *
 *     start the swarm's processes and the servers · connect all · warm up
 *     clients' faults within the duration · wait for the verdicts
 *     then for each fault of the server: all come back (to a new server, if need be) · warm up · fault · verdicts
 *     all leave · stop everything
 *
 * This process coordinates: it holds no connection itself. What the clients' processes and the servers say comes
 * through channels and pipes, each in its order and with its own stamps of the one clock; which of them is read first
 * says nothing.
 */
#ifndef LUBDUB_SWARM_RUN_RUN_H
#define LUBDUB_SWARM_RUN_RUN_H

#include <ev.h>

#include "swarm/findings/findings.h"
#include "swarm/orders/options.h"

enum swarm_run_end {
    SWARM_RUN_DONE,         /* also when it was interrupted or the server died */
    SWARM_RUN_CANNOT_START, /* the findings' problem says why */
};

/*
 * Runs it. Afterwards no process is left, and the findings, which the caller clears, hold what was measured. Needs the
 * default loop. One at a time: its state is of some size and stands still.
 */
enum swarm_run_end swarm_run(struct swarm_findings *findings, struct ev_loop *loop,
                             const struct swarm_options *options);

#endif
