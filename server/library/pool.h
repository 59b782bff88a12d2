/*
 * Keeps the records of one worker's connections, in one stretch of address space that is reserved for as many as there
 * can be descriptors and becomes memory only where it is used.
 *
 * A record is 128 bytes, two lines of cache: the link's watcher, the session, and what little the server adds. A
 * session's number is made of its place and of how often that place was used, so finding a session by its
 * number needs no index, and a number never comes twice.
 */
#ifndef LUBDUB_SERVER_LIBRARY_POOL_H
#define LUBDUB_SERVER_LIBRARY_POOL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ev/link.h"

struct lubdub_peer;

struct lubdub_record {
    struct lubdub_link link;
    struct lubdub_peer *peer;    /* peer.h; NULL: the record is free */
    uint64_t connected_at : 48;  /* milliseconds, CLOCK_MONOTONIC: 8900 years */
    uint64_t remote_port : 16;
};
static_assert(sizeof(struct lubdub_record) == 128, "a record is two cache lines");

struct lubdub_pool {
    struct lubdub_record *records;
    uint32_t *generations;   /* of each place: how often it was given back */
    uint32_t capacity;
    uint32_t used;           /* places that were ever used */
    uint32_t count;          /* records in use */
    uint32_t first_free;     /* index + 1 of the place given back last; 0: none */
    uint32_t worker;
    uint32_t worker_count;
};

/* Reserves room. False: the system has no address space or memory. */
bool lubdub_pool_init(struct lubdub_pool *pool, uint32_t capacity, uint32_t worker, uint32_t worker_count);
void lubdub_pool_clear(struct lubdub_pool *pool);

/* A record, zeroed; NULL when all are in use. It counts as used; the caller sets its peer. */
struct lubdub_record *lubdub_pool_take(struct lubdub_pool *pool);
void lubdub_pool_give_back(struct lubdub_pool *pool, struct lubdub_record *record);

/* The number of the session in this record. */
uint64_t lubdub_pool_number(const struct lubdub_pool *pool, const struct lubdub_record *record);

/* The record with this session number; NULL if there is none (any more). */
struct lubdub_record *lubdub_pool_find(const struct lubdub_pool *pool, uint64_t number);

/* A record's place among the records of all workers, in 28 bits; the lower part of its number. */
uint32_t lubdub_pool_place(const struct lubdub_pool *pool, const struct lubdub_record *record);

/* Which worker's pool a number or place belongs to, and the index there. */
static inline uint32_t lubdub_place_worker(uint32_t place, uint32_t worker_count)
{
    return place % worker_count;
}

static inline uint32_t lubdub_number_place(uint64_t number)
{
    return (uint32_t)((number - 1) & 0xfffffff);
}

static inline struct lubdub_record *lubdub_pool_at_place(const struct lubdub_pool *pool, uint32_t place)
{
    return &pool->records[place / pool->worker_count];
}

#endif
