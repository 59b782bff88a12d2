/* Files of tokens and patterns: what is a token, and which lines are refused. */
#define _GNU_SOURCE
#include "support/test.h"

#include "program/settings/token_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/lubdub-tokens-XXXXXX";
static char path[sizeof folder + 8];
static struct lubdub_token_file tokens;
static char problem[512];

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    lubdub_token_file_clear(&tokens);
    unlink(path);
    return rmdir(folder);
}

static bool reads(const char *bytes, size_t length)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, length), length);
    assert_int_equal(close(file), 0);
    return lubdub_token_file_read(&tokens, path, "--token-file", problem, sizeof problem);
}

static void expect(size_t index, const char *token, const char *pattern)
{
    assert_true(index < tokens.count);
    assert_int_equal(tokens.tokens[index].length, strlen(token));
    assert_memory_equal(tokens.tokens[index].data, token, strlen(token));
    if (pattern == NULL) {
        assert_null(tokens.patterns[index].data);
        return;
    }
    assert_int_equal(tokens.patterns[index].length, strlen(pattern));
    assert_memory_equal(tokens.patterns[index].data, pattern, strlen(pattern));
}

static void b15_comments_blanks_and_patterns_are_what_they_look_like(void **state)
{
    static const char text[] = "# comment\n"
                               "\n"
                               "one\n"
                               "  two\t pump-*  \r\n"
                               "three # any identity\n"
                               "fo#ur valve-?# # north\n"
                               "   \t\n"
                               "five";
    (void)state;

    assert_true(reads(text, sizeof text - 1));
    assert_int_equal(tokens.count, 5);
    expect(0, "one", NULL);
    expect(1, "two", "pump-*");
    expect(2, "three", NULL);
    expect(3, "fo#ur", "valve-?#");
    expect(4, "five", NULL);
}

static void expect_refusal(const char *text, size_t length, const char *fault)
{
    char expected[256];

    snprintf(expected, sizeof expected, "--token-file: %s: %s", path, fault);
    assert_false(reads(text, length));
    assert_string_equal(problem, expected);
    assert_int_equal(tokens.count, 0);
    assert_null(tokens.file.bytes);
}

#define REFUSED(text, fault) expect_refusal(text, sizeof(text) - 1, fault)

static void b15_doubtful_line_is_refused_with_its_number(void **state)
{
    static char longest[1024 + 3] = "x\n";
    (void)state;

    REFUSED("one\n\ntwo words more\n", "line 3: more than a token and a pattern; a token has no blanks");
    REFUSED("one\ntw\0o\n", "line 2: there is a control character in it");
    REFUSED("one\rtwo\n", "line 1: there is a control character in it");
    REFUSED("\xef\xbb\xbfone\n", "line 1: it begins with a byte order mark");
    REFUSED("one\ntwo \xff*\n", "line 2: a pattern must be 1 to 128 bytes of UTF-8 without control characters");
    REFUSED("", "there is no token in it");
    REFUSED("\n# one\n\r\n", "there is no token in it");
    memset(longest + 2, 'x', 1024);
    assert_true(reads(longest, 2 + 1024));
    assert_int_equal(tokens.count, 2);
    longest[sizeof longest - 1] = 'x';
    expect_refusal(longest, sizeof longest, "line 2: a token must be at most 1024 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(b15_comments_blanks_and_patterns_are_what_they_look_like),
        cmocka_unit_test(b15_doubtful_line_is_refused_with_its_number),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
