/* Looks after every process that was started. */
#include "swarm/run/casualties.h"

#include <inttypes.h>

#include "ev/clock.h"
#include "program/process/child.h"

void swarm_run_lose_server(struct swarm_run *run, lubdub_time since)
{
    run->findings->is_server_lost = true;
    swarm_ledger_server_died(&run->findings->ledger, since);
}

/*
 * When the first verdict that a process's death explains may have been. It still ran at the last look but one: of what
 * woke the loop, the death may be the last that libev tells, a turn after the verdicts.
 */
static lubdub_time earliest_death(const struct swarm_run *run)
{
    return lubdub_time_between(SWARM_NEWS_OF_DEATH, run->looked_at[1]);
}

static void look_after_server(struct swarm_run *run)
{
    const struct swarm_server *ended = run->findings->has_server ? swarm_servers_ended(&run->servers) : NULL;
    char end[96];

    if (ended != NULL && !run->server_may_end && !run->findings->is_server_lost) {
        swarm_run_lose_server(run, earliest_death(run));
        swarm_findings_note(run->findings, "%s died %.1f s after the start, and not by our hand: %s",
                            run->servers.count > 1 ? "one of the servers" : "the server",
                            (double)lubdub_time_between(run->findings->began_at, lubdub_clock_now()) /
                                (double)LUBDUB_SECOND,
                            lubdub_child_end(ended->status, end, sizeof end));
    }
}

/* What the server said of its clients was right. */
static void look_after_workers(struct swarm_run *run)
{
    const struct swarm_worker_process *lost = swarm_workers_lost(&run->workers);
    lubdub_time now = lubdub_clock_now();
    char end[96];

    if (lost != NULL && !run->findings->is_worker_lost) {
        run->findings->is_worker_lost = true;
        swarm_ledger_clients_died(&run->findings->ledger, lost->part.first, lost->part.count, earliest_death(run));
        swarm_findings_note(
            run->findings, "a process of the swarm died with %" PRIu32 " clients %.1f s after the start: %s",
            lost->part.count, (double)lubdub_time_between(run->findings->began_at, now) / (double)LUBDUB_SECOND,
            lubdub_child_end(lost->status, end, sizeof end));
    }
}

static void look_after_network(struct swarm_run *run)
{
    lubdub_time since = earliest_death(run);

    if (!swarm_network_is_made(&run->network) || run->network.is_running || run->findings->is_worker_lost) {
        return;
    }
    run->findings->is_worker_lost = true;
    swarm_ledger_clients_died(&run->findings->ledger, 0, (uint32_t)run->options->clients, since);
    swarm_ledger_server_died(&run->findings->ledger, since);
    swarm_findings_note(
        run->findings, "the process that carries the packets died %.1f s after the start, and not by our hand",
        (double)lubdub_time_between(run->findings->began_at, lubdub_clock_now()) / (double)LUBDUB_SECOND);
}

void swarm_run_look_for_casualties(struct swarm_run *run)
{
    look_after_server(run);
    look_after_workers(run);
    look_after_network(run);
    run->looked_at[1] = run->looked_at[0];
    run->looked_at[0] = lubdub_clock_now();
}

bool swarm_run_server_has_ended(const struct swarm_run *run)
{
    return swarm_servers_have_ended(&run->servers);
}
