/*
 * Keeps the debts of ended sessions: how much of their allowances they had used. A debt is kept for the identity and
 * for the address, for one expiry at most, and handed to the next session of either; so a client that connects again
 * does not begin with a new allowance (docs/protocol.md, section 5, Too many frames).
 *
 * Behind one address there may be many clients. Each session that ended there counts, and each new one takes over one
 * of them; with the largest debt, as they are not told apart. A bounded number is kept, the oldest is forgotten first.
 * Pure.
 */
#ifndef LUBDUB_SERVER_LIBRARY_DEBTS_H
#define LUBDUB_SERVER_LIBRARY_DEBTS_H

#include <stdatomic.h>
#include <stdint.h>

#include <lubdub/option.h>
#include <lubdub/time.h>

#include "ev/address.h"

#define LUBDUB_MOST_DEBTS 16384

/* The time in which it drains. */
struct lubdub_debt {
    lubdub_duration probes;
    lubdub_duration messages;
};

struct lubdub_debtor;

/* Zeroed: empty. */
struct lubdub_debts {
    struct lubdub_debtor *all; /* uthash, in the order in which they were kept */
    _Atomic size_t count;      /* may be read without the lock: 0 where there is no debt */
};

void lubdub_debts_clear(struct lubdub_debts *debts);

/* A session has ended. Its identity may be empty. Without memory it is forgotten. */
void lubdub_debts_keep(struct lubdub_debts *debts, struct lubdub_slice identity, const struct lubdub_address *address,
                       struct lubdub_debt debt, lubdub_duration expiry, lubdub_time now);

/* What a session that begins takes over; less what has drained. */
struct lubdub_debt lubdub_debts_take(struct lubdub_debts *debts, struct lubdub_slice identity,
                                     const struct lubdub_address *address, lubdub_time now);

#endif
