#include "program/settings/parse.h"
#include "support/test.h"

static void duration_with_each_unit_is_understood(void **state)
{
    static const struct {
        const char *text;
        lubdub_duration duration;
    } samples[] = {
        {"0", 0},
        {"250", 250 * LUBDUB_MILLISECOND},
        {"250ms", 250 * LUBDUB_MILLISECOND},
        {"3s", 3 * LUBDUB_SECOND},
        {"2m", 2 * LUBDUB_MINUTE},
        {"1h", LUBDUB_HOUR},
        {"007s", 7 * LUBDUB_SECOND},
        {"18446744073709ms", 18446744073709 * LUBDUB_MILLISECOND},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(samples); i++) {
        lubdub_duration duration = 1;

        assert_int_equal(lubdub_parse_duration(samples[i].text, &duration), LUBDUB_PARSE_OK);
        assert_true(duration == samples[i].duration);
    }
}

/* E7 */
static void fraction_is_taken_beside_its_unit(void **state)
{
    static const struct {
        const char *text;
        lubdub_duration duration;
    } samples[] = {
        {"0.5s", 500 * LUBDUB_MILLISECOND},   {"0.2s", 200 * LUBDUB_MILLISECOND},
        {"1.5m", 90 * LUBDUB_SECOND},         {"0.25h", 15 * LUBDUB_MINUTE},
        {"2.5ms", 2500 * LUBDUB_MICROSECOND}, {"0.000000001s", 1},
        {"3.0s", 3 * LUBDUB_SECOND},          {"0.999999999h", 3599999996400},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(samples); i++) {
        lubdub_duration duration = 1;

        assert_int_equal(lubdub_parse_duration(samples[i].text, &duration), LUBDUB_PARSE_OK);
        assert_int_equal(duration, samples[i].duration);
    }
}

static void duration_in_any_other_form_is_malformed(void **state)
{
    static const char *const texts[] = {
        "",       "-1",
        "+1",     "1e9",
        "nan",    "inf",
        "1,5",    "1.5",
        "1.0123456789s", "1..5s",
        "1.5.s",  "1.s",
        "5 s",    "5sec",
        " 5s",    "5s ",
        "5S",     "5MS",
        "ms",     "5m5s",
        "0x10",   "5us",
        "5d",     "s5",
        "\t5",    "5\n",
        "5s5",    "١s",
        "5%",     "--5",
        "5-",     "1_000",
        "1'000",  ".5s",
        "5.s",    "5.0",
        "1s\x01", "99999999999999999999999999999999999999999x",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(texts); i++) {
        lubdub_duration duration = 77;

        assert_int_equal(lubdub_parse_duration(texts[i], &duration), LUBDUB_PARSE_MALFORMED);
        assert_true(duration == 77);
    }
}

static void duration_beyond_64_bits_is_too_large_and_never_wraps(void **state)
{
    static const char *const texts[] = {
        "18446744073710ms", "18446744074s", "5124096h", "18446744073709551616", "99999999999999999999999999",
        "5124095.9h", "99999999999999999999999999.5s",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(texts); i++) {
        lubdub_duration duration = 77;

        assert_int_equal(lubdub_parse_duration(texts[i], &duration), LUBDUB_PARSE_TOO_LARGE);
        assert_true(duration == 77);
    }
}

static void size_takes_k_and_m_only(void **state)
{
    uint64_t size = 0;

    (void)state;
    assert_int_equal(lubdub_parse_size("1024", &size), LUBDUB_PARSE_OK);
    assert_int_equal(size, 1024);
    assert_int_equal(lubdub_parse_size("64k", &size), LUBDUB_PARSE_OK);
    assert_int_equal(size, 65536);
    assert_int_equal(lubdub_parse_size("2m", &size), LUBDUB_PARSE_OK);
    assert_int_equal(size, 2097152);
    assert_int_equal(lubdub_parse_size("1g", &size), LUBDUB_PARSE_MALFORMED);
    assert_int_equal(lubdub_parse_size("1K", &size), LUBDUB_PARSE_MALFORMED);
    assert_int_equal(lubdub_parse_size("1kb", &size), LUBDUB_PARSE_MALFORMED);
    assert_int_equal(lubdub_parse_size("18014398509481984k", &size), LUBDUB_PARSE_TOO_LARGE);
    assert_int_equal(size, 2097152);
}

