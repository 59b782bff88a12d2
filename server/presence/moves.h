/*
 * Remembers which session at another node each identity's session here has taken over from. A Redis that lost its last
 * writes may name that earlier session again: then the one that took over takes over once more, so that of two sessions
 * of one incarnation the newer one stays.
 *
 * Bounded: an identity has one place of PRESENCE_MOVES, by its hash, and a newer move takes the place of an older one.
 * Belongs to the presence's thread.
 */
#ifndef LUBDUB_SERVER_PRESENCE_MOVES_H
#define LUBDUB_SERVER_PRESENCE_MOVES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/presence/claim.h"

/* 8 bytes each, from the first move on. A replica that takes over lacks the writes of seconds. */
#define PRESENCE_MOVES 65536

/* Zeroed: none. */
struct presence_moves {
    struct presence_move *places;
};

/* from: the claim that was there before. Without memory it is not remembered. */
void presence_moves_note(struct presence_moves *moves, const char *identity, size_t length,
                         const struct presence_claim *from);

/* Whether the identity's session here is known to have taken over from the session of this claim. */
bool presence_moves_has(const struct presence_moves *moves, const char *identity, size_t length,
                        const struct presence_claim *holder);

/* Whether the identity is known to have come here from another node. */
bool presence_moves_knows(const struct presence_moves *moves, const char *identity, size_t length);

void presence_moves_clear(struct presence_moves *moves);

#endif
