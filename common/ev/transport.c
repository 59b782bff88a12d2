/* Keeps the transports of a loop in a table by descriptor. */
#include "ev/transport.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64

bool lubdub_transport_fits(const struct lubdub_tls *tls)
{
    return tls->kind != NULL && tls->kind->interface == LUBDUB_TRANSPORT_INTERFACE;
}

static bool grow(struct lubdub_transports *all, size_t needed)
{
    size_t capacity = all->capacity > 0 ? all->capacity : FIRST_CAPACITY;
    struct lubdub_transport **grown;

    while (capacity < needed) {
        capacity *= 2;
    }
    grown = realloc(all->by_descriptor, capacity * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    memset(grown + all->capacity, 0, (capacity - all->capacity) * sizeof(*grown));
    all->by_descriptor = grown;
    all->capacity = capacity;
    return true;
}

bool lubdub_transports_put(struct lubdub_transports *all, int descriptor, struct lubdub_transport *transport)
{
    if ((size_t)descriptor >= all->capacity && !grow(all, (size_t)descriptor + 1)) {
        return false;
    }
    all->by_descriptor[descriptor] = transport;
    return true;
}

void lubdub_transports_remove(struct lubdub_transports *all, int descriptor)
{
    struct lubdub_transport *transport = lubdub_transports_find(all, descriptor);

    if (transport != NULL) {
        all->by_descriptor[descriptor] = NULL;
        transport->kind->free(transport);
    }
}

void lubdub_transports_clear(struct lubdub_transports *all)
{
    if (all->shop != NULL) {
        all->close_shop(all->shop);
        all->shop = NULL;
    }
    free(all->by_descriptor);
    all->by_descriptor = NULL;
    all->capacity = 0;
}
