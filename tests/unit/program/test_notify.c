/* What the service manager hears, over a socket with a path and over an abstract one. */
#define _GNU_SOURCE
#include "support/test.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "program/process/notify.h"

static int manager = -1;
static char path[64];

/* Returns the name for NOTIFY_SOCKET. */
static const char *listen_on_path(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(path, sizeof path, "/tmp/lubdub-notify-%ld", (long)getpid());
    unlink(path);
    strcpy(address.sun_path, path);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(manager, (struct sockaddr *)&address, sizeof address), 0);
    return path;
}

static const char *listen_on_abstract(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(path, sizeof path, "@lubdub-notify-%ld", (long)getpid());
    memcpy(address.sun_path + 1, path + 1, strlen(path) - 1);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(manager, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path))),
                     0);
    return path;
}

static void hears(const char *expected)
{
    char heard[1024];
    ssize_t length = recv(manager, heard, sizeof heard - 1, MSG_DONTWAIT);

    assert_true(length >= 0);
    heard[length] = '\0';
    assert_string_equal(heard, expected);
}

static void hears_nothing_more(void)
{
    char heard[8];

    assert_int_equal(recv(manager, heard, sizeof heard, MSG_DONTWAIT), -1);
}

static int forget(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    if (manager >= 0) {
        close(manager);
        manager = -1;
    }
    unlink(path);
    return 0;
}

static void manager_hears_all_states(struct lubdub_notify *notify)
{
    char heard[256];
    ssize_t length;

    assert_int_equal(lubdub_notify_open(notify), 0);
    assert_true(lubdub_notify_is_heard(notify));
    assert_true(lubdub_notify_ready(notify, "2 sessions"));
    hears("READY=1\nSTATUS=2 sessions");
    assert_true(lubdub_notify_status(notify, "3 sessions\nREADY=0"));
    hears("STATUS=3 sessions"); /* a status is one line, whatever is in it */
    assert_true(lubdub_notify_alive(notify));
    hears("WATCHDOG=1");
    assert_true(lubdub_notify_reloading(notify));
    length = recv(manager, heard, sizeof heard - 1, MSG_DONTWAIT);
    assert_true(length > 0);
    heard[length] = '\0';
    assert_memory_equal(heard, "RELOADING=1\nMONOTONIC_USEC=", 27);
    assert_true(strtoull(heard + 27, NULL, 10) > 0);
    assert_true(lubdub_notify_stopping(notify, "draining"));
    hears("STOPPING=1\nSTATUS=draining");
    hears_nothing_more();
    lubdub_notify_close(notify);
    assert_false(lubdub_notify_is_heard(notify));
}

static void manager_with_a_path_hears_all_states(void **state)
{
    struct lubdub_notify notify;
    (void)state;

    setenv("NOTIFY_SOCKET", listen_on_path(), 1);
    manager_hears_all_states(&notify);
}

static void manager_with_an_abstract_name_hears_all_states(void **state)
{
    struct lubdub_notify notify;
    (void)state;

    setenv("NOTIFY_SOCKET", listen_on_abstract(), 1);
    manager_hears_all_states(&notify);
}

static void without_a_manager_every_call_does_nothing(void **state)
{
    struct lubdub_notify notify;
    (void)state;

    setenv("WATCHDOG_USEC", "30000000", 1);
    assert_int_equal(lubdub_notify_open(&notify), 0);
    assert_false(lubdub_notify_is_heard(&notify));
    assert_int_equal(notify.watchdog, 0);
    assert_true(lubdub_notify_ready(&notify, ""));
    assert_true(lubdub_notify_alive(&notify));
    lubdub_notify_close(&notify);
}

static void variables_are_taken_out_of_the_environment(void **state)
{
    struct lubdub_notify notify;
    (void)state;

    setenv("NOTIFY_SOCKET", listen_on_path(), 1);
    setenv("WATCHDOG_USEC", "30000000", 1);
    assert_int_equal(lubdub_notify_open(&notify), 0);
    assert_int_equal(notify.watchdog, 30 * LUBDUB_SECOND);
    assert_null(getenv("NOTIFY_SOCKET"));
    assert_null(getenv("WATCHDOG_USEC"));
    lubdub_notify_close(&notify);
}

static void watchdog_of_another_process_is_not_ours(void **state)
{
    struct lubdub_notify notify;
    (void)state;

    setenv("NOTIFY_SOCKET", listen_on_path(), 1);
    setenv("WATCHDOG_USEC", "30000000", 1);
    setenv("WATCHDOG_PID", "1", 1);
    assert_int_equal(lubdub_notify_open(&notify), 0);
    assert_int_equal(notify.watchdog, 0);
    lubdub_notify_close(&notify);
}

static void name_that_is_no_socket_is_refused(void **state)
{
    static const char *const names[] = {"relative", "@", "vsock:2:1"};
    struct lubdub_notify notify;
    char long_name[200];
    size_t i;
    (void)state;

    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        assert_int_equal(lubdub_notify_open(&notify), EINVAL);
        assert_false(lubdub_notify_is_heard(&notify));
        assert_true(lubdub_notify_ready(&notify, "")); /* and the program goes on */
    }
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[0] = '/';
    long_name[sizeof long_name - 1] = '\0';
    setenv("NOTIFY_SOCKET", long_name, 1);
    assert_int_equal(lubdub_notify_open(&notify), EINVAL);
}

static void manager_that_does_not_read_is_not_waited_for(void **state)
{
    struct lubdub_notify notify;
    unsigned i;
    (void)state;

    setenv("NOTIFY_SOCKET", listen_on_path(), 1);
    assert_int_equal(lubdub_notify_open(&notify), 0);
    for (i = 0; i < 100000 && lubdub_notify_alive(&notify); i++) {
    }
    assert_true(i < 100000);
    lubdub_notify_close(&notify);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(manager_with_a_path_hears_all_states, forget),
        cmocka_unit_test_teardown(manager_with_an_abstract_name_hears_all_states, forget),
        cmocka_unit_test_teardown(without_a_manager_every_call_does_nothing, forget),
        cmocka_unit_test_teardown(variables_are_taken_out_of_the_environment, forget),
        cmocka_unit_test_teardown(watchdog_of_another_process_is_not_ours, forget),
        cmocka_unit_test_teardown(name_that_is_no_socket_is_refused, forget),
        cmocka_unit_test_teardown(manager_that_does_not_read_is_not_waited_for, forget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
