/* Keeps debts in a hash table by identity and by address. */
#include "server/library/debts.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "server/library/table.h"

struct lubdub_debtor {
    UT_hash_handle hh;
    lubdub_time probes_until;
    lubdub_time messages_until;
    uint32_t sessions; /* that ended, and were not taken over */
    bool is_lost;
    uint8_t length;
    uint8_t key[];
};

/* "i" and an identity, or "a" and an address. */
struct key {
    uint8_t bytes[1 + LUBDUB_IDENTITY_LIMIT];
    uint8_t length;
};

static struct key key_of(char kind, const void *bytes, size_t length)
{
    struct key key = {.bytes = {(uint8_t)kind}, .length = (uint8_t)(1 + length)};

    memcpy(key.bytes + 1, bytes, length);
    return key;
}

static void forget(struct lubdub_debts *debts, struct lubdub_debtor *debtor)
{
    HASH_DEL(debts->all, debtor);
    free(debtor);
    debts->count = HASH_COUNT(debts->all);
}

void lubdub_debts_clear(struct lubdub_debts *debts)
{
    while (debts->all != NULL) {
        forget(debts, debts->all);
    }
}

static bool is_drained(const struct lubdub_debtor *debtor, lubdub_time now)
{
    return debtor->probes_until <= now && debtor->messages_until <= now;
}

static void forget_oldest(struct lubdub_debts *debts, lubdub_time now)
{
    while (debts->all != NULL && (is_drained(debts->all, now) || HASH_COUNT(debts->all) > LUBDUB_MOST_DEBTS)) {
        forget(debts, debts->all);
    }
}

static struct lubdub_debtor *find(struct lubdub_debts *debts, const struct key *key)
{
    struct lubdub_debtor *debtor;

    HASH_FIND(hh, debts->all, key->bytes, key->length, debtor);
    return debtor;
}

static struct lubdub_debtor *add(struct lubdub_debts *debts, const struct key *key)
{
    struct lubdub_debtor *debtor = calloc(1, sizeof *debtor + key->length);

    if (debtor == NULL) {
        return NULL;
    }
    debtor->length = key->length;
    memcpy(debtor->key, key->bytes, key->length);
    HASH_ADD_KEYPTR(hh, debts->all, debtor->key, debtor->length, debtor);
    if (debtor->is_lost) {
        free(debtor);
        return NULL;
    }
    debts->count = HASH_COUNT(debts->all);
    return debtor;
}

static void keep(struct lubdub_debts *debts, const struct key *key, struct lubdub_debt debt, lubdub_time now)
{
    struct lubdub_debtor *debtor = find(debts, key);

    if (debtor != NULL && is_drained(debtor, now)) {
        forget(debts, debtor);
        debtor = NULL;
    }
    if (debtor == NULL) {
        debtor = add(debts, key);
    }
    if (debtor != NULL) {
        debtor->probes_until = lubdub_duration_longer(debtor->probes_until, lubdub_time_after(now, debt.probes));
        debtor->messages_until = lubdub_duration_longer(debtor->messages_until, lubdub_time_after(now, debt.messages));
        debtor->sessions += debtor->sessions < UINT32_MAX;
    }
}

void lubdub_debts_keep(struct lubdub_debts *debts, struct lubdub_slice identity, const struct lubdub_address *address,
                       struct lubdub_debt debt, lubdub_duration expiry, lubdub_time now)
{
    struct key key = key_of('a', address->ip, sizeof address->ip);

    debt.probes = lubdub_duration_shorter(debt.probes, expiry);
    debt.messages = lubdub_duration_shorter(debt.messages, expiry);
    keep(debts, &key, debt, now);
    if (identity.length > 0) {
        key = key_of('i', identity.data, identity.length);
        keep(debts, &key, debt, now);
    }
    forget_oldest(debts, now);
}

static void take(struct lubdub_debts *debts, const struct key *key, lubdub_time now, struct lubdub_debt *debt)
{
    struct lubdub_debtor *debtor = find(debts, key);

    if (debtor == NULL) {
        return;
    }
    debt->probes = lubdub_duration_longer(debt->probes, lubdub_time_between(now, debtor->probes_until));
    debt->messages = lubdub_duration_longer(debt->messages, lubdub_time_between(now, debtor->messages_until));
    if (--debtor->sessions == 0) {
        forget(debts, debtor);
    }
}

struct lubdub_debt lubdub_debts_take(struct lubdub_debts *debts, struct lubdub_slice identity,
                                     const struct lubdub_address *address, lubdub_time now)
{
    struct key key = key_of('a', address->ip, sizeof address->ip);
    struct lubdub_debt debt = {0};

    take(debts, &key, now, &debt);
    if (identity.length > 0) {
        key = key_of('i', identity.data, identity.length);
        take(debts, &key, now, &debt);
    }
    return debt;
}
