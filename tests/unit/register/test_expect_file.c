/* The list of the expected: what its lines mean, and what is refused with the number of the line. */
#include "server/register/expect_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/test.h"

static char path[64];

static int set_up(void **state)
{
    int file;

    (void)state;
    strcpy(path, "/tmp/lubdub-expect-XXXXXX");
    file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

static bool read_text(struct expect_file *expect, const char *text, char problem[512])
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return expect_file_read(expect, path, problem, 512);
}

static void expect_name(const struct expected *item, const char *name)
{
    assert_int_equal(item->name.length, strlen(name));
    assert_memory_equal(item->name.data, name, item->name.length);
}

static void lines_are_names_with_what_is_known_of_them(void **state)
{
    struct expect_file expect = {0};
    char problem[512];

    (void)state;
    assert_true(read_text(&expect,
                          "# the north hall\r\n"
                          "pump-7\r\n"
                          "\n"
                          "  valve-* 12 grace=30s site=north rack=3   # twelve\n"
                          "\"pump \\\"7\\\" b\" 2m\n"
                          "door-?\tsite=s#1\n"
                          "last",
                          problem));
    assert_int_equal(expect.count, 5);
    assert_int_equal(expect.pattern_count, 2);
    expect_name(&expect.items[0], "pump-7");
    assert_false(expect.items[0].is_pattern);
    assert_int_equal(expect.items[0].count, 1);
    assert_true(expect.items[0].grace == LUBDUB_TIME_NEVER);
    expect_name(&expect.items[1], "valve-*");
    assert_true(expect.items[1].is_pattern);
    assert_int_equal(expect.items[1].count, 12);
    assert_int_equal(expect.items[1].grace, 30 * LUBDUB_SECOND);
    assert_int_equal(expect.items[1].label_count, 2);
    assert_memory_equal(expect.items[1].labels[1].value.data, "3", 1);
    expect_name(&expect.items[2], "pump \"7\" b");
    assert_int_equal(expect.items[2].grace, 2 * LUBDUB_MINUTE);
    expect_name(&expect.items[3], "door-?");
    assert_int_equal(expect.items[3].count, 1);
    expect_name(&expect.items[4], "last");
    expect_file_clear(&expect);
}

static void wrong_line_is_named(void **state)
{
    static const struct {
        const char *text;
        const char *words;
    } rows[] = {
        {"a\nb 2\n", "line 2: an identity is expected once"},
        {"a* 0\n", "line 1: how many are expected must be a number from 1 on"},
        {"a* -1\n", "line 1: how many"},
        {"a grace=soon\n", "line 1: the grace must be a duration"},
        {"main pump\n", "line 1: a name with blanks stands in double quotes"},
        {"pump 7\n", "a name with blanks stands in double quotes"},
        {"a 3x\n", "line 1: the grace must be a duration"},
        {"a Site=north\n", "line 1: behind the name"},
        {"a b=1 b=2 b=3 b=4 b=5 b=6 b=7 b=8 b=9\n", "line 1: there are more than 8 labels"},
        {"\"a b\n", "line 1: a name that begins with double quotes"},
        {"\"\"\n", "line 1: a name must be 1 to 128 bytes of UTF-8"},
        {"a\x01\n", "line 1: there is a control character"},
        {"\xff\n", "line 1: a name must be 1 to 128 bytes of UTF-8"},
        {"b\na\nc\na\n", "a stands there twice"},
    };
    struct expect_file expect = {0};
    char problem[512];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(rows); i++) {
        assert_false(read_text(&expect, rows[i].text, problem));
        if (strstr(problem, rows[i].words) == NULL || strstr(problem, path) == NULL) {
            fail_msg("'%s' is refused with: %s", rows[i].text, problem);
        }
        assert_int_equal(expect.count, 0);
    }
}

static void nobody_may_be_expected(void **state)
{
    struct expect_file expect = {0};
    char problem[512];

    (void)state;
    assert_true(read_text(&expect, "# nobody yet\n", problem));
    assert_int_equal(expect.count, 0);
    expect_file_clear(&expect);
    assert_false(expect_file_read(&expect, "/no/such/file", problem, sizeof problem));
    assert_non_null(strstr(problem, "--expect: /no/such/file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_are_names_with_what_is_known_of_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_line_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_may_be_expected, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
