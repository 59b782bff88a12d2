/*
 * Finds claims of this node that Redis has dropped (evicted, or somebody deleted them), and notes their identities, so
 * that they are written again.
 *
 * With each beat, in the same script, Redis is asked for the next piece of the sessions; and one that may evict is
 * asked how much it has evicted. Where something was dropped, all sessions are asked for, once in half a lease at most.
 * So what is dropped is there again within a lease, where Redis says that it evicts or the sessions are few, and a
 * quiet node costs one command a beat.
 */
#ifndef LUBDUB_SERVER_PRESENCE_LOST_H
#define LUBDUB_SERVER_PRESENCE_LOST_H

#include "server/presence/state.h"

/* Sessions whose claims are asked for in one command. */
#define PRESENCE_PIECE 64

struct presence_piece;

/* The next sessions; NULL: there are none, all are being claimed anyway, or no memory. _take_piece or _drop_ follows.
 */
struct presence_piece *presence_next_piece(struct presence *presence);

/* The keys of its claims. Returns how many; arguments and lengths have room for PRESENCE_PIECE, and live as it does. */
int presence_piece_keys(struct presence_piece *piece, const char **arguments, size_t *lengths);

/* missing: an array of the places of those that Redis does not have, from 1 on. Frees the piece. */
void presence_take_piece(struct presence *presence, struct presence_piece *piece, const redisReply *missing);
void presence_drop_piece(struct presence_piece *piece);

/* A session that was claimed before was not there any more when it was claimed again: there may be more. */
void presence_note_lost(struct presence *presence);

/* After a beat: asks for what Redis has evicted, and begins to look at all where that is called for. */
void presence_mind_lost(struct presence *presence);

/* At each tick of the pace. */
void presence_look_for_lost(struct presence *presence);

/* There is a new connection. */
void presence_forget_lost(struct presence *presence);

#endif
