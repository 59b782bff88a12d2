#define _DEFAULT_SOURCE
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "program/events/store.h"
#include "support/test.h"

#define MEGABYTE ((size_t)1024 * 1024)

static void make_line(struct lubdub_event_line *line, uint64_t number, size_t text_length)
{
    static const char text[LUBDUB_EVENT_STRING_MAX];

    lubdub_event_line_begin(line, "test", number, number);
    lubdub_event_line_number(line, "number", number);
    lubdub_event_line_string(line, "text", text, text_length);
}

static uint64_t number_of(const struct lubdub_event_line *line)
{
    uint64_t number = UINT64_MAX;

    lubdub_event_line_get_number(line, "number", &number);
    return number;
}

static size_t resident_bytes(const struct lubdub_event_store *store, const struct lubdub_event_half *half)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char pages[1024];
    size_t count = store->capacity / page;
    size_t resident = 0;
    size_t i;

    assert_true(count <= sizeof pages);
    assert_int_equal(mincore(half->bytes, store->capacity, pages), 0);
    for (i = 0; i < count; i++) {
        resident += (pages[i] & 1) != 0 ? page : 0;
    }
    return resident;
}

static void lines_come_out_as_they_went_in(void **state)
{
    struct lubdub_event_store store;
    struct lubdub_event_half *half = NULL;
    struct lubdub_event_line line;
    struct lubdub_event_line taken;
    uint64_t number;

    (void)state;
    assert_int_equal(lubdub_event_store_init(&store, MEGABYTE), 0);
    for (number = 0; number < 300; number++) {
        make_line(&line, number, number);
        assert_true(lubdub_event_store_put(&store, &line));
    }
    assert_int_equal(lubdub_event_store_take(&store, 0, &half), LUBDUB_EVENT_STORE_LINES);
    for (number = 0; number < 300; number++) {
        make_line(&line, number, number);
        assert_true(lubdub_event_store_next(half, &taken));
        assert_int_equal(taken.length, line.length);
        assert_ptr_equal(taken.event, line.event);
        assert_memory_equal(taken.fields, line.fields, line.length);
        assert_int_equal(taken.mono, number);
    }
    assert_false(lubdub_event_store_next(half, &taken));
    assert_int_equal(lubdub_event_store_take(&store, 0, &half), LUBDUB_EVENT_STORE_NOTHING);
    lubdub_event_store_close(&store);
    assert_int_equal(lubdub_event_store_take(&store, LUBDUB_TIME_NEVER, &half), LUBDUB_EVENT_STORE_END);
    lubdub_event_store_clear(&store);
}

static void full_store_refuses_and_remembers_when_and_how_many(void **state)
{
    struct lubdub_event_store store;
    struct lubdub_event_half *half = NULL;
    struct lubdub_event_line line;
    uint64_t accepted = 0;
    uint64_t taken = 0;

    (void)state;
    assert_int_equal(lubdub_event_store_init(&store, 64 * 1024), 0);
    make_line(&line, accepted, 1000);
    while (lubdub_event_store_put(&store, &line)) {
        accepted++;
        make_line(&line, accepted, 1000);
    }
    make_line(&line, accepted + 1, 0); /* would fit, but stands behind one that is missing */
    assert_false(lubdub_event_store_put(&store, &line));

    assert_int_equal(lubdub_event_store_take(&store, 0, &half), LUBDUB_EVENT_STORE_LINES);
    assert_int_equal(half->refused, 2);
    assert_int_equal(half->refused_mono, accepted);
    assert_true(lubdub_event_store_put(&store, &line));
    while (lubdub_event_store_next(half, &line)) {
        assert_int_equal(number_of(&line), taken);
        taken++;
    }
    assert_int_equal(taken, accepted);
    assert_int_equal(lubdub_event_store_take(&store, 0, &half), LUBDUB_EVENT_STORE_LINES);
    assert_int_equal(half->refused, 0);
    lubdub_event_store_clear(&store);
}

