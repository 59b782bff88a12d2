/* Draws lots with a seed: which client, at what moment. */
#include "swarm/orders/strikes.h"

#include <stdlib.h>

#include "statistics/random.h"

static int earlier_first(const void *one, const void *other)
{
    const struct swarm_strike *a = one;
    const struct swarm_strike *b = other;

    if (a->at != b->at) {
        return a->at < b->at ? -1 : 1;
    }
    return a->client < b->client ? -1 : a->client > b->client;
}

/* Draws the next client of those from `drawn` on (Fisher and Yates). */
static uint32_t draw(uint32_t *clients, uint32_t client_count, uint32_t drawn, uint64_t *random)
{
    uint32_t chosen = drawn + (uint32_t)random_below(random, client_count - drawn);
    uint32_t client = clients[chosen];

    clients[chosen] = clients[drawn];
    clients[drawn] = client;
    return client;
}

static void add_strikes(struct swarm_strikes *strikes, const struct swarm_order *order, uint32_t *clients,
                        uint32_t client_count, lubdub_duration duration, uint64_t *random)
{
    uint32_t left = swarm_order_size(order, client_count);

    for (; left > 0 && strikes->count < client_count; left--) {
        strikes->list[strikes->count] = (struct swarm_strike){
            .client = draw(clients, client_count, (uint32_t)strikes->count, random),
            .at = duration > 0 ? random_below(random, duration) : 0,
            .fault = order->fault,
        };
        strikes->count++;
    }
}

static bool is_clients_strike(const struct swarm_order *order)
{
    return swarm_fault_victim(order->fault) == SWARM_VICTIM_CLIENTS;
}

/* After the strikes, so that a seed's strikes are the same with and without. Returns false without memory. */
static bool add_sufferers(struct swarm_strikes *strikes, const struct swarm_order *orders, size_t order_count,
                          uint32_t *clients, uint32_t client_count, uint64_t *random)
{
    size_t room = 0;
    uint32_t i;
    size_t k;

    for (k = 0; k < order_count; k++) {
        room += swarm_fault_is_condition(orders[k].fault) ? swarm_order_size(&orders[k], client_count) : 0;
    }
    strikes->sufferers = malloc((room > 0 ? room : 1) * sizeof *strikes->sufferers);
    if (strikes->sufferers == NULL) {
        return false;
    }
    for (k = 0; k < order_count; k++) {
        uint32_t size = swarm_fault_is_condition(orders[k].fault) ? swarm_order_size(&orders[k], client_count) : 0;

        for (i = 0; i < size; i++) {
            strikes->sufferers[strikes->sufferer_count++] =
                (struct swarm_sufferer){.client = draw(clients, client_count, i, random), .order = k};
        }
    }
    return true;
}

bool swarm_strikes_draw(struct swarm_strikes *strikes, const struct swarm_order *orders, size_t order_count,
                        uint32_t client_count, lubdub_duration duration, uint64_t *random)
{
    uint32_t *clients;
    bool has_room;
    uint32_t i;
    size_t k;

    *strikes = (struct swarm_strikes){0};
    if (order_count == 0) {
        return true; /* the many clients that are only to idle take no room */
    }
    clients = malloc((client_count > 0 ? client_count : 1) * sizeof *clients);
    strikes->list = malloc((client_count > 0 ? client_count : 1) * sizeof *strikes->list);
    if (clients == NULL || strikes->list == NULL) {
        free(clients);
        swarm_strikes_clear(strikes);
        return false;
    }
    for (i = 0; i < client_count; i++) {
        clients[i] = i;
    }
    for (k = 0; k < order_count; k++) {
        if (is_clients_strike(&orders[k])) {
            add_strikes(strikes, &orders[k], clients, client_count, duration, random);
        }
    }
    has_room = add_sufferers(strikes, orders, order_count, clients, client_count, random);
    free(clients);
    if (!has_room) {
        swarm_strikes_clear(strikes);
        return false;
    }
    qsort(strikes->list, strikes->count, sizeof *strikes->list, earlier_first);
    return true;
}

void swarm_strikes_clear(struct swarm_strikes *strikes)
{
    free(strikes->list);
    free(strikes->sufferers);
    *strikes = (struct swarm_strikes){0};
}
