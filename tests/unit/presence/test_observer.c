/* Which nodes are dead, in virtual time: only while replies come throughout, and by nobody's clock but our own. */
#include "server/presence/observer.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"

#define START LUBDUB_HOUR
#define LEASE (3 * LUBDUB_SECOND)
#define BEAT (LEASE / 4)

static struct presence_observer observer;

static int set_up(void **state)
{
    (void)state;
    presence_observer_init(&observer, LEASE / 2);
    return 0;
}

static struct presence_entry entry_of(const char *boot, uint64_t counter, bool is_live)
{
    struct presence_entry entry = {.counter = counter, .is_live = is_live, .lease_ms = LEASE / LUBDUB_MILLISECOND};

    strcpy(entry.boot, boot);
    return entry;
}

static void read_one(const char *name, const char *boot, uint64_t counter, bool is_live, lubdub_time now)
{
    const struct presence_entry entry = entry_of(boot, counter, is_live);

    presence_observer_begin(&observer, now);
    presence_observer_note(&observer, name, &entry, now);
    presence_observer_end(&observer);
}

static bool suspects(const char *name, lubdub_time now)
{
    const struct presence_observed *node = presence_observer_find(&observer, name);

    return node != NULL && presence_observer_suspects(node, now);
}

static void node_that_counts_is_never_suspect(void **state)
{
    uint64_t i;
    (void)state;

    for (i = 0; i < 1000; i++) {
        lubdub_time now = START + i * BEAT;

        read_one("b", "boot", i, true, now);
        assert_false(suspects("b", now));
    }
}

/* After a failover an entry may be of before, and its boot over. */
static void boot_is_confirmed_by_a_count_over_this_connection(void **state)
{
    (void)state;

    read_one("b", "boot", 1, true, START);
    assert_false(presence_observer_has_counted(&observer, "b", "boot"));
    read_one("b", "boot", 2, true, START + BEAT);
    assert_true(presence_observer_has_counted(&observer, "b", "boot"));
    assert_false(presence_observer_has_counted(&observer, "b", "other"));
    assert_false(presence_observer_has_counted(&observer, "c", "boot"));
    presence_observer_begin_anew(&observer);
    read_one("b", "boot", 1, true, START + 2 * BEAT); /* of a replica that lacks a count */
    assert_false(presence_observer_has_counted(&observer, "b", "boot"));
    read_one("b", "next", 1, true, START + 3 * BEAT);
    assert_false(presence_observer_has_counted(&observer, "b", "next"));
    read_one("b", "next", 2, true, START + 4 * BEAT);
    assert_true(presence_observer_has_counted(&observer, "b", "next"));
    read_one("b", "next", 2, false, START + 5 * BEAT); /* buried */
    assert_false(presence_observer_has_counted(&observer, "b", "next"));
}

static void node_that_stands_still_for_its_lease_is_suspect(void **state)
{
    lubdub_time now;
    (void)state;

    for (now = START; now <= START + LEASE; now += BEAT) {
        read_one("b", "boot", 7, true, now);
        assert_false(suspects("b", now));
    }
    read_one("b", "boot", 7, true, now);
    assert_true(suspects("b", now));
    read_one("b", "boot", 8, true, now + BEAT); /* it was slow */
    assert_false(suspects("b", now + BEAT));
}

/* Redis stopped for an hour: a node that it names has had no chance to count. */
static void time_without_replies_proves_nothing(void **state)
{
    lubdub_time now = START + LUBDUB_HOUR;
    (void)state;

    read_one("b", "boot", 7, true, START);
    read_one("b", "boot", 7, true, START + BEAT);
    read_one("b", "boot", 7, true, now);
    assert_false(suspects("b", now));
    for (; now <= START + LUBDUB_HOUR + LEASE; now += BEAT) {
        read_one("b", "boot", 7, true, now);
        assert_false(suspects("b", now));
    }
    read_one("b", "boot", 7, true, now);
    assert_true(suspects("b", now));
}

/* One reply between two readings keeps the observation whole; a gap of half a lease does not. */
static void other_replies_count_as_well(void **state)
{
    lubdub_time now;
    (void)state;

    read_one("b", "boot", 7, true, START);
    for (now = START; now <= START + 2 * LEASE; now += LEASE / 3) {
        presence_observer_note_reply(&observer, now);
    }
    read_one("b", "boot", 7, true, now);
    assert_true(suspects("b", now));
}

static void buried_node_and_one_that_left_are_not_suspect_again(void **state)
{
    lubdub_time now;
    (void)state;

    for (now = START; now <= START + 4 * LEASE; now += BEAT) {
        read_one("b", "boot", 7, false, now);
        assert_false(suspects("b", now));
    }
}

