/* Asks for sessions piece by piece, as the server lists them. */
#include "server/presence/lost.h"

#include <stdlib.h>
#include <string.h>

#include "ev/clock.h"
#include "server/presence/memory.h"

#define KEY_SIZE (sizeof PRESENCE_IDS + LUBDUB_IDENTITY_LIMIT)

/* Of a tick, when all are looked at: 100,000 sessions a second. */
#define PIECES_OF_TICK 16

struct presence_piece {
    struct presence *presence;
    struct lubdub_server_session *first;
    const struct lubdub_server_session *asked[PRESENCE_PIECE];
    size_t count;
    char keys[PRESENCE_PIECE][KEY_SIZE];
};

/* ---- pieces ---- */

void presence_drop_piece(struct presence_piece *piece)
{
    if (piece != NULL) {
        lubdub_server_session_free(piece->first);
        free(piece);
    }
}

static void fill(struct presence_piece *piece)
{
    const struct lubdub_server_session *session;

    for (session = piece->first; session != NULL; session = session->next) {
        if (session->identity.length > 0 && session->state != LUBDUB_SERVER_IS_GONE) {
            char *key = piece->keys[piece->count];

            memcpy(key, PRESENCE_IDS, sizeof PRESENCE_IDS - 1);
            memcpy(key + sizeof PRESENCE_IDS - 1, session->identity.data, session->identity.length);
            piece->asked[piece->count++] = session;
        }
    }
}

/* NULL: the list is over, or no memory; *is_over tells which. */
static struct presence_piece *list(struct presence *presence, uint64_t *cursor, bool *is_over)
{
    struct presence_piece *piece = malloc(sizeof *piece);
    bool is_listed;

    *is_over = false;
    if (piece == NULL) {
        return NULL;
    }
    piece->presence = presence;
    piece->first = NULL;
    piece->count = 0;
    is_listed = lubdub_server_list(presence->server, cursor, PRESENCE_PIECE, &piece->first) == LUBDUB_ERROR_OK;
    *is_over = is_listed && piece->first == NULL;
    fill(piece);
    if (piece->first == NULL) {
        presence_drop_piece(piece);
        return NULL;
    }
    return piece;
}

struct presence_piece *presence_next_piece(struct presence *presence)
{
    struct presence_piece *piece;
    bool is_over;

    if (presence->claims_all || presence->lost.looks_at_all) {
        return NULL;
    }
    piece = list(presence, &presence->lost.cursor, &is_over);
    if (is_over) {
        presence->lost.cursor = 0; /* from the beginning again, at the next beat */
    }
    return piece;
}

int presence_piece_keys(struct presence_piece *piece, const char **arguments, size_t *lengths)
{
    size_t i;

    for (i = 0; i < piece->count; i++) {
        arguments[i] = piece->keys[i];
        lengths[i] = sizeof PRESENCE_IDS - 1 + piece->asked[i]->identity.length;
    }
    return (int)piece->count;
}

void presence_take_piece(struct presence *presence, struct presence_piece *piece, const redisReply *missing)
{
    size_t i;

    pthread_mutex_lock(&presence->lock);
    for (i = 0; piece != NULL && missing->type == REDIS_REPLY_ARRAY && i < missing->elements; i++) {
        const redisReply *place = missing->element[i];

        if (place->type == REDIS_REPLY_INTEGER && place->integer >= 1 && (size_t)place->integer <= piece->count) {
            struct lubdub_slice identity = piece->asked[place->integer - 1]->identity;

            presence->has_overflowed =
                !presence_dirty_add(&presence->dirty, identity.data, identity.length, PRESENCE_KNOWN) ||
                presence->has_overflowed;
        }
    }
    pthread_mutex_unlock(&presence->lock);
    presence_drop_piece(piece);
}

/* ---- all ---- */

static void on_looked(const redisReply *reply, void *user_data)
{
    struct presence_piece *piece = user_data;
    struct presence *presence = piece->presence;

    if (presence_take_result(presence, reply)) {
        presence_take_piece(presence, piece, reply);
    } else {
        presence_drop_piece(piece);
    }
}

/* False: Redis takes nothing now. */
static bool ask(struct presence *presence, struct presence_piece *piece)
{
    const char *arguments[PRESENCE_PIECE];
    size_t lengths[PRESENCE_PIECE];
    int count = presence_piece_keys(piece, arguments, lengths);

    if (count > 0 &&
        presence_run(presence, PRESENCE_SCRIPT_MISSING, count, count, arguments, lengths, on_looked, piece)) {
        return true;
    }
    presence_drop_piece(piece);
    return count == 0;
}

void presence_look_for_lost(struct presence *presence)
{
    unsigned i;

    for (i = 0; i < PIECES_OF_TICK && presence->lost.looks_at_all && presence->is_joined &&
                presence_redis_is_up(presence->redis);
         i++) {
        uint64_t cursor = presence->lost.all_cursor;
        bool is_over;
        struct presence_piece *piece = list(presence, &cursor, &is_over);

        if (piece != NULL && !ask(presence, piece)) {
            return; /* the same piece again, later */
        }
        presence->lost.all_cursor = cursor;
        presence->lost.looks_at_all = !is_over;
    }
}

void presence_note_lost(struct presence *presence)
{
    if (!presence->lost.has_told) {
        presence->lost.has_told = true;
        presence_log(
            presence, true,
            "redis: it has dropped what stood there of live sessions (evicted, or deleted): they are written again");
        presence_ask_for_memory(presence); /* what it may drop is perhaps another one than at the beginning */
    }
    presence->lost.is_called_for = true;
}

void presence_mind_lost(struct presence *presence)
{
    lubdub_time now = lubdub_clock_now();

    if (presence->lost.may_evict) {
        presence_ask_for_evicted(presence);
    }
    if (presence->lost.is_called_for && !presence->lost.looks_at_all && !presence->claims_all &&
        now >= presence->lost.not_before) {
        presence->lost.is_called_for = false;
        presence->lost.looks_at_all = true;
        presence->lost.all_cursor = 0;
        presence->lost.not_before = lubdub_time_after(now, presence->settings.lease / 2);
        ev_timer_again(presence->loop, &presence->pace);
    }
}

void presence_forget_lost(struct presence *presence)
{
    presence->lost = (struct presence_lost){.cursor = presence->lost.cursor};
}
