/* The tables of what peers choose: nobody can choose names that fall into one chain. */
#include "support/test.h"

#include <stdio.h>

#include "server/library/table.h"

#define NAMES 400
#define SAME_BITS 0x3ff /* a table of so many entries has no more buckets */

struct entry {
    UT_hash_handle hh;
    bool is_lost;
    char name[24];
};

static unsigned longest_chain(const UT_hash_table *table)
{
    unsigned longest = 0;
    unsigned i;

    for (i = 0; i < table->num_buckets; i++) {
        longest = table->buckets[i].count > longest ? table->buckets[i].count : longest;
    }
    return longest;
}

/* Names that uthash, which has no key of its own, puts into one bucket: an attacker computes them at home. */
static void d2_names_chosen_to_collide_do_not(void **state)
{
    static struct entry entries[NAMES];
    struct entry *all = NULL;
    unsigned count = 0;
    unsigned i;
    (void)state;

    for (i = 0; count < NAMES; i++) {
        struct entry *entry = &entries[count];
        unsigned length = (unsigned)snprintf(entry->name, sizeof entry->name, "pump-%u", i);
        unsigned hash;

        HASH_JEN(entry->name, length, hash);
        if ((hash & SAME_BITS) == 0) {
            HASH_ADD_KEYPTR(hh, all, entry->name, length, entry);
            count++;
        }
    }
    assert_int_equal(HASH_COUNT(all), NAMES);
    assert_in_range(longest_chain(all->hh.tbl), 1, 50);
    HASH_CLEAR(hh, all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(d2_names_chosen_to_collide_do_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
