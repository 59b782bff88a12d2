#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "program/events/escape.h"
#include "program/events/log.h"
#include "support/test.h"

/* What fits into a pipe at once, so that the test may read after the log is closed. */
#define TEXT_SIZE (64 * 1024)

static char text[TEXT_SIZE];
static int ends[2];

static void open_log(enum lubdub_log_level level)
{
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(lubdub_log_open(ends[1], level), 0);
}

/* Closes the log and returns all of it. */
static const char *close_log(void)
{
    size_t length = 0;
    ssize_t count;

    lubdub_log_close();
    close(ends[1]);
    while ((count = read(ends[0], text + length, sizeof text - 1 - length)) > 0) {
        length += (size_t)count;
    }
    close(ends[0]);
    text[length] = '\0';
    return text;
}

static unsigned count_lines(const char *all, const char *part)
{
    unsigned count = 0;

    for (all = strstr(all, part); all != NULL; all = strstr(all + 1, part)) {
        count++;
    }
    return count;
}

static void entry_is_time_level_and_message(void **state)
{
    (void)state;
    open_log(LUBDUB_LOG_INFO);
    lubdub_log_warning("accepting pauses reason=%s sessions=%u", "no-descriptors", 7U);
    close_log();
    assert_int_equal(text[4], '-');
    assert_int_equal(text[26], 'Z');
    assert_string_equal(text + 27, " warning accepting pauses reason=no-descriptors sessions=7\n");
}

static void entries_above_the_level_are_left_out(void **state)
{
    (void)state;
    open_log(LUBDUB_LOG_WARNING);
    lubdub_log_error("one");
    lubdub_log_info("two");
    lubdub_log_debug("three");
    lubdub_log_set_level(LUBDUB_LOG_DEBUG);
    assert_int_equal(lubdub_log_level(), LUBDUB_LOG_DEBUG);
    lubdub_log_debug("four");
    close_log();
    assert_int_equal(count_lines(text, "\n"), 2);
    assert_non_null(strstr(text, " error one\n"));
    assert_non_null(strstr(text, " debug four\n"));
}

static void nothing_of_a_peer_breaks_the_line_or_the_terminal(void **state)
{
    char value[64];

    (void)state;
    open_log(LUBDUB_LOG_INFO);
    lubdub_escape_value(value, sizeof value, "a\n\x1b[2J=\"", 8);
    lubdub_log_info("escaped id=%s", value);
    lubdub_log_info("forgotten id=%s", "a\n\x1b[2J\xc2\x9b\xff");
    close_log();
    assert_int_equal(count_lines(text, "\n"), 2);
    assert_non_null(strstr(text, " info escaped id=\"a\\x0a\\x1b[2J=\\\"\"\n"));
    assert_non_null(strstr(text, " info forgotten id=a\\x0a\\x1b[2J\\u{009b}\\xff\n"));
}