/* However much a session says, the line that tells that another one has left has room, and stands behind the gap. */
static void leaves_room(enum lubdub_event_rank rank, size_t part)
{
    struct lubdub_event_store store;
    struct lubdub_event_half *half = NULL;
    struct lubdub_event_line line;
    uint64_t minor = 0;
    uint64_t others = 0;
    uint64_t taken;

    assert_int_equal(lubdub_event_store_init(&store, MEGABYTE), 0);
    for (;;) {
        make_line(&line, minor, 200);
        line.rank = rank;
        if (!lubdub_event_store_put(&store, &line)) {
            break;
        }
        minor++;
    }
    assert_in_range(store.filling->used, store.capacity / part * (part - 1) - 1000, store.capacity / part * (part - 1));
    make_line(&line, minor, 200);
    while (lubdub_event_store_put(&store, &line)) {
        others++;
        make_line(&line, minor + others, 200);
    }
    assert_true(others > store.capacity / part / 500);

    assert_int_equal(lubdub_event_store_take(&store, 0, &half), LUBDUB_EVENT_STORE_LINES);
    assert_int_equal(half->refused, 2);
    for (taken = 0; taken < minor + others; taken++) {
        assert_int_equal(lubdub_event_store_is_at_gap(half), taken == minor);
        assert_true(lubdub_event_store_next(half, &line));
        assert_int_equal(number_of(&line), taken);
    }
    assert_false(lubdub_event_store_is_at_gap(half));
    assert_false(lubdub_event_store_next(half, &line));

    make_line(&line, 0, 200);
    line.rank = rank;
    assert_true(lubdub_event_store_put(&store, &line)); /* the other half is open to all again */
    assert_int_equal(lubdub_event_store_take(&store, 0, &half), LUBDUB_EVENT_STORE_LINES);
    assert_false(lubdub_event_store_is_at_gap(half));
    make_line(&line, 0, 200);
    assert_true(lubdub_event_store_put(&store, &line)); /* and so is the first */
    lubdub_event_store_clear(&store);
}

static void finding_b3_lower_ranks_leave_room_for_the_first(void **state)
{
    (void)state;
    leaves_room(LUBDUB_EVENT_RANK_THIRD, 4);
    leaves_room(LUBDUB_EVENT_RANK_SECOND, 8);
}

/* The third rank is refused first, then the second, then the first, and no rank comes back before the half does. */
static void ranks_are_refused_one_after_the_other(void **state)
{
    struct lubdub_event_store store;
    struct lubdub_event_line line;
    enum lubdub_event_rank rank;

    (void)state;
    assert_int_equal(lubdub_event_store_init(&store, MEGABYTE), 0);
    for (rank = LUBDUB_EVENT_RANKS; rank-- > LUBDUB_EVENT_RANK_FIRST;) {
        enum lubdub_event_rank lower;
        uint64_t taken = 0;

        do {
            make_line(&line, taken++, 200);
            line.rank = rank;
        } while (lubdub_event_store_put(&store, &line));
        assert_true(taken > 100);
        for (lower = rank; lower < LUBDUB_EVENT_RANKS; lower++) {
            make_line(&line, 0, 0);
            line.rank = lower;
            assert_false(lubdub_event_store_put(&store, &line));
        }
    }
    lubdub_event_store_clear(&store);
}

