/* Rounds of connecting, each for as long as anything moves. */
#include "swarm/run/connect.h"

#include <inttypes.h>
#include <stdio.h>

#include "ev/clock.h"

#include "swarm/clients/workers_count.h"
#include "swarm/run/wait.h"

#define CONNECT_PATIENCE (10 * LUBDUB_SECOND)
#define CONNECT_ROUNDS 3
#define LOOK_STEP (100 * LUBDUB_MILLISECOND) /* at what the processes count, which does not wake us */

static bool is_settled(const struct swarm_run *run)
{
    return swarm_workers_are_settled(&run->workers);
}

/* How long it takes is the machine's affair; that nothing moves any more is the end, or that nobody listens. */
static void wait_for_ramp(struct swarm_run *run)
{
    lubdub_time moved_at = lubdub_clock_now();
    uint64_t moved = 0;
    struct swarm_crowd_counts counts;

    while (!is_settled(run) && !swarm_run_is_over(run) &&
           lubdub_time_between(moved_at, lubdub_clock_now()) < CONNECT_PATIENCE) {
        swarm_run_wait(run, lubdub_time_after(lubdub_clock_now(), LOOK_STEP), is_settled);
        swarm_workers_count(&run->workers, &counts);
        if (counts.is_refused && counts.state_counts[SWARM_CLIENT_UP] == 0) {
            break;
        }
        if ((uint64_t)counts.ramp_passed + run->attendance.up_count != moved) {
            moved = (uint64_t)counts.ramp_passed + run->attendance.up_count;
            moved_at = lubdub_clock_now();
        }
    }
}

bool swarm_run_connect(struct swarm_run *run)
{
    struct swarm_crowd_counts counts;
    uint64_t failed_before;
    int round;

    swarm_workers_count(&run->workers, &counts);
    failed_before = counts.failure_count;

    /* One who is lost again while the others still come is given another chance; one who is refused is not. */
    for (round = 0; round < CONNECT_ROUNDS && run->attendance.up_count < run->options->clients &&
                    counts.failure_count == failed_before && !swarm_run_is_over(run);
         round++) {
        swarm_workers_connect(&run->workers, &run->address);
        wait_for_ramp(run);
        swarm_workers_count(&run->workers, &counts);
    }
    return run->attendance.up_count > 0;
}

bool swarm_run_connect_first(struct swarm_run *run)
{
    struct swarm_crowd_counts counts;
    char server[LUBDUB_ADDRESS_TEXT_SIZE];
    char waiting[112];

    lubdub_address_format(&run->address, server);
    swarm_run_connect(run);
    if (swarm_run_is_over(run) || run->attendance.up_count == run->options->clients) {
        return true;
    }
    swarm_workers_count(&run->workers, &counts);
    snprintf(waiting, sizeof waiting,
             "%" PRIu32 " still wait for the connection, %" PRIu32 " for WELCOME, and %zu were lost again",
             counts.state_counts[SWARM_CLIENT_CONNECTING], counts.state_counts[SWARM_CLIENT_OPENING],
             run->findings->ledger.false_count);
    return swarm_findings_fail(run->findings, "%" PRIu32 " of %" PRIu64 " clients could connect to %s; %s",
                               run->attendance.up_count, run->options->clients, server,
                               counts.failure_count > 0 ? counts.failure : waiting);
}
