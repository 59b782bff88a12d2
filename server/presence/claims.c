/* Writes the present state of what was noted, and minds what Redis answers. */
#include "server/presence/claims.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ev/clock.h"
#include "ev/container_of.h"
#include "server/presence/lost.h"
#include "server/presence/proof.h"

#define IDENTITY_MOST 128
#define KEY_SIZE (sizeof PRESENCE_IDS + IDENTITY_MOST)

/* A tick of the pace; and so many claims may be without an answer. */
#define TICK (10 * LUBDUB_MILLISECOND)
#define UNDER_WAY_MOST 1024
#define LIST_AT_ONCE 64

/* An identity that is gone is kept in Redis for so long, to be asked for. */
#define GONE_KEPT_S "86400"

/* Of a command under way. */
struct claiming {
    struct presence *presence;
    uint64_t session; /* 0: a release */
    enum presence_news news;
    bool is_first; /* while all were claimed anew: what was there before may be gone */
    size_t length;
    char identity[IDENTITY_MOST];
};

static void note(struct presence *presence, const char *identity, size_t length, enum presence_news news)
{
    pthread_mutex_lock(&presence->lock);
    if (!presence_dirty_add(&presence->dirty, identity, length, news)) {
        presence->has_overflowed = true;
    }
    pthread_mutex_unlock(&presence->lock);
}

/* ---- what Redis answers ---- */

/* It is not known whether it was done. */
static void note_again(struct presence *presence, const struct claiming *claiming)
{
    note(presence, claiming->identity, claiming->length,
         claiming->news == PRESENCE_KNOWN ? PRESENCE_KNOWN : PRESENCE_AGAIN);
}

static bool is_word(const redisReply *reply, const char *word)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 && reply->element[0]->type == REDIS_REPLY_STRING &&
           strcmp(reply->element[0]->str, word) == 0;
}

/* This session is not the identity's: it ends. */
static void end_session(struct presence *presence, uint64_t session, enum lubdub_reason reason, const char *text)
{
    if (session != 0 && lubdub_server_disconnect(presence->server, session, reason, text) == LUBDUB_ERROR_OK) {
        atomic_fetch_add(&presence->moved, 1);
    }
}

static bool read_holder(struct presence_claim *claim, const redisReply *reply)
{
    return reply->elements > 1 && reply->element[1]->type == REDIS_REPLY_STRING &&
           presence_claim_read(claim, reply->element[1]->str, (size_t)reply->element[1]->len);
}

/* Our session is a new one, and has taken over from that one. What is claimed again proves no order. */
static void note_move(struct presence *presence, const struct claiming *claiming, const redisReply *reply)
{
    struct presence_claim *claim = malloc(sizeof *claim);

    if (claim != NULL && read_holder(claim, reply) && strcmp(claim->node, presence->settings.node) != 0) {
        presence_moves_note(&presence->moves, claiming->identity, claiming->length, claim);
    }
    free(claim);
}

static void lose(struct presence *presence, const struct claiming *claiming, const redisReply *reply, bool is_proof)
{
    struct presence_claim *claim = malloc(sizeof *claim);
    char text[160];

    atomic_fetch_add(&presence->conflicts, 1);
    if (claim == NULL) {
        note_again(presence, claiming);
        return;
    }
    snprintf(text, sizeof text,
             is_proof ? "another token, or certificate, has let in a session with this identity, at %s"
                      : "the identity has a newer session, at %s",
             read_holder(claim, reply) ? claim->node : "another node");
    end_session(presence, claiming->session, is_proof ? LUBDUB_REASON_UNAUTHORIZED : LUBDUB_REASON_REPLACED, text);
    free(claim);
}

/*
 * The holder has the same incarnation, and ours is no new session. A Redis that lost its last writes may name a session
 * that ours has taken over from: ours is the newer one still. And the boot that it names as live may be over: its node
 * is given the time to say so, and nobody's session ends for one that may have ended itself.
 */
static void decide_tie(struct presence *presence, const struct claiming *claiming, const redisReply *reply)
{
    struct presence_claim *claim = malloc(sizeof *claim);

    if (claim == NULL || !read_holder(claim, reply)) {
        note_again(presence, claiming);
    } else if (presence_moves_has(&presence->moves, claiming->identity, claiming->length, claim)) {
        note(presence, claiming->identity, claiming->length, PRESENCE_AGAIN);
    } else if (presence_observer_has_counted(&presence->observer, claim->node, claim->boot) ||
               !presence_dirty_add(&presence->later, claiming->identity, claiming->length, PRESENCE_KNOWN)) {
        lose(presence, claiming, reply, false);
    }
    free(claim);
}

