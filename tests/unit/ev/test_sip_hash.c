/* SipHash: against the vectors of its authors. */
#include "support/test.h"

#include "ev/sip_hash.h"

static const uint64_t key[2] = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

static void d2_hash_is_siphash_2_4(void **state)
{
    const uint8_t bytes[15] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
    (void)state;

    assert_true(lubdub_sip_hash(key, bytes, 0) == 0x726fdb47dd0e0e31u);
    assert_true(lubdub_sip_hash(key, bytes, 8) == 0x93f5f5799a932462u);
    assert_true(lubdub_sip_hash(key, bytes, 15) == 0xa129ca6149be45e5u);
}

static void digest_of_128_bits_is_the_authors(void **state)
{
    const uint8_t byte = 0;
    uint64_t digest[2];
    (void)state;

    lubdub_sip_hash_128(key, &byte, 0, digest);
    assert_true(digest[0] == 0xe6a825ba047f81a3u && digest[1] == 0x930255c71472f66du);
    lubdub_sip_hash_128(key, &byte, 1, digest);
    assert_true(digest[0] == 0x44af996bd8c187dau && digest[1] == 0x45fc229b11597634u);
}

static void d2_hash_of_this_process_differs_with_every_byte(void **state)
{
    (void)state;

    assert_true(lubdub_sip_hash_here("pump-1", 6) == lubdub_sip_hash_here("pump-1", 6));
    assert_true(lubdub_sip_hash_here("pump-1", 6) != lubdub_sip_hash_here("pump-2", 6) ||
                lubdub_sip_hash_here("pump-1", 6) != lubdub_sip_hash_here("pump-3", 6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(d2_hash_is_siphash_2_4),
        cmocka_unit_test(digest_of_128_bits_is_the_authors),
        cmocka_unit_test(d2_hash_of_this_process_differs_with_every_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
