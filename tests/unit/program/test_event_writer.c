#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "ev/clock.h"
#include "program/events/output.h"
#include "program/events/writer.h"
#include "support/test.h"

#define LINE_SIZE (64 * 1024)

static char directory[] = "/tmp/lubdub-writer-XXXXXX";
static char path[PATH_MAX];
static char other_path[PATH_MAX];

static int make_directory(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/events", directory);
    snprintf(other_path, sizeof other_path, "%s/events.1", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    unlink(other_path);
    return rmdir(directory);
}

static void put(struct lubdub_event_writer *writer, uint64_t number)
{
    struct lubdub_event_line line;

    lubdub_event_line_begin_now(&line, "test");
    lubdub_event_line_number(&line, "number", number);
    lubdub_event_line_text(&line, "text", "enough to make a line about as long as they are: 0123456789");
    lubdub_event_writer_put(writer, &line);
}

static struct lubdub_event_writer *new_writer(const struct lubdub_event_writer_settings *settings)
{
    struct lubdub_event_writer *writer = NULL;

    assert_int_equal(lubdub_event_writer_new(&writer, settings), 0);
    return writer;
}

/* What came out: each number in its order, or counted as dropped where it is missing. */
struct account {
    uint64_t next;
    uint64_t lines;
    uint64_t dropped;
    uint64_t dropped_lines;
};

static void account_for(struct account *account, const char *text)
{
    json_error_t error;
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    const char *event;

    assert_non_null(object);
    event = json_string_value(json_object_get(object, "event"));
    assert_non_null(event);
    if (strcmp(event, "dropped") == 0) {
        assert_non_null(json_object_get(object, "text"));
        account->dropped += (uint64_t)json_integer_value(json_object_get(object, "count"));
        account->next += (uint64_t)json_integer_value(json_object_get(object, "count"));
        account->dropped_lines++;
    } else {
        assert_int_equal(json_integer_value(json_object_get(object, "number")), account->next);
        account->next++;
        account->lines++;
    }
    json_decref(object);
}

static void read_lines(FILE *file, struct account *account)
{
    char text[LINE_SIZE];

    while (fgets(text, sizeof text, file) != NULL) {
        assert_int_equal(text[strlen(text) - 1], '\n'); /* never a torn one */
        account_for(account, text);
    }
}

static void lines_reach_a_pipe_in_order(void **state)
{
    struct lubdub_event_writer_settings settings;
    struct lubdub_event_writer *writer;
    struct account account = {0};
    FILE *reader;
    uint64_t number;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    lubdub_event_writer_settings_init(&settings);
    settings.descriptor = ends[1];
    writer = new_writer(&settings);
    close(ends[1]);
    for (number = 0; number < 100; number++) {
        put(writer, number);
    }
    assert_int_equal(lubdub_event_writer_close(writer, LUBDUB_MINUTE), 0);
    reader = fdopen(ends[0], "r");
    read_lines(reader, &account);
    assert_int_equal(account.lines, 100);
    fclose(reader);
}

static size_t format_number(const struct lubdub_event_line *line, char *text, size_t capacity, void *user_data)
{
    uint64_t number = 0;

    assert_true(capacity >= 8192);
    assert_string_equal(user_data, "mine");
    if (!lubdub_event_line_get_number(line, "number", &number) || number == 2) {
        return 0;
    }
    return (size_t)snprintf(text, capacity, "number %u\n\x1b[2J", (unsigned)number);
}

static void text_form_is_the_programs_and_stays_one_line(void **state)
{
    struct lubdub_event_writer_settings settings;
    struct lubdub_event_writer *writer;
    char text[200] = "";
    char user_data[] = "mine";
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    lubdub_event_writer_settings_init(&settings);
    settings.descriptor = ends[1];
    settings.format = format_number;
    settings.user_data = user_data;
    writer = new_writer(&settings);
    put(writer, 1);
    put(writer, 2); /* has no line */
    put(writer, 3);
    assert_int_equal(lubdub_event_writer_close(writer, LUBDUB_MINUTE), 0);
    assert_true(read(ends[0], text, sizeof text - 1) > 0);
    assert_string_equal(text, "number 1??[2J\nnumber 3??[2J\n");
    close(ends[0]);
    close(ends[1]);
}

struct reader {
    FILE *file;
    struct account account;
};

static void *read_to_the_end(void *argument)
{
    struct reader *reader = argument;

    read_lines(reader->file, &reader->account);
    return NULL;
}

static void slow_reader_loses_lines_that_are_counted_where_they_are_missing(int flags, int ends[2])
{
    struct lubdub_event_writer_settings settings;
    struct lubdub_event_writer *writer;
    struct reader reader = {0};
    const uint64_t total = 20000;
    pthread_t thread;
    uint64_t number;
    uint64_t lost;

    lubdub_event_writer_settings_init(&settings);
    settings.descriptor = ends[1];
    settings.capacity = 64 * 1024;
    assert_int_equal(fcntl(ends[1], F_SETFL, fcntl(ends[1], F_GETFL) | flags), 0);
    writer = new_writer(&settings);

    /* Nobody reads: if the caller could block, it would here, for ever. */
    for (number = 0; number < total; number++) {
        put(writer, number);
    }
    lost = lubdub_event_writer_lost(writer);
    assert_true(lost > 0 && lost < total);

    reader.file = fdopen(ends[0], "r");
    assert_int_equal(pthread_create(&thread, NULL, read_to_the_end, &reader), 0);
    for (; number < total + 10; number++) {
        put(writer, number);
    }
    assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, flags);
    close(ends[1]);
    lost = lubdub_event_writer_close(writer, LUBDUB_MINUTE);
    pthread_join(thread, NULL);
    assert_int_equal(reader.account.next, total + 10);
    assert_int_equal(reader.account.dropped, lost);
    assert_true(reader.account.dropped_lines > 0);
    fclose(reader.file);
}

