/* Describes the networks, and computes what a path does to a segment at a given time. */
#include "simulate/world/path.h"

#include <stddef.h>
#include <string.h>

#include <pthread.h>

#define MS LUBDUB_MILLISECOND
#define US LUBDUB_MICROSECOND

/* Segments within the same 2^20 ns meet the same delay and loss. */
#define SLOT_SHIFT 20

/* What each network is made of. Gaps of 0: such spells never come. */
struct model {
    struct sim_delay usual;
    struct sim_delay rare;
    uint32_t rare_share;
    uint32_t loss;
    uint32_t bad_loss;
    struct sim_delay bad_gap;
    struct sim_delay bad_length;
    struct sim_delay outage_gap;
    struct sim_delay outage_length;
    bool has_outages;
    uint32_t one_way_share; /* of the outages */
};

static struct model models[SIM_NETWORK_COUNT];
static pthread_once_t models_are_made = PTHREAD_ONCE_INIT;

static void make_lan(struct model *lan)
{
    sim_delay_lognormal(&lan->usual, 50 * US, 40 * US, 500);
    sim_delay_lognormal(&lan->rare, 1 * MS, 3 * MS, 1000);
    lan->rare_share = SIM_SHARE(1, 1000);
    lan->loss = SIM_SHARE(1, 100000);
    lan->bad_loss = SIM_SHARE(1, 100);
    sim_delay_exponential(&lan->bad_gap, 2 * LUBDUB_HOUR);
    sim_delay_exponential(&lan->bad_length, 10 * LUBDUB_SECOND);
    sim_delay_exponential(&lan->outage_gap, 6 * LUBDUB_HOUR);
    sim_delay_lognormal(&lan->outage_length, 0, 500 * MS, 1000);
    lan->has_outages = true;
    lan->one_way_share = SIM_SHARE(1, 10);
}

static void make_wan(struct model *wan)
{
    sim_delay_lognormal(&wan->usual, 20 * MS, 3 * MS, 1000);
    sim_delay_lognormal(&wan->rare, 40 * MS, 40 * MS, 800);
    wan->rare_share = SIM_SHARE(5, 1000);
    wan->loss = SIM_SHARE(1, 1000);
    wan->bad_loss = SIM_SHARE(5, 100);
    sim_delay_exponential(&wan->bad_gap, 20 * LUBDUB_MINUTE);
    sim_delay_exponential(&wan->bad_length, 15 * LUBDUB_SECOND);
    sim_delay_exponential(&wan->outage_gap, 30 * LUBDUB_MINUTE);
    sim_delay_lognormal(&wan->outage_length, 0, 400 * MS, 1000);
    wan->has_outages = true;
    wan->one_way_share = SIM_SHARE(2, 10);
}

static void make_mobile(struct model *mobile)
{
    sim_delay_lognormal(&mobile->usual, 25 * MS, 20 * MS, 900);
    sim_delay_lognormal(&mobile->rare, 150 * MS, 150 * MS, 900);
    mobile->rare_share = SIM_SHARE(15, 1000);
    mobile->loss = SIM_SHARE(5, 1000);
    mobile->bad_loss = SIM_SHARE(12, 100);
    sim_delay_exponential(&mobile->bad_gap, 3 * LUBDUB_MINUTE);
    sim_delay_exponential(&mobile->bad_length, 10 * LUBDUB_SECOND);
    sim_delay_exponential(&mobile->outage_gap, 5 * LUBDUB_MINUTE);
    sim_delay_lognormal(&mobile->outage_length, 0, 600 * MS, 1000);
    mobile->has_outages = true;
    mobile->one_way_share = SIM_SHARE(2, 10);
}

/* Nothing but outages, as issues of detection are often discussed: many a day, so that their lengths decide. */
static void make_exponential(struct model *exponential)
{
    sim_delay_constant(&exponential->usual, MS);
    sim_delay_exponential(&exponential->outage_gap, 2 * LUBDUB_MINUTE);
    sim_delay_exponential(&exponential->outage_length, 800 * MS);
    exponential->has_outages = true;
}

static void make_heavy(struct model *heavy)
{
    make_exponential(heavy);
    sim_delay_lognormal(&heavy->outage_length, 0, 400 * MS, 1000);
}

static void make_models(void)
{
    sim_delay_constant(&models[SIM_NETWORK_CLEAN].usual, MS);
    make_lan(&models[SIM_NETWORK_LAN]);
    make_wan(&models[SIM_NETWORK_WAN]);
    make_mobile(&models[SIM_NETWORK_MOBILE]);
    make_exponential(&models[SIM_NETWORK_EXPONENTIAL]);
    make_heavy(&models[SIM_NETWORK_HEAVY]);
}

const char *sim_network_word(enum sim_network network)
{
    static const char *const words[] = {
#define SIM_NETWORK_WORD(name, word, text) word,
        SIM_NETWORKS(SIM_NETWORK_WORD)
#undef SIM_NETWORK_WORD
    };

    return words[network];
}

const char *sim_network_text(enum sim_network network)
{
    static const char *const texts[] = {
#define SIM_NETWORK_TEXT(name, word, text) text,
        SIM_NETWORKS(SIM_NETWORK_TEXT)
#undef SIM_NETWORK_TEXT
    };

    return texts[network];
}

lubdub_duration sim_path_longest(enum sim_network network)
{
    switch (network) {
    case SIM_NETWORK_CLEAN:
    case SIM_NETWORK_LAN:
    case SIM_NETWORK_EXPONENTIAL:
    case SIM_NETWORK_HEAVY:
        return 20 * MS;
    case SIM_NETWORK_WAN:
        return 200 * MS;
    case SIM_NETWORK_MOBILE:
    case SIM_NETWORK_COUNT:
        break;
    }
    return 2 * LUBDUB_SECOND;
}

