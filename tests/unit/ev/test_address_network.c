/* Networks: which texts are networks, and which addresses are in them. */
#include "support/test.h"

#include <string.h>

#include "ev/network.h"

static bool parses(const char *text, struct lubdub_network *network)
{
    return lubdub_network_parse(network, text, strlen(text));
}

static void addresses_are_in_their_network_and_no_others(void **state)
{
    static const struct {
        const char *network;
        const char *address;
        bool is_in;
    } rows[] = {
        {"10.0.0.0/8", "10.255.1.2", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "::a00:1", false},
        {"10.16.0.0/13", "10.23.255.255", true},
        {"10.16.0.0/13", "10.24.0.0", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},
        {"192.0.2.7/32", "192.0.2.7", true},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"2001:db8::/32", "2001:db8:ffff::1", true},
        {"2001:db8::/32", "2001:db9::1", false},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::1", "::1", true},
        {"::1", "127.0.0.1", false},
        {"::ffff:10.0.0.0/104", "10.9.9.9", true},
    };
    struct lubdub_network network;
    struct lubdub_address address;
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(rows); i++) {
        assert_true(parses(rows[i].network, &network));
        assert_true(lubdub_address_parse(&address, rows[i].address, 1));
        assert_int_equal(lubdub_network_has(&network, &address), rows[i].is_in);
    }
}

static void texts_that_are_no_network_or_may_mean_two_are_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "/",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/08",
        "10.0.0.0/-1",
        "10.0.0.0/ 8",
        "10.0.0.1/8",
        "10.0.0.0/8x",
        "localhost",
        "localhost/8",
        "*",
        "10/8",
        "2001:db8::/129",
        "::1/64",
        "[::1]",
        "[::1]/128",
        "fe80::1%lo",
        "10.0.0.0/8/8",
        "10.0.0.0/0000000000000000008",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/1",
    };
    struct lubdub_network network;
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(wrong); i++) {
        assert_false(parses(wrong[i], &network));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_in_their_network_and_no_others),
        cmocka_unit_test(texts_that_are_no_network_or_may_mean_two_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
