/* Plans faults one after the other, and undoes each after a while. */
#include "simulate/world/fault.h"

#include "simulate/world/endpoint.h"
#include "simulate/world/process.h"
#include "simulate/world/tcp.h"
#include "simulate/world/trouble.h"

#define MS LUBDUB_MILLISECOND
#define BOTH_WAYS (1u << SIM_UP | 1u << SIM_DOWN)

/* In events: what, and whether it begins or ends. */
enum kind {
    STOP,          /* SIGSTOP and SIGCONT */
    STOP_AND_KILL, /* killed while stopped */
    KILL,
    POWER,
    PAUSE, /* its whole machine */
    LEAVE,
    CUT,
    CUT_ONE_WAY,
    STOP_SERVER,
    KILL_SERVER,
    POWER_SERVER,
    PAUSE_SERVER,
    PAUSE_ALL,
    PARTITION,
    KIND_COUNT,
    NEXT = SIM_FAULT_NEXT, /* ALL: the next one is due. CONTEST: trouble for this client is due */
};

#define UNDO 0x100u

/* Of 1000: how often each is chosen. */
static const unsigned weights[KIND_COUNT] = {
    [STOP] = 220,        [STOP_AND_KILL] = 40, [KILL] = 120,       [POWER] = 80,       [PAUSE] = 80,
    [LEAVE] = 40,        [CUT] = 120,          [CUT_ONE_WAY] = 80, [STOP_SERVER] = 80, [KILL_SERVER] = 20,
    [POWER_SERVER] = 10, [PAUSE_SERVER] = 30,  [PAUSE_ALL] = 40,   [PARTITION] = 40,
};

static const char *const words[KIND_COUNT] = {
    [STOP] = "stopped",
    [STOP_AND_KILL] = "stopped, to be killed",
    [KILL] = "killed",
    [POWER] = "without power",
    [PAUSE] = "paused",
    [LEAVE] = "asked to leave",
    [CUT] = "cut off",
    [CUT_ONE_WAY] = "cut off, one way",
    [STOP_SERVER] = "server stopped",
    [KILL_SERVER] = "server killed",
    [POWER_SERVER] = "server without power",
    [PAUSE_SERVER] = "server paused",
    [PAUSE_ALL] = "everybody paused",
    [PARTITION] = "cut off with others",
};

static void after(struct sim_world *world, lubdub_duration length, uint32_t subject, uint32_t detail)
{
    sim_queue_put(&world->queue, world->now + length, SIM_EVENT_FAULT, subject, detail);
}

/* 10 ms to some 20 s; as many short ones as long ones. */
static lubdub_duration any_while(struct sim_world *world)
{
    lubdub_duration least = 10 * MS << sim_random_below(&world->random, 11);

    return least + sim_random_below(&world->random, least);
}

/* Faults in the middle of talk are wanted most, and talk is rare: there they come as much closer together. */
#define CLOSER_IN_TALK 3

static void plan_next(struct sim_world *world)
{
    lubdub_duration gap = world->settings->fault_gap / (sim_is_spell_on(world) ? CLOSER_IN_TALK : 1);

    after(world, sim_random_between(&world->random, 1, 2 * gap), SIM_NOBODY, NEXT);
}

void sim_fault_plan(struct sim_world *world)
{
    uint32_t client;

    for (client = 0; world->settings->outage_length > 0 && client < world->client_count; client++) {
        after(world, world->settings->outage_at, client, CUT);
    }
    switch (world->settings->faults) {
    case SIM_FAULTS_NONE:
        break;
    case SIM_FAULTS_ALL:
        plan_next(world);
        break;
    case SIM_FAULTS_CONTEST:
        for (client = 0; client < world->client_count; client++) {
            after(world,
                  world->settings->fault_gap / 2 +
                      sim_random_below(&world->clients[client].trouble_random, world->settings->fault_gap),
                  client, NEXT);
        }
        break;
    }
}

/* ---- everything ---- */

static enum kind choose(struct sim_world *world)
{
    unsigned chance = (unsigned)sim_random_below(&world->random, 1000);
    unsigned kind = 0;

    while (kind + 1 < KIND_COUNT && chance >= weights[kind]) {
        chance -= weights[kind++];
    }
    return (enum kind)kind;
}

static bool is_well(const struct sim_process *process)
{
    return process->is_alive && !process->is_stopped && !process->is_troubled;
}

static void pause_machine(struct sim_world *world, uint32_t process, lubdub_time until)
{
    sim_process_stop(world, process);
    world->processes[process].paused_until = until;
    world->processes[process].is_troubled = true;
}

static uint32_t server_of(const struct sim_world *world)
{
    return world->client_count;
}