static void long_entry_is_cut(void **state)
{
    char message[2 * LUBDUB_LOG_LINE_MAX];

    (void)state;
    memset(message, 'x', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    open_log(LUBDUB_LOG_INFO);
    lubdub_log_info("%s", message);
    close_log();
    assert_int_equal(count_lines(text, "\n"), 1);
    assert_true(strlen(text) < LUBDUB_LOG_LINE_MAX + 50);
}

static void peer_writes_ten_entries_a_second_and_the_rest_is_counted(void **state)
{
    struct lubdub_log_site site = {0};
    lubdub_time start = 5 * LUBDUB_SECOND;
    unsigned suppressed = 99;
    unsigned i;

    (void)state;
    for (i = 0; i < 10; i++) {
        assert_true(lubdub_log_site_admits(&site, start + i, &suppressed));
        assert_int_equal(suppressed, 0);
    }
    for (i = 0; i < 1000; i++) {
        assert_false(lubdub_log_site_admits(&site, start + LUBDUB_SECOND - 1, &suppressed));
    }
    assert_true(lubdub_log_site_admits(&site, start + LUBDUB_SECOND, &suppressed));
    assert_int_equal(suppressed, 1000);
    assert_true(lubdub_log_site_admits(&site, start + LUBDUB_SECOND, &suppressed));
    assert_int_equal(suppressed, 0);
    assert_int_equal(lubdub_log_suppressed(), 1000);

    lubdub_log_set_rate(1);
    assert_true(lubdub_log_site_admits(&site, start + 2 * LUBDUB_SECOND, &suppressed));
    assert_false(lubdub_log_site_admits(&site, start + 2 * LUBDUB_SECOND, &suppressed));
    lubdub_log_set_rate(LUBDUB_LOG_RATE);
}

static void flood_of_one_place_leaves_room_for_others(void **state)
{
    unsigned i;
    unsigned written;
    unsigned told = 0;
    const char *at;

    (void)state;
    open_log(LUBDUB_LOG_INFO);
    for (i = 0; i < 100000; i++) {
        lubdub_log_peer(LUBDUB_LOG_WARNING, "rejected remote=%u", i);
    }
    lubdub_log_peer(LUBDUB_LOG_WARNING, "another place");
    close_log();
    assert_int_equal(count_lines(text, " warning another place\n"), 1);

    /* Each one is there or counted, however many seconds the loop took. */
    written = count_lines(text, "rejected remote=");
    for (at = strstr(text, "suppressed="); at != NULL; at = strstr(at + 1, "suppressed=")) {
        told += (unsigned)strtoul(at + strlen("suppressed="), NULL, 10);
    }
    at = strstr(text, " more suppressed: rejected remote"); /* missing only if the last ones just began a new second */
    if (at != NULL) {
        while (at[-1] >= '0' && at[-1] <= '9') {
            at--;
        }
        told += (unsigned)strtoul(at, NULL, 10);
    }
    assert_int_equal(written + told, 100000);
}

static void reader_that_stopped_holds_up_nobody(void **state)
{
    unsigned i;

    (void)state;
    open_log(LUBDUB_LOG_INFO);
    for (i = 0; i < 50000; i++) { /* more than the pipe and the store take; would block for ever if it blocked */
        lubdub_log_info("entry with some text to fill what there is to be filled number=%u", i);
    }
    assert_true(lubdub_log_lost() > 0);
    close(ends[0]);
    lubdub_log_close();
    close(ends[1]);
}

static void *write_many(void *argument)
{
    unsigned i;

    for (i = 0; i < 50; i++) {
        lubdub_log_info("from=%s number=%u", (const char *)argument, i);
        lubdub_log_peer(LUBDUB_LOG_INFO, "limited number=%u", i);
    }
    return NULL;
}

static void several_threads_may_log(void **state)
{
    char names[][2] = {"a", "b", "c", "d"};
    pthread_t threads[4];
    size_t i;

    (void)state;
    open_log(LUBDUB_LOG_INFO);
    for (i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, names[i]), 0);
    }
    for (i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    close_log();
    assert_int_equal(count_lines(text, " info from="), 200);
}

static void log_that_is_not_open_writes_to_standard_error_at_once(void **state)
{
    int kept = dup(STDERR_FILENO);
    ssize_t length;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    lubdub_log_error("cannot start reason=%s", "test");
    dup2(kept, STDERR_FILENO);
    close(kept);
    length = read(ends[0], text, sizeof text - 1);
    assert_true(length > 0);
    text[length] = '\0';
    assert_string_equal(text + 27, " error cannot start reason=test\n");
    close(ends[0]);
    close(ends[1]);
}

static int ignore_broken_pipes(void **state)
{
    (void)state;
    return signal(SIGPIPE, SIG_IGN) == SIG_ERR ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entry_is_time_level_and_message),
        cmocka_unit_test(entries_above_the_level_are_left_out),
        cmocka_unit_test(nothing_of_a_peer_breaks_the_line_or_the_terminal),
        cmocka_unit_test(long_entry_is_cut),
        cmocka_unit_test(peer_writes_ten_entries_a_second_and_the_rest_is_counted),
        cmocka_unit_test(flood_of_one_place_leaves_room_for_others),
        cmocka_unit_test(reader_that_stopped_holds_up_nobody),
        cmocka_unit_test(several_threads_may_log),
        cmocka_unit_test(log_that_is_not_open_writes_to_standard_error_at_once),
    };

    return cmocka_run_group_tests(tests, ignore_broken_pipes, NULL);
}
