/* Divides clients among processes, servers and source addresses. */
#include "swarm/orders/layout.h"

#include <string.h>

#define CLIENTS_PER_ADDRESS 500
#define FIRST_SOURCE_ADDRESS 0x7f010001u /* 127.1.0.1 */

/* How many standard deviations, each the root of a server's part, the lot may bring it beyond its part. */
#define LUCK 6

static uint32_t start_of(uint32_t client_count, uint32_t part_count, uint32_t part)
{
    return (uint32_t)((uint64_t)client_count * part / part_count);
}

struct swarm_part swarm_part_of(uint32_t client_count, uint32_t part_count, uint32_t part)
{
    uint32_t first = start_of(client_count, part_count, part);

    return (struct swarm_part){first, start_of(client_count, part_count, part + 1) - first};
}

uint32_t swarm_part_with(uint32_t client_count, uint32_t part_count, uint32_t client)
{
    return (uint32_t)((((uint64_t)client + 1) * part_count - 1) / client_count);
}

uint64_t swarm_processes_for(uint64_t client_count, uint64_t capacity)
{
    return (client_count + capacity - 1) / capacity;
}

uint64_t swarm_servers_for(uint64_t client_count, uint64_t capacity)
{
    uint64_t count = swarm_processes_for(client_count, capacity);

    while (count > 1) {
        double part = (double)client_count / (double)count;
        double room = (double)capacity - part;

        if (room > 0 && room * room >= LUCK * LUCK * part) {
            break;
        }
        count++;
    }
    return count > 0 ? count : 1;
}

void swarm_source_address(struct lubdub_address *address, uint32_t client)
{
    uint32_t number = FIRST_SOURCE_ADDRESS + client / CLIENTS_PER_ADDRESS;
    uint32_t i;

    memset(address, 0, sizeof *address);
    address->ip[10] = address->ip[11] = 0xff;
    for (i = 0; i < 4; i++) {
        address->ip[12 + i] = (uint8_t)(number >> (24 - 8 * i));
    }
}
