/* How clients are divided over processes, servers and addresses. */
#include "support/test.h"

#include "swarm/orders/layout.h"

static void parts_cover_all_clients_in_order_and_evenly(void **state)
{
    static const struct {
        uint32_t clients;
        uint32_t parts;
    } samples[] = {{1, 1}, {10, 3}, {7, 7}, {100000, 6}, {10000000, 503}, {4000000000u, 1024}};
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(samples); i++) {
        uint32_t next = 0;
        uint32_t part;

        for (part = 0; part < samples[i].parts; part++) {
            struct swarm_part found = swarm_part_of(samples[i].clients, samples[i].parts, part);

            assert_int_equal(found.first, next);
            assert_in_range(found.count, samples[i].clients / samples[i].parts,
                            samples[i].clients / samples[i].parts + 1);
            assert_int_equal(swarm_part_with(samples[i].clients, samples[i].parts, found.first), part);
            assert_int_equal(swarm_part_with(samples[i].clients, samples[i].parts, found.first + found.count - 1),
                             part);
            next += found.count;
        }
        assert_int_equal(next, samples[i].clients);
    }
}

static void processes_are_as_few_as_hold_the_clients(void **state)
{
    (void)state;
    assert_int_equal(swarm_processes_for(1, 100), 1);
    assert_int_equal(swarm_processes_for(100, 100), 1);
    assert_int_equal(swarm_processes_for(101, 100), 2);
    assert_int_equal(swarm_processes_for(100000, 19936), 6);
}

static void servers_have_room_for_the_luck_of_the_draw(void **state)
{
    (void)state;
    assert_int_equal(swarm_servers_for(1, 1000), 1);
    assert_int_equal(swarm_servers_for(1000, 1000), 1); /* a single one gets its part exactly */
    assert_int_equal(swarm_servers_for(1001, 1000), 2);
    assert_int_equal(swarm_servers_for(2000, 1000), 3); /* one of two would get more than its half */
    assert_int_equal(swarm_servers_for(100000, 19936), 6);
}

static void clients_of_one_address_are_far_fewer_than_its_ports(void **state)
{
    struct lubdub_address before = {0};
    uint32_t at_this = 0;
    uint32_t i;

    (void)state;
    for (i = 0; i < 1000000; i++) {
        struct lubdub_address address;

        swarm_source_address(&address, i);
        assert_true(lubdub_address_is_ipv4(&address));
        assert_int_equal(address.ip[12], 127);
        assert_int_equal(address.port, 0);
        assert_in_range(address.ip[15], i == 0 ? 1 : 0, 255);
        at_this = memcmp(address.ip, before.ip, sizeof before.ip) == 0 ? at_this + 1 : 1;
        assert_in_range(at_this, 1, 10000);
        before = address;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_cover_all_clients_in_order_and_evenly),
        cmocka_unit_test(processes_are_as_few_as_hold_the_clients),
        cmocka_unit_test(servers_have_room_for_the_luck_of_the_draw),
        cmocka_unit_test(clients_of_one_address_are_far_fewer_than_its_ports),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
