/* What stands in Redis for a token is the same on all nodes that have the same secret, and says nothing without it. */
#include "server/presence/proof.h"

#include <string.h>

#include "support/test.h"

static void key_of(const char *secret, uint8_t key[PRESENCE_PROOF_KEY_SIZE])
{
    presence_proof_key((struct lubdub_slice){secret, secret != NULL ? strlen(secret) : 0}, key);
}

/* All versions must agree, for nodes are not updated at once. */
static void key_stays_what_it_was(void **state)
{
    static const uint64_t expected[2] = {0x4f66e62efa2ec8f7U, 0xd071032a67141ee5U};
    uint8_t key[PRESENCE_PROOF_KEY_SIZE];
    uint64_t words[2];
    (void)state;

    key_of("correct horse battery staple", key);
    memcpy(words, key, sizeof words);
    assert_true(words[0] == expected[0] && words[1] == expected[1]);
}

static void secrets_have_keys_of_their_own(void **state)
{
    uint8_t one[PRESENCE_PROOF_KEY_SIZE];
    uint8_t other[PRESENCE_PROOF_KEY_SIZE];
    (void)state;

    key_of("0123456789abcdef", one);
    key_of("0123456789abcdeg", other);
    assert_memory_not_equal(one, other, sizeof one);
    key_of(NULL, other);
    assert_memory_not_equal(one, other, sizeof one);
    key_of(NULL, one);
    assert_memory_equal(one, other, sizeof one);
}

static void proof_is_digits_and_none_is_a_dash(void **state)
{
    char text[PRESENCE_PROOF_SIZE];
    (void)state;

    assert_string_equal(presence_proof_write(0, text), "-");
    assert_string_equal(presence_proof_write(0xf00d, text), "000000000000f00d");
    assert_string_equal(presence_proof_write(UINT64_MAX, text), "ffffffffffffffff");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_stays_what_it_was),
        cmocka_unit_test(secrets_have_keys_of_their_own),
        cmocka_unit_test(proof_is_digits_and_none_is_a_dash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
