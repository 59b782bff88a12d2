/* What this process uses, as the kernel counts it. */
#ifndef LUBDUB_SERVER_HTTP_PROCESS_FIGURES_H
#define LUBDUB_SERVER_HTTP_PROCESS_FIGURES_H

#include <stdint.h>

struct process_figures {
    double cpu_seconds;
    double started_at; /* seconds since 1970 */
    uint64_t resident; /* bytes */
    uint64_t virtual_memory;
    uint64_t threads;
    uint64_t open_descriptors;
    uint64_t descriptor_limit;
};

/* What cannot be found out is 0. Counting descriptors takes some 50 ns for each. */
void process_figures_read(struct process_figures *figures);

#endif
