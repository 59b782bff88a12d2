/* Threads that take no signals. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "ev/thread.h"
#include "support/test.h"

struct seen {
    int value;
    sigset_t mask;
};

static void *look(void *user_data)
{
    struct seen *seen = user_data;

    pthread_sigmask(SIG_SETMASK, NULL, &seen->mask);
    return &seen->value;
}

static void thread_has_all_signals_blocked_and_its_maker_has_them_as_before(void **state)
{
    struct seen seen = {0};
    void *returned;
    pthread_t thread;
    sigset_t own;
    (void)state;

    assert_int_equal(lubdub_thread_start(&thread, look, &seen, "lubdub-test"), 0);
    assert_int_equal(pthread_join(thread, &returned), 0);
    assert_ptr_equal(returned, &seen.value);
    assert_true(sigismember(&seen.mask, SIGTERM) && sigismember(&seen.mask, SIGCHLD) && sigismember(&seen.mask, SIGUSR1));
    pthread_sigmask(SIG_SETMASK, NULL, &own);
    assert_false(sigismember(&own, SIGTERM));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thread_has_all_signals_blocked_and_its_maker_has_them_as_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
