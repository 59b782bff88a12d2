/* What is written of a session is what is read, whatever its names hold. */
#include "server/presence/claim.h"

#include <string.h>

#include "support/test.h"

static const struct presence_holder holder = {"east-1", "00112233aabbccdd", "f00d"};

static size_t write(char text[PRESENCE_CLAIM_SIZE], struct lubdub_server_session *session)
{
    session->incarnation = 42;
    session->session = 7;
    session->health = LUBDUB_HEALTH_WARNING;
    session->remote = "[2001:db8::1]:4242";
    return presence_claim_write(text, &holder, session, PRESENCE_LATE, 1795947033616);
}

static void claim_is_read_as_it_was_written(void **state)
{
    const struct lubdub_label labels[] = {{{"site", 4}, {"a b,c=d%\n", 9}}, {{"empty", 5}, {"", 0}}};
    struct lubdub_server_session session = {.labels = labels, .label_count = 2};
    struct presence_claim claim;
    char text[PRESENCE_CLAIM_SIZE];
    size_t length = write(text, &session);
    (void)state;

    assert_string_equal(text, "east-1 00112233aabbccdd 7 00000000000000000042 f00d late 1795947033616 warning "
                              "[2001:db8::1]:4242 site=a%20b%2Cc=d%25%0A,empty=");
    assert_true(presence_claim_read(&claim, text, length));
    assert_string_equal(claim.node, "east-1");
    assert_string_equal(claim.boot, "00112233aabbccdd");
    assert_int_equal(claim.session, 7);
    assert_string_equal(claim.incarnation, "00000000000000000042");
    assert_string_equal(claim.proof, "f00d");
    assert_int_equal(claim.state, PRESENCE_LATE);
    assert_int_equal(claim.since_ms, 1795947033616);
    assert_string_equal(claim.health, "warning");
    assert_string_equal(claim.address, "[2001:db8::1]:4242");
    assert_string_equal(claim.labels, "site=a%20b%2Cc=d%25%0A,empty=");
}

static void nothing_is_a_dash_and_read_as_nothing(void **state)
{
    struct lubdub_server_session session = {0};
    struct presence_holder unproven = holder;
    struct presence_claim claim;
    char text[PRESENCE_CLAIM_SIZE];
    size_t length;
    (void)state;

    unproven.proof = NULL;
    length = presence_claim_write(text, &unproven, &session, PRESENCE_GONE, 0);
    assert_string_equal(text, "east-1 00112233aabbccdd 0 00000000000000000000 - gone 0 passing - -");
    assert_true(presence_claim_read(&claim, text, length));
    assert_string_equal(claim.proof, "");
    assert_string_equal(claim.address, "");
    assert_string_equal(claim.labels, "");
}

/* Compared as numbers in a script, the last digits would be lost. */
static void incarnations_compare_as_text(void **state)
{
    char one[21];
    char other[21];
    (void)state;

    presence_incarnation(9, one);
    presence_incarnation(10, other);
    assert_true(strcmp(one, other) < 0);
    presence_incarnation(UINT64_MAX - 1, one);
    presence_incarnation(UINT64_MAX, other);
    assert_int_equal(strlen(other), 20);
    assert_true(strcmp(one, other) < 0);
}

static void what_is_no_claim_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "garbage",
        "n b 1 2 p up 3 passing a",   /* a field is missing */
        "n b x 2 p up 3 passing a l", /* no number */
        "n b 1x 2 p up 3 passing a l",
        "n b 1 2 p alive 3 passing a l", /* no such state */
        "n b -1 2 p up 3 passing a l",
    };
    struct presence_claim claim;
    char zero[] = "n b 1 2 p up 3 passing a\0l";
    char large[PRESENCE_CLAIM_SIZE + 1];
    size_t i;
    (void)state;

    for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (presence_claim_read(&claim, wrong[i], strlen(wrong[i]))) {
            fail_msg("\"%s\" was taken", wrong[i]);
        }
    }
    assert_false(presence_claim_read(&claim, zero, sizeof zero - 1));
    memset(large, 'x', sizeof large);
    assert_false(presence_claim_read(&claim, large, sizeof large));
    assert_true(presence_claim_read(&claim, "n b 1 2 p up 3 passing a l", 26));
}

static void entry_of_a_node(void **state)
{
    struct presence_entry entry;
    (void)state;

    assert_true(presence_entry_read(&entry, "00112233aabbccdd 17 live 3000", 29));
    assert_string_equal(entry.boot, "00112233aabbccdd");
    assert_int_equal(entry.counter, 17);
    assert_true(entry.is_live);
    assert_int_equal(entry.lease_ms, 3000);
    assert_false(entry.is_claiming);
    assert_true(presence_entry_read(&entry, "b 17 live 3000 5 claiming", 25));
    assert_true(entry.is_live);
    assert_true(entry.is_claiming);
    assert_true(presence_entry_read(&entry, "b 17 dead 3000", 14));
    assert_false(entry.is_live);
    assert_false(presence_entry_read(&entry, "b 17 live", 9));
    assert_false(presence_entry_read(&entry, "", 0));
    assert_false(presence_entry_read(&entry, "00112233aabbccdde 17 live 3000", 30)); /* longer than any boot */
}

static void names_of_nodes(void **state)
{
    char longest[66];
    (void)state;

    assert_true(presence_node_is_valid("east-1.example_A"));
    assert_false(presence_node_is_valid(""));
    assert_false(presence_node_is_valid("a b"));
    assert_false(presence_node_is_valid("a:b"));
    memset(longest, 'a', sizeof longest);
    longest[65] = '\0';
    assert_false(presence_node_is_valid(longest));
    longest[64] = '\0';
    assert_true(presence_node_is_valid(longest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claim_is_read_as_it_was_written),
        cmocka_unit_test(nothing_is_a_dash_and_read_as_nothing),
        cmocka_unit_test(incarnations_compare_as_text),
        cmocka_unit_test(what_is_no_claim_is_refused),
        cmocka_unit_test(entry_of_a_node),
        cmocka_unit_test(names_of_nodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
