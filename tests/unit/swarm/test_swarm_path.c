/* What becomes of packets on a path, in virtual time, and whose path it is. */
#include "support/test.h"

#include "swarm/network/path.h"
#include "swarm/orders/layout.h"

#define PACKET 100
#define COUNT 20000

struct fixture {
    struct swarm_path path;
    struct swarm_lane lane;
    uint64_t random;
};

static int setup(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.random = 1};
    *state = &fixture;
    return 0;
}

static enum swarm_fate take(struct fixture *fixture, size_t length, lubdub_time now, lubdub_time *due)
{
    return swarm_lane_take(&fixture->lane, &fixture->path, SWARM_WAY_TO_SERVER, length, now, &fixture->random, due);
}

static void good_path_delivers_at_once(void **state)
{
    struct fixture *fixture = *state;
    lubdub_time due = 0;

    assert_int_equal(take(fixture, PACKET, 1000, &due), SWARM_FATE_DELIVERED);
    assert_int_equal(due, 1000);
}

static void closed_way_cuts_what_goes_this_way_only(void **state)
{
    struct fixture *fixture = *state;
    lubdub_time due;

    atomic_store(&fixture->path.closed_ways, SWARM_WAY_BIT(SWARM_WAY_TO_CLIENT));
    assert_int_equal(take(fixture, PACKET, 1, &due), SWARM_FATE_DELIVERED);
    assert_true(swarm_path_is_open(&fixture->path, SWARM_WAY_TO_SERVER));
    assert_false(swarm_path_is_open(&fixture->path, SWARM_WAY_TO_CLIENT));
    atomic_store(&fixture->path.closed_ways, SWARM_BOTH_WAYS);
    assert_int_equal(take(fixture, PACKET, 2, &due), SWARM_FATE_CUT);
    atomic_store(&fixture->path.closed_ways, 0);
    assert_int_equal(take(fixture, PACKET, 3, &due), SWARM_FATE_DELIVERED);
}

static void delay_is_as_long_as_was_said(void **state)
{
    const struct swarm_conditions conditions = {.delay = 50 * LUBDUB_MILLISECOND};
    struct fixture *fixture = *state;
    lubdub_time due;

    swarm_path_set_conditions(&fixture->path, &conditions);
    assert_int_equal(take(fixture, PACKET, LUBDUB_SECOND, &due), SWARM_FATE_DELAYED);
    assert_int_equal(due, LUBDUB_SECOND + 50 * LUBDUB_MILLISECOND);
}

static void jitter_fills_its_range_and_never_changes_the_order(void **state)
{
    const struct swarm_conditions conditions = {.delay = 50 * LUBDUB_MILLISECOND, .jitter = 20 * LUBDUB_MILLISECOND};
    struct fixture *fixture = *state;
    lubdub_duration least = LUBDUB_TIME_NEVER;
    lubdub_duration most = 0;
    lubdub_duration total = 0;
    lubdub_time before = 0;
    lubdub_time due;
    lubdub_time at;
    unsigned i;

    swarm_path_set_conditions(&fixture->path, &conditions);
    for (i = 0; i < COUNT; i++) { /* each long after the one before */
        at = i * LUBDUB_SECOND;
        assert_int_equal(take(fixture, PACKET, at, &due), SWARM_FATE_DELAYED);
        least = due - at < least ? due - at : least;
        most = due - at > most ? due - at : most;
        total += due - at;
    }
    assert_in_range(least, 30 * LUBDUB_MILLISECOND, 31 * LUBDUB_MILLISECOND);
    assert_in_range(most, 69 * LUBDUB_MILLISECOND, 70 * LUBDUB_MILLISECOND);
    assert_in_range(total / COUNT, 49 * LUBDUB_MILLISECOND, 51 * LUBDUB_MILLISECOND);

    fixture->lane.waiting_count = 1; /* the others are on their way when the next one comes */
    for (i = 0; i < COUNT; i++) {
        at = COUNT * LUBDUB_SECOND + i * LUBDUB_MILLISECOND;
        take(fixture, PACKET, at, &due);
        assert_true(due >= before);
        before = due;
    }
}