static void slow_reader_of_a_pipe_loses_lines_that_are_counted(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    slow_reader_loses_lines_that_are_counted_where_they_are_missing(0, ends);
}

static void slow_reader_of_a_nonblocking_pipe_loses_lines_that_are_counted(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    slow_reader_loses_lines_that_are_counted_where_they_are_missing(O_NONBLOCK, ends);
}

static void slow_reader_of_a_socket_loses_lines_that_are_counted(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    slow_reader_loses_lines_that_are_counted_where_they_are_missing(0, ends);
}

static void close_does_not_wait_for_a_reader_that_stopped(void **state)
{
    struct lubdub_event_writer_settings settings;
    struct lubdub_event_writer *writer;
    struct account account = {0};
    lubdub_time start;
    uint64_t number;
    uint64_t lost;
    FILE *reader;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    lubdub_event_writer_settings_init(&settings);
    settings.descriptor = ends[1];
    writer = new_writer(&settings);
    for (number = 0; number < 2000; number++) {
        put(writer, number);
    }
    start = lubdub_clock_now();
    lost = lubdub_event_writer_close(writer, 50 * LUBDUB_MILLISECOND);
    assert_true(lubdub_clock_now() - start < LUBDUB_MINUTE);
    close(ends[1]);
    reader = fdopen(ends[0], "r");
    read_lines(reader, &account);
    assert_in_range(lost, 1, 2000);
    assert_true(account.lines + lost >= 2000); /* more only if the thread did not even get to run to its end */
    fclose(reader);
}

struct slow_reader {
    int descriptor;
    uint64_t lines;
};

/* Reads a little, twenty times a second. */
static void *read_slowly(void *argument)
{
    static char bytes[16384];
    const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
    struct slow_reader *reader = argument;
    ssize_t count;

    do {
        ssize_t i;

        nanosleep(&pause, NULL);
        count = read(reader->descriptor, bytes, sizeof bytes);
        for (i = 0; i < count; i++) {
            reader->lines += bytes[i] == '\n';
        }
    } while (count > 0);
    return NULL;
}

/* It takes longer than the patience to read it all, and every line arrives. */
static void close_waits_for_a_reader_that_is_slow(void **state)
{
    struct lubdub_event_writer_settings settings;
    struct lubdub_event_writer *writer;
    struct slow_reader reader = {0};
    pthread_t thread;
    uint64_t number;
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    reader.descriptor = ends[0];
    lubdub_event_writer_settings_init(&settings);
    settings.descriptor = ends[1];
    writer = new_writer(&settings);
    for (number = 0; number < 4500; number++) {
        put(writer, number);
    }
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, &reader), 0);
    assert_int_equal(lubdub_event_writer_close(writer, LUBDUB_EVENT_WRITER_PATIENCE), 0);
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    assert_int_equal(reader.lines, 4500);
}

static sem_t failed_semaphore;

static void note_failure(void *user_data)
{
    (void)user_data;
    sem_post(&failed_semaphore);
}