static void on_claimed(const redisReply *reply, void *user_data)
{
    struct claiming *claiming = user_data;
    struct presence *presence = claiming->presence;

    presence->claims_under_way--;
    if (!presence_take_result(presence, reply)) {
        note_again(presence, claiming);
    } else if (is_word(reply, "buried")) {
        note_again(presence, claiming);
        presence_reboot(presence);
    } else if (claiming->session != 0 && is_word(reply, "proof")) {
        lose(presence, claiming, reply, true);
    } else if (claiming->session != 0 && is_word(reply, "older")) {
        lose(presence, claiming, reply, false);
    } else if (claiming->session != 0 && is_word(reply, "tie")) {
        decide_tie(presence, claiming, reply);
    } else if (claiming->session != 0 && is_word(reply, "moved") && claiming->news == PRESENCE_NEW) {
        note_move(presence, claiming, reply);
    } else if (claiming->session != 0 && is_word(reply, "made") && claiming->news == PRESENCE_KNOWN &&
               !claiming->is_first) {
        presence_note_lost(presence);
    }
    free(claiming);
    presence_pump(presence);
}

void presence_on_push(const redisReply *reply, void *user_data)
{
    struct presence *presence = user_data;
    const char *text = reply->element[2]->type == REDIS_REPLY_STRING ? reply->element[2]->str : "";
    size_t boot_length = strlen(presence->boot);

    /* BOOT SESSION IDENTITY */
    if (strncmp(text, presence->boot, boot_length) == 0 && text[boot_length] == ' ') {
        char *end;
        uint64_t session = strtoull(text + boot_length + 1, &end, 10);
        size_t length = strlen(end) - (end[0] != '\0');

        if (length > 0 && length <= IDENTITY_MOST && presence_moves_knows(&presence->moves, end + 1, length)) {
            note(presence, end + 1, length,
                 PRESENCE_KNOWN); /* it may have taken over again: what Redis says now counts */
            presence_pump(presence);
        } else {
            end_session(presence, session, LUBDUB_REASON_REPLACED, "the identity came up at another node");
        }
    }
}

/* ---- writing ---- */

static enum presence_state state_of(const struct lubdub_server_session *session)
{
    switch (session->state) {
    case LUBDUB_SERVER_IS_UP:
        return PRESENCE_UP;
    case LUBDUB_SERVER_IS_LATE:
        return PRESENCE_LATE;
    case LUBDUB_SERVER_IS_AWAY:
        return PRESENCE_AWAY;
    case LUBDUB_SERVER_IS_GONE:
        break;
    }
    return PRESENCE_GONE;
}

static uint64_t since_ms(const struct lubdub_server_session *session)
{
    uint64_t ago = lubdub_time_between(session->since, session->now);

    return (lubdub_clock_realtime() - ago) / LUBDUB_MILLISECOND;
}

