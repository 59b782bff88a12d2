/* /proc/PID/stat, /proc/PID/smaps_rollup and /proc/meminfo; the processor time is the swarm's to read. */
#include "speed/process.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "program/process/usage.h"

#define LOOK_EVERY (20 * LUBDUB_MILLISECOND)
#define LOOKS 100
#define RESTING (LOOK_EVERY / 50)

/* "Rss:      1234 kB" in bytes; 0 where there is no such line. */
static uint64_t read_kilobytes(const char *path, const char *name)
{
    FILE *file = fopen(path, "re");
    char line[256];
    unsigned long kilobytes = 0;

    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0 && sscanf(line + strlen(name), ": %lu", &kilobytes) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kilobytes * (uint64_t)1024;
}

static void add_times(struct speed_usage *usage, pid_t process)
{
    const lubdub_duration tick = LUBDUB_SECOND / (lubdub_duration)sysconf(_SC_CLK_TCK);
    char path[64];
    char line[1024];
    unsigned long user;
    unsigned long system;
    const char *name_end = NULL;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%ld/stat", (long)process);
    file = fopen(path, "re");
    if (file != NULL) {
        name_end = fgets(line, sizeof line, file) != NULL ? strrchr(line, ')') : NULL;
        fclose(file);
    }
    /* The name stands in brackets and may hold anything; user and system time are the 12th and 13th after it. */
    if (name_end != NULL &&
        sscanf(name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2) {
        usage->user += user * tick;
        usage->system += system * tick;
    }
}

void speed_usage_read(struct speed_usage *usage, const struct speed_processes *processes)
{
    unsigned i;

    *usage = (struct speed_usage){0};
    for (i = 0; i < processes->count; i++) {
        struct lubdub_usage of_one;
        char path[64];

        snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", (long)processes->ids[i]);
        usage->resident += read_kilobytes(path, "Rss");
        add_times(usage, processes->ids[i]);
        if (lubdub_usage_read(&of_one, processes->ids[i])) {
            usage->processor += of_one.processor;
        }
    }
    usage->kernel = read_kilobytes("/proc/meminfo", "Slab");
}

void speed_processes_rest(const struct speed_processes *processes)
{
    const struct timespec pause = {.tv_nsec = (long)LOOK_EVERY};
    lubdub_duration before = 0;
    unsigned looks;

    for (looks = 0; looks < LOOKS; looks++) {
        lubdub_duration processor = 0;
        unsigned i;

        for (i = 0; i < processes->count; i++) {
            struct lubdub_usage usage;

            if (lubdub_usage_read(&usage, processes->ids[i])) {
                processor += usage.processor;
            }
        }
        if (looks > 0 && processor - before < RESTING) {
            return;
        }
        before = processor;
        nanosleep(&pause, NULL);
    }
}
