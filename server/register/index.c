/* Splits the chains one after the other, in the order of their numbers. */
#include "server/register/index.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include "ev/sip_hash.h"

#define FIRST_CHAINS 64

bool index_init(struct index *index)
{
    void *memory = mmap(NULL, INDEX_CAPACITY * sizeof *index->chains, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) {
        return false;
    }
    *index = (struct index){.chains = memory, .chain_count = FIRST_CHAINS};
    return true;
}

void index_clear(struct index *index)
{
    if (index->chains != NULL) {
        munmap(index->chains, INDEX_CAPACITY * sizeof *index->chains);
    }
    *index = (struct index){0};
}

/* The chains below chain_count - half are split already: they go by one bit more of the hash than the others. */
static size_t chain_of(const struct index *index, uint32_t hash)
{
    size_t half = FIRST_CHAINS;
    size_t chain;

    while (2 * half <= index->chain_count) {
        half *= 2;
    }
    chain = hash & (2 * half - 1);
    return chain < index->chain_count ? chain : chain - half;
}

static void push(struct index *index, size_t chain, struct known *known)
{
    known->chain = index->chains[chain];
    index->chains[chain] = known;
}

static void split_next(struct index *index)
{
    size_t half = FIRST_CHAINS;
    struct known *known;

    while (2 * half <= index->chain_count) {
        half *= 2;
    }
    known = index->chains[index->chain_count - half];
    index->chains[index->chain_count - half] = NULL;
    index->chain_count++;
    while (known != NULL) {
        struct known *next = known->chain;

        push(index, chain_of(index, known->hash), known);
        known = next;
    }
}

struct known *index_find(const struct index *index, struct lubdub_slice identity)
{
    uint32_t hash = lubdub_sip_hash_here(identity.data, identity.length);
    struct known *known = index->chains[chain_of(index, hash)];

    while (known != NULL && (known->hash != hash || known->length != identity.length ||
                             memcmp(known->identity, identity.data, identity.length) != 0)) {
        known = known->chain;
    }
    return known;
}

void index_add(struct index *index, struct known *known)
{
    known->hash = lubdub_sip_hash_here(known->identity, known->length);
    push(index, chain_of(index, known->hash), known);
    index->count++;
    if (index->count > index->chain_count && index->chain_count < INDEX_CAPACITY) {
        split_next(index);
    }
}

void index_remove(struct index *index, struct known *known)
{
    struct known **place = &index->chains[chain_of(index, known->hash)];

    while (*place != known) {
        assert(*place != NULL);
        place = &(*place)->chain;
    }
    *place = known->chain;
    index->count--;
}
