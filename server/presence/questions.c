/* Keeps questions in a hash table that remembers their order, and goes round in it. */
#include "server/presence/questions.h"

#include <stdlib.h>
#include <string.h>

#include "ev/sip_hash.h"

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->is_lost = true)
#include <uthash.h>

/* A number is told again after so long: Redis forgets it after a day. */
#define TOLD_GOOD LUBDUB_HOUR

struct presence_question {
    UT_hash_handle hh;
    bool is_lost;
    bool is_taken;
    enum presence_where where;
    uint64_t elsewhere;
    lubdub_time asked_at;
    lubdub_time answered_at; /* 0: never */
    uint64_t here;
    uint64_t told;       /* what the others know of here, */
    lubdub_time told_at; /* since then; 0: nothing */
    size_t length;       /* of the key: 'i' or 'p', and the name */
    char key[];
};

#define KEY_MOST 1024

static struct presence_question *add(struct presence_questions *questions, const char *key, size_t length,
                                     unsigned hash)
{
    struct presence_question *question =
        questions->count < PRESENCE_QUESTIONS_MOST ? calloc(1, sizeof *question + length + 1) : NULL;

    if (question == NULL) {
        return NULL;
    }
    question->length = length;
    memcpy(question->key, key, length);
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, questions->all, question->key, length, hash, question);
    if (question->is_lost) {
        free(question);
        return NULL;
    }
    questions->count++;
    return question;
}

static struct presence_question *find(struct presence_questions *questions, char kind, const char *name, size_t length,
                                      lubdub_time now)
{
    struct presence_question *question;
    char key[KEY_MOST];
    unsigned hash;

    if (length + 1 > sizeof key) {
        return NULL;
    }
    key[0] = kind;
    memcpy(key + 1, name, length);
    hash = lubdub_sip_hash_here(key, length + 1);
    HASH_FIND_BYHASHVALUE(hh, questions->all, key, length + 1, hash, question);
    if (question == NULL) {
        question = add(questions, key, length + 1, hash);
    }
    if (question != NULL) {
        question->asked_at = now;
    }
    return question;
}

static enum presence_where answer_of(const struct presence_questions *questions,
                                     const struct presence_question *question, lubdub_time now)
{
    if (question == NULL) {
        return PRESENCE_WHERE_UNKNOWN;
    }
    if (question->answered_at == 0 || question->answered_at < questions->began_at ||
        lubdub_time_between(question->answered_at, now) > PRESENCE_ANSWER_GOOD) {
        return PRESENCE_WHERE_ASKED;
    }
    return question->where;
}

enum presence_where presence_questions_identity(struct presence_questions *questions, const char *identity,
                                                size_t length, lubdub_time now)
{
    return answer_of(questions, find(questions, 'i', identity, length, now), now);
}

enum presence_where presence_questions_pattern(struct presence_questions *questions, const char *pattern, size_t length,
                                               uint64_t here, uint64_t *elsewhere, lubdub_time now)
{
    struct presence_question *question = find(questions, 'p', pattern, length, now);

    if (question != NULL) {
        question->here = here;
        *elsewhere = question->elsewhere;
    }
    return answer_of(questions, question, now);
}

void presence_questions_begin_anew(struct presence_questions *questions, lubdub_time now)
{
    questions->began_at = now;
}

/* ---- the thread ---- */

static bool is_forgotten(const struct presence_question *question, lubdub_time now)
{
    return !question->is_taken && lubdub_time_between(question->asked_at, now) > PRESENCE_ANSWER_GOOD;
}

struct presence_question *presence_questions_take(struct presence_questions *questions, lubdub_time now)
{
    struct presence_question *question = questions->is_in_round ? questions->next : questions->all;

    questions->is_in_round = true;
    while (question != NULL) {
        struct presence_question *following = question->hh.next;

        if (is_forgotten(question, now)) {
            HASH_DEL(questions->all, question);
            questions->count--;
            free(question);
        } else if (!question->is_taken) {
            questions->next = following;
            question->is_taken = true;
            return question;
        }
        question = following;
    }
    questions->next = NULL;
    questions->is_in_round = false;
    return NULL;
}

void presence_question_answer(struct presence_question *question, enum presence_where where, uint64_t elsewhere,
                              lubdub_time now)
{
    question->where = where;
    question->elsewhere = elsewhere;
    question->answered_at = now;
    question->is_taken = false;
}

void presence_question_give_up(struct presence_question *question)
{
    question->is_taken = false;
}

bool presence_question_is_pattern(const struct presence_question *question)
{
    return question->key[0] == 'p';
}

const char *presence_question_name(const struct presence_question *question, size_t *length)
{
    *length = question->length - 1;
    return question->key + 1;
}

bool presence_question_is_untold(const struct presence_questions *questions, const struct presence_question *question,
                                 uint64_t *here, lubdub_time now)
{
    *here = question->here;
    return question->told_at == 0 || question->told_at < questions->began_at || question->told != question->here ||
           lubdub_time_between(question->told_at, now) > TOLD_GOOD;
}

void presence_question_note_told(struct presence_question *question, uint64_t here, lubdub_time now)
{
    question->told = here;
    question->told_at = now;
}

void presence_questions_clear(struct presence_questions *questions)
{
    struct presence_question *question;
    struct presence_question *following;

    HASH_ITER(hh, questions->all, question, following)
    {
        HASH_DEL(questions->all, question);
        free(question);
    }
    *questions = (struct presence_questions){0};
}
