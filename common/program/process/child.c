/* Sets up a forked process, and words how it ended. */
#define _GNU_SOURCE
#include "program/process/child.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void lubdub_child_begin(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(EXIT_FAILURE); /* our parent died just before we asked to die with it */
    }
    setpgid(0, 0);
}

void lubdub_child_forget_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGCHLD, SIGHUP};
    sigset_t none;
    size_t i;

    for (i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        signal(signals[i], SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

const char *lubdub_child_end(int status, char *text, size_t capacity)
{
    if (WIFSIGNALED(status)) {
        snprintf(text, capacity, "it was killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else {
        snprintf(text, capacity, "it ended with status %d", WEXITSTATUS(status));
    }
    return text;
}
