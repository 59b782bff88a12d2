/* Reads /proc/self. */
#include "server/http/process_figures.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define STAT_START 22 /* the fields of /proc/self/stat, counted from 1, of which the second may have blanks */
#define STAT_THREADS 20
#define STAT_VIRTUAL 23
#define STAT_RESIDENT 24

static double boot_time(void)
{
    char line[128];
    double time = 0;
    FILE *file = fopen("/proc/stat", "re");

    while (file != NULL && fgets(line, sizeof line, file) != NULL && sscanf(line, "btime %lf", &time) != 1) {
    }
    if (file != NULL) {
        fclose(file);
    }
    return time;
}

static void read_stat(struct process_figures *figures)
{
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    size_t length = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
    char *place;
    char *rest;
    char *word;
    int field = 3;

    if (file != NULL) {
        fclose(file);
    }
    text[length] = '\0';
    place = strrchr(text, ')');
    if (place == NULL) {
        return;
    }
    for (word = strtok_r(place + 1, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest), field++) {
        double value = 0;

        if (sscanf(word, "%lf", &value) != 1) {
            continue;
        }
        if (field == STAT_THREADS) {
            figures->threads = (uint64_t)value;
        } else if (field == STAT_START) {
            figures->started_at = boot_time() + value / (double)sysconf(_SC_CLK_TCK);
        } else if (field == STAT_VIRTUAL) {
            figures->virtual_memory = (uint64_t)value;
        } else if (field == STAT_RESIDENT) {
            figures->resident = (uint64_t)value * (uint64_t)sysconf(_SC_PAGESIZE);
        }
    }
}

static uint64_t count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    uint64_t count = 0;
    const struct dirent *entry;

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    if (folder != NULL) {
        closedir(folder);
        count--; /* its own */
    }
    return count;
}

void process_figures_read(struct process_figures *figures)
{
    struct rusage usage;
    struct rlimit limit;

    *figures = (struct process_figures){0};
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        figures->cpu_seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        figures->descriptor_limit = limit.rlim_cur;
    }
    read_stat(figures);
    figures->open_descriptors = count_descriptors();
}
