/* Questions about other nodes go round, are answered, grow old, and are forgotten. */
#include "server/presence/questions.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"

#define NOW (100 * LUBDUB_SECOND)

static int begin(void **state)
{
    static struct presence_questions questions;

    questions = (struct presence_questions){0};
    *state = &questions;
    return 0;
}

static int end(void **state)
{
    presence_questions_clear(*state);
    return 0;
}

static void answer_next(struct presence_questions *questions, enum presence_where where, lubdub_time now)
{
    struct presence_question *question = presence_questions_take(questions, now);

    assert_non_null(question);
    presence_question_answer(question, where, 3, now);
}

static void identity_is_asked_and_then_known(void **state)
{
    struct presence_questions *questions = *state;
    const struct presence_question *question;
    size_t length;

    assert_int_equal(presence_questions_identity(questions, "pump-7", 6, NOW), PRESENCE_WHERE_ASKED);
    question = presence_questions_take(questions, NOW);
    assert_false(presence_question_is_pattern(question));
    assert_memory_equal(presence_question_name(question, &length), "pump-7", 6);
    assert_int_equal(length, 6);
    assert_null(presence_questions_take(questions, NOW)); /* once in a round */
    assert_null(presence_questions_take(questions, NOW)); /* and not while it is taken */
    presence_question_answer((struct presence_question *)(uintptr_t)question, PRESENCE_ELSEWHERE, 0, NOW);
    assert_int_equal(presence_questions_identity(questions, "pump-7", 6, NOW + 1), PRESENCE_ELSEWHERE);
    assert_int_equal(presence_questions_identity(questions, "pump-8", 6, NOW + 1), PRESENCE_WHERE_ASKED);
}

static void answer_does_not_survive_a_new_beginning(void **state)
{
    struct presence_questions *questions = *state;

    (void)presence_questions_identity(questions, "pump-7", 6, NOW);
    answer_next(questions, PRESENCE_NOT_ELSEWHERE, NOW);
    assert_int_equal(presence_questions_identity(questions, "pump-7", 6, NOW), PRESENCE_NOT_ELSEWHERE);
    presence_questions_begin_anew(questions, NOW + 1);
    assert_int_equal(presence_questions_identity(questions, "pump-7", 6, NOW + 2), PRESENCE_WHERE_ASKED);
}

static void answer_grows_old_and_a_question_is_forgotten(void **state)
{
    struct presence_questions *questions = *state;
    lubdub_time later = NOW + PRESENCE_ANSWER_GOOD + 1;

    (void)presence_questions_identity(questions, "pump-7", 6, NOW);
    answer_next(questions, PRESENCE_ELSEWHERE, NOW);
    assert_null(presence_questions_take(questions, NOW));
    assert_int_equal(presence_questions_identity(questions, "pump-7", 6, later), PRESENCE_WHERE_ASKED);
    assert_int_equal(questions->count, 1);
    assert_null(presence_questions_take(questions, later + PRESENCE_ANSWER_GOOD + 1));
    assert_int_equal(questions->count, 0);
}

static void pattern_has_a_number_that_is_told_when_it_changes(void **state)
{
    struct presence_questions *questions = *state;
    struct presence_question *question;
    uint64_t elsewhere = 7;
    uint64_t here;

    assert_int_equal(presence_questions_pattern(questions, "pump-*", 6, 2, &elsewhere, NOW), PRESENCE_WHERE_ASKED);
    question = presence_questions_take(questions, NOW);
    assert_true(presence_question_is_pattern(question));
    assert_true(presence_question_is_untold(questions, question, &here, NOW));
    assert_int_equal(here, 2);
    presence_question_note_told(question, here, NOW);
    assert_false(presence_question_is_untold(questions, question, &here, NOW));
    presence_question_answer(question, PRESENCE_ELSEWHERE, 3, NOW);
    assert_int_equal(presence_questions_pattern(questions, "pump-*", 6, 4, &elsewhere, NOW), PRESENCE_ELSEWHERE);
    assert_int_equal(elsewhere, 3);
    assert_true(presence_question_is_untold(questions, question, &here, NOW));
    presence_question_note_told(question, here, NOW);
    presence_questions_begin_anew(questions, NOW + 1); /* Redis has lost it */
    assert_true(presence_question_is_untold(questions, question, &here, NOW + 2));
    /* An identity of that name is another question. */
    assert_int_equal(presence_questions_identity(questions, "pump-*", 6, NOW), PRESENCE_WHERE_ASKED);
    assert_int_equal(questions->count, 2);
}

static void too_many_are_not_known(void **state)
{
    struct presence_questions *questions = *state;
    char name[16];
    unsigned i;

    for (i = 0; i < PRESENCE_QUESTIONS_MOST; i++) {
        snprintf(name, sizeof name, "%u", i);
        assert_int_equal(presence_questions_identity(questions, name, strlen(name), NOW), PRESENCE_WHERE_ASKED);
    }
    assert_int_equal(presence_questions_identity(questions, "one more", 8, NOW), PRESENCE_WHERE_UNKNOWN);
    for (i = 0; i < PRESENCE_QUESTIONS_MOST; i++) {
        presence_question_give_up(presence_questions_take(questions, NOW));
    }
    assert_null(presence_questions_take(questions, NOW));
    assert_non_null(presence_questions_take(questions, NOW)); /* the next round begins */
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(identity_is_asked_and_then_known),
        TEST(answer_does_not_survive_a_new_beginning),
        TEST(answer_grows_old_and_a_question_is_forgotten),
        TEST(pattern_has_a_number_that_is_told_when_it_changes),
        TEST(too_many_are_not_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
