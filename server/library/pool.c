/* Reserves the address space of records, and takes and gives back their places. */
#include "server/library/pool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "server/library/peer.h"

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
    pool->marks = reserve(pool->capacity * sizeof *pool->marks);
    pool->messages = reserve(pool->capacity * sizeof *pool->messages);
    pool->sayings = reserve(pool->capacity * sizeof *pool->sayings);
    pool->data = reserve(pool->capacity * sizeof *pool->data);
    pool->has_readers = pthread_mutex_init(&pool->readers, NULL) == 0;
    if (pool->records == NULL || pool->generations == NULL || pool->marks == NULL || pool->messages == NULL ||
        pool->sayings == NULL || pool->data == NULL || !pool->has_readers) {
        lubdub_pool_clear(pool);
        return false;
    }
    return true;
}

static void unreserve(void *memory, size_t length)
{
    if (memory != NULL) {
        munmap(memory, length);
    }
}

/* Takes the place back into the list of free ones. A free record keeps the next one's index + 1 where its time was. */
static void free_place(struct lubdub_pool *pool, uint32_t index)
{
    if (++pool->generations[index] == UINT32_MAX) {
        return; /* used up: a number never comes twice */
    }
    pool->records[index].connected_at = pool->first_free;
    pool->first_free = index + 1;
}

/* The caller is the only one in. */
static void free_aside(struct lubdub_pool *pool)
{
    while (pool->aside_count > 0) {
        const struct lubdub_aside *aside = &pool->aside[--pool->aside_count];

        free(aside->memory);
        if (aside->index != LUBDUB_NO_RECORD) {
            free_place(pool, aside->index);
        }
    }
}

static void try_to_free_aside(struct lubdub_pool *pool)
{
    if (pool->aside_count > 0 && pthread_mutex_trylock(&pool->readers) == 0) {
        free_aside(pool);
        pthread_mutex_unlock(&pool->readers);
    }
}

/* Waits for a reader only where hundreds of sessions ended since readers last left. */
static void put_aside(struct lubdub_pool *pool, void *memory, uint32_t index)
{
    if (pool->aside_count == LUBDUB_POOL_ASIDE) {
        pthread_mutex_lock(&pool->readers);
        free_aside(pool);
        pthread_mutex_unlock(&pool->readers);
    }
    pool->aside[pool->aside_count++] = (struct lubdub_aside){memory, index};
    try_to_free_aside(pool);
}

void lubdub_pool_clear(struct lubdub_pool *pool)
{
    free_aside(pool);
    unreserve(pool->records, pool->capacity * sizeof *pool->records);
    unreserve(pool->generations, pool->capacity * sizeof *pool->generations);
    unreserve((void *)(uintptr_t)pool->marks, pool->capacity * sizeof *pool->marks);
    unreserve((void *)(uintptr_t)pool->messages, pool->capacity * sizeof *pool->messages);
    unreserve((void *)(uintptr_t)pool->sayings, pool->capacity * sizeof *pool->sayings);
    unreserve(pool->data, pool->capacity * sizeof *pool->data);
    if (pool->has_readers) {
        pthread_mutex_destroy(&pool->readers);
    }
    memset(pool, 0, sizeof *pool);
}

void lubdub_pool_enter(struct lubdub_pool *pool)
{
    pthread_mutex_lock(&pool->readers);
}

bool lubdub_pool_try_enter(struct lubdub_pool *pool)
{
    return pthread_mutex_trylock(&pool->readers) == 0;
}

void lubdub_pool_leave(struct lubdub_pool *pool)
{
    pthread_mutex_unlock(&pool->readers);
}

struct lubdub_record *lubdub_pool_take(struct lubdub_pool *pool)
{
    struct lubdub_record *record;

    try_to_free_aside(pool);
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
    struct lubdub_peer *peer = record->peer;

    atomic_store_explicit(&pool->marks[index], 0, memory_order_relaxed);
    if (atomic_load_explicit(&pool->messages[index], memory_order_relaxed) > 0) { /* else its memory stays untouched */
        atomic_store_explicit(&pool->messages[index], 0, memory_order_relaxed);
    }
    lubdub_pool_say(pool, record, NULL, 0);
    __atomic_store_n(&record->peer, NULL, __ATOMIC_RELAXED);
    pool->count--;
    put_aside(pool, peer, index);
}

void lubdub_pool_mark(struct lubdub_pool *pool, const struct lubdub_record *record, unsigned which, unsigned marks)
{
    _Atomic uint8_t *all = &pool->marks[record - pool->records];
    unsigned before = atomic_load_explicit(all, memory_order_relaxed);

    atomic_store_explicit(all, (uint8_t)((before & ~which) | marks), memory_order_release);
}

unsigned lubdub_pool_marks(const struct lubdub_pool *pool, const struct lubdub_record *record)
{
    return atomic_load_explicit(&pool->marks[record - pool->records], memory_order_acquire);
}

void lubdub_pool_say(struct lubdub_pool *pool, const struct lubdub_record *record, const uint8_t *content,
                     size_t length)
{
    _Atomic(struct lubdub_saying *) *place = &pool->sayings[record - pool->records];
    struct lubdub_saying *before = atomic_load_explicit(place, memory_order_relaxed);
    size_t kept = length < LUBDUB_SAYING_LIMIT ? length : LUBDUB_SAYING_LIMIT;
    struct lubdub_saying *saying = kept > 0 ? malloc(sizeof *saying + kept) : NULL;

    if (saying != NULL) {
        saying->length = kept;
        memcpy(saying->content, content, kept);
    }
    if (saying != NULL || before != NULL) {
        atomic_store_explicit(place, saying, memory_order_release);
    }
    if (before != NULL) {
        put_aside(pool, before, LUBDUB_NO_RECORD);
    }
}

void *lubdub_pool_swap_data(struct lubdub_pool *pool, const struct lubdub_record *record, void *data)
{
    void **place = &pool->data[record - pool->records];
    void *before = *place;

    if (before != data) { /* else its memory stays untouched */
        *place = data;
    }
    return before;
}

void *lubdub_pool_data(const struct lubdub_pool *pool, const struct lubdub_record *record)
{
    return pool->data[record - pool->records];
}

void lubdub_pool_count_message(struct lubdub_pool *pool, const struct lubdub_record *record)
{
    _Atomic uint64_t *count = &pool->messages[record - pool->records];

    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
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
