/* Reserves the address space of records, and takes and gives back their places. */
#include "server/library/pool.h"

#include <string.h>
#include <sys/mman.h>

#define PLACE_BITS 28

static void *reserve(size_t length)
{
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) {
        return NULL;
    }
    /* Pages of 2 MiB would make the first session cost as much as ten thousand. */
    madvise(memory, length, MADV_NOHUGEPAGE);
    return memory;
}

bool lubdub_pool_init(struct lubdub_pool *pool, uint32_t capacity, uint32_t worker, uint32_t worker_count)
{
    const uint32_t most = (1u << PLACE_BITS) / worker_count;

    memset(pool, 0, sizeof *pool);
    pool->capacity = capacity < most ? capacity : most;
    pool->worker = worker;
    pool->worker_count = worker_count;
    pool->records = reserve(pool->capacity * sizeof *pool->records);
    pool->generations = reserve(pool->capacity * sizeof *pool->generations);
    if (pool->records == NULL || pool->generations == NULL) {
        lubdub_pool_clear(pool);
        return false;
    }
    return true;
}

void lubdub_pool_clear(struct lubdub_pool *pool)
{
    if (pool->records != NULL) {
        munmap(pool->records, pool->capacity * sizeof *pool->records);
    }
    if (pool->generations != NULL) {
        munmap(pool->generations, pool->capacity * sizeof *pool->generations);
    }
    memset(pool, 0, sizeof *pool);
}

/* A free record keeps the next free one's index + 1 where its port and time were. */
struct lubdub_record *lubdub_pool_take(struct lubdub_pool *pool)
{
    struct lubdub_record *record;

    if (pool->first_free > 0) {
        record = &pool->records[pool->first_free - 1];
        pool->first_free = (uint32_t)record->connected_at;
    } else if (pool->used < pool->capacity) {
        record = &pool->records[pool->used++];
    } else {
        return NULL;
    }
    memset(record, 0, sizeof *record);
    pool->count++;
    return record;
}

void lubdub_pool_give_back(struct lubdub_pool *pool, struct lubdub_record *record)
{
    uint32_t index = (uint32_t)(record - pool->records);

    record->peer = NULL;
    pool->count--;
    if (++pool->generations[index] == UINT32_MAX) {
        return; /* used up: a number never comes twice */
    }
    record->connected_at = pool->first_free;
    pool->first_free = index + 1;
}

uint32_t lubdub_pool_place(const struct lubdub_pool *pool, const struct lubdub_record *record)
{
    return (uint32_t)(record - pool->records) * pool->worker_count + pool->worker;
}

uint64_t lubdub_pool_number(const struct lubdub_pool *pool, const struct lubdub_record *record)
{
    uint64_t generation = pool->generations[record - pool->records];

    return (generation << PLACE_BITS | lubdub_pool_place(pool, record)) + 1;
}

struct lubdub_record *lubdub_pool_find(const struct lubdub_pool *pool, uint64_t number)
{
    uint32_t place = lubdub_number_place(number);
    uint32_t index = place / pool->worker_count;
    struct lubdub_record *record;

    if (number == 0 || lubdub_place_worker(place, pool->worker_count) != pool->worker || index >= pool->used) {
        return NULL;
    }
    record = &pool->records[index];
    return record->peer != NULL && lubdub_pool_number(pool, record) == number ? record : NULL;
}
