/* Keeps a network, such as 10.0.0.0/8 or 2001:db8::/32, and says which addresses are in it. Pure. */
#ifndef LUBDUB_EV_NETWORK_H
#define LUBDUB_EV_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ev/address.h"

/* IPv4 networks are kept as IPv4-mapped, as addresses are. */
struct lubdub_network {
    uint8_t ip[16];
    unsigned bits; /* of the 128 that all its addresses have in common */
};

/*
 * Parses ADDRESS/BITS; without BITS it is the one address. False: it is none, or has bits behind its prefix
 * (10.0.0.1/8), so that it may be meant in two ways.
 */
bool lubdub_network_parse(struct lubdub_network *network, const char *text, size_t length);

bool lubdub_network_has(const struct lubdub_network *network, const struct lubdub_address *address);

#endif