static void memory_of_a_backlog_is_given_back_when_it_is_over(void **state)
{
    struct lubdub_event_store store;
    struct lubdub_event_half *half = NULL;
    struct lubdub_event_line line;
    int round;

    (void)state;
    assert_int_equal(lubdub_event_store_init(&store, 2 * MEGABYTE), 0);
    assert_int_equal(resident_bytes(&store, &store.halves[0]), store.resident);
    assert_int_equal(resident_bytes(&store, &store.halves[1]), store.resident);
    make_line(&line, 0, 1000);
    for (round = 0; round < 2; round++) {
        while (lubdub_event_store_put(&store, &line)) {
        }
        assert_int_equal(lubdub_event_store_take(&store, 0, &half), LUBDUB_EVENT_STORE_LINES);
        assert_true(resident_bytes(&store, half) > MEGABYTE);
    }
    assert_int_equal(lubdub_event_store_take(&store, 0, &half), LUBDUB_EVENT_STORE_NOTHING);
    assert_int_equal(resident_bytes(&store, &store.halves[0]), store.resident);
    assert_int_equal(resident_bytes(&store, &store.halves[1]), store.resident);

    assert_true(lubdub_event_store_put(&store, &line));
    assert_int_equal(lubdub_event_store_take(&store, 0, &half), LUBDUB_EVENT_STORE_LINES);
    assert_true(lubdub_event_store_next(half, &line));
    lubdub_event_store_clear(&store);
}

static void few_lines_at_a_time_touch_no_new_memory(void **state)
{
    struct lubdub_event_store store;
    struct lubdub_event_half *half = NULL;
    struct lubdub_event_line line;
    int round;

    (void)state;
    assert_int_equal(lubdub_event_store_init(&store, 2 * MEGABYTE), 0);
    make_line(&line, 0, 1000);
    for (round = 0; round < 300; round++) { /* three times what a half keeps resident */
        assert_true(lubdub_event_store_put(&store, &line));
        assert_int_equal(lubdub_event_store_take(&store, 0, &half), LUBDUB_EVENT_STORE_LINES);
    }
    assert_int_equal(resident_bytes(&store, &store.halves[0]), store.resident);
    assert_int_equal(resident_bytes(&store, &store.halves[1]), store.resident);
    lubdub_event_store_clear(&store);
}

static lubdub_time now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (lubdub_time)time.tv_sec * LUBDUB_SECOND + (lubdub_time)time.tv_nsec;
}

static void lines_that_follow_soon_are_gathered(void **state)
{
    struct lubdub_event_store store;
    struct lubdub_event_half *half = NULL;
    struct lubdub_event_line line;
    lubdub_time first_taken_at;

    (void)state;
    assert_int_equal(lubdub_event_store_init(&store, MEGABYTE), 0);
    make_line(&line, 1, 0);
    assert_true(lubdub_event_store_put(&store, &line));
    assert_int_equal(lubdub_event_store_take(&store, LUBDUB_TIME_NEVER, &half), LUBDUB_EVENT_STORE_LINES);
    first_taken_at = store.taken_at;
    assert_true(lubdub_event_store_put(&store, &line));
    assert_int_equal(lubdub_event_store_take(&store, LUBDUB_TIME_NEVER, &half), LUBDUB_EVENT_STORE_LINES);
    assert_true(store.taken_at >= first_taken_at + LUBDUB_EVENT_STORE_GATHERING);
    lubdub_event_store_clear(&store);
}

/* As if lines had been taken so late that the gathering would last. */
static void assert_no_gathering(struct lubdub_event_store *store)
{
    struct lubdub_event_half *half = NULL;
    lubdub_time would_last_until = now() + 10 * LUBDUB_SECOND;

    store->taken_at = would_last_until;
    assert_int_equal(lubdub_event_store_take(store, LUBDUB_TIME_NEVER, &half), LUBDUB_EVENT_STORE_LINES);
    assert_true(now() < would_last_until);
}

static void nothing_is_gathered_where_room_or_time_is_short(void **state)
{
    struct lubdub_event_store store;
    struct lubdub_event_line line;

    (void)state;
    assert_int_equal(lubdub_event_store_init(&store, MEGABYTE), 0);
    make_line(&line, 1, 1000);
    while (store.filling->used <= store.capacity / 2) {
        assert_true(lubdub_event_store_put(&store, &line));
    }
    assert_no_gathering(&store);
    assert_true(lubdub_event_store_put(&store, &line));
    lubdub_event_store_wake(&store);
    assert_no_gathering(&store);
    assert_true(lubdub_event_store_put(&store, &line));
    lubdub_event_store_close(&store);
    assert_no_gathering(&store);
    lubdub_event_store_clear(&store);
}

