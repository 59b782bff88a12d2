/* Tokens and the identities that they let in. */
#define _GNU_SOURCE
#include "support/test.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/pattern.h"
#include "server/library/tokens.h"

#define MANY 28000

static const uint64_t key[2] = {1, 2};

static struct lubdub_slice slice(const char *text)
{
    return (struct lubdub_slice){text, text != NULL ? strlen(text) : 0};
}

/* ---- memory that is given back ---- */

static const char *wiped; /* what no freed block may have */
static unsigned freed_with_secret;

void __real_free(void *block);
void __wrap_free(void *block);

void __wrap_free(void *block)
{
    if (block != NULL && wiped != NULL && memmem(block, malloc_usable_size(block), wiped, strlen(wiped)) != NULL) {
        freed_with_secret++;
    }
    __real_free(block);
}

/* ---- tests ---- */

static void b15_pattern_stands_for_whole_identities(void **state)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool matches;
    } rows[] = {
        {"*", "", true},
        {"*", "pump", true},
        {"pump-*", "pump-7", true},
        {"pump-*", "pump-", true},
        {"pump-*", "pump", false},
        {"pump-*", "apump-7", false},
        {"*-7", "pump-7", true},
        {"*-7", "pump-77", false},
        {"p?mp", "pump", true},
        {"p?mp", "pmp", false},
        {"p?mp", "p\xc3\xbcmp", true},
        {"??", "\xc3\xbc", false},
        {"*a*b*c*", "xxaxxbxxcxx", true},
        {"*a*b*c*", "xxaxxcxxbxx", false},
        {"", "", true},
        {"", "x", false},
        {"a**b", "ab", true},
        {"*?", "", false},
        {"*?", "x", true},
    };
    size_t i;
    (void)state;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(lubdub_pattern_matches(slice(rows[i].pattern), slice(rows[i].text)), rows[i].matches);
    }
}

static void b15_token_lets_in_the_identities_of_its_patterns(void **state)
{
    const struct lubdub_slice given[] = {slice("open"), slice("bound"), slice("bound")};
    const struct lubdub_slice patterns[] = {slice(NULL), slice("pump-*"), slice("valve-*")};
    struct lubdub_tokens tokens;
    uint64_t proof;
    (void)state;

    assert_true(lubdub_tokens_init(&tokens, key, given, patterns, 3));
    assert_null(lubdub_tokens_refuse(&tokens, slice("open"), slice("anything"), &proof));
    assert_null(lubdub_tokens_refuse(&tokens, slice("open"), slice(NULL), &proof));
    assert_null(lubdub_tokens_refuse(&tokens, slice("bound"), slice("pump-7"), &proof));
    assert_null(lubdub_tokens_refuse(&tokens, slice("bound"), slice("valve-1"), &proof));
    assert_string_equal(lubdub_tokens_refuse(&tokens, slice("bound"), slice("tank"), &proof),
                        "this token is not for this identity");
    assert_string_equal(lubdub_tokens_refuse(&tokens, slice("bound"), slice(NULL), &proof),
                        "this token is not for this identity");
    assert_string_equal(lubdub_tokens_refuse(&tokens, slice("boun"), slice("pump-7"), &proof),
                        "the token is not known here");
    assert_string_equal(lubdub_tokens_refuse(&tokens, slice(NULL), slice("pump-7"), &proof),
                        "a token is required"); /* E11 */
    lubdub_tokens_clear(&tokens);
    assert_true(lubdub_tokens_init(&tokens, key, NULL, NULL, 0));
    assert_null(lubdub_tokens_refuse(&tokens, slice(NULL), slice("pump-7"), &proof));
}

static double milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* What a session keeps of its token is judged by tokens that were read later. */
static void proof_is_judged_by_later_tokens(void **state)
{
    const struct lubdub_slice before[] = {slice("north"), slice("south")};
    const struct lubdub_slice after[] = {slice("east"), slice("south"), slice("south")};
    const struct lubdub_slice bounds[] = {slice(NULL), slice("valve-*"), slice("pump-*")};
    struct lubdub_tokens tokens;
    uint64_t north;
    uint64_t south;
    (void)state;

    assert_true(lubdub_tokens_init(&tokens, key, before, NULL, COUNT_OF(before)));
    assert_null(lubdub_tokens_refuse(&tokens, slice("north"), slice("pump-7"), &north));
    assert_null(lubdub_tokens_refuse(&tokens, slice("south"), slice("pump-7"), &south));
    assert_true(north != 0 && south != 0 && north != south);
    assert_true(lubdub_tokens_admit(&tokens, north, slice("pump-7")));
    lubdub_tokens_clear(&tokens);

    assert_true(lubdub_tokens_init(&tokens, key, after, bounds, COUNT_OF(after)));
    assert_false(lubdub_tokens_admit(&tokens, north, slice("pump-7")));
    assert_true(lubdub_tokens_admit(&tokens, south, slice("pump-7"))); /* the second of its lines */
    assert_false(lubdub_tokens_admit(&tokens, south, slice("tank")));
    assert_non_null(lubdub_tokens_refuse(&tokens, slice("north"), slice("pump-7"), &north));
    assert_true(north == 0);
    lubdub_tokens_clear(&tokens);
}

/* A wrong token of 1,024 bytes took 32 ms with so many. */
static void b5_many_tokens_cost_no_more_than_one(void **state)
{
    static char names[MANY][16];
    static struct lubdub_slice given[MANY];
    static char wrong[LUBDUB_TOKEN_LIMIT];
    struct lubdub_tokens tokens;
    uint64_t proof;
    double began_at;
    unsigned i;
    (void)state;

    for (i = 0; i < MANY; i++) {
        given[i] = (struct lubdub_slice){names[i], (size_t)snprintf(names[i], sizeof names[i], "token-%u", i)};
    }
    assert_true(lubdub_tokens_init(&tokens, key, given, NULL, MANY));
    memset(wrong, 'x', sizeof wrong);
    began_at = milliseconds();
    for (i = 0; i < 100; i++) {
        assert_non_null(
            lubdub_tokens_refuse(&tokens, (struct lubdub_slice){wrong, sizeof wrong}, slice("pump"), &proof));
    }
    assert_true(milliseconds() - began_at < 400); /* 3,200 before */
    for (i = 0; i < MANY; i += 997) {
        assert_null(lubdub_tokens_refuse(&tokens, given[i], slice(NULL), &proof));
    }
    lubdub_tokens_clear(&tokens);
}

static void b18_no_token_stays_in_memory_that_was_given_back(void **state)
{
    const struct lubdub_slice given[] = {slice("hunter2-hunter2")};
    struct lubdub_tokens tokens;
    (void)state;

    wiped = "hunter2";
    assert_true(lubdub_tokens_init(&tokens, key, given, NULL, 1));
    lubdub_tokens_clear(&tokens);
    wiped = NULL;
    assert_int_equal(freed_with_secret, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(b15_pattern_stands_for_whole_identities),
        cmocka_unit_test(b15_token_lets_in_the_identities_of_its_patterns),
        cmocka_unit_test(proof_is_judged_by_later_tokens),
        cmocka_unit_test(b5_many_tokens_cost_no_more_than_one),
        cmocka_unit_test(b18_no_token_stays_in_memory_that_was_given_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
