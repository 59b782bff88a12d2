/* Sets the server's health and probes the sessions with it. */
#include "server/library/own_health.h"

#include <assert.h>

#include "server/library/peer.h"

void lubdub_server_set_health(struct lubdub_server *server, enum lubdub_health health)
{
    uint32_t i;

    assert(server != NULL && (unsigned)health <= LUBDUB_HEALTH_CRITICAL);
    if (atomic_exchange(&server->health, (uint8_t)health) == (uint8_t)health) {
        return;
    }
    for (i = 0; i < server->worker_count; i++) {
        lubdub_mailbox_order(&server->workers[i].mailbox, LUBDUB_ORDER_HEALTH);
    }
}

void lubdub_own_health_begin(struct lubdub_worker *worker)
{
    worker->is_telling_health = true;
    worker->told_health = 0;
}

static void tell(struct lubdub_worker *worker, struct lubdub_record *record)
{
    lubdub_link_tell_health(&record->link, (enum lubdub_health)atomic_load(&worker->server->health));
}

bool lubdub_own_health_go_on(struct lubdub_worker *worker, struct lubdub_budget *budget)
{
    if (!worker->is_telling_health) {
        return true;
    }
    for (; worker->told_health < worker->pool.used && lubdub_budget_spend(budget); worker->told_health++) {
        struct lubdub_record *record = &worker->pool.records[worker->told_health];

        if (record->peer != NULL && record->peer->is_session) {
            tell(worker, record);
        }
    }
    worker->is_telling_health = worker->told_health < worker->pool.used;
    return !worker->is_telling_health;
}

void lubdub_own_health_tell(struct lubdub_worker *worker, struct lubdub_record *record)
{
    if (atomic_load(&worker->server->health) != LUBDUB_HEALTH_PASSING) {
        tell(worker, record);
    }
}
