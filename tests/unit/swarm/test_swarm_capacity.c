/* How many processes hold so many clients where each may open 164 files, and what is said where none do. */
#include "support/test.h"

#include <sys/resource.h>

#include "swarm/orders/capacity.h"

/* 64 of them are not for clients. */
static int limit_files(void **state)
{
    const struct rlimit limit = {164, 164};

    (void)state;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

static void processes_are_as_few_as_hold_the_clients(void **state)
{
    struct swarm_demand demand = {.clients = 950};
    char problem[256];

    (void)state;
    assert_true(swarm_capacity_fit(&demand, problem, sizeof problem));
    assert_int_equal(demand.processes, 10);
    assert_int_equal(demand.server_processes, 0);
    demand = (struct swarm_demand){.clients = 90, .processes = 3, .has_servers = true};
    assert_true(swarm_capacity_fit(&demand, problem, sizeof problem));
    assert_int_equal(demand.processes, 3);
    assert_int_equal(demand.server_processes, 1);
}

static void too_few_processes_are_refused_with_the_number_that_would_do(void **state)
{
    struct swarm_demand demand = {.clients = 950, .processes = 9};
    char problem[256];

    (void)state;
    assert_false(swarm_capacity_fit(&demand, problem, sizeof problem));
    assert_string_equal(problem, "--clients 950: a process may open 164 files here (ulimit -n), so they take "
                                 "--processes 10 at least, or a higher limit");
}

static void coordinator_has_a_descriptor_for_each_process(void **state)
{
    struct swarm_demand demand = {.clients = 20000};
    char problem[256];

    (void)state;
    assert_false(swarm_capacity_fit(&demand, problem, sizeof problem));
    assert_non_null(strstr(problem, "to coordinate 200 processes and 0 servers takes 264"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes_are_as_few_as_hold_the_clients),
        cmocka_unit_test(too_few_processes_are_refused_with_the_number_that_would_do),
        cmocka_unit_test(coordinator_has_a_descriptor_for_each_process),
    };

    return cmocka_run_group_tests(tests, limit_files, NULL);
}
