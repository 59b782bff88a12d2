/* Writes the complaint that ends a run, and arranges the next look at an end. */
#include "simulate/world/judging.h"

#include <stdarg.h>
#include <stdio.h>

const char *const sim_side_words[2] = {"client", "server"};

void sim_judge_fail(struct sim_world *world, const struct sim_connection *connection, const char *format, ...)
{
    struct sim_result *result = world->result;
    size_t length = 0;
    va_list arguments;

    if (result->has_failed) {
        return;
    }
    result->has_failed = true;
    result->failed_at = world->now;
    if (connection != NULL) {
        length = (size_t)snprintf(result->problem, sizeof result->problem,
                                  "client %u, session %llu: ", (unsigned)connection->client,
                                  (unsigned long long)connection->session_number);
    }
    va_start(arguments, format);
    vsnprintf(result->problem + length, sizeof result->problem - length, format, arguments);
    va_end(arguments);
    sim_tell(world, NULL, "WRONG: %s", result->problem);
}

void sim_judge_arm(struct sim_world *world, struct sim_connection *connection, enum sim_side side, lubdub_time local)
{
    struct sim_end *end = &connection->ends[side];
    lubdub_time due = sim_true(sim_process_of(world, end), local);

    if (due <= world->now) {
        due = world->now + 1;
    }
    sim_timer_arm(&end->judge_timer, &world->queue, due, SIM_EVENT_JUDGE, connection->index,
                  sim_detail(connection, side));
}
