/* Keeps a hash of the identity, and one of the session, in a table without chains. */
#include "server/presence/moves.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ev/sip_hash.h"

struct presence_move {
    uint32_t identity;
    uint32_t session; /* 0: none */
};

/* A node's numbers begin anew with its process, and its boot changes with each connection: the client's address does
 * neither. */
static uint32_t hash_of(const struct presence_claim *claim)
{
    char text[512];
    int length = snprintf(text, sizeof text, "%s %" PRIu64 " %s", claim->node, claim->session, claim->address);
    uint32_t hash = lubdub_sip_hash_here(text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);

    return hash != 0 ? hash : 1;
}

void presence_moves_note(struct presence_moves *moves, const char *identity, size_t length,
                         const struct presence_claim *from)
{
    uint32_t hash = lubdub_sip_hash_here(identity, length);

    if (moves->places == NULL) {
        moves->places = calloc(PRESENCE_MOVES, sizeof *moves->places);
    }
    if (moves->places != NULL) {
        moves->places[hash % PRESENCE_MOVES] = (struct presence_move){hash, hash_of(from)};
    }
}

/* NULL: nothing is known of it. */
static const struct presence_move *find(const struct presence_moves *moves, const char *identity, size_t length)
{
    uint32_t hash = lubdub_sip_hash_here(identity, length);
    const struct presence_move *place = moves->places != NULL ? &moves->places[hash % PRESENCE_MOVES] : NULL;

    return place != NULL && place->session != 0 && place->identity == hash ? place : NULL;
}

bool presence_moves_has(const struct presence_moves *moves, const char *identity, size_t length,
                        const struct presence_claim *holder)
{
    const struct presence_move *place = find(moves, identity, length);

    return place != NULL && place->session == hash_of(holder);
}

bool presence_moves_knows(const struct presence_moves *moves, const char *identity, size_t length)
{
    return find(moves, identity, length) != NULL;
}

void presence_moves_clear(struct presence_moves *moves)
{
    free(moves->places);
    *moves = (struct presence_moves){0};
}
