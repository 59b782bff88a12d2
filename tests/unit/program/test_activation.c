/* What a service manager hands over, by the variables of sd_listen_fds_with_names(3). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program/process/activation.h"
#include "support/test.h"

#define WANTED 3 /* descriptors, from 3 on: of a process that has no others there, and none behind them */

/* Takes over in a child, which has the descriptors that the test wants. Returns its verdict. */
static int in_a_child(int (*judge)(const char *names), const char *names)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        char number[16];
        int i;

        for (i = 0; i < WANTED; i++) {
            dup2(2, LUBDUB_ACTIVATION_FIRST + i);
        }
        snprintf(number, sizeof number, "%d", (int)getpid());
        setenv("LISTEN_PID", number, 1);
        snprintf(number, sizeof number, "%d", WANTED);
        setenv("LISTEN_FDS", number, 1);
        unsetenv("LISTEN_FDNAMES");
        if (names != NULL) {
            setenv("LISTEN_FDNAMES", names, 1);
        }
        _exit(judge(names));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* A bit for each descriptor that is named tls; 64 and more for what is wrong. */
static int judge_names(const char *names)
{
    struct lubdub_activation activation;
    int bits = 0;
    unsigned i;
    (void)names;

    lubdub_activation_take(&activation);
    if (activation.count != WANTED || (fcntl(LUBDUB_ACTIVATION_FIRST, F_GETFD) & FD_CLOEXEC) == 0) {
        return 64;
    }
    if (getenv("LISTEN_PID") != NULL || getenv("LISTEN_FDS") != NULL || getenv("LISTEN_FDNAMES") != NULL) {
        return 65;
    }
    if (lubdub_activation_is_doubtful(&activation)) {
        return 66;
    }
    for (i = 0; i < activation.count; i++) {
        bits |= lubdub_activation_is_named(&activation, i, "tls") << i;
    }
    return bits;
}

static void names_say_which_are_for_tls(void **state)
{
    static const struct {
        const char *names;
        int bits;
    } rows[] = {
        {NULL, 0},
        {"a:b:c", 0},
        {"tls:b:c", 1},
        {"a:tls:tls", 6},
        {"a:b:tls", 4},
        {"::tls", 4},
        {"heartbeat-tls:lubdub-server-tls.socket:tls.socket", 7},
        {"no_tls:tls-not:TLS", 0},
        {"atls:tl:tlss", 0},
        {".socket:-tls:-", 2},
        {"a:b", 66}, /* whose names are they? */
        {"a:b:c:tls", 66},
        {"", 66},
    };
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(rows); i++) {
        int bits = in_a_child(judge_names, rows[i].names);

        if (bits != rows[i].bits) {
            fail_msg("\"%s\" gives %d and not %d", rows[i].names != NULL ? rows[i].names : "(none)", bits,
                     rows[i].bits);
        }
    }
}

static int judge_foreign(const char *names)
{
    struct lubdub_activation activation;
    (void)names;

    setenv("LISTEN_PID", "1", 1);
    lubdub_activation_take(&activation);
    return activation.count != 0 || activation.names != NULL || lubdub_activation_is_doubtful(&activation) ||
           lubdub_activation_is_named(&activation, 0, "tls") || getenv("LISTEN_FDNAMES") != NULL;
}

static void descriptors_of_another_process_are_none_of_ours(void **state)
{
    (void)state;

    assert_int_equal(in_a_child(judge_foreign, "tls:tls:tls"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_say_which_are_for_tls),
        cmocka_unit_test(descriptors_of_another_process_are_none_of_ours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
