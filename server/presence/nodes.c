/* Counts up for the others, watches whether they do, buries those that do not, and sweeps what they held. */
#include "server/presence/nodes.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ev/clock.h"
#include "ev/container_of.h"
#include "server/presence/claims.h"
#include "server/presence/elsewhere.h"
#include "server/presence/lost.h"

#define CLAIMING " claiming"
#define SCANNED_AT_ONCE "256"

/* What nobody holds any more is kept for so long, to be asked for. */
#define ABSENT_KEPT_S "86400"

/* Returns its length. */
static size_t write_entry(const struct presence *presence, const char *state, char target[PRESENCE_ENTRY_SIZE])
{
    return (size_t)snprintf(target, PRESENCE_ENTRY_SIZE, "%s %" PRIu64 " %s %" PRIu64 " %" PRIu64 "%s", presence->boot,
                            presence->counter, state, presence->settings.lease / LUBDUB_MILLISECOND, presence->sessions,
                            presence->is_claiming ? CLAIMING : "");
}

/* Counts up, for the next entry. */
static void count_up(struct presence *presence)
{
    /* not as far as longest_recent_turn, which asking begins anew */
    struct lubdub_server_counts counts = {.size = offsetof(struct lubdub_server_counts, longest_turn)};

    lubdub_server_counts(presence->server, &counts);
    presence->sessions = counts.sessions;
    presence->counter++;
}

static void plan_sweep(struct presence *presence)
{
    lubdub_time due = lubdub_time_after(lubdub_clock_now(), presence_patience(presence) + presence->settings.lease / 2);

    presence->sweep_due = lubdub_time_earlier(presence->sweep_due, due);
}

/* ---- joining and leaving ---- */

static void on_joined(const redisReply *reply, void *user_data)
{
    struct presence *presence = user_data;

    if (!presence_take_result(presence, reply) || reply->type != REDIS_REPLY_INTEGER || reply->integer != 1) {
        return; /* the next beat tries again */
    }
    presence->is_joined = true;
    pthread_mutex_lock(&presence->lock);
    presence_questions_begin_anew(&presence->questions, lubdub_clock_now());
    pthread_mutex_unlock(&presence->lock);
    atomic_store(&presence->is_up, true);
    plan_sweep(presence);
    presence_log(presence, false, "redis: joined node=%s boot=%s", presence->settings.node, presence->boot);
    presence_claim_all(presence);
}

static void on_own_entry(const redisReply *reply, void *user_data)
{
    struct presence *presence = user_data;
    char entry[PRESENCE_ENTRY_SIZE];

    if (presence_take_result(presence, reply) &&
        (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_NIL)) {
        bool has_entry = reply->type == REDIS_REPLY_STRING;
        const char *arguments[] = {PRESENCE_NODES, presence->settings.node, has_entry ? reply->str : "", entry};
        const size_t lengths[] = {sizeof PRESENCE_NODES - 1, strlen(presence->settings.node),
                                  has_entry ? (size_t)reply->len : 0, write_entry(presence, "live", entry)};

        (void)presence_run(presence, PRESENCE_SCRIPT_JOIN, 1, 4, arguments, lengths, on_joined, presence);
    }
}

/* Reads our entry first: only that one is written over. */
static void join(struct presence *presence)
{
    const char *arguments[] = {"HGET", PRESENCE_NODES, presence->settings.node};

    count_up(presence);
    presence->is_claiming = true;
    (void)presence_redis_command(presence->redis, 3, arguments, NULL, on_own_entry, presence);
}

void presence_say_left(struct presence *presence, presence_reply callback)
{
    char before[PRESENCE_ENTRY_SIZE];
    char entry[PRESENCE_ENTRY_SIZE];
    const char *arguments[] = {PRESENCE_NODES, presence->settings.node, before, entry};

    (void)write_entry(presence, "live", before);
    (void)write_entry(presence, "left", entry);
    if (!presence->is_joined ||
        !presence_run(presence, PRESENCE_SCRIPT_BURY, 1, 4, arguments, NULL, callback, presence)) {
        callback(NULL, presence);
    }
}