static void broken_pipe_is_given_up_quietly_and_can_be_seen(void **state)
{
    struct lubdub_event_writer_settings settings;
    struct lubdub_event_writer *writer;
    uint64_t number;
    int ends[2];

    (void)state;
    sem_init(&failed_semaphore, 0, 0);
    assert_int_equal(pipe(ends), 0);
    lubdub_event_writer_settings_init(&settings);
    settings.descriptor = ends[1];
    settings.on_failed = note_failure;
    writer = new_writer(&settings);
    assert_false(lubdub_event_writer_failed(writer));
    close(ends[0]);
    put(writer, 0);
    assert_int_equal(sem_wait(&failed_semaphore), 0);
    assert_true(lubdub_event_writer_failed(writer));
    for (number = 1; number < 100; number++) {
        put(writer, number);
    }
    assert_int_equal(lubdub_event_writer_close(writer, LUBDUB_MINUTE), 100);
    assert_int_equal(sem_trywait(&failed_semaphore), -1); /* told once */
    sem_destroy(&failed_semaphore);
    close(ends[1]);
}

static void full_device_loses_lines_but_does_not_end_the_output(void **state)
{
    struct lubdub_event_writer_settings settings;
    struct lubdub_event_writer *writer;
    uint64_t number;

    (void)state;
    lubdub_event_writer_settings_init(&settings);
    settings.descriptor = open("/dev/full", O_WRONLY);
    writer = new_writer(&settings);
    for (number = 0; number < 1000; number++) {
        put(writer, number);
    }
    assert_false(lubdub_event_writer_failed(writer));
    assert_int_equal(lubdub_event_writer_close(writer, LUBDUB_MINUTE), 1000);
    close(settings.descriptor);
}

static void account_for_file(const char *file_path, struct account *account)
{
    FILE *file = fopen(file_path, "r");

    assert_non_null(file);
    read_lines(file, account);
    fclose(file);
}

/* Of what is put when nothing fits any more, the better part is bound to be lost. */
static void put_and_lose(struct lubdub_event_writer *writer, uint64_t *number, uint64_t count)
{
    uint64_t end = *number + count;

    while (*number < end) {
        put(writer, (*number)++);
    }
    while (lubdub_event_writer_lost(writer) < count / 2) {
        sched_yield();
    }
}

static void full_disk_costs_lines_that_are_counted_when_there_is_room_again(void (*fill)(void), void (*make_room)(void),
                                                                            const char *file_path)
{
    struct lubdub_event_writer_settings settings;
    struct lubdub_event_writer *writer;
    struct account account = {0};
    uint64_t number = 0;
    uint64_t lost;

    lubdub_event_writer_settings_init(&settings);
    settings.path = file_path;
    writer = new_writer(&settings);
    put(writer, number++);
    fill();
    put_and_lose(writer, &number, 1000);
    assert_false(lubdub_event_writer_failed(writer));
    make_room();
    put(writer, number++);
    lost = lubdub_event_writer_close(writer, LUBDUB_MINUTE);
    account_for_file(file_path, &account);
    assert_int_equal(account.next, number);
    assert_int_equal(account.dropped, lost);
    assert_true(lost >= 500);
}

static void limit_file_size(rlim_t size)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void fill_by_limit(void)
{
    limit_file_size(10007);
}

static void make_room_by_limit(void)
{
    limit_file_size(RLIM_INFINITY);
}

/* RLIMIT_FSIZE also raises a signal that ends programs: not in the writer's thread. */
static void file_at_its_size_limit_is_like_a_full_disk(void **state)
{
    (void)state;
    unlink(path);
    full_disk_costs_lines_that_are_counted_when_there_is_room_again(fill_by_limit, make_room_by_limit, path);
}

static char filler_path[PATH_MAX];

static void fill_disk(void)
{
    static const char block[512];
    int descriptor = open(filler_path, O_WRONLY | O_CREAT, 0600);

    while (write(descriptor, block, sizeof block) > 0) {
    }
    close(descriptor);
}

static void make_room_on_disk(void)
{
    unlink(filler_path);
}

static void full_disk_recovers(void **state)
{
    char file_path[PATH_MAX];

    (void)state;
    /* A mount of our own, gone with the process; needs root. */
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", directory, "tmpfs", 0, "size=1m") != 0) {
        print_message("needs the right to mount a small file system: skipped\n");
        skip();
    }
    snprintf(file_path, sizeof file_path, "%s/full", directory);
    snprintf(filler_path, sizeof filler_path, "%s/filler", directory);
    full_disk_costs_lines_that_are_counted_when_there_is_room_again(fill_disk, make_room_on_disk, file_path);
    assert_int_equal(umount2(directory, MNT_DETACH), 0);
}

