/* Reads /proc/PID/task/TID/schedstat and /proc/PID/statm. */
#include "program/process/usage.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

/* The first ones of a file that begins with so many. */
static bool read_numbers(const char *path, uint64_t *numbers, size_t count)
{
    FILE *file = fopen(path, "re");
    size_t i = 0;

    while (file != NULL && i < count && fscanf(file, "%" SCNu64, &numbers[i]) == 1) {
        i++;
    }
    if (file != NULL) {
        fclose(file);
    }
    return i == count;
}

bool lubdub_usage_read(struct lubdub_usage *usage, pid_t process)
{
    char path[64 + 256];
    uint64_t pages[3]; /* in all, resident, and how many of the resident ones are shared */
    uint64_t processor;
    const struct dirent *entry;
    DIR *tasks;

    *usage = (struct lubdub_usage){0};
    snprintf(path, sizeof path, "/proc/%ld/statm", (long)process);
    if (!read_numbers(path, pages, 3)) {
        return false;
    }
    usage->resident = (pages[1] - pages[2]) * (uint64_t)sysconf(_SC_PAGESIZE);

    snprintf(path, sizeof path, "/proc/%ld/task", (long)process);
    tasks = opendir(path);
    if (tasks == NULL) {
        return false;
    }
    while ((entry = readdir(tasks)) != NULL) {
        snprintf(path, sizeof path, "/proc/%ld/task/%s/schedstat", (long)process, entry->d_name);
        if (entry->d_name[0] != '.' && read_numbers(path, &processor, 1)) {
            usage->processor += processor;
        }
    }
    closedir(tasks);
    return true;
}
