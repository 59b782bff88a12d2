/* The words for what a call may refuse. */
#include "support/test.h"

#include <lubdub/error.h>

static void every_error_has_a_name_and_a_sentence_of_its_own(void **state)
{
    int i;
    int k;
    (void)state;

    for (i = LUBDUB_ERROR_OK; i <= LUBDUB_ERROR_SYSTEM; i++) {
        assert_string_not_equal(lubdub_error_name((enum lubdub_error)i), "unknown");
        assert_string_not_equal(lubdub_error_text((enum lubdub_error)i), "unknown error");
        for (k = LUBDUB_ERROR_OK; k < i; k++) {
            assert_string_not_equal(lubdub_error_name((enum lubdub_error)i), lubdub_error_name((enum lubdub_error)k));
            assert_string_not_equal(lubdub_error_text((enum lubdub_error)i), lubdub_error_text((enum lubdub_error)k));
        }
    }
}

static void ok_is_zero(void **state)
{
    (void)state;
    assert_int_equal(LUBDUB_ERROR_OK, 0);
    assert_string_equal(lubdub_error_name(LUBDUB_ERROR_OK), "ok");
}

static void other_numbers_are_unknown(void **state)
{
    (void)state;
    assert_string_equal(lubdub_error_name((enum lubdub_error)1000), "unknown");
    assert_string_equal(lubdub_error_text((enum lubdub_error)1000), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_name_and_a_sentence_of_its_own),
        cmocka_unit_test(ok_is_zero),
        cmocka_unit_test(other_numbers_are_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
