/* Blocks all signals while a thread is made, which inherits that. */
#define _GNU_SOURCE
#include "ev/thread.h"

#include <signal.h>

int lubdub_thread_start(pthread_t *thread, void *(*run)(void *user_data), void *user_data, const char *name)
{
    sigset_t all;
    sigset_t before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(thread, NULL, run, user_data);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0 && name != NULL) {
        (void)pthread_setname_np(*thread, name);
    }
    return error;
}
