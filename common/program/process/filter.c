/*
 * Lists the system calls that the programs need, and hands the list to the kernel.
 *
 * The list comes from what the whole suite of tests was seen to call (the tests run the programs with --seccomp log,
 * and fail when a call is not here), and from what the C library may call instead on other machines: where it has two
 * calls for one thing, both are here.
 */
#define _GNU_SOURCE
#include "program/process/filter.h"

#include <errno.h>

#ifndef LUBDUB_SECCOMP

bool lubdub_filter_is_built_in(void)
{
    return false;
}

int lubdub_filter_apply(enum lubdub_filter_mode mode)
{
    return mode == LUBDUB_FILTER_OFF || mode == LUBDUB_FILTER_AUTO ? 0 : ENOSYS;
}

#else

#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "ev/thread.h"
#include "program/events/log.h"

/* One a line, so that a change shows what it lets through. */
/* clang-format off */
static const char *const allowed[] = {
    /* memory */
    "brk", "madvise", "mlock", "mremap", "munmap", "munlock", "membarrier", "mincore",
    /* threads, and waiting for each other. No new process: see clone */
    "arch_prctl", "exit", "exit_group", "futex", "futex_waitv", "get_robust_list", "getcpu", "gettid", "rseq",
    "sched_getaffinity", "sched_getparam", "sched_getscheduler", "sched_yield", "set_robust_list", "set_tid_address",
    /* signals */
    "kill", "pause", "restart_syscall", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64", "sigaltstack", "sigreturn", "signalfd", "signalfd4",
    "tgkill", "tkill",
    /* time */
    "clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64", "clock_nanosleep",
    "clock_nanosleep_time64", "gettimeofday", "nanosleep", "time", "timerfd_create", "timerfd_gettime",
    "timerfd_settime", "timerfd_settime64",
    /* waiting for descriptors */
    "_newselect", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd",
    "eventfd2", "pipe", "pipe2", "poll", "ppoll", "ppoll_time64", "pselect6", "pselect6_time64", "select",
    /* files: settings, tokens, certificates, events, state; never another's rights */
    "_llseek", "access", "close", "close_range", "dup", "dup2", "dup3", "faccessat", "faccessat2", "fadvise64",
    "fadvise64_64", "fallocate", "fchmod", "fchmodat", "chmod", "fchown", "fchownat", "chown", "fcntl", "fcntl64",
    "fdatasync", "flock", "fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64", "fsync", "ftruncate", "ftruncate64",
    "getcwd", "getdents", "getdents64", "link", "linkat", "lseek", "lstat", "lstat64", "memfd_create", "mkdir", "mkdirat",
    "newfstatat", "open", "openat", "pread64", "preadv", "pwrite64", "pwritev", "read", "readlink", "readlinkat",
    "readv", "rename", "renameat", "renameat2", "rmdir", "sendfile", "sendfile64", "splice", "stat", "stat64",
    "statfs", "statfs64", "statx", "umask", "unlink", "unlinkat", "utimensat", "write", "writev",
    /* sockets; which kinds: see socket */
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recvfrom", "recvmmsg",
    "recvmsg", "send", "recv", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown", "socketcall",
    /* what this process and this machine are */
    "capget", "getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getgroups", "getgroups32",
    "getpgid", "getpgrp", "getpid", "getppid", "getrandom", "getresgid", "getresgid32", "getresuid", "getresuid32",
    "getrlimit", "getrusage", "getsid", "getuid", "getuid32", "prlimit64", "setrlimit", "sysinfo", "times",
    "ugetrlimit", "uname", "wait4", "waitid", "waitpid",
#ifdef LUBDUB_SANITIZED
    /* a leak is looked for by a process that traces this one */
    "clone", "personality", "prctl", "ptrace", "process_vm_readv", "sched_setaffinity", "setitimer", "mprotect", "mmap",
#endif
};
/* clang-format on */

/* Rules that look at an argument. Several of one call: any may hold. */
struct rule {
    const char *name;
    unsigned argument;
    uint64_t mask;
    uint64_t value;
};

#define ALL UINT64_MAX

static const struct rule rules[] = {
    /* A thread, and no process. */
    {"clone", 0, CLONE_THREAD, CLONE_THREAD},
    /* No memory that is written and then run. */
    {"mmap", 2, PROT_EXEC, 0},
    {"mmap", 2, PROT_WRITE, 0},
    {"mmap2", 2, PROT_EXEC, 0},
    {"mmap2", 2, PROT_WRITE, 0},
    {"mprotect", 2, PROT_EXEC, 0},
    {"mprotect", 2, PROT_WRITE, 0},
    {"pkey_mprotect", 2, PROT_EXEC, 0},
    /* IP, sockets that are files, and what the C library asks the kernel when it looks a name up. */
    {"socket", 0, ALL, AF_INET},
    {"socket", 0, ALL, AF_INET6},
    {"socket", 0, ALL, AF_UNIX},
    {"socket", 0, ALL, AF_NETLINK},
    {"socketpair", 0, ALL, AF_UNIX},
    /* What is asked of terminals, sockets and interfaces; nothing is typed into a terminal. */
    {"ioctl", 1, ALL, TCGETS},
    {"ioctl", 1, ALL, TIOCGWINSZ},
    {"ioctl", 1, ALL, FIONREAD},
    {"ioctl", 1, ALL, FIONBIO},
    {"ioctl", 1, ALL, FIOCLEX},
    {"ioctl", 1, ALL, TIOCOUTQ},
    {"ioctl", 1, ALL, 0x8910}, /* SIOCGIFNAME: the scope of an address, by name */
    {"ioctl", 1, ALL, 0x8933}, /* SIOCGIFINDEX */
    {"ioctl", 1, ALL, 0x894b}, /* SIOCOUTQNSD: what the kernel has not sent yet */
    /* A thread's name, and questions. */
    {"prctl", 0, ALL, PR_SET_NAME},
    {"prctl", 0, ALL, PR_GET_NAME},
    {"prctl", 0, ALL, PR_GET_DUMPABLE},
    {"prctl", 0, ALL, PR_SET_DUMPABLE},
    {"prctl", 0, ALL, PR_CAPBSET_READ},
    {"prctl", 0, ALL, 0x53564d41}, /* PR_SET_VMA: the C library names its memory */
};