static void *fill_to_the_half(void *argument)
{
    struct lubdub_event_store *store = argument;
    struct lubdub_event_line line;
    size_t bytes;

    make_line(&line, 1, 1000);
    for (bytes = 0; bytes <= store->capacity / 2; bytes += line.length) {
        lubdub_event_store_put(store, &line);
    }
    return NULL;
}

static void gathering_ends_when_room_gets_short(void **state)
{
    struct lubdub_event_store store;
    struct lubdub_event_line line;
    pthread_t thread;

    (void)state;
    assert_int_equal(lubdub_event_store_init(&store, MEGABYTE), 0);
    make_line(&line, 1, 0);
    assert_true(lubdub_event_store_put(&store, &line));
    assert_int_equal(pthread_create(&thread, NULL, fill_to_the_half, &store), 0);
    assert_no_gathering(&store);
    pthread_join(thread, NULL);
    lubdub_event_store_clear(&store);
}

static void *take_until_end(void *argument)
{
    struct lubdub_event_store *store = argument;
    uint64_t last[4] = {0};
    static uint64_t total;
    struct lubdub_event_half *half;
    enum lubdub_event_store_result result;

    total = 0;
    while ((result = lubdub_event_store_take(store, LUBDUB_TIME_NEVER, &half)) != LUBDUB_EVENT_STORE_END) {
        struct lubdub_event_line line;

        while (result == LUBDUB_EVENT_STORE_LINES && lubdub_event_store_next(half, &line)) {
            uint64_t producer = number_of(&line) >> 32;
            uint64_t number = number_of(&line) & UINT32_MAX;

            /* Each producer's lines stay in order; one that does not is not counted. */
            total += number > last[producer] ? 1 : 0;
            last[producer] = number;
        }
        total += result == LUBDUB_EVENT_STORE_LINES ? half->refused : 0;
    }
    return &total;
}

struct producer {
    struct lubdub_event_store *store;
    uint64_t number;
};

#define LINES_EACH 20000

static void *put_many(void *argument)
{
    struct producer *producer = argument;
    uint64_t number;

    for (number = 1; number <= LINES_EACH; number++) {
        struct lubdub_event_line line;

        make_line(&line, producer->number << 32 | number, number % 200);
        lubdub_event_store_put(producer->store, &line);
        if (number % 1000 == 0) {
            lubdub_event_store_wake(producer->store);
        }
    }
    return NULL;
}

static void every_line_of_several_threads_is_taken_or_counted(void **state)
{
    struct lubdub_event_store store;
    struct producer producers[4];
    pthread_t threads[4];
    pthread_t taker;
    void *total = NULL;
    unsigned i;

    (void)state;
    assert_int_equal(lubdub_event_store_init(&store, MEGABYTE), 0);
    assert_int_equal(pthread_create(&taker, NULL, take_until_end, &store), 0);
    for (i = 0; i < 4; i++) {
        producers[i] = (struct producer){&store, i};
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, &producers[i]), 0);
    }
    for (i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    lubdub_event_store_close(&store);
    pthread_join(taker, &total);
    assert_int_equal(*(uint64_t *)total, 4 * LINES_EACH);
    lubdub_event_store_clear(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_out_as_they_went_in),
        cmocka_unit_test(full_store_refuses_and_remembers_when_and_how_many),
        cmocka_unit_test(finding_b3_lower_ranks_leave_room_for_the_first),
        cmocka_unit_test(ranks_are_refused_one_after_the_other),
        cmocka_unit_test(memory_of_a_backlog_is_given_back_when_it_is_over),
        cmocka_unit_test(few_lines_at_a_time_touch_no_new_memory),
        cmocka_unit_test(lines_that_follow_soon_are_gathered),
        cmocka_unit_test(nothing_is_gathered_where_room_or_time_is_short),
        cmocka_unit_test(gathering_ends_when_room_gets_short),
        cmocka_unit_test(every_line_of_several_threads_is_taken_or_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
