/* Writes the claims of this node's identities, and ends sessions whose identity is another node's. */
#ifndef LUBDUB_SERVER_PRESENCE_CLAIMS_H
#define LUBDUB_SERVER_PRESENCE_CLAIMS_H

#include "server/presence/state.h"

/* Writes what may be written now. */
void presence_pump(struct presence *presence);
void presence_on_pace(struct ev_loop *loop, ev_timer *timer, int revents);

/* All sessions are claimed anew, at the stated rate. */
void presence_claim_all(struct presence *presence);

/* Whether something is still to be written. */
bool presence_has_work(struct presence *presence);

/* At each beat: writes what was to be looked at once more. */
void presence_look_again(struct presence *presence);

/* Another node tells that an identity came up there. */
void presence_on_push(const redisReply *reply, void *user_data);

#endif
