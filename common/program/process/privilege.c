/* Changes the user, and sets the flags of the process that cannot be taken back. */
#define _GNU_SOURCE
#include "program/process/privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* getpwnam() has no memory of its own; a line of the list of users is rarely longer than this. */
#define RECORD_SIZE 16384

static bool is_number(const char *name, uid_t *uid)
{
    char *end;
    unsigned long number;

    if (name[0] < '0' || name[0] > '9') {
        return false;
    }
    errno = 0;
    number = strtoul(name, &end, 10);
    *uid = (uid_t)number;
    return *end == '\0' && errno == 0 && *uid == number && *uid != (uid_t)-1;
}

int lubdub_user_find(struct lubdub_user *user, const char *name)
{
    char *record = malloc(RECORD_SIZE);
    struct passwd *found = NULL;
    struct passwd entry;
    uid_t uid;
    int error;

    if (record == NULL) {
        return ENOMEM;
    }
    error = getpwnam_r(name, &entry, record, RECORD_SIZE, &found);
    if (error == 0 && found == NULL && is_number(name, &uid)) {
        error = getpwuid_r(uid, &entry, record, RECORD_SIZE, &found);
    }
    if (found != NULL) {
        snprintf(user->name, sizeof user->name, "%s", found->pw_name);
        user->uid = found->pw_uid;
        user->gid = found->pw_gid;
    }
    free(record);
    return found != NULL ? 0 : error != 0 ? error : ENOENT;
}

static bool is_that_user(const struct lubdub_user *user)
{
    uid_t real, effective, saved;

    return getresuid(&real, &effective, &saved) == 0 && real == user->uid && effective == user->uid &&
           saved == user->uid && user->uid != 0;
}

/* Not even a capability that the change of the user has left may bring root back. */
static bool has_way_back(const struct lubdub_user *user)
{
    gid_t real, effective, saved;

    if (setresuid((uid_t)-1, 0, (uid_t)-1) == 0 || !is_that_user(user)) {
        return true;
    }
    return getresgid(&real, &effective, &saved) != 0 || real != user->gid || effective != user->gid ||
           saved != user->gid || (user->gid != 0 && setresgid((gid_t)-1, 0, (gid_t)-1) == 0);
}

int lubdub_user_become(const struct lubdub_user *user)
{
    if (is_that_user(user)) {
        return 0;
    }
    /* Groups first: another user may not change them. The C library changes all threads. */
    if (initgroups(user->name, user->gid) != 0 || setresgid(user->gid, user->gid, user->gid) != 0 ||
        setresuid(user->uid, user->uid, user->uid) != 0) {
        return errno;
    }
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return has_way_back(user) ? EPERM : 0;
}

int lubdub_privilege_forbid_new(void)
{
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno;
}

void lubdub_privilege_hide_memory(void)
{
#ifndef LUBDUB_SANITIZED
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* where dumps go to a program, their limit counts for nothing */
#endif
}