/* ---- others ---- */

/* The name of a node that is to be buried travels with the command. */
struct burial {
    struct presence *presence;
    char name[PRESENCE_NODE_SIZE];
};

static void on_buried(const redisReply *reply, void *user_data)
{
    struct burial *burial = user_data;

    if (presence_take_result(burial->presence, reply) && reply->type == REDIS_REPLY_INTEGER && reply->integer == 1) {
        presence_log(burial->presence, true, "redis: node %s stood still for its lease, and is buried", burial->name);
        plan_sweep(burial->presence);
    }
    free(burial);
}

static void bury(struct presence *presence, const struct presence_observed *node)
{
    struct burial *burial = malloc(sizeof *burial);
    char after[PRESENCE_ENTRY_SIZE];
    const char *arguments[] = {PRESENCE_NODES, node->name, node->entry.text, after};

    if (burial == NULL) {
        return; /* another beat, or another node, does it */
    }
    burial->presence = presence;
    strcpy(burial->name, node->name);
    snprintf(after, sizeof after, "%s %" PRIu64 " dead %" PRIu64 " %" PRIu64, node->entry.boot, node->entry.counter,
             node->entry.lease_ms, node->entry.sessions);
    if (!presence_run(presence, PRESENCE_SCRIPT_BURY, 1, 4, arguments, NULL, on_buried, burial)) {
        free(burial);
    }
}

static enum presence_node_state state_of(const struct presence_observed *node, lubdub_time now)
{
    if (!node->entry.is_live) {
        return node->entry.has_left ? PRESENCE_NODE_LEFT : PRESENCE_NODE_DEAD;
    }
    return lubdub_time_between(node->still_since, now) > node->entry.lease_ms * LUBDUB_MILLISECOND / 2
               ? PRESENCE_NODE_SUSPECT
               : PRESENCE_NODE_LIVE;
}

/* For the readers in other threads. */
static void show_nodes(struct presence *presence, lubdub_time now)
{
    const struct presence_observer *observer = &presence->observer;
    size_t i;

    pthread_mutex_lock(&presence->lock);
    presence->shown_count = observer->count;
    for (i = 0; i < observer->count; i++) {
        struct presence_node *shown = &presence->shown[i];

        strcpy(shown->name, observer->nodes[i].name);
        shown->state = state_of(&observer->nodes[i], now);
        shown->sessions = observer->nodes[i].entry.sessions;
        shown->is_self = strcmp(shown->name, presence->settings.node) == 0;
    }
    pthread_mutex_unlock(&presence->lock);
}

static void observe(struct presence *presence, const redisReply *reply, lubdub_time now)
{
    struct presence_observer *observer = &presence->observer;
    size_t i;

    presence_observer_begin(observer, now);
    for (i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *name = reply->element[i];
        const redisReply *text = reply->element[i + 1];
        struct presence_entry entry;

        if (name->type == REDIS_REPLY_STRING && text->type == REDIS_REPLY_STRING &&
            presence_entry_read(&entry, text->str, (size_t)text->len)) {
            presence_observer_note(observer, name->str, &entry, now);
        }
    }
    presence_observer_end(observer);
    for (i = 0; i < observer->count; i++) {
        const struct presence_observed *node = &observer->nodes[i];

        if (strcmp(node->name, presence->settings.node) != 0 && presence_observer_suspects(node, now)) {
            bury(presence, node);
        }
        if (!node->entry.is_live && node->still_since == now) {
            plan_sweep(presence); /* another one has buried it; the node that comes first sweeps */
        }
    }
    show_nodes(presence, now);
}

/* ---- sweeping ---- */

static void sweep_on(struct presence *presence);

static void on_settled(const redisReply *reply, void *user_data)
{
    (void)presence_take_result(user_data, reply);
}

