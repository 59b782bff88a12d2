/* The state file: what is written is read again, and a file that is not whole is not taken in part. */
#define _GNU_SOURCE
#include "server/register/state_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/test.h"

static char folder[64];
static char path[96];
static char names[512]; /* of what was taken, with blanks */
static struct known_end last_end;

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/lubdub-state-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/state", folder);
    names[0] = '\0';
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void take(const struct known *known, void *user_data)
{
    (void)user_data;
    strncat(names, known->identity, known->length);
    strcat(names, known->is_missing ? "! " : " ");
    if (known->end_count > 0) {
        last_end = *known_end_at(known, 0);
        assert_int_equal(known->end_count, KNOWN_ENDS);
        assert_int_equal(known->connects, 31);
        assert_int_equal(known->losses, 30);
        assert_int_equal(known->state, KNOWN_UP);
    }
}

static void take_missing(struct lubdub_slice pattern, void *user_data)
{
    (void)user_data;
    strncat(names, pattern.data, pattern.length);
    strcat(names, "!! ");
}

static int write_two(void)
{
    struct state_writer writer;
    struct known *known = known_new("pump \"7\\", 8);
    struct known *other = known_new("\xc3\xa4", 2);
    unsigned i;

    for (i = 1; i <= 30; i++) {
        const struct known_end end = {.at_ms = 1000 * i, .lasted_s = i, .cause = LUBDUB_CAUSE_HUNG};

        known_add_end(known, &end);
    }
    known->state = KNOWN_UP;
    known->connects = 31;
    known->losses = 30;
    other->is_missing = true;
    state_writer_begin(&writer, path, 5);
    state_writer_put(&writer, known);
    state_writer_flush(&writer);
    state_writer_put(&writer, other);
    state_writer_put_missing(&writer, (struct lubdub_slice){"\"valve\" *", 9});
    known_free(known);
    known_free(other);
    return state_writer_commit(&writer);
}

static enum state_read read_back(const char **fault)
{
    const struct state_taker taker = {take, take_missing, NULL};
    uint64_t written_ms = 0;
    enum state_read result = state_file_read(path, &taker, &written_ms, fault);

    assert_true(result != STATE_READ || written_ms == 5);
    return result;
}

static void what_is_written_is_read(void **state)
{
    const char *fault = NULL;

    (void)state;
    assert_int_equal(read_back(&fault), STATE_ABSENT);
    assert_int_equal(write_two(), 0);
    assert_int_equal(read_back(&fault), STATE_READ);
    assert_string_equal(names, "pump \"7\\ \xc3\xa4! \"valve\" *!! ");
    assert_int_equal(last_end.at_ms, 30000);
    assert_int_equal(last_end.lasted_s, 30);
    assert_int_equal(last_end.cause, LUBDUB_CAUSE_HUNG);
}

/* Cut in many places, or with a byte changed, it is damaged, and nothing of it is taken. */
static void damage_is_noticed(void **state)
{
    const char *fault = NULL;
    char bytes[4096];
    size_t length;
    size_t i;
    FILE *file;

    (void)state;
    assert_int_equal(write_two(), 0);
    file = fopen(path, "r");
    length = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (i = 0; i < 2 * length; i += 5) {
        file = fopen(path, "w");
        if (i < length) {
            fwrite(bytes, 1, i, file);
        } else {
            bytes[i - length] ^= 1;
            fwrite(bytes, 1, length, file);
            bytes[i - length] ^= 1;
        }
        fclose(file);
        names[0] = '\0';
        if (read_back(&fault) != STATE_DAMAGED || names[0] != '\0') {
            /* the footer's own number, and the case of its digits, are not covered by the sum */
            assert_true(i >= 2 * length - 50);
        }
    }
    assert_int_equal(state_file_set_aside(path), 0);
    assert_int_equal(read_back(&fault), STATE_ABSENT);
}

static void other_version_is_not_taken(void **state)
{
    const char *fault = NULL;
    FILE *file = fopen(path, "w");

    (void)state;
    fputs("{\"lubdub_state\":2,\"more\":true}\n", file);
    fclose(file);
    assert_int_equal(read_back(&fault), STATE_DAMAGED);
    assert_string_equal(fault, "it is of another version");
}

static void old_file_stays_where_the_new_one_cannot_be_written(void **state)
{
    const char *fault = NULL;
    char aside[128];

    (void)state;
    assert_int_equal(write_two(), 0);
    snprintf(aside, sizeof aside, "%s.new", path);
    assert_int_equal(mkdir(aside, 0700), 0); /* in the way */
    assert_int_not_equal(write_two(), 0);
    assert_int_equal(read_back(&fault), STATE_READ);
    assert_int_equal(rmdir(aside), 0);
    assert_int_equal(symlink("/dev/full", aside), 0); /* not followed but replaced */
    assert_int_equal(write_two(), 0);
    snprintf(path, sizeof path, "%s/no/state", folder);
    assert_int_equal(write_two(), ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_version_is_not_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(old_file_stays_where_the_new_one_cannot_be_written, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
