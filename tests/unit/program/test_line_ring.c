/* The memory of lines that are held: what is taken stays whole, in whatever order it is given back. */
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/program/line_ring.h"

#include "statistics/random.h"
#include "support/test.h"

#define CAPACITY ((size_t)64 * 1024)
#define MOST 64

static void room_ends_and_comes_back_with_the_oldest(void **state)
{
    struct line_ring ring;
    void *taken[MOST];
    size_t count = 0;

    (void)state;
    line_ring_init(&ring, CAPACITY);
    while (count < MOST && (taken[count] = line_ring_take(&ring, 4000)) != NULL) {
        count++;
    }
    assert_int_equal(count, 16); /* 65,536 bytes in pieces of 4,000 and a header */
    line_ring_give(&ring, taken[1]);
    assert_null(line_ring_take(&ring, 4000)); /* the oldest is still there */
    line_ring_give(&ring, taken[0]);
    assert_non_null(line_ring_take(&ring, 4000));
    assert_non_null(line_ring_take(&ring, 4000));
    assert_null(line_ring_take(&ring, 4000));
    line_ring_clear(&ring);
}

static void too_long_a_thing_is_refused(void **state)
{
    struct line_ring ring;

    (void)state;
    line_ring_init(&ring, CAPACITY);
    assert_null(line_ring_take(&ring, CAPACITY));
    assert_null(line_ring_take(&ring, SIZE_MAX));
    assert_non_null(line_ring_take(&ring, CAPACITY / 2));
    line_ring_clear(&ring);
}

struct taken {
    uint8_t *bytes;
    size_t length;
    uint8_t value;
};

static void expect_whole(const struct taken *taken)
{
    size_t i;

    for (i = 0; i < taken->length; i++) {
        assert_int_equal(taken->bytes[i], taken->value);
    }
}

static void what_is_taken_stays_whole(void **state)
{
    struct taken all[MOST];
    struct line_ring ring;
    uint64_t random = 7;
    size_t refused = 0;
    size_t count = 0;
    int step;

    (void)state;
    line_ring_init(&ring, CAPACITY);
    for (step = 0; step < 20000; step++) {
        if (count < MOST && random_below(&random, 2) == 0) {
            struct taken *taken = &all[count];

            taken->length = 1 + (size_t)random_below(&random, 3000);
            taken->bytes = line_ring_take(&ring, taken->length);
            if (taken->bytes == NULL) {
                refused++;
                continue;
            }
            taken->value = (uint8_t)step;
            memset(taken->bytes, taken->value, taken->length);
            count++;
        } else if (count > 0) {
            size_t which = random_below(&random, 4) != 0 ? 0 : (size_t)random_below(&random, count);

            expect_whole(&all[which]);
            line_ring_give(&ring, all[which].bytes);
            memmove(&all[which], &all[which + 1], (count - which - 1) * sizeof all[0]);
            count--;
        }
    }
    assert_true(refused > 0); /* it was full at times */
    while (count > 0) {
        expect_whole(&all[--count]);
        line_ring_give(&ring, all[count].bytes);
    }
    assert_int_equal(ring.used, 0);
    line_ring_clear(&ring);
}

static size_t pages_in_memory(const struct line_ring *ring)
{
    static unsigned char pages[4096];
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t count = 0;
    size_t i;

    assert_int_equal(mincore(ring->bytes, ring->capacity, pages), 0);
    for (i = 0; i < ring->capacity / page; i++) {
        count += pages[i] & 1U;
    }
    return count;
}

static void memory_of_a_burst_goes_back(void **state)
{
    struct line_ring ring;
    void *taken[8];
    size_t i;

    (void)state;
    line_ring_init(&ring, 1024 * 1024);
    for (i = 0; i < 8; i++) {
        taken[i] = line_ring_take(&ring, 100 * 1024);
        memset(taken[i], 1, 100 * 1024);
    }
    assert_true(pages_in_memory(&ring) > 100);
    for (i = 8; i-- > 0;) {
        line_ring_give(&ring, taken[i]);
    }
    assert_int_equal(pages_in_memory(&ring), 0);
    line_ring_clear(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_ends_and_comes_back_with_the_oldest),
        cmocka_unit_test(too_long_a_thing_is_refused),
        cmocka_unit_test(what_is_taken_stays_whole),
        cmocka_unit_test(memory_of_a_burst_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