static void gap_is_told_without_waiting_for_the_next_event(void **state)
{
    struct lubdub_event_writer_settings settings;
    struct lubdub_event_writer *writer;
    struct account account = {0};
    uint64_t number = 0;

    (void)state;
    unlink(path);
    lubdub_event_writer_settings_init(&settings);
    settings.path = path;
    limit_file_size(1);
    writer = new_writer(&settings);
    put_and_lose(writer, &number, 10);
    limit_file_size(RLIM_INFINITY);
    while (account.dropped_lines == 0) { /* within the second after which it is tried again */
        sched_yield();
        account = (struct account){0};
        account_for_file(path, &account);
    }
    assert_int_equal(lubdub_event_writer_close(writer, LUBDUB_MINUTE), account.dropped);
}

static void rotated_file_is_opened_again(void **state)
{
    struct lubdub_event_writer_settings settings;
    struct lubdub_event_writer *writer;
    struct account old = {0};
    struct account new = {0};
    uint64_t number;

    (void)state;
    unlink(path);
    lubdub_event_writer_settings_init(&settings);
    settings.path = path;
    writer = new_writer(&settings);
    for (number = 0; number < 100; number++) {
        put(writer, number);
    }
    assert_int_equal(rename(path, other_path), 0);
    assert_int_equal(lubdub_event_writer_reopen(writer), 0);
    for (; number < 200; number++) {
        put(writer, number);
    }
    assert_int_equal(lubdub_event_writer_close(writer, LUBDUB_MINUTE), 0);
    account_for_file(other_path, &old);
    new.next = old.next;
    account_for_file(path, &new);
    assert_int_equal(new.next, 200);
    assert_true(new.lines >= 100);
}

