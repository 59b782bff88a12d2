/*
 * Keeps what this process wants to know of identities at other nodes, and what Redis answered: whether one identity is
 * up elsewhere, and how many that match a pattern are. Questions come from any thread, under the presence's lock; its
 * own thread asks, answers, and forgets what was not asked for a while. An answer counts until the next _begin_anew.
 */
#ifndef LUBDUB_SERVER_PRESENCE_QUESTIONS_H
#define LUBDUB_SERVER_PRESENCE_QUESTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

#include "server/presence/where.h"

/* More are not kept: they are not known. */
#define PRESENCE_QUESTIONS_MOST 16384

/* So long an answer is good, and so long a question is kept that nobody asks any more. */
#define PRESENCE_ANSWER_GOOD (30 * LUBDUB_SECOND)

struct presence_question;

struct presence_questions {
    struct presence_question *all;
    struct presence_question *next; /* in a round: the one whose turn it is to be asked; NULL: it is over */
    bool is_in_round;
    size_t count;
    lubdub_time began_at; /* answers from before do not count, nor do numbers that were told before */
};

/* ---- any thread, under the lock ---- */

/* ASKED: Redis is being asked. UNKNOWN: there is no room to keep the question. */
enum presence_where presence_questions_identity(struct presence_questions *questions, const char *identity,
                                                size_t length, lubdub_time now);

/* The same; here: how many match at this node, for the others. *elsewhere: with NOT_ELSEWHERE and ELSEWHERE. */
enum presence_where presence_questions_pattern(struct presence_questions *questions, const char *pattern, size_t length,
                                               uint64_t here, uint64_t *elsewhere, lubdub_time now);

/* ---- the presence's thread, under the lock ---- */

void presence_questions_begin_anew(struct presence_questions *questions, lubdub_time now);

/*
 * The next question whose turn it is, each once in a round; NULL: the round is over. It stays where it is until it was
 * answered, or until _give_up.
 */
struct presence_question *presence_questions_take(struct presence_questions *questions, lubdub_time now);

void presence_question_answer(struct presence_question *question, enum presence_where where, uint64_t elsewhere,
                              lubdub_time now);

/* There is no answer (yet); it is asked again in the next round. */
void presence_question_give_up(struct presence_question *question);

/* What the question is about; these do not change, and need no lock while it is taken. */
bool presence_question_is_pattern(const struct presence_question *question);
const char *presence_question_name(const struct presence_question *question, size_t *length);

/* Whether the number of this node has still to be told to the others; *here is that. _note_told: it was. */
bool presence_question_is_untold(const struct presence_questions *questions, const struct presence_question *question,
                                 uint64_t *here, lubdub_time now);
void presence_question_note_told(struct presence_question *question, uint64_t here, lubdub_time now);

void presence_questions_clear(struct presence_questions *questions);

#endif