static bool begin_on_process(struct sim_world *world, enum kind kind, uint32_t process, lubdub_duration length)
{
    struct sim_process *who = &world->processes[process];

    if (!is_well(who)) {
        return false;
    }
    switch (kind) {
    case STOP:
    case STOP_AND_KILL:
    case STOP_SERVER:
        sim_process_stop(world, process);
        break;
    case KILL:
    case KILL_SERVER:
        sim_process_die(world, process, false);
        break;
    case POWER:
    case POWER_SERVER:
        sim_process_die(world, process, true);
        break;
    case PAUSE:
    case PAUSE_SERVER:
        pause_machine(world, process, world->now + length);
        break;
    case LEAVE:
        sim_endpoint_leave(world, process);
        return true;
    case CUT:
    case CUT_ONE_WAY:
    case PAUSE_ALL:
    case PARTITION:
    case KIND_COUNT:
    case NEXT:
        return false;
    }
    who->is_troubled = true;
    after(world, length, process, kind | UNDO);
    return true;
}

static void cut_path(const struct sim_world *world, struct sim_path *path, unsigned ways)
{
    path->cut = ways;
    path->cut_at = ways == BOTH_WAYS ? world->now : LUBDUB_TIME_NEVER;
}

static void mend(struct sim_client *client)
{
    unsigned i;

    for (i = 0; i < client->path_count; i++) {
        client->paths[i].cut = 0;
        client->paths[i].cut_at = LUBDUB_TIME_NEVER;
    }
}

static void cut_all(const struct sim_world *world, struct sim_client *client, unsigned ways)
{
    unsigned i;

    for (i = 0; i < client->path_count; i++) {
        cut_path(world, &client->paths[i], ways);
    }
}

/* All paths of a client; where there are several, as often one of them alone. */
static bool cut(struct sim_world *world, uint32_t index, unsigned ways, lubdub_duration length)
{
    struct sim_client *client = &world->clients[index];

    if (sim_has_cut(client)) {
        return false;
    }
    if (client->path_count > 1 && sim_random_below(&world->random, 2) == 0) {
        cut_path(world, &client->paths[sim_random_below(&world->random, client->path_count)], ways);
    } else {
        cut_all(world, client, ways);
    }
    after(world, length, index, CUT | UNDO);
    return true;
}

static void pause_all(struct sim_world *world, lubdub_duration length)
{
    uint32_t process;

    for (process = 0; process < world->process_count; process++) {
        if (is_well(&world->processes[process])) {
            pause_machine(world, process, world->now + length);
            after(world, length, process, PAUSE | UNDO);
        }
    }
}

static void partition(struct sim_world *world, lubdub_duration length)
{
    uint32_t client;

    for (client = 0; client < world->client_count; client++) {
        if (sim_random_below(&world->random, 2) == 0) {
            cut(world, client, BOTH_WAYS, length);
        }
    }
}

static void begin_any(struct sim_world *world)
{
    enum kind kind = choose(world);
    uint32_t client = (uint32_t)sim_random_below(&world->random, world->client_count);
    lubdub_duration length = any_while(world);
    bool is_done = true;

    switch (kind) {
    case STOP:
    case STOP_AND_KILL:
    case KILL:
    case POWER:
    case PAUSE:
    case LEAVE:
        is_done = begin_on_process(world, kind, client, length);
        break;
    case STOP_SERVER:
    case KILL_SERVER:
    case POWER_SERVER:
    case PAUSE_SERVER:
        is_done = begin_on_process(world, kind, server_of(world), length);
        break;
    case CUT:
        is_done = cut(world, client, BOTH_WAYS, length);
        break;
    case CUT_ONE_WAY:
        is_done = cut(world, client, 1u << sim_random_below(&world->random, 2), length);
        break;
    case PAUSE_ALL:
        pause_all(world, length);
        break;
    case PARTITION:
        partition(world, length);
        break;
    case KIND_COUNT:
    case NEXT:
        return;
    }
    if (is_done) {
        world->result->faults++;
        sim_tell(world, NULL, "%s, client %u, for %.3f ms", words[kind], (unsigned)client, (double)length / (double)MS);
    }
}

static void undo(struct sim_world *world, enum kind kind, uint32_t subject)
{
    switch (kind) {
    case STOP:
    case STOP_SERVER:
        world->processes[subject].is_troubled = false;
        sim_process_go_on(world, subject);
        break;
    case PAUSE:
    case PAUSE_SERVER:
        world->processes[subject].is_troubled = false;
        world->processes[subject].paused_until = 0;
        world->processes[subject].unpaused_at = world->now;
        sim_process_go_on(world, subject);
        break;
    case STOP_AND_KILL:
        sim_process_die(world, subject, false);
        sim_process_start(world, subject);
        world->processes[subject].is_troubled = false;
        break;
    case KILL:
    case KILL_SERVER:
    case POWER:
    case POWER_SERVER:
        world->processes[subject].is_troubled = false;
        sim_process_start(world, subject);
        break;
    case LEAVE:
    case CUT:
    case CUT_ONE_WAY:
    case PAUSE_ALL:
    case PARTITION:
    case KIND_COUNT:
    case NEXT:
        break;
    }
}

/* ---- the contest ---- */

