/*
 * Takes away from this process, for good, the system calls that it does not need: the kernel's seccomp filter, by
 * libseccomp. Whoever takes the process over through a fault of ours can start no program, trace or change no other
 * process, load nothing into the kernel, and open no kinds of sockets but those of IP and of files.
 *
 * A call that is not in the list fails with EPERM, as if a right were missing, and the process goes on. It is not
 * killed: a C library or a kernel that is newer than the list must not end thousands of sessions, and an attacker gains
 * nothing by an error. Calls of another architecture kill the process, since no code of this program can make them.
 */
#ifndef LUBDUB_PROGRAM_PROCESS_FILTER_H
#define LUBDUB_PROGRAM_PROCESS_FILTER_H

#include <stdbool.h>

enum lubdub_filter_mode {
    LUBDUB_FILTER_AUTO, /* ON where the kernel can */
    LUBDUB_FILTER_ON,
    LUBDUB_FILTER_LOG, /* lets everything through, and the log names each call that is not in the list, once */
    LUBDUB_FILTER_OFF,
};

/* For a CHOICE setting. */
#define LUBDUB_FILTER_WORDS              \
    {                                    \
        "auto", "on", "log", "off", NULL \
    }

/* Whether this build has the filter (LUBDUB_SECCOMP). */
bool lubdub_filter_is_built_in(void);

/*
 * For all threads that there are, and those that come. Needs lubdub_privilege_forbid_new() before. To be called last:
 * when all is opened that needs more. Returns 0 or an errno; with OFF nothing is done, and with AUTO a failure goes to
 * the log only.
 */
int lubdub_filter_apply(enum lubdub_filter_mode mode);

#endif
