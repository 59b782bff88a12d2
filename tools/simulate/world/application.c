/* Simulates the applications of clients and servers: each sends, answers and reads by its habit. */
#include "simulate/world/application.h"

#include <string.h>

#include "simulate/world/endpoint.h"

#define MS LUBDUB_MILLISECOND

/* The habits of applications, shared out among each ten clients. */
enum habit {
    HABIT_SILENT,
    HABIT_STEADY,  /* a message every 5 to 50 ms, as long as the allowance lets it */
    HABIT_BURSTS,  /* some hundred at once, now and then */
    HABIT_RARE,    /* one every few seconds, also in a silence */
    HABIT_LARGE,   /* long ones, on a slow link */
    HABIT_LISTENS, /* nothing; the server's broadcasts come over a slow link */
    HABIT_DEAF,    /* stops reading now and then, and still probes */
    HABIT_COUNT,
};

#define SLOWEST_RATE 4000
#define FASTEST_RATE 40000

static enum habit habit_of(uint32_t client)
{
    return (enum habit)(client * 3 % (HABIT_COUNT + 3) % HABIT_COUNT);
}

/*
 * Talk comes in spells, some seven in a run, with silences between them in which only the rare messages go: an hour
 * costs little more than one of probes, and there are faults in each spell.
 */
#define SHORTEST_SPELL (2 * LUBDUB_SECOND)
#define LONGEST_SPELL (10 * LUBDUB_SECOND)
#define SHORTEST_SILENCE(run) ((run) / 15)
#define LONGEST_SILENCE(run) ((run) / 5)

/* How long the silence lasts still; 0: there is none. Plans the next spell when one is over. */
static lubdub_duration silence_left(struct sim_world *world)
{
    lubdub_duration run = world->settings->length;

    if (world->now >= world->talk_to) {
        world->talk_from = world->now + sim_random_between(&world->talk, SHORTEST_SILENCE(run), LONGEST_SILENCE(run));
        world->talk_to = world->talk_from + sim_random_between(&world->talk, SHORTEST_SPELL, LONGEST_SPELL);
    }
    return lubdub_time_between(world->now, world->talk_from);
}

static void again(struct sim_world *world, uint32_t client, lubdub_duration in)
{
    sim_queue_put(&world->queue, world->now + in, SIM_EVENT_TALK, client, 0);
}

void sim_application_plan(struct sim_world *world)
{
    uint32_t i;

    if (!world->settings->has_messages) {
        return;
    }
    world->talk_to = sim_random_between(&world->talk, SHORTEST_SPELL, LONGEST_SPELL);
    for (i = 0; i < world->client_count; i++) {
        enum habit habit = habit_of(i);

        if (habit == HABIT_LARGE || habit == HABIT_LISTENS) {
            unsigned path;

            for (path = 0; path < world->clients[i].path_count; path++) {
                world->clients[i].paths[path].rate =
                    (uint32_t)sim_random_between(&world->talk, SLOWEST_RATE, FASTEST_RATE);
            }
        }
        if (habit != HABIT_SILENT) {
            again(world, i, sim_random_below(&world->talk, LUBDUB_SECOND));
        }
    }
    again(world, SIM_NOBODY, LUBDUB_SECOND);
}

/* ---- content ---- */

/* What lies in the first byte of a message tells the server what to do with it. */
enum deed {
    DEED_ECHO,
    DEED_RELAY,
    DEED_BROADCAST,
    DEED_DROP,
    DEED_COUNT,
};

static size_t make(struct sim_random *random, uint8_t *content, size_t most)
{
    size_t length = 1 + (size_t)sim_random_below(random, most);
    size_t i;

    for (i = 0; i < length; i += 8) {
        uint64_t bits = sim_random_next(random);

        memcpy(content + i, &bits, length - i < 8 ? length - i : 8);
    }
    content[0] = (uint8_t)(sim_random_below(random, 100) < 3 ? DEED_BROADCAST : sim_random_below(random, DEED_COUNT));
    content[0] = content[0] == DEED_BROADCAST && sim_random_below(random, 4) > 0 ? DEED_ECHO : content[0];
    return length;
}

