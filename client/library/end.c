/* Ends an attempt or a session, and chooses the next server, the next round or the end of all. */
#include "client/library/end.h"

/* Goes on with the next round or the end of all. Returns the wait. */
static lubdub_duration go_on_after_end(struct lubdub_client *client, enum lubdub_cause cause, lubdub_time now)
{
    lubdub_duration wait;

    if (!client->rules.reconnects) {
        lubdub_client_go_on(client, LUBDUB_CLIENT_STATE_STOPPING, LUBDUB_NEXT_STOPPED, 0);
        return 0;
    }
    wait = cause == LUBDUB_CAUSE_REPLACED
               ? lubdub_backoff_next_replaced(&client->backoff)
               : lubdub_backoff_next(&client->backoff, lubdub_server_list_wait(&client->rules.servers, now));
    lubdub_client_go_on(client, LUBDUB_CLIENT_STATE_WAITING, LUBDUB_NEXT_ROUND, wait);
    return wait;
}

void lubdub_client_go_down(struct lubdub_client *client, struct lubdub_client_event *event)
{
    struct lubdub_client_event retrying = lubdub_client_event_new(client, LUBDUB_CLIENT_RETRYING, event->now);

    event->kind = LUBDUB_CLIENT_DOWN;
    retrying.retry_in = go_on_after_end(client, event->cause, event->now);
    client->session_number = 0;
    retrying.session = 0;
    lubdub_client_tell(client, event);
    if (lubdub_client_is_still(client, LUBDUB_CLIENT_STATE_WAITING)) {
        lubdub_client_tell(client, &retrying);
    }
}

void lubdub_client_fail(struct lubdub_client *client, struct lubdub_client_event *event)
{
    if (lubdub_server_list_next(&client->rules.servers, event->now) == NULL) {
        lubdub_client_go_down(client, event);
        return;
    }
    event->kind = LUBDUB_CLIENT_FAILED;
    lubdub_client_go_on(client, LUBDUB_CLIENT_STATE_CONNECTING, LUBDUB_NEXT_SERVER, 0);
    lubdub_client_tell(client, event);
}
