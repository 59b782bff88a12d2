/*
 * Keeps the records of one worker's connections, in one stretch of address space that is reserved for as many as there
 * can be descriptors and becomes memory only where it is used.
 *
 * A record is 128 bytes, two lines of cache: the link's watcher, the session, and what little the server adds. A
 * session's number is made of its place and of how often that place was used, so finding a session by its
 * number needs no index, and a number never comes twice.
 *
 * Other threads may read the records of sessions (copy.h) while the pool's thread goes on: they are readers. A reader
 * looks only at places that are marked as listed. The pool's thread never waits for a reader: what a reader may still
 * be looking at (a record that was given back, and its peer) is put aside, and freed when no reader is there.
 */
#ifndef LUBDUB_SERVER_LIBRARY_POOL_H
#define LUBDUB_SERVER_LIBRARY_POOL_H

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ev/link.h"

struct lubdub_peer;

struct lubdub_record {
    struct lubdub_link link;
    struct lubdub_peer *peer;   /* peer.h; NULL: the record is free */
    uint64_t connected_at : 48; /* milliseconds, CLOCK_MONOTONIC: 8900 years */
    uint64_t remote_port : 16;
};
static_assert(sizeof(struct lubdub_record) == 128, "a record is two cache lines");

/* Bits of what is told about each place. */
enum lubdub_mark {
    LUBDUB_MARK_LISTED = 1, /* a session: CONNECTED is told or about to be, DISCONNECTED was not */
    LUBDUB_MARK_LATE = 2,
    LUBDUB_MARK_WARNING = 4, /* its health, */
    LUBDUB_MARK_CRITICAL = 8,
    LUBDUB_MARK_FULL = 16, /* a message found no room, and ROOM was not told since */
};

/* What the content of a probe said when the session's health changed. */
struct lubdub_saying {
    size_t length;
    uint8_t content[];
};

/* Of the content no more is kept. */
#define LUBDUB_SAYING_LIMIT 1024

#define LUBDUB_POOL_ASIDE 256

/* Memory that a reader may be looking at. */
struct lubdub_aside {
    void *memory;
    uint32_t index; /* of the record to give back; LUBDUB_NO_RECORD: none */
};

#define LUBDUB_NO_RECORD UINT32_MAX

/* Arrays are by index; each becomes memory where it is used. */
struct lubdub_pool {
    struct lubdub_record *records;
    uint32_t *generations;                    /* how often it was given back */
    _Atomic uint8_t *marks;                   /* lubdub_mark; the pool's thread writes, any may read */
    _Atomic uint64_t *messages;               /* received of the session; as marks */
    _Atomic(struct lubdub_saying *) *sayings; /* NULL: none; as marks */
    void **data;                              /* the application's own */
    uint32_t capacity;
    _Atomic uint32_t used; /* places that were ever used */
    uint32_t count;        /* records in use */
    uint32_t first_free;   /* index + 1 of the place given back last; 0: none */
    uint32_t worker;
    uint32_t worker_count;
    pthread_mutex_t readers; /* a reader holds it while it looks; the pool's thread tries it */
    struct lubdub_aside aside[LUBDUB_POOL_ASIDE];
    unsigned aside_count;
    bool has_readers; /* the mutex was made */
};

/* Reserves room. False: the system has no address space or memory. */
bool lubdub_pool_init(struct lubdub_pool *pool, uint32_t capacity, uint32_t worker, uint32_t worker_count);
void lubdub_pool_clear(struct lubdub_pool *pool);

/* A record, zeroed; NULL when all are in use. It counts as used; the caller sets its peer. */
struct lubdub_record *lubdub_pool_take(struct lubdub_pool *pool);
/* Its peer is freed with it, now or when no reader looks at it any more. */
void lubdub_pool_give_back(struct lubdub_pool *pool, struct lubdub_record *record);

/* Marks are of the record's place; bits not named in `which` stay. */
void lubdub_pool_mark(struct lubdub_pool *pool, const struct lubdub_record *record, unsigned which, unsigned marks);
unsigned lubdub_pool_marks(const struct lubdub_pool *pool, const struct lubdub_record *record);

/* Keeps the content (bounded, see LUBDUB_SAYING_LIMIT) in place of the earlier one. Without memory there is none. */
void lubdub_pool_say(struct lubdub_pool *pool, const struct lubdub_record *record, const uint8_t *content,
                     size_t length);

void lubdub_pool_count_message(struct lubdub_pool *pool, const struct lubdub_record *record);

/* Sets the application's pointer and returns the one before; NULL: none. */
void *lubdub_pool_swap_data(struct lubdub_pool *pool, const struct lubdub_record *record, void *data);
void *lubdub_pool_data(const struct lubdub_pool *pool, const struct lubdub_record *record);

/* ---- for a reader: what is listed while it is in here stays until it leaves. Brief, and without a call of others ----
 */

void lubdub_pool_enter(struct lubdub_pool *pool);
bool lubdub_pool_try_enter(struct lubdub_pool *pool); /* false: another one is in */
void lubdub_pool_leave(struct lubdub_pool *pool);

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
