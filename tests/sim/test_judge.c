/* What an honest core never does, shown to the judge by hand. */
#include <stdlib.h>

#include "simulate/world/judge.h"

#include "support/test.h"

#define MS LUBDUB_MILLISECOND

struct court {
    struct sim_settings settings;
    struct sim_result result;
    struct sim_process process;
    struct sim_connection connection;
    struct sim_world world;
};

static int set_up(void **state)
{
    struct court *court = calloc(1, sizeof *court);

    *state = court;
    sim_settings_init(&court->settings);
    court->world.settings = &court->settings;
    court->world.result = &court->result;
    court->world.processes = &court->process;
    court->connection.ends[SIM_CLIENT].session.interval_ms = 1000;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void write_frame(struct court *court, enum sim_side side, uint8_t type, uint64_t sequence, uint16_t flags)
{
    const struct lubdub_frame frame = {.type = type, .flags = flags, .sequence = sequence};

    sim_judge_written(&court->world, &court->connection, side, &frame);
}

static void expect(const struct court *court, const char *words)
{
    assert_int_equal(court->result.has_failed, words != NULL);
    if (words != NULL && strstr(court->result.problem, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", court->result.problem, words);
    }
}

static void flags_of_an_ack_are_those_of_its_probe(void **state)
{
    struct court *court = *state;

    write_frame(court, SIM_CLIENT, LUBDUB_FRAME_PROBE, 1, LUBDUB_HEALTH_WARNING);
    write_frame(court, SIM_CLIENT, LUBDUB_FRAME_PROBE, 2, LUBDUB_HEALTH_WARNING);
    court->connection.ends[SIM_SERVER].probes_read = 2;
    write_frame(court, SIM_SERVER, LUBDUB_FRAME_ACK, 1, LUBDUB_HEALTH_WARNING);
    expect(court, NULL);
    write_frame(court, SIM_SERVER, LUBDUB_FRAME_ACK, 2, LUBDUB_HEALTH_PASSING);
    expect(court, "other flags");
}

static void slots_that_were_missed_are_not_made_up_for(void **state)
{
    struct court *court = *state;

    write_frame(court, SIM_CLIENT, LUBDUB_FRAME_PROBE, 1, 0);
    court->world.now = 900 * MS;
    write_frame(court, SIM_CLIENT, LUBDUB_FRAME_PROBE, 2, 0);
    court->world.now = 1000 * MS;
    write_frame(court, SIM_CLIENT, LUBDUB_FRAME_PROBE, 3, 0);
    expect(court, NULL);
    court->world.now = 1899 * MS;
    write_frame(court, SIM_CLIENT, LUBDUB_FRAME_PROBE, 4, 0);
    expect(court, "three probes");
}

static void round_trip_is_no_longer_than_since_its_probe(void **state)
{
    struct court *court = *state;
    struct lubdub_event event = {.kind = LUBDUB_EVENT_ACKED, .sequence = 1, .round_trip = 30 * MS};

    write_frame(court, SIM_CLIENT, LUBDUB_FRAME_PROBE, 1, 0);
    court->connection.ends[SIM_CLIENT].acks_read = 1;
    court->world.now = 30 * MS;
    sim_judge_event(&court->world, &court->connection, SIM_CLIENT, &event);
    expect(court, NULL);
    event.round_trip = 31 * MS;
    sim_judge_event(&court->world, &court->connection, SIM_CLIENT, &event);
    expect(court, "a round trip");
}

static void who_has_left_hears_nothing_more(void **state)
{
    struct court *court = *state;
    const struct lubdub_event event = {.kind = LUBDUB_EVENT_DOWN, .cause = LUBDUB_CAUSE_CLOSED};

    court->connection.ends[SIM_SERVER].has_left = true;
    sim_judge_event(&court->world, &court->connection, SIM_SERVER, &event);
    expect(court, "after the end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(flags_of_an_ack_are_those_of_its_probe, set_up, tear_down),
        cmocka_unit_test_setup_teardown(slots_that_were_missed_are_not_made_up_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(round_trip_is_no_longer_than_since_its_probe, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_has_left_hears_nothing_more, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