/* The gap of a part of all spells: so many of a thousand. */
static lubdub_duration stretched(lubdub_duration gap, unsigned share)
{
    return gap * SIM_SHARED_ALL / share;
}

static void spell_init(struct sim_spell *spell, const struct sim_delay *gap, bool comes, unsigned share, uint64_t seed)
{
    spell->random.state = seed;
    spell->is_on = false;
    spell->ways = 0;
    spell->until = comes ? stretched(sim_delay_draw(gap, sim_random_next(&spell->random)), share) : LUBDUB_TIME_NEVER;
}

static void spell_move_to(struct sim_spell *spell, const struct sim_delay *gap, const struct sim_delay *length,
                          uint32_t one_way_share, unsigned share, lubdub_time now)
{
    while (spell->until <= now) {
        lubdub_duration drawn;

        spell->is_on = !spell->is_on;
        drawn = sim_delay_draw(spell->is_on ? length : gap, sim_random_next(&spell->random));
        spell->until += spell->is_on ? drawn : stretched(drawn, share);
        if (spell->is_on) {
            uint64_t chance = sim_random_next(&spell->random);

            spell->ways = (uint32_t)chance < one_way_share ? 1u << (chance >> 63) : 1u << SIM_UP | 1u << SIM_DOWN;
        }
    }
}

void sim_path_init(struct sim_path *path, enum sim_network network, uint64_t seed)
{
    const struct model *model = &models[network];

    pthread_once(&models_are_made, make_models);
    memset(path, 0, sizeof *path);
    path->network = network;
    path->cut_at = LUBDUB_TIME_NEVER;
    path->seed = sim_mix(seed + 1);
    spell_init(&path->outage, &model->outage_gap, model->has_outages, SIM_SHARED_ALL, sim_mix(seed + 2));
    spell_init(&path->bad, &model->bad_gap, model->bad_loss > 0, SIM_SHARED_ALL, sim_mix(seed + 3));
}

void sim_path_share(struct sim_path *path, unsigned share, uint64_t shared_seed)
{
    const struct model *model = &models[path->network];

    path->shared_share = share;
    spell_init(&path->shared, &model->outage_gap, model->has_outages && share > 0, share, shared_seed);
    spell_init(&path->outage, &model->outage_gap, model->has_outages && share < SIM_SHARED_ALL, SIM_SHARED_ALL - share,
               sim_mix(path->seed + 2));
}

/* The ways that outages let nothing through. */
static unsigned ways_out(struct sim_path *path, lubdub_time now)
{
    const struct model *model = &models[path->network];

    spell_move_to(&path->outage, &model->outage_gap, &model->outage_length, model->one_way_share,
                  SIM_SHARED_ALL - path->shared_share, now);
    if (path->shared_share > 0) {
        spell_move_to(&path->shared, &model->outage_gap, &model->outage_length, model->one_way_share,
                      path->shared_share, now);
    }
    return (path->outage.is_on ? path->outage.ways : 0) |
           (path->shared_share > 0 && path->shared.is_on ? path->shared.ways : 0);
}

bool sim_path_is_out(struct sim_path *path, lubdub_time now)
{
    return ways_out(path, now) != 0;
}

lubdub_time sim_path_changes_at(struct sim_path *path, lubdub_time now)
{
    (void)ways_out(path, now);
    return path->shared_share > 0 ? lubdub_time_earlier(path->outage.until, path->shared.until) : path->outage.until;
}

/* Both draws of one slot of time. */
static bool is_lost(const struct sim_path *path, const struct model *model, uint64_t chance)
{
    return (uint32_t)(chance >> 32) < (path->bad.is_on ? model->bad_loss : model->loss);
}

/* The bytes of the IP and TCP headers before the data of a segment. */
#define HEADERS 52

/* When the wire has taken the segment: one after the other. */
static lubdub_time sets_out(struct sim_path *path, enum sim_direction direction, uint64_t length, lubdub_time now)
{
    lubdub_time begins = path->busy_until[direction] > now ? path->busy_until[direction] : now;

    if (path->rate == 0) {
        return now;
    }
    path->busy_until[direction] = begins + (length + HEADERS) * LUBDUB_SECOND / path->rate;
    return path->busy_until[direction];
}

bool sim_path_carry(struct sim_path *path, enum sim_direction direction, uint64_t length, lubdub_time now,
                    lubdub_time *arrives_at)
{
    const struct model *model = &models[path->network];
    uint64_t slot = sim_mix(path->seed ^ ((now >> SLOT_SHIFT) << 1 | direction));
    const struct sim_delay *delay;

    spell_move_to(&path->bad, &model->bad_gap, &model->bad_length, 0, SIM_SHARED_ALL, now);
    if ((path->cut & 1u << direction) != 0 || (ways_out(path, now) & 1u << direction) != 0 ||
        is_lost(path, model, sim_mix(slot + 1))) {
        path->lost_at = now;
        return false;
    }
    delay = (uint32_t)sim_mix(slot + 2) < model->rare_share ? &model->rare : &model->usual;
    *arrives_at = sets_out(path, direction, length, now) + sim_delay_draw(delay, sim_mix(slot + 3));
    if (*arrives_at < path->last_arrival[direction]) {
        *arrives_at = path->last_arrival[direction];
    }
    path->last_arrival[direction] = *arrives_at;
    if (*arrives_at > now + sim_path_longest(path->network)) {
        path->lost_at = now;
    }
    return true;
}
