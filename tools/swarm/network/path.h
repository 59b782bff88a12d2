/*
 * The way between one client and the server, and what becomes of packets on it: lost, late, queued. Pure.
 *
 * A path is what is to be, set by one process and read by another at any moment; its lanes are what has been, known to
 * the wire alone. Time comes in, and the moment at which a packet is due at the other end comes out.
 */
#ifndef LUBDUB_SWARM_NETWORK_PATH_H
#define LUBDUB_SWARM_NETWORK_PATH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

#include "statistics/random.h"
#include "swarm/orders/conditions.h"

/* Zeroed: open and good. */
struct swarm_path {
    _Atomic uint32_t closed_ways; /* SWARM_WAY_BIT of each */
    _Atomic uint32_t loss;        /* in parts of 2^32 */
    _Atomic uint32_t delay;       /* in microseconds */
    _Atomic uint32_t jitter;
    _Atomic uint32_t bytes_per_second;
};

void swarm_path_set_conditions(struct swarm_path *path, const struct swarm_conditions *conditions);

/* Sets what these conditions speak of; the rest stays as it is. */
void swarm_path_add_conditions(struct swarm_path *path, const struct swarm_conditions *conditions);

/* One way of one path. Zeroed: nothing has passed yet. */
struct swarm_lane {
    lubdub_time due_last;   /* packets keep their order, whatever the jitter */
    lubdub_time busy_until; /* a slow link sends one packet after the other */
    uint32_t waiting_count; /* packets that were taken and are not delivered yet: the caller's to keep */
};

enum swarm_fate {
    SWARM_FATE_DELIVERED, /* at once */
    SWARM_FATE_DELAYED,
    SWARM_FATE_CUT,
    SWARM_FATE_LOST,     /* by chance */
    SWARM_FATE_OVERFLOW, /* a slow link's queue, of one second and two full packets at least, is full */
};

/* What becomes of a packet that sets out now; *due, not before now, is set for one that arrives. */
enum swarm_fate swarm_lane_take(struct swarm_lane *lane, const struct swarm_path *path, enum swarm_way way,
                                size_t length, lubdub_time now, uint64_t *random, lubdub_time *due);

bool swarm_path_is_open(const struct swarm_path *path, enum swarm_way way);

/* ---- addresses of this internet ---- */

#define SWARM_SERVER_ADDRESS 0x0a4d0001u /* 10.77.0.1 */

/* Cables of a client, each with addresses of its own; the second one carries something with Multipath TCP only. */
#define SWARM_CABLES 2

/* A client's own address on a cable, in the machine's byte order. On the second one there are fewer: 2^22 - 512. */
uint32_t swarm_client_address(uint32_t client);
uint32_t swarm_client_second_address(uint32_t client);

/*
 * Whose path an IP packet takes that goes this way, and over which cable, from 0 on. False: it is none of ours (another
 * protocol, other addresses, no client of this number).
 */
bool swarm_packet_client(const uint8_t *packet, size_t length, enum swarm_way way, uint32_t client_count,
                         uint32_t *client, unsigned *cable);

#endif
