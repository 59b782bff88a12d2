/* Gives up what a process that runs for years does not need: another user, new privileges, dumps of its memory. */
#ifndef LUBDUB_PROGRAM_PROCESS_PRIVILEGE_H
#define LUBDUB_PROGRAM_PROCESS_PRIVILEGE_H

#include <stdbool.h>
#include <sys/types.h>

#define LUBDUB_USER_NAME_SIZE 64

struct lubdub_user {
    char name[LUBDUB_USER_NAME_SIZE];
    uid_t uid;
    gid_t gid;
};

/* The user of this name, or with this number. Returns 0, ENOENT where there is none, or another errno. */
int lubdub_user_find(struct lubdub_user *user, const char *name);

/*
 * Becomes that user, with its group and its supplementary groups, in all threads, and makes sure that there is no way
 * back. A process that is that user already, and has no privilege, stays as it is. Returns 0 or an errno: EPERM where
 * only root could, or where a way back is left.
 */
int lubdub_user_become(const struct lubdub_user *user);

/* No program that this process starts gets a privilege by its file (set-user-ID, capabilities). Returns 0 or an errno.
 */
int lubdub_privilege_forbid_new(void);

/*
 * The memory has secrets: no core dump is written of it, and no other process of the same user may look into it. Does
 * nothing in a build with sanitizers, which look into it themselves.
 */
void lubdub_privilege_hide_memory(void);

#endif