static void reopen_that_fails_keeps_the_old_file(void **state)
{
    struct lubdub_event_writer_settings settings;
    struct lubdub_event_writer *writer;
    struct account account = {0};

    (void)state;
    unlink(path);
    unlink(other_path);
    lubdub_event_writer_settings_init(&settings);
    settings.path = path;
    writer = new_writer(&settings);
    put(writer, 0);
    assert_int_equal(rename(path, other_path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(lubdub_event_writer_reopen(writer), EISDIR);
    put(writer, 1);
    assert_int_equal(lubdub_event_writer_close(writer, LUBDUB_MINUTE), 0);
    account_for_file(other_path, &account);
    assert_int_equal(account.lines, 2);
    assert_int_equal(rmdir(path), 0);
}

/* What root opens is a regular file; for a FIFO another user is needed. Its descriptor stays. */
static struct lubdub_event_writer *new_writer_of_a_user(const struct lubdub_event_writer_settings *settings)
{
    uid_t user = geteuid();
    struct lubdub_event_writer *writer;

    assert_int_equal(chmod(directory, 0777), 0);
    assert_int_equal(chmod(settings->path, 0666), 0);
    assert_int_equal(user == 0 ? seteuid(65534) : 0, 0);
    writer = new_writer(settings);
    assert_int_equal(seteuid(user), 0);
    return writer;
}

static void reopen_frees_a_writer_from_a_reader_that_stopped(void **state)
{
    struct lubdub_event_writer_settings settings;
    struct lubdub_event_writer *writer;
    struct account account = {0};
    uint64_t number;
    FILE *file;
    int reader;

    (void)state;
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    reader = open(path, O_RDONLY | O_NONBLOCK);
    lubdub_event_writer_settings_init(&settings);
    settings.path = path;
    writer = new_writer_of_a_user(&settings);
    for (number = 0; number < 2000; number++) {
        put(writer, number);
    }
    unlink(path);
    assert_int_equal(lubdub_event_writer_reopen(writer), 0);
    assert_int_equal(lubdub_event_writer_close(writer, LUBDUB_MINUTE), 0);
    file = fdopen(reader, "r");
    read_lines(file, &account);
    fclose(file);
    account_for_file(path, &account);
    assert_int_equal(account.lines, 2000);
}

static void file_that_cannot_be_opened_is_refused(void **state)
{
    struct lubdub_event_writer_settings settings;
    struct lubdub_event_writer *writer = NULL;

    (void)state;
    lubdub_event_writer_settings_init(&settings);
    settings.path = "/nonexistent/events";
    assert_int_equal(lubdub_event_writer_new(&writer, &settings), ENOENT);
    settings.path = directory;
    assert_int_equal(lubdub_event_writer_new(&writer, &settings), EISDIR);
    settings.path = NULL;
    settings.descriptor = -1;
    assert_int_equal(lubdub_event_writer_new(&writer, &settings), EBADF);
    assert_null(writer);
}

static sem_t hold;

static size_t format_when_let(const struct lubdub_event_line *line, char *text, size_t capacity, void *user_data)
{
    (void)line, (void)user_data;
    while (sem_wait(&hold) != 0) {
    }
    return (size_t)snprintf(text, capacity, "line");
}

/* As when the kernel keeps a write to a dead disk. */
static void thread_that_is_stuck_is_left_behind_and_cleans_up_later(void **state)
{
    struct lubdub_event_writer_settings settings;
    struct lubdub_event_writer *writer;
    char text[16];
    uint64_t number;
    int ends[2];

    (void)state;
    sem_init(&hold, 0, 0);
    assert_int_equal(pipe(ends), 0);
    lubdub_event_writer_settings_init(&settings);
    settings.descriptor = ends[1];
    settings.format = format_when_let;
    writer = new_writer(&settings);
    close(ends[1]);
    for (number = 0; number < 10; number++) {
        put(writer, number);
    }
    assert_int_equal(lubdub_event_writer_close(writer, LUBDUB_MILLISECOND), 10);
    for (number = 0; number < 20; number++) {
        sem_post(&hold);
    }
    assert_int_equal(read(ends[0], text, sizeof text), 0); /* the writer closed its end: it is freeing itself */
    close(ends[0]);
}

#define THREADS 4
#define LINES_EACH 5000

static void *put_many(void *argument)
{
    uint64_t number;

    for (number = 0; number < LINES_EACH; number++) {
        put(argument, number);
    }
    return NULL;
}

static void several_threads_may_put_while_others_look_and_reopen(void **state)
{
    static char text[LINE_SIZE];
    struct lubdub_event_writer_settings settings;
    struct lubdub_event_writer *writer;
    pthread_t threads[THREADS];
    uint64_t lines = 0;
    FILE *file;
    int i;

    (void)state;
    unlink(path);
    lubdub_event_writer_settings_init(&settings);
    settings.path = path;
    writer = new_writer(&settings);
    for (i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, writer), 0);
    }
    for (i = 0; i < 50; i++) {
        assert_int_equal(lubdub_event_writer_reopen(writer), 0);
        assert_int_equal(lubdub_event_writer_lost(writer), 0);
        assert_false(lubdub_event_writer_failed(writer));
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(lubdub_event_writer_close(writer, LUBDUB_MINUTE), 0);
    file = fopen(path, "r");
    while (fgets(text, sizeof text, file) != NULL) {
        lines++;
    }
    fclose(file);
    assert_int_equal(lines, THREADS * LINES_EACH);
}

static void writer_that_is_null_takes_everything(void **state)
{
    struct lubdub_event_line line;

    (void)state;
    lubdub_event_line_begin_now(&line, "test");
    assert_true(lubdub_event_writer_put(NULL, &line));
    assert_int_equal(lubdub_event_writer_reopen(NULL), 0);
    assert_false(lubdub_event_writer_failed(NULL));
    assert_int_equal(lubdub_event_writer_lost(NULL), 0);
    assert_int_equal(lubdub_event_writer_close(NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_reach_a_pipe_in_order),
        cmocka_unit_test(text_form_is_the_programs_and_stays_one_line),
        cmocka_unit_test(slow_reader_of_a_pipe_loses_lines_that_are_counted),
        cmocka_unit_test(slow_reader_of_a_nonblocking_pipe_loses_lines_that_are_counted),
        cmocka_unit_test(slow_reader_of_a_socket_loses_lines_that_are_counted),
        cmocka_unit_test(close_does_not_wait_for_a_reader_that_stopped),
        cmocka_unit_test(close_waits_for_a_reader_that_is_slow),
        cmocka_unit_test(broken_pipe_is_given_up_quietly_and_can_be_seen),
        cmocka_unit_test(full_device_loses_lines_but_does_not_end_the_output),
        cmocka_unit_test(file_at_its_size_limit_is_like_a_full_disk),
        cmocka_unit_test(full_disk_recovers),
        cmocka_unit_test(gap_is_told_without_waiting_for_the_next_event),
        cmocka_unit_test(rotated_file_is_opened_again),
        cmocka_unit_test(reopen_that_fails_keeps_the_old_file),
        cmocka_unit_test(reopen_frees_a_writer_from_a_reader_that_stopped),
        cmocka_unit_test(file_that_cannot_be_opened_is_refused),
        cmocka_unit_test(thread_that_is_stuck_is_left_behind_and_cleans_up_later),
        cmocka_unit_test(several_threads_may_put_while_others_look_and_reopen),
        cmocka_unit_test(writer_that_is_null_takes_everything),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
