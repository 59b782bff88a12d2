/* Ends an attempt or a session, and chooses the next address, the next server, the next round or the end of all. */
#include "client/library/end.h"

/* Goes on with the next round or the end of all. Returns the wait. */
static lubdub_duration go_on_after_end(struct lubdub_client *client, const struct lubdub_client_event *end)
{
    lubdub_duration wait;

    if (!client->rules.reconnects) {
        lubdub_client_go_on(client, LUBDUB_CLIENT_STATE_STOPPING, LUBDUB_NEXT_STOPPED, 0);
        return 0;
    }
    /*
     * A HELLO that was refused has ended no session: it may wait for a dead session of our own, and need not grow shy
     * of a rival.
     */
    wait = end->cause == LUBDUB_CAUSE_REPLACED && end->was_up
               ? lubdub_backoff_next_replaced(&client->backoff)
               : lubdub_backoff_next(&client->backoff, lubdub_server_list_wait(&client->rules.servers, end->now));
    lubdub_client_go_on(client, LUBDUB_CLIENT_STATE_WAITING, LUBDUB_NEXT_ROUND, wait);
    return wait;
}

void lubdub_client_go_down(struct lubdub_client *client, struct lubdub_client_event *event)
{
    struct lubdub_client_event retrying = lubdub_client_event_new(client, LUBDUB_CLIENT_RETRYING, event->now);

    event->kind = LUBDUB_CLIENT_DOWN;
    retrying.retry_in = go_on_after_end(client, event);
    client->session_number = 0;
    client->dropped += lubdub_outside_drop(&client->outside);
    retrying.session = 0;
    lubdub_client_tell(client, event);
    if (lubdub_client_is_still(client, LUBDUB_CLIENT_STATE_WAITING)) {
        lubdub_client_tell(client, &retrying);
    }
}

void lubdub_client_fail(struct lubdub_client *client, struct lubdub_client_event *event)
{
    enum lubdub_next_move next_move = LUBDUB_NEXT_ADDRESS;

    if (client->connector == NULL || !lubdub_connector_has_more(client->connector)) {
        lubdub_connector_free(client->connector);
        client->connector = NULL;
        next_move = LUBDUB_NEXT_SERVER;
    }
    if (next_move == LUBDUB_NEXT_SERVER && lubdub_server_list_next(&client->rules.servers, event->now) == NULL) {
        lubdub_client_go_down(client, event);
        return;
    }
    event->kind = LUBDUB_CLIENT_FAILED;
    lubdub_client_go_on(client, LUBDUB_CLIENT_STATE_CONNECTING, next_move, 0);
    lubdub_client_tell(client, event);
}