static void packet_waits_for_those_before_it_when_the_delay_is_over(void **state)
{
    const struct swarm_conditions late = {.delay = LUBDUB_SECOND};
    const struct swarm_conditions good = {0};
    struct fixture *fixture = *state;
    lubdub_time due;

    swarm_path_set_conditions(&fixture->path, &late);
    take(fixture, PACKET, LUBDUB_SECOND, &due);
    fixture->lane.waiting_count = 1;
    swarm_path_set_conditions(&fixture->path, &good);
    assert_int_equal(take(fixture, PACKET, LUBDUB_SECOND + 1, &due), SWARM_FATE_DELAYED);
    assert_int_equal(due, 2 * LUBDUB_SECOND);
    fixture->lane.waiting_count = 0;
    assert_int_equal(take(fixture, PACKET, LUBDUB_SECOND + 2, &due), SWARM_FATE_DELIVERED);
}

static void path_can_be_bad_in_several_ways_and_good_again(void **state)
{
    const struct swarm_conditions lossy = {.loss = 0.5};
    const struct swarm_conditions late = {.delay = 5 * LUBDUB_MILLISECOND, .jitter = LUBDUB_MILLISECOND};
    const struct swarm_conditions slow = {.bytes_per_second = 7};
    const struct swarm_conditions good = {0};
    struct fixture *fixture = *state;
    struct swarm_path *path = &fixture->path;

    swarm_path_add_conditions(path, &lossy);
    swarm_path_add_conditions(path, &late);
    swarm_path_add_conditions(path, &slow);
    assert_int_equal(atomic_load(&path->loss), 0x80000000u);
    assert_int_equal(atomic_load(&path->delay), 5000);
    assert_int_equal(atomic_load(&path->jitter), 1000);
    assert_int_equal(atomic_load(&path->bytes_per_second), 7);
    swarm_path_set_conditions(path, &lossy);
    assert_int_equal(atomic_load(&path->delay) + atomic_load(&path->jitter), 0);
    swarm_path_set_conditions(path, &good);
    assert_int_equal(atomic_load(&path->loss) + atomic_load(&path->bytes_per_second), 0);
}

static void loss_takes_its_part(void **state)
{
    static const double parts[] = {0.01, 0.3, 0.9};
    struct fixture *fixture = *state;
    lubdub_time due;
    size_t k;

    for (k = 0; k < COUNT_OF(parts); k++) {
        const struct swarm_conditions conditions = {.loss = parts[k]};
        double expected = parts[k] * COUNT;
        unsigned lost = 0;
        unsigned i;

        swarm_path_set_conditions(&fixture->path, &conditions);
        for (i = 0; i < COUNT; i++) {
            lost += take(fixture, PACKET, i, &due) == SWARM_FATE_LOST;
        }
        /* Six standard deviations are at most 6 * sqrt(COUNT / 4) = 424. */
        assert_true((double)lost > expected - 424 && (double)lost < expected + 424 && lost > 0);
    }
}

static void slow_link_sends_one_packet_after_the_other(void **state)
{
    const struct swarm_conditions conditions = {.bytes_per_second = 1000, .delay = 5 * LUBDUB_MILLISECOND};
    struct fixture *fixture = *state;
    lubdub_time due;

    swarm_path_set_conditions(&fixture->path, &conditions);
    take(fixture, 100, 0, &due);
    assert_int_equal(due, 105 * LUBDUB_MILLISECOND);
    take(fixture, 50, 10 * LUBDUB_MILLISECOND, &due);
    assert_int_equal(due, 155 * LUBDUB_MILLISECOND);
    take(fixture, 50, LUBDUB_SECOND, &due); /* idle in between */
    assert_int_equal(due, 1055 * LUBDUB_MILLISECOND);
}

static void slow_links_queue_is_bounded_but_holds_two_full_packets(void **state)
{
    const struct swarm_conditions fast = {.bytes_per_second = 100000};
    const struct swarm_conditions slow = {.bytes_per_second = 10};
    struct fixture *fixture = *state;
    lubdub_time due;
    unsigned count = 0;

    swarm_path_set_conditions(&fixture->path, &fast);
    while (take(fixture, 1000, 0, &due) != SWARM_FATE_OVERFLOW) {
        count++;
    }
    assert_in_range(count, 100, 102);
    assert_int_equal(take(fixture, 1000, LUBDUB_SECOND, &due), SWARM_FATE_DELAYED);

    fixture->lane = (struct swarm_lane){0};
    swarm_path_set_conditions(&fixture->path, &slow);
    for (count = 0; take(fixture, 1500, 0, &due) != SWARM_FATE_OVERFLOW; count++) {
    }
    assert_in_range(count, 2, 3);
}

/* ---- whose path ---- */

static void make_packet(uint8_t packet[20], uint32_t source, uint32_t destination)
{
    int i;

    memset(packet, 0, 20);
    packet[0] = 0x45;
    for (i = 0; i < 4; i++) {
        packet[12 + i] = (uint8_t)(source >> (24 - 8 * i));
        packet[16 + i] = (uint8_t)(destination >> (24 - 8 * i));
    }
}

