/* Tells the application, keeps a client that is in use from being freed, and sets what it does next. */
#define _GNU_SOURCE
#include "client/library/state.h"

#include <stdlib.h>
#include <string.h>

void lubdub_client_enter(struct lubdub_client *client)
{
    client->depth++;
}

void lubdub_client_dispose_if_freed(struct lubdub_client *client)
{
    void (*on_freed)(void *user_data) = client->on_freed;
    void *user_data = client->user_data;

    if (!client->is_freed || client->depth > 0 || client->group.step_count > 0) {
        return;
    }
    if (client->has_link) {
        lubdub_link_abort(&client->link);
    }
    lubdub_link_group_clear(&client->group);
    lubdub_server_list_clear(&client->rules.servers);
    lubdub_client_forget_token(client);
    lubdub_outside_clear(&client->outside);
    free(client->content);
    if (client->rules.tls != NULL) {
        client->rules.tls->kind->drop(client->rules.tls);
    }
    free(client);
    if (on_freed != NULL) {
        on_freed(user_data);
    }
}

void lubdub_client_leave(struct lubdub_client *client)
{
    client->depth--;
    lubdub_client_dispose_if_freed(client);
}

struct lubdub_client_event lubdub_client_event_new(const struct lubdub_client *client,
                                                   enum lubdub_client_event_kind kind, lubdub_time now)
{
    return (struct lubdub_client_event){
        .kind = kind,
        .now = now,
        .server = &lubdub_server_list_current(&client->rules.servers)->server,
        .remote = client->has_remote ? &client->remote : NULL,
        .session = client->session_number,
    };
}

void lubdub_client_tell(struct lubdub_client *client, const struct lubdub_client_event *event)
{
    if (client->callback != NULL && !client->is_freed) {
        client->callback(client, event, client->user_data);
    }
}

bool lubdub_client_is_still(const struct lubdub_client *client, enum lubdub_client_state state)
{
    return !client->is_freed && client->state == state;
}

void lubdub_client_forget_token(struct lubdub_client *client)
{
    struct lubdub_slice *token = &client->rules.session.token;

    if (token->data != NULL) {
        explicit_bzero((char *)(uintptr_t)token->data, token->length); /* our own copy, in either place */
    }
    free(client->token);
    client->token = NULL;
    *token = (struct lubdub_slice){NULL, 0};
}

static void arm(struct lubdub_client *client, lubdub_duration wait)
{
    struct ev_loop *loop = client->group.reactor->loop;

    ev_timer_stop(loop, &client->timer);
    ev_now_update(loop); /* libev counts from its own idea of now, which may be old */
    ev_timer_set(&client->timer, (ev_tstamp)wait / (ev_tstamp)LUBDUB_SECOND, 0);
    ev_timer_start(loop, &client->timer);
}

void lubdub_client_stay(struct lubdub_client *client)
{
    client->state = LUBDUB_CLIENT_STATE_UP;
    if (client->next_move == LUBDUB_NEXT_LEAVE) {
        client->next_move = LUBDUB_NEXT_NOTHING;
        ev_timer_stop(client->group.reactor->loop, &client->timer);
    }
}

void lubdub_client_go_on(struct lubdub_client *client, enum lubdub_client_state state, enum lubdub_next_move next_move,
                         lubdub_duration wait)
{
    client->state = (uint8_t)state;
    client->next_move = (uint8_t)next_move;
    arm(client, wait);
}
