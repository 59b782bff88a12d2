/* Before, after, and the difference. */
#include "speed/measure.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "ev/clock.h"

static lubdub_duration own_processor_time(void)
{
    struct timespec time;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (uint64_t)time.tv_sec * LUBDUB_SECOND + (uint64_t)time.tv_nsec;
}

void speed_measure_begin(struct speed_measure *measure, const char *phase, const struct speed_processes *processes)
{
    *measure = (struct speed_measure){.phase = phase, .processes = processes};
    speed_usage_read(&measure->before, processes);
    measure->own_before = own_processor_time();
    measure->began = lubdub_clock_now();
}

void speed_measure_end(struct speed_measure *measure)
{
    if (measure->ended == 0) {
        measure->ended = lubdub_clock_now();
    }
    measure->own_after = own_processor_time();
    speed_usage_read(&measure->after, measure->processes);
}

static double microseconds(lubdub_duration duration)
{
    return (double)duration / (double)LUBDUB_MICROSECOND;
}

static double per(double amount, uint64_t count)
{
    return count > 0 ? amount / (double)count : 0;
}

static void print_histogram(const char *name, const struct lubdub_histogram *histogram)
{
    struct swarm_summary summary;

    swarm_histogram_summarize(&summary, histogram);
    printf(", \"%s\": {\"p50\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"max\": %.1f}", name, microseconds(summary.p50),
           microseconds(summary.p99), microseconds(summary.p999), microseconds(summary.max));
}

void speed_measure_print(const struct speed_measure *measure, uint64_t done,
                         const struct speed_connections *connections, const struct speed_usage *empty,
                         const struct lubdub_histogram *behind)
{
    const struct speed_counts *counts = &connections->counts;
    const struct speed_usage *before = &measure->before;
    const struct speed_usage *after = &measure->after;
    uint32_t alive = connections->alive_count;
    double wall = (double)(measure->ended - measure->began);

    printf("{\"phase\": \"%s\", \"connections\": %u, \"lost\": %u, \"seconds\": %.3f, \"done\": %" PRIu64
           ", \"rate\": %.1f",
           measure->phase, alive, connections->count - alive, wall / (double)LUBDUB_SECOND, done,
           (double)done * (double)LUBDUB_SECOND / wall);
    printf(", \"server_us\": %.3f, \"server_user_us\": %.3f, \"server_system_us\": %.3f, \"server_busy\": %.3f",
           per(microseconds(after->processor - before->processor), done),
           per(microseconds(after->user - before->user), done), per(microseconds(after->system - before->system), done),
           (double)(after->processor - before->processor) / wall);
    printf(", \"generator_busy\": %.3f", (double)(measure->own_after - measure->own_before) / wall);
    printf(", \"resident\": %" PRIu64 ", \"resident_each\": %.1f, \"kernel_each\": %.1f", after->resident,
           per((double)after->resident - (double)empty->resident, alive),
           per((double)after->kernel - (double)empty->kernel, alive));
    if (counts->round_trips.count > 0) {
        print_histogram("round_trip_us", &counts->round_trips);
    }
    if (behind != NULL) {
        print_histogram("behind_us", behind);
    }
    printf(", \"overdue\": %" PRIu64 ", \"challenges\": %" PRIu64 "}\n", counts->overdue, counts->challenges);
    fflush(stdout);
}