static void every_client_has_an_address_by_which_its_packets_are_known(void **state)
{
    static const uint32_t numbers[] = {0, 1, 255, 256, 65535, 65536, SWARM_ADDRESS_LIMIT - 1};
    uint8_t packet[20];
    uint32_t client;
    unsigned cable;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(numbers); i++) {
        uint32_t address = swarm_client_address(numbers[i]);

        assert_int_equal(address >> 23, 0x0a800000u >> 23); /* in 10.128.0.0/9 */
        make_packet(packet, address, SWARM_SERVER_ADDRESS);
        assert_true(swarm_packet_client(packet, 20, SWARM_WAY_TO_SERVER, SWARM_ADDRESS_LIMIT, &client, &cable));
        assert_int_equal(client, numbers[i]);
        assert_false(swarm_packet_client(packet, 20, SWARM_WAY_TO_CLIENT, SWARM_ADDRESS_LIMIT, &client, &cable));
        make_packet(packet, SWARM_SERVER_ADDRESS, address);
        assert_true(swarm_packet_client(packet, 20, SWARM_WAY_TO_CLIENT, SWARM_ADDRESS_LIMIT, &client, &cable));
        assert_int_equal(client, numbers[i]);
    }
}

static void second_cable_has_addresses_of_its_own(void **state)
{
    uint8_t packet[20];
    uint32_t client;
    unsigned cable;

    (void)state;
    make_packet(packet, swarm_client_second_address(7), SWARM_SERVER_ADDRESS);
    assert_true(swarm_packet_client(packet, 20, SWARM_WAY_TO_SERVER, 10, &client, &cable));
    assert_int_equal(client, 7);
    assert_int_equal(cable, 1);
    assert_false(swarm_packet_client(packet, 20, SWARM_WAY_TO_SERVER, 7, &client, &cable));
    make_packet(packet, swarm_client_address(7), SWARM_SERVER_ADDRESS);
    assert_true(swarm_packet_client(packet, 20, SWARM_WAY_TO_SERVER, 10, &client, &cable));
    assert_int_equal(cable, 0);
}

static void other_packets_are_nobodys(void **state)
{
    uint8_t packet[20];
    uint32_t client;
    unsigned cable;

    (void)state;
    make_packet(packet, swarm_client_address(9), SWARM_SERVER_ADDRESS);
    assert_true(swarm_packet_client(packet, 20, SWARM_WAY_TO_SERVER, 10, &client, &cable));
    assert_false(swarm_packet_client(packet, 20, SWARM_WAY_TO_SERVER, 9, &client, &cable)); /* there are 0 to 8 */
    assert_false(swarm_packet_client(packet, 19, SWARM_WAY_TO_SERVER, 10, &client, &cable));
    packet[0] = 0x60; /* IPv6 */
    assert_false(swarm_packet_client(packet, 20, SWARM_WAY_TO_SERVER, 10, &client, &cable));
    make_packet(packet, swarm_client_address(0) - 1, SWARM_SERVER_ADDRESS);
    assert_false(swarm_packet_client(packet, 20, SWARM_WAY_TO_SERVER, 10, &client, &cable));
    make_packet(packet, swarm_client_address(1), SWARM_SERVER_ADDRESS + 1);
    assert_false(swarm_packet_client(packet, 20, SWARM_WAY_TO_SERVER, 10, &client, &cable));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(good_path_delivers_at_once, setup),
        cmocka_unit_test_setup(closed_way_cuts_what_goes_this_way_only, setup),
        cmocka_unit_test_setup(delay_is_as_long_as_was_said, setup),
        cmocka_unit_test_setup(jitter_fills_its_range_and_never_changes_the_order, setup),
        cmocka_unit_test_setup(packet_waits_for_those_before_it_when_the_delay_is_over, setup),
        cmocka_unit_test_setup(path_can_be_bad_in_several_ways_and_good_again, setup),
        cmocka_unit_test_setup(loss_takes_its_part, setup),
        cmocka_unit_test_setup(slow_link_sends_one_packet_after_the_other, setup),
        cmocka_unit_test_setup(slow_links_queue_is_bounded_but_holds_two_full_packets, setup),
        cmocka_unit_test(every_client_has_an_address_by_which_its_packets_are_known),
        cmocka_unit_test(second_cable_has_addresses_of_its_own),
        cmocka_unit_test(other_packets_are_nobodys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
