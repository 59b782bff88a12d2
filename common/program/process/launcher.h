/*
 * A small process that starts the commands of the user for this one, which so needs no right to start programs itself:
 * the filter of system calls (filter.h) takes that right away.
 *
 *     this process ──── request: path, arguments, environment, three descriptors ───► launcher
 *           ▲     ◄──── process number, or errno ──────────────────────────────────────   │
 *           └───────────────────── is the parent of the command ───────── clone(CLONE_PARENT)
 *
 * So a command is a child of this process, as if it had started it itself: it is reaped, and its exit status is found,
 * in the usual way. One launcher a process.
 */
#ifndef LUBDUB_PROGRAM_PROCESS_LAUNCHER_H
#define LUBDUB_PROGRAM_PROCESS_LAUNCHER_H

#include <stdbool.h>
#include <sys/types.h>

#include "program/process/privilege.h"

struct lubdub_launch {
    const char *path; /* looked for in PATH where it has no slash */
    char *const *arguments;
    char *const *environment;
    int streams[3]; /* descriptors that become its standard input, output and errors */
};

/*
 * Forks it. To be called while there is one thread, before secrets are used and before limits are set that commands
 * should not have. It becomes `user` (NULL: stays as it is), calls forget(user_data) to wipe what it should not know,
 * and keeps no descriptor but 0, 1 and 2. It ends when this process does. Returns 0 or an errno.
 */
int lubdub_launcher_open(const struct lubdub_user *user, void (*forget)(void *user_data), void *user_data);

bool lubdub_launcher_is_open(void);

/*
 * Starts a program in a process group of its own, with signals as programs expect them and the limit of descriptors
 * that this process was started with. Any thread. Returns 0 and its number, or an errno: what exec said, or EPIPE where
 * the launcher is gone.
 */
int lubdub_launcher_start(const struct lubdub_launch *launch, pid_t *process);

void lubdub_launcher_close(void);

#endif
