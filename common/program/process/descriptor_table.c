/*
 * The table doubles when it is full, and in a process of several threads the kernel waits for all processors while it
 * does: the loop that accepts stands still for 10 to 50 ms, and its listen queue runs over. With one thread it does not
 * wait. Room for 64 Ki descriptors is half a megabyte of the kernel's memory.
 */
#define _GNU_SOURCE
#include "program/process/descriptor_table.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define MOST_RESERVED 65536

void lubdub_descriptor_table_reserve(void)
{
    struct rlimit limit;
    rlim_t room;
    int last;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    room = limit.rlim_cur < MOST_RESERVED ? limit.rlim_cur : MOST_RESERVED;
    last = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, (int)room - 1);
    if (last != -1) {
        close(last); /* the table stays */
    }
}
