/* Places are found by their identities while there come more of them and fewer, and no change moves many. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/library/identity_index.h"

#define PLACES 5000

static struct lubdub_identity_index identities;
static char names[PLACES][8];
static bool is_in[PLACES];
static unsigned asked; /* for identities */

static struct lubdub_slice name_of(uint32_t place)
{
    return (struct lubdub_slice){names[place], strlen(names[place])};
}

static struct lubdub_slice identity_of(uint32_t place, const void *user_data)
{
    (void)user_data;
    asked++;
    return name_of(place);
}

static int set_up(void **state)
{
    uint32_t place;
    (void)state;

    for (place = 0; place < PLACES; place++) {
        (void)snprintf(names[place], sizeof names[place], "p%u", (unsigned)place);
    }
    memset(is_in, 0, sizeof is_in);
    lubdub_identity_index_init(&identities, 1, 2, identity_of, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    lubdub_identity_index_clear(&identities);
    return 0;
}

static void put(uint32_t place)
{
    assert_true(lubdub_identity_index_put(&identities, place));
    is_in[place] = true;
}

static void take_out(uint32_t place)
{
    lubdub_identity_index_remove(&identities, place);
    is_in[place] = false;
}

static void expect_exactly_those_that_are_in(void)
{
    uint32_t place;

    for (place = 0; place < PLACES; place++) {
        assert_int_equal(lubdub_identity_index_find(&identities, name_of(place)),
                         is_in[place] ? place : LUBDUB_NO_PLACE);
    }
}

static void all_are_found_while_the_index_grows_and_shrinks(void **state)
{
    uint32_t i;
    (void)state;

    expect_exactly_those_that_are_in();
    for (i = 0; i < PLACES; i++) {
        put(i);
        if (i % 397 == 0) {
            expect_exactly_those_that_are_in();
        }
    }
    expect_exactly_those_that_are_in();
    for (i = 0; i < PLACES; i++) {
        take_out(i * 7 % PLACES);
        if (i % 397 == 0) {
            expect_exactly_those_that_are_in();
        }
    }
    assert_true(identities.table.capacity < PLACES / 32 && identities.former.slots == NULL);
}

/* Comes and goes at the sizes at which one table follows another, so that much happens while places move. */
static void all_are_found_while_they_come_and_go(void **state)
{
    unsigned random = 1;
    unsigned i;
    (void)state;

    for (i = 0; i < 60000; i++) {
        unsigned wave = i / 1000 % 10 < 5 ? 3 : 1; /* of four: more come, or fewer */
        uint32_t place;

        random = random * 1103515245u + 12345u;
        place = (random >> 8) % PLACES;
        if ((random >> 4) % 4 < wave) {
            put(place);
        } else if (is_in[place]) {
            take_out(place);
        }
        if (i % 1999 == 0) {
            expect_exactly_those_that_are_in();
        }
    }
}

static void no_change_looks_at_many(void **state)
{
    unsigned most = 0;
    uint32_t i;
    (void)state;

    for (i = 0; i < 2 * PLACES; i++) {
        asked = 0;
        if (i < PLACES) {
            put(i);
        } else {
            take_out(i - PLACES);
        }
        most = asked > most ? asked : most;
    }
    assert_in_range(most, 1, PLACES / 4); /* all at once were PLACES and more */
}

static void identity_is_taken_over_also_from_a_place_that_has_not_moved(void **state)
{
    uint32_t i;
    (void)state;

    for (i = 0; identities.former.count < 20; i++) {
        put(i);
    }
    for (i = 0; i < 20; i++) {
        uint32_t newcomer = PLACES - 1 - i;

        memcpy(names[newcomer], names[i], sizeof names[i]);
        assert_true(lubdub_identity_index_put(&identities, newcomer));
        assert_int_equal(lubdub_identity_index_find(&identities, name_of(i)), newcomer);
        lubdub_identity_index_remove(&identities, i); /* it has not been in since */
        assert_int_equal(lubdub_identity_index_find(&identities, name_of(i)), newcomer);
        lubdub_identity_index_remove(&identities, newcomer);
        assert_int_equal(lubdub_identity_index_find(&identities, name_of(i)), LUBDUB_NO_PLACE);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_are_found_while_the_index_grows_and_shrinks),
        TEST(all_are_found_while_they_come_and_go),
        TEST(no_change_looks_at_many),
        TEST(identity_is_taken_over_also_from_a_place_that_has_not_moved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
