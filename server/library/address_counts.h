/* Counts how many connections there are from each address; pure. */
#ifndef LUBDUB_SERVER_LIBRARY_ADDRESS_COUNTS_H
#define LUBDUB_SERVER_LIBRARY_ADDRESS_COUNTS_H

#include <stdbool.h>
#include <stddef.h>

#include "ev/address.h"

struct lubdub_address_count;

/* Zeroed: empty. */
struct lubdub_address_counts {
    struct lubdub_address_count *all;    /* uthash by address */
    struct lubdub_address_count *latest; /* that was found last, for many come from one address; NULL: none */
};

void lubdub_address_counts_clear(struct lubdub_address_counts *counts);

/* One more from there. False: it would be more than limit, or there is no memory; then nothing is counted. */
bool lubdub_address_counts_add(struct lubdub_address_counts *counts, const struct lubdub_address *address,
                               size_t limit);

/* One less. */
void lubdub_address_counts_remove(struct lubdub_address_counts *counts, const struct lubdub_address *address);

#endif
