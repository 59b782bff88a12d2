/* Starts threads that take no signals: these are for the thread that the application has for them. */
#ifndef LUBDUB_EV_THREAD_H
#define LUBDUB_EV_THREAD_H

#include <pthread.h>

/*
 * All signals are blocked in the new thread from its beginning; the caller's own mask is as before. name is what tools show,
 * 15 bytes at most; NULL: that of the process. Returns 0 or an errno; then there is no thread.
 */
int lubdub_thread_start(pthread_t *thread, void *(*run)(void *user_data), void *user_data, const char *name);

#endif
