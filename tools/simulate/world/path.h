/*
 * Simulates the path between one client and its server: what happens to a segment, as a function of the time.
 *
 * Delay and loss of a segment follow from the seed, the direction and the millisecond in which it is sent, and from
 * nothing else; outages and bad spells come at times of their own. So two runs with the same seed have the same
 * network, even if their endpoints behave differently: what one run sends changes nothing for what the other run sends
 * later. Segments never overtake one another in a direction.
 */
#ifndef LUBDUB_SIMULATE_WORLD_PATH_H
#define LUBDUB_SIMULATE_WORLD_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include <lubdub/time.h>

#include "simulate/world/chance.h"
#include "simulate/world/delay.h"

enum sim_direction {
    SIM_UP,   /* from the client to the server */
    SIM_DOWN, /* and back */
};

static inline enum sim_direction sim_opposite(enum sim_direction direction)
{
    return direction == SIM_UP ? SIM_DOWN : SIM_UP;
}

#define SIM_NETWORKS(X)                                                                                     \
    X(CLEAN, "clean", "a constant millisecond each way, and nothing is lost")                               \
    X(LAN, "lan", "0.1 ms each way, one segment in a hundred thousand lost, an outage every 6 h")           \
    X(WAN, "wan", "20 to 60 ms each way, 0.1 % lost and more in spells, an outage every 30 min")            \
    X(MOBILE, "mobile", "30 to 1000 ms each way, 0.5 % lost and more in spells, an outage every 5 min")     \
    X(EXPONENTIAL, "exponential", "1 ms each way, an outage every 2 min, exponential with a mean of 0.8 s") \
    X(HEAVY, "heavy", "1 ms each way, an outage every 2 min, lognormal with a median of 0.4 s, sigma 1")

enum sim_network {
#define SIM_NETWORK_NAME(name, word, text) SIM_NETWORK_##name,
    SIM_NETWORKS(SIM_NETWORK_NAME)
#undef SIM_NETWORK_NAME
        SIM_NETWORK_COUNT,
};

/* Of these each client's is drawn where networks are mixed: the first so many. */
#define SIM_NETWORK_MIXED 4

/* Paths of a client, at most. */
#define SIM_PATH_LIMIT 4

/* How many of a path's outages the other paths of its client have, too: of a thousand. */
#define SIM_SHARED_ALL 1000

const char *sim_network_word(enum sim_network network);
const char *sim_network_text(enum sim_network network);

/* What a segment takes each way on such a network, but for one in some ten thousand. */
lubdub_duration sim_path_longest(enum sim_network network);

/* A state that comes and goes: gaps and lengths drawn, one after the other. */
struct sim_spell {
    struct sim_random random;
    bool is_on;
    unsigned ways; /* 1 << enum sim_direction, of the directions that it concerns */
    lubdub_time until;
};

struct sim_path {
    enum sim_network network;
    uint64_t seed;
    struct sim_spell outage;
    struct sim_spell shared; /* the same for all paths of a client */
    unsigned shared_share;   /* of a thousand outages; the others are the path's own */
    struct sim_spell bad;    /* more is lost */
    lubdub_time cut_at;      /* since when both are cut; LUBDUB_TIME_NEVER: they are not */
    lubdub_time lost_at;     /* when something was lost last, whatever took it, or took longer than _longest() */
    uint32_t rate;           /* bytes a second each way; 0: no bound */
    lubdub_time busy_until[2];
    unsigned cut; /* directions in which a fault lets nothing through: 1 << enum sim_direction */
    lubdub_time last_arrival[2];
};

/* Of the path of one client in a run. */
static inline uint64_t sim_path_seed(uint64_t seed, uint32_t client)
{
    return sim_mix(seed * 0x30007 + client);
}

void sim_path_init(struct sim_path *path, enum sim_network network, uint64_t seed);

/*
 * So many of a thousand of its outages come from the shared seed, and are those of every path with that seed; it has as
 * many outages as before, and their lengths are drawn as before. Right after sim_path_init().
 */
void sim_path_share(struct sim_path *path, unsigned share, uint64_t shared_seed);

/*
 * A segment with so many bytes sets out at `now`, which never goes back. True: it arrives at *arrives_at. False: it is
 * lost.
 */
bool sim_path_carry(struct sim_path *path, enum sim_direction direction, uint64_t length, lubdub_time now,
                    lubdub_time *arrives_at);

/* Whether an outage of the network's own is on; and when the next one begins or ends, after `now`, which never goes
 * back. */
bool sim_path_is_out(struct sim_path *path, lubdub_time now);
lubdub_time sim_path_changes_at(struct sim_path *path, lubdub_time now);

#endif
