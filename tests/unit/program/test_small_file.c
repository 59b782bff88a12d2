/* Small files: their start is read, and nothing else waits or passes for one. */
#include "support/test.h"

#include "program/settings/small_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/lubdub-small-XXXXXX";
static char path[sizeof folder + 8];

static int setup(void **state)
{
    FILE *file;
    (void)state;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs("secret\n", file);
    return fclose(file);
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void file_is_read_as_far_as_there_is_room(void **state)
{
    char bytes[16];
    size_t length;
    (void)state;

    assert_null(lubdub_small_file_read(path, bytes, sizeof bytes, &length));
    assert_int_equal(length, 7);
    assert_memory_equal(bytes, "secret\n", 7);
    assert_null(lubdub_small_file_read(path, bytes, 3, &length));
    assert_int_equal(length, 3);
}

static void what_is_no_regular_file_is_refused_at_once(void **state)
{
    char bytes[16];
    char fifo[sizeof path + 8];
    size_t length;
    (void)state;

    snprintf(fifo, sizeof fifo, "%s-fifo", path);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_string_equal(lubdub_small_file_read(fifo, bytes, sizeof bytes, &length), "is not a regular file");
    assert_int_equal(unlink(fifo), 0);
    assert_string_equal(lubdub_small_file_read(folder, bytes, sizeof bytes, &length), "is not a regular file");
    assert_string_equal(lubdub_small_file_read("/nowhere/at/all", bytes, sizeof bytes, &length),
                        "No such file or directory");
    assert_int_equal(length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_is_read_as_far_as_there_is_room),
        cmocka_unit_test(what_is_no_regular_file_is_refused_at_once),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