static void claim_is_held_by_its_nodes_present_boot_only(void **state)
{
    (void)state;

    read_one("b", "second", 1, true, START);
    assert_true(presence_observer_holds(&observer, "b", "second"));
    assert_false(presence_observer_holds(&observer, "b", "first"));
    assert_false(presence_observer_holds(&observer, "c", "second"));
    read_one("b", "second", 2, false, START + BEAT);
    assert_false(presence_observer_holds(&observer, "b", "second"));
}

static void what_nobody_holds_is_lost_after_its_grace_in_observed_time(void **state)
{
    const lubdub_duration grace = 10 * LUBDUB_SECOND;
    lubdub_time now = START;
    (void)state;

    for (; now < START + grace; now += BEAT) {
        read_one("b", "second", now, true, now);
        assert_false(presence_observer_lost_for(&observer, "b", "first", grace, now));
        assert_false(presence_observer_lost_for(&observer, "gone", "x", grace, now));
    }
    assert_false(presence_observer_lost_for(&observer, "b", "second", grace, now));
    read_one("b", "second", now, true, now);
    assert_true(presence_observer_lost_for(&observer, "b", "first", grace, now));
    assert_true(presence_observer_lost_for(&observer, "gone", "x", grace, now)); /* a node that no entry names */

    now += LUBDUB_HOUR; /* no reply for an hour: nothing was observed, and it begins anew */
    read_one("b", "second", now, true, now);
    assert_false(presence_observer_lost_for(&observer, "b", "first", grace, now));
    assert_false(presence_observer_lost_for(&observer, "gone", "x", grace, now));
}

static void what_a_node_has_not_claimed_yet_is_not_lost(void **state)
{
    const lubdub_duration grace = LEASE;
    struct presence_entry entry = entry_of("second", 0, true);
    lubdub_time now = START;
    (void)state;

    entry.is_claiming = true;
    for (; now < START + 10 * grace; now += BEAT) {
        entry.counter++;
        presence_observer_begin(&observer, now);
        presence_observer_note(&observer, "b", &entry, now);
        presence_observer_end(&observer);
        assert_false(presence_observer_lost_for(&observer, "b", "first", grace, now));
    }
    entry.is_claiming = false;
    for (; now < START + 11 * grace; now += BEAT) {
        entry.counter++;
        presence_observer_begin(&observer, now);
        presence_observer_note(&observer, "b", &entry, now);
        presence_observer_end(&observer);
    }
    assert_true(presence_observer_lost_for(&observer, "b", "first", grace, now));
}

static void node_that_is_not_listed_any_more_is_forgotten(void **state)
{
    (void)state;

    read_one("b", "boot", 1, true, START);
    read_one("c", "boot", 1, true, START + BEAT);
    assert_null(presence_observer_find(&observer, "b"));
    assert_non_null(presence_observer_find(&observer, "c"));
}

static void more_nodes_than_there_is_room_for_are_left_out(void **state)
{
    const struct presence_entry entry = entry_of("boot", 1, true);
    char name[16];
    unsigned i;
    (void)state;

    presence_observer_begin(&observer, START);
    for (i = 0; i < PRESENCE_NODES_MOST + 10; i++) {
        snprintf(name, sizeof name, "n%u", i);
        presence_observer_note(&observer, name, &entry, START);
    }
    presence_observer_end(&observer);
    assert_int_equal(observer.count, PRESENCE_NODES_MOST);
    assert_non_null(presence_observer_find(&observer, "n0"));
    assert_null(presence_observer_find(&observer, name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(node_that_counts_is_never_suspect, set_up),
        cmocka_unit_test_setup(what_a_node_has_not_claimed_yet_is_not_lost, set_up),
        cmocka_unit_test_setup(boot_is_confirmed_by_a_count_over_this_connection, set_up),
        cmocka_unit_test_setup(node_that_stands_still_for_its_lease_is_suspect, set_up),
        cmocka_unit_test_setup(time_without_replies_proves_nothing, set_up),
        cmocka_unit_test_setup(other_replies_count_as_well, set_up),
        cmocka_unit_test_setup(buried_node_and_one_that_left_are_not_suspect_again, set_up),
        cmocka_unit_test_setup(claim_is_held_by_its_nodes_present_boot_only, set_up),
        cmocka_unit_test_setup(what_nobody_holds_is_lost_after_its_grace_in_observed_time, set_up),
        cmocka_unit_test_setup(node_that_is_not_listed_any_more_is_forgotten, set_up),
        cmocka_unit_test_setup(more_nodes_than_there_is_room_for_are_left_out, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
