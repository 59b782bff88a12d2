/* /proc/PID/task/TID/schedstat and /proc/PID/statm. */
#include "usage.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static bool read_two(const char *path, uint64_t *first, uint64_t *second)
{
    FILE *file = fopen(path, "re");
    bool is_read = file != NULL && fscanf(file, "%" SCNu64 " %" SCNu64, first, second) == 2;

    if (file != NULL) {
        fclose(file);
    }
    return is_read;
}

bool swarm_usage_read(struct swarm_usage *usage, pid_t process)
{
    char path[64 + 256];
    uint64_t processor;
    uint64_t pages;
    uint64_t other;
    const struct dirent *entry;
    DIR *tasks;

    *usage = (struct swarm_usage){0};
    snprintf(path, sizeof path, "/proc/%ld/statm", (long)process);
    if (!read_two(path, &other, &pages)) {
        return false;
    }
    usage->resident = pages * (uint64_t)sysconf(_SC_PAGESIZE);

    snprintf(path, sizeof path, "/proc/%ld/task", (long)process);
    tasks = opendir(path);
    if (tasks == NULL) {
        return false;
    }
    while ((entry = readdir(tasks)) != NULL) {
        snprintf(path, sizeof path, "/proc/%ld/task/%s/schedstat", (long)process, entry->d_name);
        if (entry->d_name[0] != '.' && read_two(path, &processor, &other)) {
            usage->processor += processor;
        }
    }
    closedir(tasks);
    return true;
}
