/* Connects in rounds, each for as long as anything moves and the limit allows. */
#include "swarm/run/connect.h"

#include <inttypes.h>
#include <stdio.h>

#include "ev/clock.h"

#include "swarm/clients/workers_count.h"
#include "swarm/run/wait.h"

#define CONNECT_PATIENCE (10 * LUBDUB_SECOND) /* while nothing moves */
#define CONNECT_ROUNDS 3
#define RAMP_SLACK 10 /* a machine may be so many times slower than the ramp, beside that patience */
#define LOOK_STEP (100 * LUBDUB_MILLISECOND) /* at what the processes count, which does not wake us */

static bool is_settled(const struct swarm_run *run)
{
    return swarm_workers_are_settled(&run->workers);
}

/* Where more clients are lost all the time than can come, something always moves: that has to end too. */
static lubdub_duration longest_ramp(const struct swarm_run *run)
{
    return CONNECT_PATIENCE + RAMP_SLACK * (run->options->clients * LUBDUB_SECOND / run->options->ramp);
}

/* Waits as long as clients come, within the limit; ends when nothing moves any more, or when nobody listens. */
static void wait_for_ramp(struct swarm_run *run, lubdub_time limit)
{
    lubdub_time moved_at = lubdub_clock_now();
    uint64_t moved = 0;
    struct swarm_crowd_counts counts;

    while (!is_settled(run) && !swarm_run_is_over(run) && lubdub_clock_now() < limit &&
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

static void note_overload(struct swarm_run *run, lubdub_time began_at)
{
    struct swarm_crowd_counts counts;

    swarm_workers_count(&run->workers, &counts);
    run->findings->is_overloaded = true;
    swarm_findings_note(run->findings,
                        "%s could not carry the load: of %" PRIu64 " clients %" PRIu32
                        " were connected at once at most, within %.0f s; a larger interval or fewer clients would help",
                        run->findings->has_server ? "this machine" : "the server, or this machine,",
                        run->options->clients, run->attendance.most_up_count,
                        (double)lubdub_time_between(began_at, lubdub_clock_now()) / (double)LUBDUB_SECOND);
    if (counts.failure_count > 0) {
        swarm_findings_note(run->findings, "%" PRIu64 " attempts to connect failed; the last: %s", counts.failure_count,
                            counts.failure);
    }
}

bool swarm_run_connect(struct swarm_run *run)
{
    lubdub_time began_at = lubdub_clock_now();
    lubdub_time limit = lubdub_time_after(began_at, longest_ramp(run));
    struct swarm_crowd_counts counts;
    uint64_t failed_before;
    int round;

    swarm_workers_count(&run->workers, &counts);
    failed_before = counts.failure_count;
    run->attendance.most_up_count = run->attendance.up_count;

    /* A client that is lost again while the others still come is given another chance; one that is refused is not. */
    for (round = 0; round < CONNECT_ROUNDS && run->attendance.up_count < run->options->clients &&
                    counts.failure_count == failed_before && !swarm_run_is_over(run) && lubdub_clock_now() < limit;
         round++) {
        swarm_workers_connect(&run->workers, &run->address);
        wait_for_ramp(run, limit);
        swarm_workers_count(&run->workers, &counts);
    }
    if (run->attendance.up_count < run->options->clients && lubdub_clock_now() >= limit && !swarm_run_is_over(run)) {
        note_overload(run, began_at);
    }
    return run->attendance.up_count > 0;
}

bool swarm_run_connect_first(struct swarm_run *run)
{
    struct swarm_crowd_counts counts;
    char server[LUBDUB_ADDRESS_TEXT_SIZE];
    char waiting[80];

    lubdub_address_format(&run->address, server);
    swarm_run_connect(run);
    if (swarm_run_is_over(run) || run->attendance.up_count == run->options->clients) {
        return true;
    }
    swarm_workers_count(&run->workers, &counts);
    if (run->findings->ledger.false_count > 0) {
        note_overload(run, run->findings->began_at); /* the server is there: clients were lost while others came */
        return true;
    }
    snprintf(waiting, sizeof waiting,
             "%" PRIu32 " still wait for the connection and %" PRIu32 " for WELCOME",
             counts.state_counts[SWARM_CLIENT_CONNECTING], counts.state_counts[SWARM_CLIENT_OPENING]);
    return swarm_findings_fail(run->findings, "%" PRIu32 " of %" PRIu64 " clients could connect to %s; %s",
                               run->attendance.up_count, run->options->clients, server,
                               counts.failure_count > 0 ? counts.failure : waiting);
}