/* ---- the server ---- */

static struct sim_connection *session_of(struct sim_world *world, uint32_t client)
{
    uint32_t i;

    for (i = 0; i < world->connection_count; i++) {
        struct sim_connection *connection = world->connections[i];

        if (connection->is_used && connection->client == client && connection->ends[SIM_SERVER].has_session &&
            lubdub_session_state(&connection->ends[SIM_SERVER].session) == LUBDUB_SESSION_UP) {
            return connection;
        }
    }
    return NULL;
}

static void broadcast(struct sim_world *world, const uint8_t *content, size_t length)
{
    uint32_t i;

    for (i = 0; i < world->connection_count; i++) {
        struct sim_connection *connection = world->connections[i];

        if (connection->is_used && connection->ends[SIM_SERVER].has_session) {
            (void)sim_endpoint_send(world, connection, SIM_SERVER, content, length);
        }
    }
}

/* Changes the grant of some session: any interval that the network of this run can carry, and three to ten of it. */
static void regrant(struct sim_world *world)
{
    struct sim_connection *connection =
        session_of(world, (uint32_t)sim_random_below(&world->talk, world->client_count));
    lubdub_duration interval =
        sim_random_between(&world->talk, world->settings->interval / 4 / MS, 2 * world->settings->interval / MS) * MS;

    if (connection != NULL) {
        sim_endpoint_regrant(world, connection, interval, interval * sim_random_between(&world->talk, 3, 10));
    }
}

/* New settings have come while the server was stopped: it changes the grants of many. */
static void regrant_many(struct sim_world *world)
{
    uint32_t count = sim_random_below(&world->talk, 2) == 0 ? 0 : world->client_count;

    for (; count > 0; count--) {
        regrant(world);
    }
}

static void serve(struct sim_world *world, struct sim_connection *connection, const uint8_t *content, size_t length)
{
    struct sim_connection *other;

    if (sim_random_below(&world->talk, 300) == 0) {
        regrant(world); /* of any session; its frames may lie unread */
    }
    switch (length > 0 ? (enum deed)(content[0] % DEED_COUNT) : DEED_DROP) {
    case DEED_ECHO:
        (void)sim_endpoint_send(world, connection, SIM_SERVER, content, length);
        break;
    case DEED_RELAY:
        other = session_of(world, (connection->client + 1) % world->client_count);
        if (other != NULL) {
            (void)sim_endpoint_send(world, other, SIM_SERVER, content, length);
        }
        break;
    case DEED_BROADCAST:
        broadcast(world, content, length);
        break;
    case DEED_DROP:
    case DEED_COUNT:
        break;
    }
}

/* In every other spell broadcasts come in a stream, one every few milliseconds. */
static void talk_as_server(struct sim_world *world)
{
    uint8_t content[600];
    bool is_streaming = silence_left(world) == 0 && world->talk_from / LUBDUB_SECOND % 2 == 0;

    if (!sim_runs(&world->processes[world->client_count])) {
        again(world, SIM_NOBODY, LUBDUB_SECOND);
        return;
    }
    if (sim_random_below(&world->talk, is_streaming ? 400 : 40) == 0) {
        regrant(world);
    }
    if (is_streaming) {
        broadcast(world, content, make(&world->talk, content, sizeof content));
    }
    again(world, SIM_NOBODY, is_streaming ? sim_random_between(&world->talk, 5, 60) * MS : LUBDUB_SECOND);
}

/* ---- a client ---- */

static void send_some(struct sim_world *world, struct sim_connection *connection, unsigned count, size_t most)
{
    struct sim_random *random = &world->clients[connection->client].random;
    static const size_t longest = SIM_LONGEST_MESSAGE;
    uint8_t content[SIM_LONGEST_MESSAGE];

    while (count-- > 0) {
        size_t length = make(random, content, most < longest ? most : longest);

        if (sim_endpoint_send(world, connection, SIM_CLIENT, content, length) != LUBDUB_ERROR_OK) {
            return;
        }
    }
}

