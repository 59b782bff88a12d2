/* Files of secrets: which lines are taken, what is refused, and that no secret stays in memory that was given back. */
#define _GNU_SOURCE
#include "support/test.h"

#include "program/settings/secret_file.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/lubdub-secret-XXXXXX";
static char path[sizeof folder + 8];
static const struct lubdub_secret_kind token = {"--token-file", "token", 16};

/* ---- memory that is given back ---- */

static const char *wiped; /* what no freed block may have */
static unsigned freed_with_secret;

void __real_free(void *block);
void __wrap_free(void *block);

void __wrap_free(void *block)
{
    if (block != NULL && wiped != NULL && memmem(block, malloc_usable_size(block), wiped, strlen(wiped)) != NULL) {
        freed_with_secret++;
    }
    __real_free(block);
}

/* ---- the stage ---- */

/* Without stdio, whose buffer would keep a copy. */
static void write_file(const char *bytes, size_t length)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, length), length);
    assert_int_equal(close(file), 0);
}

static void write_text(const char *text)
{
    write_file(text, strlen(text));
}

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void expect_line(const struct lubdub_secret_file *file, size_t index, const char *text)
{
    assert_true(index < file->count);
    assert_int_equal(file->lines[index].length, strlen(text));
    assert_memory_equal(file->lines[index].data, text, strlen(text));
}

static void expect_refusal(const char *fault)
{
    struct lubdub_secret_file file = {0};
    char problem[256];
    char expected[256];

    snprintf(expected, sizeof expected, "--token-file: %s: %s", path, fault);
    assert_false(lubdub_secret_file_read_first(&file, path, &token, problem, sizeof problem));
    assert_string_equal(problem, expected);
    assert_null(file.bytes);
    assert_int_equal(file.count, 0);
}

/* ---- tests ---- */

static void first_line_is_taken_without_its_end_and_nothing_behind_it(void **state)
{
    static const char *const texts[] = {"secret\n", "secret", "secret\r\n", " secret \t\r\n",
                                        "secret\n\none more that is far too long\n"};
    struct lubdub_secret_file file = {0};
    char problem[256];
    size_t i;
    (void)state;

    for (i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        write_text(texts[i]);
        assert_true(lubdub_secret_file_read_first(&file, path, &token, problem, sizeof problem));
        assert_int_equal(file.count, 1);
        expect_line(&file, 0, "secret");
    }
    lubdub_secret_file_clear(&file);
}

static void file_is_read_as_far_as_there_is_room(void **state)
{
    struct lubdub_secret_file file = {0};
    char problem[256];
    (void)state;

    write_text("0123456789abcdef\r\nnext\n");
    assert_true(lubdub_secret_file_read_first(&file, path, &token, problem, sizeof problem));
    expect_line(&file, 0, "0123456789abcdef");
    assert_int_equal(file.length, 18);
    lubdub_secret_file_clear(&file);
}

static void secret_that_is_missing_or_too_long_is_refused(void **state)
{
    (void)state;
    write_text("");
    expect_refusal("its first line must be a token of 1 to 16 bytes");
    write_text("\r\n\n");
    expect_refusal("its first line must be a token of 1 to 16 bytes");
    write_text("0123456789abcdefg\n");
    expect_refusal("its first line must be a token of 1 to 16 bytes");
}

static void file_of_more_than_a_mebibyte_is_refused_where_all_of_it_counts(void **state)
{
    static char bytes[1024 * 1024 + 1];
    struct lubdub_secret_file file = {0};
    char problem[256];
    (void)state;

    memset(bytes, '\n', sizeof bytes);
    bytes[0] = 'x';
    write_file(bytes, sizeof bytes - 1);
    assert_true(lubdub_secret_file_read_whole(&file, path, &token, problem, sizeof problem));
    write_file(bytes, sizeof bytes);
    assert_false(lubdub_secret_file_read_whole(&file, path, &token, problem, sizeof problem));
    assert_non_null(strstr(problem, "is larger than 1 MiB"));
    assert_true(lubdub_secret_file_read_first(&file, path, &token, problem, sizeof problem));
    lubdub_secret_file_clear(&file);
}

static void what_is_no_regular_file_is_refused_at_once(void **state)
{
    char file_path[sizeof path];
    (void)state;

    memcpy(file_path, path, sizeof path);
    snprintf(path, sizeof path, "%s/fifo", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    expect_refusal("is not a regular file");
    assert_int_equal(unlink(path), 0);
    expect_refusal("No such file or directory");
    snprintf(path, sizeof path, "%s", folder);
    expect_refusal("is not a regular file");
    memcpy(path, file_path, sizeof path);
}

static void finding_d9_path_is_escaped_in_the_sentence(void **state)
{
    struct lubdub_secret_file file = {0};
    char problem[512];
    (void)state;

    assert_false(lubdub_secret_file_read_whole(&file, "/none/\x1b[2J\n\xe2\x80\xae", &token, problem, sizeof problem));
    assert_string_equal(problem, "--token-file: /none/\\x1b[2J\\x0a\\u{202e}: No such file or directory");
    assert_false(lubdub_secret_file_read_first(&file, "/none/\x1b[2J", &token, problem, sizeof problem));
    assert_string_equal(problem, "--token-file: /none/\\x1b[2J: No such file or directory");
}

static void no_secret_stays_in_memory_that_was_given_back(void **state)
{
    struct lubdub_secret_file file = {0};
    char problem[256];
    (void)state;

    wiped = "hunter2";
    write_text("hunter2\n0123456789hunter2\n");
    assert_true(lubdub_secret_file_read_first(&file, path, &token, problem, sizeof problem));
    write_text("hunter2\n");
    assert_true(lubdub_secret_file_read_whole(&file, path, &token, problem, sizeof problem));
    assert_true(lubdub_secret_file_read_whole(&file, path, &token, problem, sizeof problem));
    lubdub_secret_file_clear(&file);
    wiped = NULL;
    assert_int_equal(freed_with_secret, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_line_is_taken_without_its_end_and_nothing_behind_it),
        cmocka_unit_test(file_is_read_as_far_as_there_is_room),
        cmocka_unit_test(secret_that_is_missing_or_too_long_is_refused),
        cmocka_unit_test(file_of_more_than_a_mebibyte_is_refused_where_all_of_it_counts),
        cmocka_unit_test(what_is_no_regular_file_is_refused_at_once),
        cmocka_unit_test(finding_d9_path_is_escaped_in_the_sentence),
        cmocka_unit_test(no_secret_stays_in_memory_that_was_given_back),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