bool lubdub_filter_is_built_in(void)
{
    return true;
}

/* A name that this architecture does not have is passed over. */
static int allow_all(scmp_filter_ctx filter)
{
    size_t i;

    for (i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        int number = seccomp_syscall_resolve_name(allowed[i]);

        if (number != __NR_SCMP_ERROR) {
            int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);

            if (error != 0 && error != -EDOM && error != -EEXIST) {
                return error;
            }
        }
    }
    for (i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        int number = seccomp_syscall_resolve_name(rules[i].name);

        if (number != __NR_SCMP_ERROR) {
            int error =
                seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1,
                                 SCMP_CMP(rules[i].argument, SCMP_CMP_MASKED_EQ, rules[i].mask, rules[i].value));

            if (error != 0 && error != -EDOM && error != -EEXIST) {
                return error;
            }
        }
    }
    return 0;
}

/* ---- log: a thread of ours is asked about each call that is not in the list, and lets it through ---- */

#define MOST_NUMBERS 1024

static void tell(const struct seccomp_notif *request)
{
    static _Atomic uint8_t is_told[MOST_NUMBERS];
    unsigned number = (unsigned)request->data.nr;
    char *name;

    if (number < MOST_NUMBERS && atomic_exchange(&is_told[number], 1) != 0) {
        return;
    }
    name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, request->data.nr);
    lubdub_log_warning("a system call is not in the list name=%s number=%d arguments=%#llx,%#llx,%#llx",
                       name != NULL ? name : "unknown", request->data.nr, (unsigned long long)request->data.args[0],
                       (unsigned long long)request->data.args[1], (unsigned long long)request->data.args[2]);
    free(name);
}

/* For the thread; as long as the process lives. Made before the filter is there, which the thread is under, too. */
static struct {
    int descriptor;
    struct seccomp_notif *request;
    struct seccomp_notif_resp *answer;
} watcher;

static void *let_through(void *user_data)
{
    struct seccomp_notif *request = watcher.request;
    struct seccomp_notif_resp *answer = watcher.answer;
    (void)user_data;

    for (;;) {
        int error;

        memset(request, 0, sizeof *request); /* the kernel asks for it */
        error = seccomp_notify_receive(watcher.descriptor, request);

        if (error == 0) {
            answer->id = request->id;
            answer->val = 0;
            answer->error = 0;
            answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
            (void)seccomp_notify_respond(watcher.descriptor, answer);
            tell(request);
        } else if (errno != EINTR && errno != ENOENT) {
            return NULL;
        }
    }
}

static int watch(scmp_filter_ctx filter)
{
    pthread_t thread;
    int error;

    watcher.descriptor = seccomp_notify_fd(filter);
    if (watcher.descriptor < 0) {
        return -watcher.descriptor;
    }
    error = lubdub_thread_start(&thread, let_through, NULL, NULL);
    if (error == 0) {
        pthread_detach(thread);
    }
    return error;
}

/* ---- */

static int build(scmp_filter_ctx filter, bool logs)
{
    int clone3 = seccomp_syscall_resolve_name("clone3");
    int error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

    if (error == 0) {
        error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    }
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree; only speed */
    if (error == 0) {
        error = allow_all(filter);
    }
    /* Its flags stand in memory, where a filter cannot look; the C library then takes clone. */
    if (error == 0 && clone3 != __NR_SCMP_ERROR) {
        error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), clone3, 0);
    }
    if (error == 0 && logs) {
        static const uint64_t of_the_watcher[] = {SECCOMP_IOCTL_NOTIF_RECV, SECCOMP_IOCTL_NOTIF_SEND,
                                                  SECCOMP_IOCTL_NOTIF_ID_VALID};
        size_t i;

        for (i = 0; error == 0 && i < sizeof of_the_watcher / sizeof of_the_watcher[0]; i++) {
            error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                                     SCMP_CMP(1, SCMP_CMP_EQ, of_the_watcher[i]));
        }
    }
    return error == 0 ? seccomp_load(filter) : error;
}

static int apply(enum lubdub_filter_mode mode)
{
    scmp_filter_ctx filter;
    int error = 0;

    filter = seccomp_init(mode == LUBDUB_FILTER_LOG ? SCMP_ACT_NOTIFY : SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL) {
        return ENOMEM;
    }
    if (mode == LUBDUB_FILTER_LOG) {
        error = -seccomp_notify_alloc(&watcher.request, &watcher.answer);
    }
    error = error == 0 ? -build(filter, mode == LUBDUB_FILTER_LOG) : error;
    if (error == 0 && mode == LUBDUB_FILTER_LOG) {
        error = watch(filter);
    }
    seccomp_release(filter);
    malloc_trim(0); /* making the filter took some 200 KiB, which a client would keep for ever */
    return error;
}

int lubdub_filter_apply(enum lubdub_filter_mode mode)
{
    int error = mode != LUBDUB_FILTER_OFF ? apply(mode) : 0;

    if (error != 0 && mode == LUBDUB_FILTER_AUTO) {
        lubdub_log_warning("system calls stay unfiltered error=\"%s\"", strerror(error));
        return 0;
    }
    return error;
}

#endif