/* False: Redis takes nothing now; it stays noted. */
static bool write_claim(struct presence *presence, const struct lubdub_server_session *session, enum presence_news news)
{
    char proof[PRESENCE_PROOF_SIZE];
    const struct presence_holder holder = {presence->settings.node, presence->boot,
                                           presence_proof_write(session->proof, proof)};
    enum presence_state state = state_of(session);
    bool is_session = session->session != 0;
    struct claiming *claiming = malloc(sizeof *claiming);
    char value[PRESENCE_CLAIM_SIZE];
    char key[KEY_SIZE];
    char incarnation[21];
    size_t value_length;
    size_t key_length = sizeof PRESENCE_IDS - 1 + session->identity.length;
    bool is_sent;

    value_length = presence_claim_write(value, &holder, session, state, since_ms(session));
    if (claiming == NULL || value_length == 0 || session->identity.length > IDENTITY_MOST) {
        free(claiming);
        return value_length == 0; /* without memory it stays; what cannot be written is left out */
    }
    memcpy(key, PRESENCE_IDS, sizeof PRESENCE_IDS - 1);
    memcpy(key + sizeof PRESENCE_IDS - 1, session->identity.data, session->identity.length);
    *claiming = (struct claiming){.presence = presence,
                                  .session = session->session,
                                  .news = news,
                                  .is_first = presence->claims_all || presence->claims_rest,
                                  .length = session->identity.length};
    memcpy(claiming->identity, session->identity.data, session->identity.length);
    if (is_session) {
        const char *word = news != PRESENCE_KNOWN ? "new" : "known";
        const char *arguments[] = {key,          PRESENCE_NODES,    value,
                                   holder.node,  holder.boot,       incarnation,
                                   holder.proof, PRESENCE_CHANNELS, claiming->identity,
                                   word};
        const size_t lengths[] = {key_length,           sizeof PRESENCE_NODES - 1,    value_length,
                                  strlen(holder.node),  strlen(holder.boot),          20,
                                  strlen(holder.proof), sizeof PRESENCE_CHANNELS - 1, claiming->length,
                                  strlen(word)};

        presence_incarnation(session->incarnation, incarnation);
        is_sent = presence_run(presence, PRESENCE_SCRIPT_CLAIM, 2, 10, arguments, lengths, on_claimed, claiming);
    } else {
        const char *kept = state == PRESENCE_AWAY ? "0" : GONE_KEPT_S;
        const char *arguments[] = {key, PRESENCE_NODES, value, holder.node, holder.boot, kept};
        const size_t lengths[] = {key_length,          sizeof PRESENCE_NODES - 1, value_length,
                                  strlen(holder.node), strlen(holder.boot),       strlen(kept)};

        is_sent = presence_run(presence, PRESENCE_SCRIPT_RELEASE, 2, 6, arguments, lengths, on_claimed, claiming);
    }
    if (is_sent) {
        presence->claims_under_way++;
    } else {
        free(claiming);
    }
    return is_sent;
}

/*
 * An end is told a moment before the identity's grace time begins. Where there is such a time, an identity that seems
 * to be gone is therefore looked at once more.
 */
static bool is_for_later(struct presence *presence, const struct lubdub_server_session *session, bool is_last_look)
{
    return !is_last_look && session->state == LUBDUB_SERVER_IS_GONE && presence->settings.grace > 0 &&
           presence_dirty_add(&presence->later, session->identity.data, session->identity.length, PRESENCE_KNOWN);
}

/* What is known of it now, also where nothing is: its end was forgotten. */
static bool write_identity(struct presence *presence, const char *identity, size_t length, enum presence_news news,
                           bool is_last_look)
{
    struct lubdub_server_session *session = NULL;
    struct lubdub_server_session nothing = {.state = LUBDUB_SERVER_IS_GONE, .identity = {identity, length}};
    enum lubdub_error error = lubdub_server_find(presence->server, identity, length, &session);
    bool is_done;

    if (error == LUBDUB_ERROR_NOT_FOUND) {
        nothing.now = nothing.since = lubdub_clock_now();
        return is_for_later(presence, &nothing, is_last_look) || write_claim(presence, &nothing, news);
    }
    is_done = error == LUBDUB_ERROR_OK &&
              (is_for_later(presence, session, is_last_look) || write_claim(presence, session, news));
    lubdub_server_session_free(session);
    return is_done;
}

static bool may_write(const struct presence *presence)
{
    return presence->is_joined && presence->scripts_missing == 0 && presence_redis_is_up(presence->redis) &&
           presence->allowance > 0 && presence->claims_under_way < UNDER_WAY_MOST &&
           lubdub_clock_now() >= presence->refused_until;
}

/* The next part of all sessions. */
static void claim_some(struct presence *presence)
{
    uint64_t cursor = presence->cursor;
    struct lubdub_server_session *first;
    const struct lubdub_server_session *session;

    if (lubdub_server_list(presence->server, &cursor, LIST_AT_ONCE, &first) != LUBDUB_ERROR_OK) {
        return;
    }
    if (first == NULL) {
        presence->claims_all = false;
        return;
    }
    pthread_mutex_lock(&presence->lock);
    for (session = first; session != NULL; session = session->next) {
        if (session->identity.length > 0 &&
            !presence_dirty_add(&presence->dirty, session->identity.data, session->identity.length, PRESENCE_KNOWN)) {
            break; /* the rest comes when there is room */
        }
    }
    pthread_mutex_unlock(&presence->lock);
    if (session == NULL) {
        presence->cursor = cursor;
    }
    lubdub_server_session_free(first);
}

static size_t count_dirty(struct presence *presence)
{
    size_t count;

    pthread_mutex_lock(&presence->lock);
    count = presence->dirty.count;
    pthread_mutex_unlock(&presence->lock);
    return count;
}

