/* What dies with a simulated process is counted once. */
#include "simulate/world/process.h"
#include "simulate/world/world.h"

#include "support/test.h"

/* One client whose session has been up for a minute when its machine loses power. */
static lubdub_duration time_counted_at_death(bool has_left)
{
    struct sim_process processes[2] = {{.is_alive = true}, {.is_alive = true}};
    struct sim_client client = {.server = 1};
    struct sim_connection connection = {.is_used = true};
    struct sim_connection *connections[] = {&connection};
    struct sim_result result = {0};
    struct sim_world world = {
        .result = &result,
        .now = LUBDUB_MINUTE,
        .clients = &client,
        .client_count = 1,
        .processes = processes,
        .process_count = 2,
        .connections = connections,
        .connection_count = 1,
    };
    struct sim_end *end = &connection.ends[SIM_CLIENT];

    connection.ends[SIM_SERVER].process = 1;
    end->session.role = LUBDUB_ROLE_CLIENT;
    end->has_session = true;
    end->was_up = true;
    end->has_left = has_left;
    sim_process_die(&world, 0, true);
    assert_false(end->has_session);
    return result.session_time;
}

static void time_of_a_session_is_counted_when_its_client_dies(void **state)
{
    (void)state;
    assert_true(time_counted_at_death(false) == LUBDUB_MINUTE);
}

static void time_of_a_session_that_its_client_had_left_is_not_counted_again(void **state)
{
    (void)state;
    assert_true(time_counted_at_death(true) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_of_a_session_is_counted_when_its_client_dies),
        cmocka_unit_test(time_of_a_session_that_its_client_had_left_is_not_counted_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
