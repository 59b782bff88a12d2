/* Which session an identity's session has taken over from: that one, and no other. */
#include "server/presence/moves.h"

#include <stdio.h>
#include <string.h>

#include "support/test.h"

static struct presence_claim claim_of(const char *node, uint64_t session, const char *address)
{
    return (struct presence_claim){.node = node, .session = session, .address = address};
}

static void session_before_is_known_and_no_other(void **state)
{
    struct presence_moves moves = {0};
    struct presence_claim before = claim_of("a", 7, "10.0.0.1:5000");
    struct presence_claim other_node = claim_of("b", 7, "10.0.0.1:5000");
    struct presence_claim other_session = claim_of("a", 8, "10.0.0.1:5000");
    struct presence_claim other_process = claim_of("a", 7, "10.0.0.1:5001"); /* its numbers began anew */
    (void)state;

    assert_false(presence_moves_has(&moves, "pump-7", 6, &before));
    presence_moves_note(&moves, "pump-7", 6, &before);
    assert_true(presence_moves_has(&moves, "pump-7", 6, &before));
    assert_true(presence_moves_knows(&moves, "pump-7", 6) && !presence_moves_knows(&moves, "pump-8", 6));
    assert_false(presence_moves_has(&moves, "pump-8", 6, &before));
    assert_false(presence_moves_has(&moves, "pump-7", 6, &other_node));
    assert_false(presence_moves_has(&moves, "pump-7", 6, &other_session));
    assert_false(presence_moves_has(&moves, "pump-7", 6, &other_process));
    presence_moves_note(&moves, "pump-7", 6, &other_session);
    assert_false(presence_moves_has(&moves, "pump-7", 6, &before));
    assert_true(presence_moves_has(&moves, "pump-7", 6, &other_session));
    presence_moves_clear(&moves);
    assert_false(presence_moves_has(&moves, "pump-7", 6, &other_session));
}

static void memory_stays_bounded(void **state)
{
    struct presence_moves moves = {0};
    struct presence_claim before = claim_of("a", 1, "-");
    char identity[32];
    unsigned known = 0;
    unsigned i;
    (void)state;

    for (i = 0; i < 2 * PRESENCE_MOVES; i++) {
        presence_moves_note(&moves, identity, (size_t)sprintf(identity, "pump-%u", i), &before);
    }
    for (i = 0; i < 2 * PRESENCE_MOVES; i++) {
        known += presence_moves_has(&moves, identity, (size_t)sprintf(identity, "pump-%u", i), &before);
    }
    assert_true(known > PRESENCE_MOVES / 2 && known <= PRESENCE_MOVES);
    presence_moves_clear(&moves);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session_before_is_known_and_no_other),
        cmocka_unit_test(memory_stays_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
