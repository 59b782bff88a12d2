/* Packets under way, in virtual time: in order, never early, bounded. */
#include "support/test.h"

#include <stdlib.h>

#include "statistics/random.h"
#include "swarm/network/schedule.h"

#define ROOM ((size_t)1024 * 1024)
#define PACKET_COUNT 5000

static void add(struct swarm_schedule *schedule, lubdub_time due, uint32_t client)
{
    const uint8_t packet[2] = {(uint8_t)client, (uint8_t)(client >> 8)};

    assert_true(swarm_schedule_add(schedule, due, client, 0, packet, sizeof packet));
}

static uint32_t take(struct swarm_schedule *schedule, lubdub_time now)
{
    struct swarm_parcel *parcel = swarm_schedule_take(schedule, now);
    uint32_t client;

    assert_non_null(parcel);
    client = parcel->path;
    assert_int_equal(parcel->length, 2);
    assert_int_equal(parcel->bytes[0] | parcel->bytes[1] << 8, client & 0xffff);
    free(parcel);
    return client;
}

static void packet_comes_out_when_it_is_due_and_not_before(void **state)
{
    struct swarm_schedule schedule;

    (void)state;
    swarm_schedule_init(&schedule, ROOM);
    assert_true(swarm_schedule_next(&schedule) == LUBDUB_TIME_NEVER);
    assert_null(swarm_schedule_take(&schedule, LUBDUB_TIME_NEVER));
    add(&schedule, 100, 7);
    assert_int_equal(swarm_schedule_next(&schedule), 100);
    assert_null(swarm_schedule_take(&schedule, 99));
    assert_int_equal(take(&schedule, 100), 7);
    assert_true(swarm_schedule_next(&schedule) == LUBDUB_TIME_NEVER);
    swarm_schedule_clear(&schedule);
}

static void first_due_comes_first_and_of_equals_the_first_in(void **state)
{
    struct swarm_schedule schedule;
    uint64_t random = 1;
    lubdub_time dues[PACKET_COUNT];
    lubdub_time due_before = 0;
    uint32_t before = 0;
    uint32_t i;

    (void)state;
    swarm_schedule_init(&schedule, ROOM);
    for (i = 0; i < PACKET_COUNT; i++) {
        dues[i] = 1 + random_below(&random, 300); /* many are due together */
        add(&schedule, dues[i], i);
    }
    for (i = 0; i < PACKET_COUNT; i++) {
        uint32_t client = take(&schedule, 300);

        assert_true(dues[client] > due_before || (dues[client] == due_before && client > before));
        due_before = dues[client];
        before = client;
    }
    assert_null(swarm_schedule_take(&schedule, LUBDUB_TIME_NEVER));
    swarm_schedule_clear(&schedule);
}

static void order_holds_while_packets_come_and_go(void **state)
{
    struct swarm_schedule schedule;
    uint64_t random = 2;
    lubdub_time now = 0;
    uint32_t i;

    (void)state;
    swarm_schedule_init(&schedule, ROOM);
    for (i = 0; i < PACKET_COUNT; i++) {
        struct swarm_parcel *parcel;

        now += random_below(&random, 10);
        add(&schedule, now + random_below(&random, 1000), i);
        while ((parcel = swarm_schedule_take(&schedule, now)) != NULL) {
            assert_true(parcel->due <= now);
            free(parcel);
        }
        assert_true(swarm_schedule_next(&schedule) > now);
    }
    swarm_schedule_clear(&schedule); /* and what is left is freed */
}

static void full_schedule_refuses_and_has_room_again_after_a_delivery(void **state)
{
    const uint8_t packet[1500] = {0};
    struct swarm_schedule schedule;
    unsigned count = 0;

    (void)state;
    swarm_schedule_init(&schedule, 100000);
    while (swarm_schedule_add(&schedule, 5, 1, 0, packet, sizeof packet)) {
        count++;
    }
    assert_in_range(count, 60, 66);
    assert_true(schedule.bytes <= 100000);
    free(swarm_schedule_take(&schedule, 5));
    assert_true(swarm_schedule_add(&schedule, 5, 1, 0, packet, sizeof packet));
    assert_false(swarm_schedule_add(&schedule, 5, 1, 0, packet, sizeof packet));
    swarm_schedule_clear(&schedule);
    assert_int_equal(schedule.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packet_comes_out_when_it_is_due_and_not_before),
        cmocka_unit_test(first_due_comes_first_and_of_equals_the_first_in),
        cmocka_unit_test(order_holds_while_packets_come_and_go),
        cmocka_unit_test(full_schedule_refuses_and_has_room_again_after_a_delivery),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
