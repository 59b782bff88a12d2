/* A peer is one block of memory, which a reader can copy. */
#include <stdlib.h>

#include "server/library/peer.h"
#include "support/test.h"

static void a_copy_has_address_identity_and_labels(void **state)
{
    struct lubdub_options hello = {.identity = {"pump-7", 6}, .label_count = 1};
    union {
        struct lubdub_peer peer;
        uint8_t room[LUBDUB_PEER_LIMIT];
    } copy;
    struct lubdub_label labels[LUBDUB_LABEL_COUNT_LIMIT];
    struct lubdub_address address;
    struct lubdub_address copied;
    struct lubdub_peer *peer;
    (void)state;

    hello.labels[0] = (struct lubdub_label){{"room", 4}, {"cellar", 6}};
    assert_true(lubdub_address_parse(&address, "2001:db8::7", 0));
    peer = lubdub_peer_introduce(lubdub_peer_new(&address), 9, &hello, 1234567, (struct lubdub_slice){"pump-*", 6});
    peer->is_registered = true;
    lubdub_peer_copy(peer, &copy.peer);
    free(peer);
    lubdub_peer_address(&copy.peer, &copied);
    assert_memory_equal(&copied, &address, sizeof address);
    assert_true(lubdub_peer_incarnation(&copy.peer) == 9 && !copy.peer.is_registered);
    assert_true(lubdub_peer_proof(&copy.peer) == 1234567);
    assert_memory_equal(lubdub_peer_identity(&copy.peer).data, "pump-7", 6);
    assert_int_equal(lubdub_peer_labels(&copy.peer, labels), 1);
    assert_memory_equal(labels[0].value.data, "cellar", 6);
    assert_int_equal(lubdub_peer_certificate(&copy.peer).length, 6);
    assert_memory_equal(lubdub_peer_certificate(&copy.peer).data, "pump-*", 6);
}

/* The most that fits into malloc's smallest block of 64-bit systems. */
#define SMALLEST_BLOCK 24

static void a_peer_that_says_nothing_fits_into_the_smallest_block(void **state)
{
    const struct lubdub_options hello = {0};
    struct lubdub_address address;
    struct lubdub_peer *peer;
    (void)state;

    assert_true(offsetof(struct lubdub_peer, bytes) + 4 <= SMALLEST_BLOCK);
    assert_true(sizeof(struct lubdub_peer) <= SMALLEST_BLOCK);
    assert_true(lubdub_address_parse(&address, "192.0.2.7", 0));
    peer = lubdub_peer_introduce(lubdub_peer_new(&address), 0, &hello, 0, (struct lubdub_slice){0});
    assert_true(lubdub_peer_incarnation(peer) == 0 && lubdub_peer_proof(peer) == 0);
    assert_int_equal(lubdub_peer_identity(peer).length, 0);
    free(peer);
}

static void a_round_trip_is_kept_to_a_thousandth(void **state)
{
    const uint64_t all[] = {0, 1, 37, 2047, 2048, 2049, 123456, 999999, 60000000};
    struct lubdub_peer peer = {0};
    size_t i;
    (void)state;

    for (i = 0; i < COUNT_OF(all); i++) {
        lubdub_duration kept;

        lubdub_peer_set_round_trip(&peer, all[i] * LUBDUB_MICROSECOND);
        kept = lubdub_peer_round_trip(&peer) / LUBDUB_MICROSECOND;
        assert_true(kept <= all[i] && kept + all[i] / 1000 >= all[i]);
    }
    lubdub_peer_set_round_trip(&peer, LUBDUB_HOUR);
    assert_true(lubdub_peer_round_trip(&peer) <= LUBDUB_MINUTE);
}

static void near_misses_are_counted_up_to_what_has_room(void **state)
{
    struct lubdub_peer peer = {0};
    unsigned i;
    (void)state;

    for (i = 1; i <= 300; i++) {
        lubdub_peer_note_near_miss(&peer);
        assert_int_equal(peer.near_misses, i < 255 ? i : 255);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_has_address_identity_and_labels),
        cmocka_unit_test(a_peer_that_says_nothing_fits_into_the_smallest_block),
        cmocka_unit_test(near_misses_are_counted_up_to_what_has_room),
        cmocka_unit_test(a_round_trip_is_kept_to_a_thousandth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
