/* Connections are counted by address: IPv6 by what one subscriber has. */
#include "support/test.h"

#include "server/library/address_counts.h"

static struct lubdub_address cut(const char *text, size_t bits)
{
    struct lubdub_address address;

    assert_true(lubdub_address_parse(&address, text, 0));
    lubdub_address_cut(&address, bits);
    return address;
}

static bool are_one(const char *one, const char *other, size_t bits)
{
    const struct lubdub_address first = cut(one, bits);
    const struct lubdub_address second = cut(other, bits);
    struct lubdub_address_counts counts = {0};
    bool is_one;

    assert_true(lubdub_address_counts_add(&counts, &first, 1));
    is_one = !lubdub_address_counts_add(&counts, &second, 1);
    lubdub_address_counts_clear(&counts);
    return is_one;
}

static void b8_ipv6_is_counted_by_its_prefix(void **state)
{
    (void)state;

    assert_true(are_one("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", 64));
    assert_false(are_one("2001:db8:0:1::1", "2001:db8:0:2::1", 64));
    assert_true(are_one("2001:db8:0:1::1", "2001:db8:0:2::1", 56));
    assert_true(are_one("2001:db8:0:f0::1", "2001:db8:0:ff::1", 60));
    assert_false(are_one("2001:db8:0:f0::1", "2001:db8:0:e0::1", 60));
    assert_false(are_one("2001:db8::1", "2001:db8::2", 128));
}

static void b8_ipv4_is_counted_whole(void **state)
{
    (void)state;

    assert_false(are_one("192.0.2.1", "192.0.2.2", 64));
    assert_true(are_one("192.0.2.1", "192.0.2.1", 64));
}

static void each_address_has_its_own_count_in_any_order(void **state)
{
    const struct lubdub_address one = cut("192.0.2.1", 64);
    const struct lubdub_address other = cut("192.0.2.2", 64);
    struct lubdub_address_counts counts = {0};
    int round;
    (void)state;

    for (round = 0; round < 2; round++) {
        assert_true(lubdub_address_counts_add(&counts, &one, 2));
        assert_true(lubdub_address_counts_add(&counts, &other, 2));
        assert_true(lubdub_address_counts_add(&counts, &one, 2));
        assert_false(lubdub_address_counts_add(&counts, &one, 2));
        assert_true(lubdub_address_counts_add(&counts, &other, 2));
        lubdub_address_counts_remove(&counts, &one);
        assert_false(lubdub_address_counts_add(&counts, &other, 2));
        assert_true(lubdub_address_counts_add(&counts, &one, 2));
        lubdub_address_counts_remove(&counts, &other);
        lubdub_address_counts_remove(&counts, &other);
        lubdub_address_counts_remove(&counts, &one);
        lubdub_address_counts_remove(&counts, &one);
        assert_null(counts.all);
        lubdub_address_counts_remove(&counts, &one); /* there is none */
    }
    lubdub_address_counts_clear(&counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(b8_ipv6_is_counted_by_its_prefix),
        cmocka_unit_test(b8_ipv4_is_counted_whole),
        cmocka_unit_test(each_address_has_its_own_count_in_any_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
