/* Causes and reasons: the numbers and words that docs/protocol.md promises. */
#include "support/test.h"

#include <lubdub/cause.h>

static void causes_have_the_codes_and_words_of_section_7(void **state)
{
    const char *const words[] = {"none",        "bye",      "closed",      "reset",   "hung",
                                 "unreachable", "refused",  "timeout",     "resolve", "protocol",
                                 "rejected",    "replaced", "slow-reader", "tls",     "shutdown"};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(words); i++) {
        assert_string_equal(lubdub_cause_word((enum lubdub_cause)i), words[i]);
        assert_true(strlen(lubdub_cause_text((enum lubdub_cause)i)) > 0);
    }
}

static void reasons_have_the_codes_and_words_of_section_6(void **state)
{
    const char *const words[] = {"normal",           "draining",
                                 "replaced",         "expired",
                                 "protocol error",   "content too large",
                                 "unauthorized",     "overloaded",
                                 "too many frames",  "unsupported version",
                                 "handshake timeout"};
    unsigned i;
    (void)state;

    for (i = 0; i < COUNT_OF(words); i++) {
        assert_string_equal(lubdub_reason_word(i), words[i]);
    }
}

static void other_numbers_are_unknown(void **state)
{
    (void)state;
    assert_string_equal(lubdub_cause_word((enum lubdub_cause)15), "unknown");
    assert_string_equal(lubdub_cause_word((enum lubdub_cause)255), "unknown");
    assert_string_equal(lubdub_cause_text((enum lubdub_cause)15), "unknown cause");
    assert_string_equal(lubdub_reason_word(11), "unknown");
    assert_string_equal(lubdub_reason_word(~0u), "unknown");
}

static void bye_is_rejected_replaced_or_simply_bye(void **state)
{
    unsigned reason;
    (void)state;

    for (reason = 0; reason < 300; reason++) {
        enum lubdub_cause expected = reason == 2                   ? LUBDUB_CAUSE_REPLACED
                                     : reason >= 4 && reason <= 10 ? LUBDUB_CAUSE_REJECTED
                                                                   : LUBDUB_CAUSE_BYE;

        assert_int_equal(lubdub_cause_of_bye(reason), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(causes_have_the_codes_and_words_of_section_7),
        cmocka_unit_test(reasons_have_the_codes_and_words_of_section_6),
        cmocka_unit_test(other_numbers_are_unknown),
        cmocka_unit_test(bye_is_rejected_replaced_or_simply_bye),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