static bool talks_in_spells(enum habit habit)
{
    return habit == HABIT_STEADY || habit == HABIT_BURSTS || habit == HABIT_LARGE;
}

static void talk_as_client(struct sim_world *world, uint32_t index)
{
    struct sim_client *client = &world->clients[index];
    struct sim_connection *connection =
        client->connection != SIM_NOBODY ? world->connections[client->connection] : NULL;
    struct sim_random *random = &client->random;
    lubdub_duration next = LUBDUB_SECOND;
    struct sim_end *end;

    if (talks_in_spells(habit_of(index)) && silence_left(world) > 0) {
        again(world, index, silence_left(world) + sim_random_below(random, LUBDUB_SECOND));
        return;
    }
    if (connection == NULL || !connection->ends[SIM_CLIENT].has_session || !sim_runs(&world->processes[index])) {
        again(world, index, next);
        return;
    }
    end = &connection->ends[SIM_CLIENT];
    switch (habit_of(index)) {
    case HABIT_STEADY:
        send_some(world, connection, 1, 200);
        next = sim_random_between(random, 5, 50) * MS;
        break;
    case HABIT_BURSTS:
        send_some(world, connection, (unsigned)sim_random_below(random, 300), 120);
        next = sim_random_between(random, 1, 20) * LUBDUB_SECOND;
        break;
    case HABIT_LARGE:
        send_some(world, connection, 1, SIM_LONGEST_MESSAGE);
        next = sim_random_between(random, 2, 40) * LUBDUB_SECOND;
        break;
    case HABIT_DEAF:
        end->is_deaf = !end->is_deaf;
        next = sim_random_between(random, 1, end->is_deaf ? 3000 : 20000) * MS;
        if (!end->is_deaf) {
            world->on_readable(world, connection, SIM_CLIENT);
        }
        break;
    case HABIT_RARE:
    case HABIT_LISTENS:
        send_some(world, connection, 1, 64);
        next = sim_random_between(random, 200, 10000) * MS;
        break;
    case HABIT_SILENT:
    case HABIT_COUNT:
        return;
    }
    again(world, index, next);
}

void sim_application_on_go_on(struct sim_world *world, uint32_t process)
{
    if (!world->settings->has_messages) {
        return;
    }
    if (process >= world->client_count) {
        regrant_many(world);
    } else if (sim_random_below(&world->clients[process].random, 5) == 0) {
        sim_endpoint_leave(world, process);
    }
}

void sim_application_on_due(struct sim_world *world, uint32_t client)
{
    sim_digest(world, SIM_EVENT_TALK, client);
    if (client == SIM_NOBODY) {
        talk_as_server(world);
    } else {
        talk_as_client(world, client);
    }
}

/* Where the applications have no habits, some clients talk all the same, now and then, and the server returns it. */
static void talk_a_little(struct sim_world *world, struct sim_connection *connection)
{
    struct sim_client *client = &world->clients[connection->client];

    if (world->settings->faults == SIM_FAULTS_ALL && connection->client % 3 == 1 &&
        sim_random_is(&client->random, SIM_SHARE(1, 4))) {
        size_t length = (size_t)sim_random_below(&client->random, sizeof client->content + 1);

        client->content[0]++; /* it sends no content with its probes */
        (void)sim_endpoint_send(world, connection, SIM_CLIENT, client->content, length);
    }
}

void sim_application_on_message(struct sim_world *world, struct sim_connection *connection, enum sim_side side,
                                const uint8_t *content, size_t length)
{
    if (side == SIM_SERVER && world->settings->has_messages) {
        serve(world, connection, content, length);
    } else if (side == SIM_SERVER) {
        (void)sim_endpoint_send(world, connection, SIM_SERVER, content, length);
    } else if (content == NULL && !world->settings->has_messages) {
        talk_a_little(world, connection);
    }
}
