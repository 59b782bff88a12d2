/* Completes an event, calls the application, and frees a server that the application freed from inside that call. */
#include "server/library/tell.h"

#include "ev/clock.h"
#include "server/library/peer.h"

char *lubdub_server_event_remote(const struct lubdub_server_event *event, char *target)
{
    if (event->remote == NULL) {
        target[0] = '\0';
        return target;
    }
    return lubdub_address_format(event->remote, target);
}

void lubdub_server_tell(struct lubdub_worker *worker, struct lubdub_record *record, struct lubdub_server_event *event)
{
    struct lubdub_server *server = worker->server;
    struct lubdub_address remote;

    if (server->callback == NULL || server->is_doomed) {
        return;
    }
    if (event->now == 0) {
        event->now = lubdub_clock_now();
    }
    if (record != NULL) {
        lubdub_peer_address(record->peer, &remote);
        remote.port = (uint16_t)record->remote_port;
        event->remote = &remote;
        event->identity = lubdub_peer_identity(record->peer);
        event->is_proxied = record->peer->is_proxied;
        event->data = lubdub_pool_data(&worker->pool, record);
        event->is_tls = lubdub_link_is_tls(&record->link);
        event->session = event->kind == LUBDUB_SERVER_REJECTED ? 0 : lubdub_pool_number(&worker->pool, record);
    }
    server->callback(server, event, server->user_data);
}

void lubdub_server_tell_of_itself(struct lubdub_server *server, enum lubdub_server_event_kind kind)
{
    struct lubdub_server_event event = {.kind = kind};

    lubdub_server_tell(&server->workers[0], NULL, &event);
}

void lubdub_worker_enter(struct lubdub_worker *worker)
{
    if (worker->index == 0) {
        worker->server->depth++;
    }
}

void lubdub_worker_leave(struct lubdub_worker *worker)
{
    struct lubdub_server *server = worker->server;

    if (worker->index == 0 && --server->depth == 0 && server->is_doomed && worker->group.step_count == 0) {
        server->dispose(server);
    }
}
