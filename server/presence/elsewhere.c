/* Joins claims, and numbers of patterns, with the nodes that they are of. */
#include "server/presence/elsewhere.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ev/clock.h"

/* Of a round; the next part is asked at the next beat. */
#define ASKED_AT_ONCE 1024

/* What a node said of a pattern is kept for so long without being said again. */
#define NUMBER_KEPT_S "86400"

#define KEY_SIZE (sizeof PRESENCE_EXPECTED + LUBDUB_IDENTITY_LIMIT)

/* A question under way. */
struct asking {
    struct presence *presence;
    struct presence_question *question;
    uint64_t here; /* the number that is told with it */
};

static void give_up(struct presence *presence, struct presence_question *question)
{
    pthread_mutex_lock(&presence->lock);
    presence_question_give_up(question);
    pthread_mutex_unlock(&presence->lock);
}

static void answer(struct presence *presence, struct presence_question *question, enum presence_where where,
                   uint64_t elsewhere)
{
    pthread_mutex_lock(&presence->lock);
    presence_question_answer(question, where, elsewhere, lubdub_clock_now());
    pthread_mutex_unlock(&presence->lock);
}

/* ---- identities ---- */

/* A node that has not claimed all its sessions yet may have any of them. */
static enum presence_where where_if_not_claimed(const struct presence *presence)
{
    size_t i;

    for (i = 0; i < presence->observer.count; i++) {
        const struct presence_observed *node = &presence->observer.nodes[i];

        if (node->entry.is_live && node->entry.is_claiming && strcmp(node->name, presence->settings.node) != 0) {
            return PRESENCE_WHERE_UNKNOWN;
        }
    }
    return PRESENCE_NOT_ELSEWHERE;
}

static enum presence_where where_is(struct presence *presence, const struct presence_claim *claim)
{
    bool is_ours = strcmp(claim->node, presence->settings.node) == 0 && strcmp(claim->boot, presence->boot) == 0;

    switch (claim->state) {
    case PRESENCE_UP:
    case PRESENCE_LATE:
        if (is_ours) {
            return PRESENCE_WHERE_ASKED; /* what we know ourselves is not written yet */
        }
        return presence_observer_holds(&presence->observer, claim->node, claim->boot) ? PRESENCE_ELSEWHERE
                                                                                      : PRESENCE_WHERE_UNKNOWN;
    case PRESENCE_AWAY:
        return is_ours || presence_observer_holds(&presence->observer, claim->node, claim->boot)
                   ? PRESENCE_NOT_ELSEWHERE
                   : PRESENCE_WHERE_UNKNOWN;
    case PRESENCE_GONE:
    case PRESENCE_ABSENT:
    case PRESENCE_UNKNOWN:
        break;
    }
    return where_if_not_claimed(presence);
}

static enum presence_where judge(struct presence *presence, const redisReply *reply)
{
    struct presence_claim *claim;
    enum presence_where where = where_if_not_claimed(presence);

    if (reply->type != REDIS_REPLY_STRING) {
        return where;
    }
    claim = malloc(sizeof *claim);
    if (claim == NULL) {
        return PRESENCE_WHERE_ASKED;
    }
    if (presence_claim_read(claim, reply->str, (size_t)reply->len)) {
        where = where_is(presence, claim);
    }
    free(claim);
    return where;
}

static void on_claim(const redisReply *reply, void *user_data)
{
    struct asking *asking = user_data;
    enum presence_where where =
        presence_take_result(asking->presence, reply) ? judge(asking->presence, reply) : PRESENCE_WHERE_ASKED;

    if (where == PRESENCE_WHERE_ASKED) {
        give_up(asking->presence, asking->question);
    } else {
        answer(asking->presence, asking->question, where, 0);
    }
    free(asking);
}

static bool ask_identity(struct presence *presence, struct asking *asking)
{
    char key[KEY_SIZE];
    size_t length;
    const char *name = presence_question_name(asking->question, &length);
    const char *arguments[] = {"GET", key};
    size_t lengths[] = {3, sizeof PRESENCE_IDS - 1 + length};

    if (length > LUBDUB_IDENTITY_LIMIT) {
        return false;
    }
    memcpy(key, PRESENCE_IDS, sizeof PRESENCE_IDS - 1);
    memcpy(key + sizeof PRESENCE_IDS - 1, name, length);
    return presence_redis_command(presence->redis, 2, arguments, lengths, on_claim, asking);
}

/* ---- patterns ---- */

/* BOOT NUMBER of this node; false: it has said nothing. */
static bool find_number(const redisReply *reply, const struct presence_observed *node, uint64_t *number)
{
    size_t boot_length = strlen(node->entry.boot);
    size_t i;

    for (i = 0; i + 1 < reply->elements; i += 2) {
        const redisReply *text = reply->element[i + 1];

        if (reply->element[i]->type == REDIS_REPLY_STRING && text->type == REDIS_REPLY_STRING &&
            strcmp(reply->element[i]->str, node->name) == 0 && strncmp(text->str, node->entry.boot, boot_length) == 0 &&
            text->str[boot_length] == ' ') {
            *number = strtoull(text->str + boot_length + 1, NULL, 10);
            return true;
        }
    }
    return false;
}

/* A node that has left has taken its sessions along; one that was buried has them for its patience still. */
static bool may_have_some(struct presence *presence, const struct presence_observed *node, lubdub_time now)
{
    return !node->entry.has_left && !presence_observer_lost_for(&presence->observer, node->name, node->entry.boot,
                                                                presence_patience(presence), now);
}

