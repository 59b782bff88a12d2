/* Sets, reads and gives back the application's pointers. */
#include "server/library/own_data.h"

#include <assert.h>

#include "server/library/own_thread.h"
#include "server/library/peer.h"

void lubdub_own_data_free(struct lubdub_worker *worker, const struct lubdub_record *record)
{
    void *data = lubdub_pool_swap_data(&worker->pool, record, NULL);

    if (data != NULL && worker->server->free_data != NULL) {
        worker->server->free_data(data, worker->server->user_data);
    }
}

/* The connection, if it is one of this thread; NULL: it is not, or it is none any more. */
static struct lubdub_record *record_here(struct lubdub_server *server, uint64_t session)
{
    struct lubdub_worker *worker = lubdub_server_worker(server, session);
    struct lubdub_record *record;

    if (session == 0 || worker != lubdub_own_thread_worker(server)) {
        return NULL;
    }
    record = lubdub_pool_find(&worker->pool, session);
    return record != NULL && (record->peer->is_session || record->peer->is_undecided) ? record : NULL;
}

enum lubdub_error lubdub_server_set_data(struct lubdub_server *server, uint64_t session, void *data)
{
    const struct lubdub_record *record;

    if (server == NULL) {
        return LUBDUB_ERROR_INVALID;
    }
    record = record_here(server, session);
    if (record == NULL) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    (void)lubdub_pool_swap_data(&lubdub_server_worker(server, session)->pool, record, data);
    return LUBDUB_ERROR_OK;
}

void *lubdub_server_data(struct lubdub_server *server, uint64_t session)
{
    const struct lubdub_record *record;

    assert(server != NULL);
    record = record_here(server, session);
    return record != NULL ? lubdub_pool_data(&lubdub_server_worker(server, session)->pool, record) : NULL;
}