static void count_goes_to_the_end_of_64_bits(void **state)
{
    uint64_t count = 0;

    (void)state;
    assert_int_equal(lubdub_parse_count("18446744073709551615", &count), LUBDUB_PARSE_OK);
    assert_true(count == UINT64_MAX);
    assert_int_equal(lubdub_parse_count("18446744073709551616", &count), LUBDUB_PARSE_TOO_LARGE);
    assert_int_equal(lubdub_parse_count("1k", &count), LUBDUB_PARSE_MALFORMED);
}

static void port_is_1_to_65535_in_plain_decimal(void **state)
{
    static const char *const wrong[] = {"0", "65536", "-1", "80x", " 80", "+80", "0x50", "99999999999999999999",
                                        "",  "8 0"};
    uint16_t port = 7;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_not_equal(lubdub_parse_port(wrong[i], &port), LUBDUB_PARSE_OK);
        assert_int_equal(port, 7);
    }
    assert_int_equal(lubdub_parse_port("1", &port), LUBDUB_PARSE_OK);
    assert_int_equal(port, 1);
    assert_int_equal(lubdub_parse_port("65535", &port), LUBDUB_PARSE_OK);
    assert_int_equal(port, 65535);
}

static void assert_share(const char *text, double expected)
{
    double share = -1;

    assert_int_equal(lubdub_parse_share(text, &share), LUBDUB_PARSE_OK);
    assert_true(share > expected - 1e-12 && share < expected + 1e-12);
}

static void share_is_a_percentage_or_a_fraction(void **state)
{
    static const char *const malformed[] = {"",     "%",   "5 %", "5%%", ".5",           "5.",
                                            "1e-2", "-5%", "+5%", "0,5", "0.0000000001", "x"};
    static const char *const too_large[] = {
        "101%", "100.5%", "1.01", "2", "99999999999999999999999%", "99999999999999999999999"};
    double share = 0.25;
    size_t i;

    (void)state;
    assert_share("5%", 0.05);
    assert_share("0.5%", 0.005);
    assert_share("0.05", 0.05);
    assert_share("0", 0);
    assert_share("1", 1);
    assert_share("100%", 1);
    assert_share("0.000000001", 1e-9);
    for (i = 0; i < COUNT_OF(malformed); i++) {
        assert_int_equal(lubdub_parse_share(malformed[i], &share), LUBDUB_PARSE_MALFORMED);
    }
    for (i = 0; i < COUNT_OF(too_large); i++) {
        assert_int_equal(lubdub_parse_share(too_large[i], &share), LUBDUB_PARSE_TOO_LARGE);
    }
    assert_true(share >= 0.25 && share <= 0.25);
}

static void duration_is_shown_in_the_largest_unit_that_divides_it(void **state)
{
    static const struct {
        lubdub_duration duration;
        const char *text;
    } samples[] = {
        {0, "0"},
        {999, "0"},
        {LUBDUB_MILLISECOND, "1ms"},
        {1500 * LUBDUB_MILLISECOND, "1500ms"},
        {3 * LUBDUB_SECOND, "3s"},
        {90 * LUBDUB_SECOND, "90s"},
        {120 * LUBDUB_SECOND, "2m"},
        {2 * LUBDUB_HOUR, "2h"},
        {UINT64_MAX, "18446744073709ms"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(samples); i++) {
        char text[LUBDUB_DURATION_TEXT_SIZE];

        assert_string_equal(lubdub_format_duration(samples[i].duration, text), samples[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(duration_with_each_unit_is_understood),
        cmocka_unit_test(fraction_is_taken_beside_its_unit),
        cmocka_unit_test(duration_in_any_other_form_is_malformed),
        cmocka_unit_test(duration_beyond_64_bits_is_too_large_and_never_wraps),
        cmocka_unit_test(size_takes_k_and_m_only),
        cmocka_unit_test(count_goes_to_the_end_of_64_bits),
        cmocka_unit_test(port_is_1_to_65535_in_plain_decimal),
        cmocka_unit_test(share_is_a_percentage_or_a_fraction),
        cmocka_unit_test(duration_is_shown_in_the_largest_unit_that_divides_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