/* A node that has been there for a while has told its numbers, where it has the same list. */
#define TIME_TO_TELL (10 * LUBDUB_SECOND)

static void note_silence(struct presence *presence, const struct presence_observed *node, lubdub_time now)
{
    if (!presence->has_told_silence && lubdub_time_between(node->boot_since, now) > TIME_TO_TELL) {
        presence->has_told_silence = true; /* once for each connection */
        presence_log(presence, true,
                     "redis: node %s does not tell how many of an expected pattern it has; patterns are not judged "
                     "until all nodes have the same --expect",
                     node->name);
    }
}

static enum presence_where add_up(struct presence *presence, const redisReply *reply, uint64_t *elsewhere)
{
    lubdub_time now = lubdub_clock_now();
    size_t i;

    *elsewhere = 0;
    for (i = 0; i < presence->observer.count; i++) {
        const struct presence_observed *node = &presence->observer.nodes[i];
        uint64_t number = 0;

        if (strcmp(node->name, presence->settings.node) == 0) {
            continue;
        }
        if (node->entry.is_live && !find_number(reply, node, &number)) {
            note_silence(presence, node, now);
            return PRESENCE_WHERE_UNKNOWN;
        }
        if (!node->entry.is_live && may_have_some(presence, node, now)) {
            return PRESENCE_WHERE_UNKNOWN;
        }
        *elsewhere += number;
    }
    return *elsewhere > 0 ? PRESENCE_ELSEWHERE : PRESENCE_NOT_ELSEWHERE;
}

static void on_numbers(const redisReply *reply, void *user_data)
{
    struct asking *asking = user_data;
    uint64_t elsewhere = 0;

    if (presence_take_result(asking->presence, reply) && reply->type == REDIS_REPLY_ARRAY) {
        enum presence_where where = add_up(asking->presence, reply, &elsewhere);

        answer(asking->presence, asking->question, where, elsewhere);
    } else {
        give_up(asking->presence, asking->question);
    }
    free(asking);
}

static void on_told(const redisReply *reply, void *user_data)
{
    struct asking *asking = user_data;

    if (presence_take_result(asking->presence, reply)) {
        pthread_mutex_lock(&asking->presence->lock);
        presence_question_note_told(asking->question, asking->here, lubdub_clock_now());
        pthread_mutex_unlock(&asking->presence->lock);
    }
    free(asking);
}

/* It is answered before the question is, so the question is there still. */
static void tell_number(struct presence *presence, struct presence_question *question, const char *key,
                        size_t key_length)
{
    char number[PRESENCE_BOOT_SIZE + 24];
    const char *told[] = {"HSET", key, presence->settings.node, number};
    size_t told_lengths[] = {4, key_length, strlen(presence->settings.node), 0};
    const char *kept[] = {"EXPIRE", key, NUMBER_KEPT_S};
    const size_t kept_lengths[] = {6, key_length, sizeof NUMBER_KEPT_S - 1};
    struct asking *asking;
    uint64_t here;
    bool is_untold;

    pthread_mutex_lock(&presence->lock);
    is_untold = presence_question_is_untold(&presence->questions, question, &here, lubdub_clock_now());
    pthread_mutex_unlock(&presence->lock);
    asking = is_untold ? malloc(sizeof *asking) : NULL;
    if (asking == NULL) {
        return;
    }
    *asking = (struct asking){presence, question, here};
    told_lengths[3] = (size_t)snprintf(number, sizeof number, "%s %" PRIu64, presence->boot, here);
    if (presence_redis_command(presence->redis, 4, told, told_lengths, on_told, asking)) {
        (void)presence_redis_command(presence->redis, 3, kept, kept_lengths, NULL, NULL);
    } else {
        free(asking);
    }
}

static bool ask_pattern(struct presence *presence, struct asking *asking)
{
    char key[KEY_SIZE];
    size_t length;
    const char *name = presence_question_name(asking->question, &length);
    const char *arguments[] = {"HGETALL", key};
    size_t lengths[] = {7, sizeof PRESENCE_EXPECTED - 1 + length};

    if (length > LUBDUB_IDENTITY_LIMIT) {
        return false;
    }
    memcpy(key, PRESENCE_EXPECTED, sizeof PRESENCE_EXPECTED - 1);
    memcpy(key + sizeof PRESENCE_EXPECTED - 1, name, length);
    tell_number(presence, asking->question, key, lengths[1]);
    return presence_redis_command(presence->redis, 2, arguments, lengths, on_numbers, asking);
}

/* ---- a round ---- */

void presence_ask_elsewhere(struct presence *presence)
{
    unsigned i;

    for (i = 0; i < ASKED_AT_ONCE; i++) {
        struct presence_question *question;
        struct asking *asking;
        bool is_asked;

        pthread_mutex_lock(&presence->lock);
        question = presence_questions_take(&presence->questions, lubdub_clock_now());
        pthread_mutex_unlock(&presence->lock);
        if (question == NULL) {
            return;
        }
        asking = malloc(sizeof *asking);
        if (asking == NULL) {
            give_up(presence, question);
            return;
        }
        *asking = (struct asking){presence, question, 0};
        is_asked =
            presence_question_is_pattern(question) ? ask_pattern(presence, asking) : ask_identity(presence, asking);
        if (!is_asked) {
            give_up(presence, question);
            free(asking);
        }
    }
}
