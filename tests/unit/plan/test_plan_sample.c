/* Round trips from files, and their mean and variance. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>

#include "client/plan/sample.h"

#include "support/test.h"

static bool read_text(struct plan_sample *sample, const char *text, char problem[PLAN_PROBLEM_SIZE])
{
    char copy[2048];
    FILE *file;
    bool is_read;

    snprintf(copy, sizeof copy, "%s", text);
    file = fmemopen(copy, strlen(copy) > 0 ? strlen(copy) : 1, "r");
    assert_non_null(file);
    *sample = (struct plan_sample){0};
    is_read = lubdub_plan_sample_read(sample, file, problem);
    fclose(file);
    return is_read;
}

static void expect_sample(const char *text, uint64_t count, double mean, double deviation, double loss)
{
    char problem[PLAN_PROBLEM_SIZE] = "";
    struct plan_network network;
    struct plan_sample sample;

    if (!read_text(&sample, text, problem)) {
        fail_msg("%s", problem);
    }
    lubdub_plan_sample_network(&sample, &network);
    assert_int_equal(sample.count, count);
    assert_true(fabs(network.delay - mean) < 1e-12);
    assert_true(fabs(sqrt(network.variance) - deviation) < 1e-12);
    assert_true(fabs(network.loss - loss) < 1e-12);
}

static void columns_are_found_by_their_name(void **state)
{
    (void)state;

    expect_sample("rtt_ms\n10\n20\n30\n", 3, 0.020, 0.010, 0);
    expect_sample("sequence,rtt_us,note\r\n1,10000,\r\n2,20000,late\r\n3,30000,\r\n", 3, 0.020, 0.010, 0);
    expect_sample("rtt_s\n0.5\n0.5\n", 2, 0.5, 0, 0);
}

static void files_of_spreadsheets_are_read(void **state)
{
    (void)state;

    expect_sample("\"sequence\",\"rtt_ms\"\r\n\"1\",\"10\"\r\n\"2\",\"20\"\r\n\"3\",\"30\"\r\n", 3, 0.020, 0.010, 0);
    expect_sample("\xEF\xBB\xBFsequence;rtt_ms\n1;10\n2;20\n3;30\n", 3, 0.020, 0.010, 0);
    expect_sample("sequence, Delay_ms \n1, 10\n2, 20 \n3,\n4, 30\n", 3, 0.020, 0.010, 0.25);
}

static void empty_values_are_lost_probes(void **state)
{
    (void)state;
    expect_sample("sequence,rtt_ms\n1,10\n2,\n3,30\n4,\n", 2, 0.020, sqrt(0.0002), 0.5);
}

static void empty_lines_are_lost_probes_only_between_values_that_stand_alone(void **state)
{
    (void)state;

    expect_sample("rtt_ms\n10\n\n30\n", 2, 0.020, sqrt(0.0002), 1.0 / 3);
    expect_sample("rtt_ms\n10\n30\n\n", 2, 0.020, sqrt(0.0002), 0);
    expect_sample("rtt_ms\r\n10\r\n30\r\n\r\n \r\n", 2, 0.020, sqrt(0.0002), 0);
    expect_sample("rtt_ms\n10\n30\n\"\"\n", 2, 0.020, sqrt(0.0002), 1.0 / 3);
    expect_sample("sequence,rtt_ms\n1,10\n\n2,30\n,\n\n", 2, 0.020, sqrt(0.0002), 0);
    expect_sample("rtt_ms;note\n10;\n\n30;\n;\n", 2, 0.020, sqrt(0.0002), 0);
    expect_sample("{\"event\":\"ack\",\"rtt_us\":10000}\n\n{\"event\":\"ack\",\"rtt_us\":30000}\n\n", 2, 0.020,
                  sqrt(0.0002), 0);
}

static void events_of_the_client_are_read(void **state)
{
    (void)state;
    expect_sample("{\"event\":\"connecting\"}\n"
                  "{\"event\":\"up\",\"session\":1}\n"
                  "{\"event\":\"ack\",\"sequence\":1,\"rtt_us\":10000}\n"
                  "{\"event\":\"late-ack\",\"sequence\":2,\"rtt_us\":30000.0}\n"
                  "{\"event\":\"summary\",\"sent\":4,\"acked\":2,\"lost\":2}\n",
                  2, 0.020, sqrt(0.0002), 0.5);
}

static void bad_files_are_told_with_their_line(void **state)
{
    const struct {
        const char *text;
        const char *says;
    } rows[] = {
        {"\n", "line 1"},
        {"rtt_ms\n", "two at least"},
        {"time,latency\n1,2\n", "line 1"},
        {"rtt_ms\n1\n", "1 round trips"},
        {"rtt_ms\n1\nx\n", "line 3"},
        {"rtt_ms\n1\n-2\n", "line 3"},
        {"rtt_ms\n1\nnan\n", "line 3"},
        {"rtt_ms\n1\n1e99\n", "line 3"},
        {"a,rtt_ms\n1,5\n2\n", "line 3"},
        {"{\"event\":\"ack\",\"rtt_us\":1}\nrubbish\n", "line 2"},
        {"{\"event\":\"ack\"}\n", "line 1"},
        {"{\"event\":\"ack\",\"rtt_us\":\"1\"}\n", "line 1"},
    };
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(rows); i++) {
        char problem[PLAN_PROBLEM_SIZE] = "";
        struct plan_sample sample;

        assert_false(read_text(&sample, rows[i].text, problem));
        if (strstr(problem, rows[i].says) == NULL) {
            fail_msg("\"%s\": \"%s\" does not say \"%s\"", rows[i].text, problem, rows[i].says);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_found_by_their_name),
        cmocka_unit_test(files_of_spreadsheets_are_read),
        cmocka_unit_test(empty_values_are_lost_probes),
        cmocka_unit_test(empty_lines_are_lost_probes_only_between_values_that_stand_alone),
        cmocka_unit_test(events_of_the_client_are_read),
        cmocka_unit_test(bad_files_are_told_with_their_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