/* Writes that nobody holds it any more, if that is still so. */
static void settle(struct presence *presence, const char *key, size_t key_length, const redisReply *value,
                   const struct presence_claim *claim)
{
    char after[PRESENCE_CLAIM_SIZE];
    const char *word = presence_state_word(claim->state);
    char state[16];
    const char *place;
    const char *arguments[] = {key, PRESENCE_NODES, value->str, after, ABSENT_KEPT_S, claim->node, claim->boot};
    size_t lengths[] = {key_length,          sizeof PRESENCE_NODES - 1, (size_t)value->len, 0, sizeof ABSENT_KEPT_S - 1,
                        strlen(claim->node), strlen(claim->boot)};
    int length;

    snprintf(state, sizeof state, " %s ", word);
    place = strstr(value->str, state);
    if (place == NULL) {
        return;
    }
    length =
        snprintf(after, sizeof after, "%.*s absent %s", (int)(place - value->str), value->str, place + strlen(state));
    if (length > 0 && (size_t)length < sizeof after) {
        lengths[3] = (size_t)length;
        (void)presence_run(presence, PRESENCE_SCRIPT_SETTLE, 2, 7, arguments, lengths, on_settled, presence);
    }
}

static void judge(struct presence *presence, const char *key, size_t key_length, const redisReply *value)
{
    struct presence_claim *claim = malloc(sizeof *claim);

    if (claim != NULL && value->type == REDIS_REPLY_STRING &&
        presence_claim_read(claim, value->str, (size_t)value->len) && claim->state <= PRESENCE_AWAY) {
        if (!presence_observer_holds(&presence->observer, claim->node, claim->boot)) {
            if (presence_observer_lost_for(&presence->observer, claim->node, claim->boot, presence_patience(presence),
                                           lubdub_clock_now())) {
                settle(presence, key, key_length, value, claim);
            } else {
                plan_sweep(presence); /* its time is not over */
            }
        }
    }
    free(claim);
}

struct key_of_scan {
    struct presence *presence;
    size_t length;
    char key[];
};

static void on_value(const redisReply *reply, void *user_data)
{
    struct key_of_scan *scanned = user_data;

    if (presence_take_result(scanned->presence, reply)) {
        judge(scanned->presence, scanned->key, scanned->length, reply);
    }
    free(scanned);
}

static void get_value(struct presence *presence, const redisReply *key)
{
    struct key_of_scan *scanned = malloc(sizeof *scanned + (size_t)key->len + 1);
    const char *arguments[] = {"GET", key->str};
    const size_t lengths[] = {3, (size_t)key->len};

    if (scanned == NULL) {
        return;
    }
    scanned->presence = presence;
    scanned->length = (size_t)key->len;
    memcpy(scanned->key, key->str, (size_t)key->len + 1);
    if (!presence_redis_command(presence->redis, 2, arguments, lengths, on_value, scanned)) {
        free(scanned);
        plan_sweep(presence); /* again, later */
    }
}

static void on_scanned(const redisReply *reply, void *user_data)
{
    struct presence *presence = user_data;
    size_t i;

    if (!presence_take_result(presence, reply) || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_STRING || reply->element[1]->type != REDIS_REPLY_ARRAY ||
        strlen(reply->element[0]->str) >= sizeof presence->sweep_cursor) {
        presence->is_sweeping = false;
        plan_sweep(presence);
        return;
    }
    strcpy(presence->sweep_cursor, reply->element[0]->str);
    for (i = 0; i < reply->element[1]->elements; i++) {
        if (reply->element[1]->element[i]->type == REDIS_REPLY_STRING) {
            get_value(presence, reply->element[1]->element[i]);
        }
    }
    if (strcmp(presence->sweep_cursor, "0") == 0) {
        presence->is_sweeping = false;
    } else {
        sweep_on(presence);
    }
}

static void sweep_on(struct presence *presence)
{
    const char *arguments[] = {"SCAN", presence->sweep_cursor, "MATCH", PRESENCE_IDS "*", "COUNT", SCANNED_AT_ONCE};

    presence->is_sweeping = presence_redis_command(presence->redis, 6, arguments, NULL, on_scanned, presence);
    if (!presence->is_sweeping) {
        plan_sweep(presence);
    }
}

/* ---- the beat ---- */

