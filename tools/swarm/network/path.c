/* Decides what becomes of a packet by loss, delay and rate, and reads its addresses. */
#include "swarm/network/path.h"

#define FULL_PACKET 1500
#define QUEUE_LENGTH LUBDUB_SECOND

#define FIRST_CLIENT_ADDRESS 0x0a800100u /* 10.128.1.0 */
#define SECOND_CABLE 0x400000u           /* from 10.192.1.0 on */

#define IP_VERSION_4 4
#define IP_HEADER_SIZE 20
#define IP_SOURCE 12
#define IP_DESTINATION 16

static uint32_t microseconds(lubdub_duration duration)
{
    return (uint32_t)(duration / LUBDUB_MICROSECOND);
}

static void set(_Atomic uint32_t *part, uint32_t value)
{
    atomic_store_explicit(part, value, memory_order_relaxed);
}

void swarm_path_add_conditions(struct swarm_path *path, const struct swarm_conditions *conditions)
{
    double loss = conditions->loss * 0x1p32;

    if (conditions->loss > 0) {
        set(&path->loss, loss < 0x1p32 ? (uint32_t)loss : UINT32_MAX);
    }
    if (conditions->delay > 0) {
        set(&path->jitter, microseconds(conditions->jitter));
        set(&path->delay, microseconds(conditions->delay));
    }
    if (conditions->bytes_per_second > 0) {
        set(&path->bytes_per_second, conditions->bytes_per_second);
    }
}

void swarm_path_set_conditions(struct swarm_path *path, const struct swarm_conditions *conditions)
{
    set(&path->loss, 0);
    set(&path->delay, 0);
    set(&path->jitter, 0);
    set(&path->bytes_per_second, 0);
    swarm_path_add_conditions(path, conditions);
}

bool swarm_path_is_open(const struct swarm_path *path, enum swarm_way way)
{
    return (atomic_load_explicit(&path->closed_ways, memory_order_acquire) & SWARM_WAY_BIT(way)) == 0;
}

/* When the last bit of it has left a link of this rate. False: the queue before the link is full. */
static bool send_slowly(struct swarm_lane *lane, uint32_t bytes_per_second, size_t length, lubdub_time now,
                        lubdub_time *sent_at)
{
    lubdub_duration smallest_queue = 2 * FULL_PACKET * LUBDUB_SECOND / bytes_per_second;
    lubdub_duration backlog = lubdub_time_between(now, lane->busy_until);

    if (backlog > QUEUE_LENGTH && backlog > smallest_queue) {
        return false;
    }
    *sent_at = lubdub_time_after(backlog > 0 ? lane->busy_until : now, length * LUBDUB_SECOND / bytes_per_second);
    lane->busy_until = *sent_at;
    return true;
}

static lubdub_duration draw_delay(const struct swarm_path *path, uint64_t *random)
{
    uint32_t delay = atomic_load_explicit(&path->delay, memory_order_relaxed);
    uint32_t jitter = atomic_load_explicit(&path->jitter, memory_order_relaxed);
    uint64_t drawn = delay;

    if (jitter > 0) {
        drawn = delay + random_below(random, 2 * (uint64_t)jitter + 1);
        drawn = drawn > jitter ? drawn - jitter : 0;
    }
    return drawn * LUBDUB_MICROSECOND;
}

enum swarm_fate swarm_lane_take(struct swarm_lane *lane, const struct swarm_path *path, enum swarm_way way,
                                size_t length, lubdub_time now, uint64_t *random, lubdub_time *due)
{
    uint32_t loss = atomic_load_explicit(&path->loss, memory_order_relaxed);
    uint32_t bytes_per_second = atomic_load_explicit(&path->bytes_per_second, memory_order_relaxed);
    lubdub_time arrival = now;

    if (!swarm_path_is_open(path, way)) {
        return SWARM_FATE_CUT;
    }
    if (loss > 0 && random_next(random) >> 32 < loss) {
        return SWARM_FATE_LOST;
    }
    if (bytes_per_second > 0 && !send_slowly(lane, bytes_per_second, length, now, &arrival)) {
        return SWARM_FATE_OVERFLOW;
    }
    arrival = lubdub_time_after(arrival, draw_delay(path, random));
    if (lane->waiting_count > 0 && arrival < lane->due_last) {
        arrival = lane->due_last;
    }
    lane->due_last = arrival;
    *due = arrival;
    return arrival > now || lane->waiting_count > 0 ? SWARM_FATE_DELAYED : SWARM_FATE_DELIVERED;
}

/* ---- addresses ---- */

uint32_t swarm_client_address(uint32_t client)
{
    return FIRST_CLIENT_ADDRESS + client;
}

uint32_t swarm_client_second_address(uint32_t client)
{
    return FIRST_CLIENT_ADDRESS + SECOND_CABLE + client;
}

static uint32_t read_address(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

bool swarm_packet_client(const uint8_t *packet, size_t length, enum swarm_way way, uint32_t client_count,
                         uint32_t *client, unsigned *cable)
{
    uint32_t source;
    uint32_t destination;
    uint32_t number;

    if (length < IP_HEADER_SIZE || packet[0] >> 4 != IP_VERSION_4) {
        return false;
    }
    source = read_address(packet + IP_SOURCE);
    destination = read_address(packet + IP_DESTINATION);
    number = (way == SWARM_WAY_TO_SERVER ? source : destination) - FIRST_CLIENT_ADDRESS;
    *cable = number >= client_count;
    number -= *cable * SECOND_CABLE;
    if ((way == SWARM_WAY_TO_SERVER ? destination : source) != SWARM_SERVER_ADDRESS || number >= client_count) {
        return false;
    }
    *client = number;
    return true;
}