static bool write_next(struct presence *presence)
{
    char identity[IDENTITY_MOST];
    enum presence_news news;
    size_t length;

    pthread_mutex_lock(&presence->lock);
    length = presence_dirty_take(&presence->dirty, identity, &news);
    pthread_mutex_unlock(&presence->lock);
    if (length == 0) {
        presence->claims_rest = presence->claims_all;
        return false;
    }
    if (!write_identity(presence, identity, length, news, false)) {
        note(presence, identity, length, news);
        return false;
    }
    presence->allowance--;
    return true;
}

void presence_look_again(struct presence *presence)
{
    char identity[IDENTITY_MOST];
    enum presence_news news;
    size_t length;

    while ((length = presence_dirty_take(&presence->later, identity, &news)) > 0) {
        if (!write_identity(presence, identity, length, news, true)) {
            note(presence, identity, length, news);
        }
    }
}

/* ---- the stream of events ---- */

#define STREAM_KEPT "10000"

static void on_streamed(const redisReply *reply, void *user_data)
{
    (void)presence_take_result(user_data, reply);
}

/* Hands it to Redis as JSON. False: Redis takes nothing now. */
static bool stream_event(struct presence *presence, const void *event, size_t length)
{
    char json[PRESENCE_EVENT_SIZE];
    size_t json_length = presence->settings.write_event(event, length, json, sizeof json);
    const char *arguments[] = {"XADD", PRESENCE_EVENTS, "MAXLEN", "~", STREAM_KEPT, "*", "event", json};
    const size_t lengths[] = {4, sizeof PRESENCE_EVENTS - 1, 6, 1, sizeof STREAM_KEPT - 1, 1, 5, json_length};

    return json_length == 0 || presence_redis_command(presence->redis, 8, arguments, lengths, on_streamed, presence);
}

/* What Redis takes now; the rest waits. Only this thread takes events out, so the first one stays without the lock. */
static void stream_events(struct presence *presence)
{
    const void *event;
    size_t length = 0;

    if (!presence->is_joined || lubdub_clock_now() < presence->refused_until) {
        return;
    }
    for (;;) {
        pthread_mutex_lock(&presence->lock);
        event = presence_stream_first(&presence->stream, &length);
        pthread_mutex_unlock(&presence->lock);
        if (event == NULL || !stream_event(presence, event, length)) {
            return;
        }
        pthread_mutex_lock(&presence->lock);
        presence_stream_drop(&presence->stream);
        pthread_mutex_unlock(&presence->lock);
    }
}

bool presence_has_work(struct presence *presence)
{
    bool has_events;

    pthread_mutex_lock(&presence->lock);
    has_events = presence->stream.first != NULL;
    pthread_mutex_unlock(&presence->lock);
    return presence->claims_all || presence->lost.looks_at_all || has_events || count_dirty(presence) > 0;
}

void presence_claim_all(struct presence *presence)
{
    presence->claims_all = presence->claims_rest = true;
    presence->cursor = 0;
    presence_pump(presence);
}

void presence_pump(struct presence *presence)
{
    bool has_overflowed;

    pthread_mutex_lock(&presence->lock);
    has_overflowed = presence->has_overflowed;
    presence->has_overflowed = false;
    if (has_overflowed) {
        presence_dirty_clear(&presence->dirty);
    }
    pthread_mutex_unlock(&presence->lock);
    if (has_overflowed) {
        presence_log(presence, true, "redis: too many identities wait to be written; all are claimed anew");
        presence_reboot(presence);
    }
    while (may_write(presence)) {
        if (presence->claims_all && count_dirty(presence) < LIST_AT_ONCE) {
            claim_some(presence);
        }
        if (!write_next(presence)) {
            break;
        }
    }
    presence_look_for_lost(presence);
    stream_events(presence);
    atomic_store(&presence->queued, count_dirty(presence));
    if (presence_has_work(presence) && !ev_is_active(&presence->pace)) {
        ev_timer_again(presence->loop, &presence->pace);
    }
}

void presence_on_pace(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct presence *presence = container_of(timer, struct presence, pace);
    uint64_t each = presence->settings.rate / (LUBDUB_SECOND / TICK);
    (void)revents;

    presence->allowance = each > 0 ? each : 1;
    presence_pump(presence);
    if (!presence_has_work(presence)) {
        ev_timer_stop(loop, timer);
    }
}
