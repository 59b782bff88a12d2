/* Remembers the worker of a thread of ours; worker 0's thread is the application's. */
#include "server/library/own_thread.h"

static _Thread_local struct lubdub_worker *own;

void lubdub_own_thread_begin(struct lubdub_worker *worker)
{
    own = worker;
}

struct lubdub_worker *lubdub_own_thread_worker(struct lubdub_server *server)
{
    struct lubdub_worker *first = &server->workers[0];

    if (own != NULL && own->server == server) {
        return own;
    }
    return pthread_equal(first->thread, pthread_self()) != 0 ? first : NULL;
}