static bool is_up(const struct sim_world *world, const struct sim_client *client)
{
    const struct sim_connection *connection;

    if (client->connection == SIM_NOBODY) {
        return false;
    }
    connection = world->connections[client->connection];
    return connection->ends[SIM_CLIENT].has_session && connection->ends[SIM_SERVER].has_session &&
           lubdub_session_state(&connection->ends[SIM_CLIENT].session) == LUBDUB_SESSION_UP &&
           lubdub_session_state(&connection->ends[SIM_SERVER].session) == LUBDUB_SESSION_UP &&
           world->now > connection->up_at + 20 * LUBDUB_SECOND;
}

/* Chooses a trouble that one of the two sides can notice. */
static enum sim_trouble choose_trouble(const struct sim_settings *settings, struct sim_random *random)
{
    enum sim_trouble trouble = (enum sim_trouble)(1 + sim_random_below(random, 3));

    if (trouble == SIM_TROUBLE_FREEZE_CLIENT && settings->is_blind[SIM_OBSERVER_SERVER]) {
        return SIM_TROUBLE_FREEZE_SERVER;
    }
    if (trouble == SIM_TROUBLE_FREEZE_SERVER && settings->is_blind[SIM_OBSERVER_CLIENT]) {
        return SIM_TROUBLE_FREEZE_CLIENT;
    }
    return trouble;
}

static void begin_trouble(struct sim_world *world, uint32_t index)
{
    struct sim_client *client = &world->clients[index];
    const struct sim_settings *settings = world->settings;
    lubdub_duration longest = 0;

    if (!settings->is_blind[SIM_OBSERVER_CLIENT]) {
        longest = settings->timeout;
    }
    if (!settings->is_blind[SIM_OBSERVER_SERVER] && settings->expiry > longest) {
        longest = settings->expiry;
    }
    if (!is_up(world, client)) {
        after(world, 5 * LUBDUB_SECOND, index, NEXT);
        return;
    }
    client->trouble = choose_trouble(settings, &client->trouble_random);
    client->trouble_at = world->now;
    client->troubled_connection = client->connection;
    client->is_decided[SIM_CLIENT] =
        client->trouble == SIM_TROUBLE_FREEZE_CLIENT || settings->is_blind[SIM_OBSERVER_CLIENT];
    client->is_decided[SIM_SERVER] =
        client->trouble == SIM_TROUBLE_FREEZE_SERVER || settings->is_blind[SIM_OBSERVER_SERVER];
    switch (client->trouble) {
    case SIM_TROUBLE_NONE:
        break;
    case SIM_TROUBLE_FREEZE_CLIENT:
        sim_process_stop(world, client->process);
        break;
    case SIM_TROUBLE_FREEZE_SERVER:
        sim_process_stop(world, client->server);
        break;
    case SIM_TROUBLE_CUT:
        cut_all(world, client, BOTH_WAYS);
        break;
    }
    world->result->faults++;
    sim_tell(world, NULL, "client %u: trouble %d", (unsigned)index, (int)client->trouble);
    client->trouble_count++;
    after(world, 2 * longest + 10 * LUBDUB_SECOND, index, SIM_FAULT_HEAL | client->trouble_count << 8);
}

static void heal(struct sim_world *world, uint32_t index)
{
    struct sim_client *client = &world->clients[index];
    enum sim_trouble trouble = client->trouble;
    unsigned side;

    for (side = 0; side < 2; side++) {
        world->result->missed[side] += !client->is_decided[side];
    }
    client->trouble = SIM_TROUBLE_NONE;
    client->trouble_count++;
    switch (trouble) {
    case SIM_TROUBLE_NONE:
        return;
    case SIM_TROUBLE_FREEZE_CLIENT:
        sim_process_die(world, client->process, false);
        sim_process_start(world, client->process);
        break;
    case SIM_TROUBLE_FREEZE_SERVER:
        sim_process_die(world, client->server, false);
        sim_process_start(world, client->server);
        break;
    case SIM_TROUBLE_CUT:
        mend(client);
        break;
    }
    after(world, world->settings->fault_gap / 2 + sim_random_below(&client->trouble_random, world->settings->fault_gap),
          index, NEXT);
}

/* ---- events ---- */

void sim_fault_on_due(struct sim_world *world, uint32_t subject, uint32_t detail)
{
    sim_digest(world, SIM_EVENT_FAULT, (uint64_t)detail << 32 | subject);
    if (detail == CUT) { /* planned: the first path, or all */
        if (world->settings->outage_of_one) {
            cut_path(world, &world->clients[subject].paths[0], BOTH_WAYS);
        } else {
            cut_all(world, &world->clients[subject], BOTH_WAYS);
        }
        after(world, world->settings->outage_length, subject, CUT | UNDO);
    } else if (detail == (CUT | UNDO)) {
        mend(&world->clients[subject]);
    } else if (world->settings->faults == SIM_FAULTS_CONTEST) {
        if (detail == NEXT) {
            begin_trouble(world, subject);
        } else if (detail >> 8 == world->clients[subject].trouble_count) {
            heal(world, subject);
        }
    } else if (detail == NEXT) {
        begin_any(world);
        plan_next(world);
    } else {
        undo(world, (enum kind)(detail & ~UNDO), subject);
    }
}