/* What goes with a beat, until it is answered. */
struct beat {
    struct presence *presence;
    struct presence_piece *piece; /* sessions whose claims are looked at; NULL: none */
};

/* The last of the answer tells which claims are not there. */
static void take_missing(struct beat *beat, const redisReply *reply)
{
    if (reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements > 0) {
        presence_take_piece(beat->presence, beat->piece, reply->element[reply->elements - 1]);
    } else {
        presence_drop_piece(beat->piece);
    }
}

static void on_beaten(const redisReply *reply, void *user_data)
{
    struct presence *presence = ((struct beat *)user_data)->presence;
    lubdub_time now = lubdub_clock_now();

    take_missing(user_data, reply);
    free(user_data);
    if (!presence_take_result(presence, reply)) {
        return;
    }
    if (reply->type == REDIS_REPLY_ARRAY) {
        atomic_store(&presence->is_up, true);
        observe(presence, reply, now);
        presence_ask_elsewhere(presence);
        presence_mind_lost(presence);
        presence_pump(presence);
    } else if (reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "conflict") == 0) {
        atomic_fetch_add(&presence->conflicts, 1);
        presence_log(presence, true,
                     "redis: another process lives under the name of this node, %s; give each node "
                     "a name of its own (--node)",
                     presence->settings.node);
        presence_reboot(presence);
    } else if (reply->type == REDIS_REPLY_STRING && strcmp(reply->str, "buried") == 0) {
        presence_reboot(presence);
    } else {
        presence->is_joined = false; /* Redis lost everything: it was emptied, or failed over */
        presence_log(presence, true, "redis: it has lost what stood there; all is claimed again");
        join(presence);
    }
    if (now >= presence->sweep_due && !presence->is_sweeping && presence->is_joined) {
        presence->sweep_due = LUBDUB_TIME_NEVER;
        strcpy(presence->sweep_cursor, "0");
        sweep_on(presence);
    }
}

/* A connection that nothing is asked on would never be found dead. */
static void mind_listener(struct presence *presence)
{
    const char *arguments[] = {"PING"};

    if (!presence_redis_is_up(presence->listener)) {
        return;
    }
    if (presence_redis_is_up(presence->redis) && !presence_redis_has_same_master(presence->redis, presence->listener)) {
        presence_redis_drop(presence->listener, "there is another master");
        return;
    }
    (void)presence_redis_command(presence->listener, 1, arguments, NULL, NULL, NULL);
}

static void beat_with(struct presence *presence, struct presence_piece *piece)
{
    struct beat *beat = malloc(sizeof *beat);
    char entry[PRESENCE_ENTRY_SIZE];
    const char *arguments[PRESENCE_PIECE + 4] = {PRESENCE_NODES};
    size_t lengths[PRESENCE_PIECE + 4] = {sizeof PRESENCE_NODES - 1};
    int keys = 1 + (piece != NULL ? presence_piece_keys(piece, arguments + 1, lengths + 1) : 0);

    (void)write_entry(presence, "live", entry);
    arguments[keys] = presence->settings.node;
    arguments[keys + 1] = presence->boot;
    arguments[keys + 2] = entry;
    lengths[keys] = strlen(presence->settings.node);
    lengths[keys + 1] = strlen(presence->boot);
    lengths[keys + 2] = strlen(entry);
    if (beat != NULL) {
        *beat = (struct beat){presence, piece};
    }
    if (beat == NULL ||
        !presence_run(presence, PRESENCE_SCRIPT_BEAT, keys, keys + 3, arguments, lengths, on_beaten, beat)) {
        presence_drop_piece(piece);
        free(beat);
    }
}

void presence_on_beat(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct presence *presence = container_of(timer, struct presence, beat);
    (void)loop, (void)revents;

    mind_listener(presence);
    if (!presence_redis_is_up(presence->redis) || presence->scripts_missing > 0) {
        return;
    }
    if (!presence->is_joined) {
        join(presence);
        return;
    }
    presence_look_again(presence);
    count_up(presence);
    presence->is_claiming = presence->claims_all;
    beat_with(presence, presence_next_piece(presence));
}
