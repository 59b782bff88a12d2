/* Finds the bucket of a duration and counts it. */
#include "ev/buckets.h"

const lubdub_duration lubdub_bucket_bounds[LUBDUB_BUCKET_BOUNDS] = {100 * LUBDUB_MICROSECOND,
                                                                    250 * LUBDUB_MICROSECOND,
                                                                    500 * LUBDUB_MICROSECOND,
                                                                    LUBDUB_MILLISECOND,
                                                                    2500 * LUBDUB_MICROSECOND,
                                                                    5 * LUBDUB_MILLISECOND,
                                                                    10 * LUBDUB_MILLISECOND,
                                                                    25 * LUBDUB_MILLISECOND,
                                                                    50 * LUBDUB_MILLISECOND,
                                                                    100 * LUBDUB_MILLISECOND,
                                                                    250 * LUBDUB_MILLISECOND,
                                                                    500 * LUBDUB_MILLISECOND,
                                                                    LUBDUB_SECOND,
                                                                    2500 * LUBDUB_MILLISECOND,
                                                                    5 * LUBDUB_SECOND,
                                                                    10 * LUBDUB_SECOND};

/* One thread writes: no locked instruction is needed. */
static void add(_Atomic uint64_t *counter, uint64_t amount)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + amount, memory_order_relaxed);
}

void lubdub_buckets_add(struct lubdub_buckets *buckets, lubdub_duration duration)
{
    unsigned bucket = 0;

    while (bucket < LUBDUB_BUCKET_BOUNDS && duration > lubdub_bucket_bounds[bucket]) {
        bucket++;
    }
    add(&buckets->counts[bucket], 1);
    add(&buckets->sum, duration);
}
