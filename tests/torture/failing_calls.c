/*
 * Lets one call of ours fail, for programs whose calls the linker sends here (--wrap). The environment says which:
 *
 *     LUBDUB_TORTURE=recv:3:104      the third recv() fails with errno 104; LUBDUB_TORTURE_HIT names a file that then exists
 *     LUBDUB_TORTURE=recv:3:abort    the process dies instead of the third recv()
 *     LUBDUB_TORTURE_COUNTS=FILE     nothing fails; at the end FILE has a line "NAME COUNT" for each function
 *
 * Calls inside of other libraries are not ours and always reach the system.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* result, name, parameters, arguments. Those below return -1 and set errno; the others have their own lists. */
#define CALLS(X)                                                                           \
    X(int, accept4, (int a, struct sockaddr *b, socklen_t *c, int d), (a, b, c, d))        \
    X(int, access, (const char *a, int b), (a, b))                                         \
    X(int, bind, (int a, const struct sockaddr *b, socklen_t c), (a, b, c))                \
    X(int, connect, (int a, const struct sockaddr *b, socklen_t c), (a, b, c))             \
    X(int, eventfd, (unsigned a, int b), (a, b))                                           \
    X(int, fstat, (int a, struct stat *b), (a, b))                                         \
    X(int, ftruncate, (int a, off_t b), (a, b))                                            \
    X(int, getpeername, (int a, struct sockaddr *b, socklen_t *c), (a, b, c))              \
    X(ssize_t, getrandom, (void *a, size_t b, unsigned c), (a, b, c))                      \
    X(int, getrlimit, (int a, struct rlimit *b), (a, b))                                   \
    X(int, getsockname, (int a, struct sockaddr *b, socklen_t *c), (a, b, c))              \
    X(int, getsockopt, (int a, int b, int c, void *d, socklen_t *e), (a, b, c, d, e))      \
    X(int, listen, (int a, int b), (a, b))                                                 \
    X(int, memfd_create, (const char *a, unsigned b), (a, b))                              \
    X(int, pipe2, (int *a, int b), (a, b))                                                 \
    X(ssize_t, read, (int a, void *b, size_t c), (a, b, c))                                \
    X(ssize_t, recv, (int a, void *b, size_t c, int d), (a, b, c, d))                      \
    X(ssize_t, send, (int a, const void *b, size_t c, int d), (a, b, c, d))                \
    X(int, setrlimit, (int a, const struct rlimit *b), (a, b))                             \
    X(int, setsockopt, (int a, int b, int c, const void *d, socklen_t e), (a, b, c, d, e)) \
    X(int, shutdown, (int a, int b), (a, b))                                               \
    X(int, socket, (int a, int b, int c), (a, b, c))                                       \
    X(int, stat, (const char *a, struct stat *b), (a, b))                                  \
    X(pid_t, waitpid, (pid_t a, int *b, int c), (a, b, c))                                 \
    X(ssize_t, write, (int a, const void *b, size_t c), (a, b, c))

/* These return the number of the error. */
#define CALLS_THAT_RETURN_IT(X)                                                                                   \
    X(int, pthread_cond_init, (pthread_cond_t * a, const pthread_condattr_t *b), (a, b))                          \
    X(int, pthread_create, (pthread_t * a, const pthread_attr_t *b, void *(*c)(void *), void *d), (a, b, c, d))   \
    X(int, pthread_mutex_init, (pthread_mutex_t * a, const pthread_mutexattr_t *b), (a, b))                       \
    X(int, posix_spawnp,                                                                                          \
      (pid_t * a, const char *b, const posix_spawn_file_actions_t *c, const posix_spawnattr_t *d, char *const *e, \
       char *const *f),                                                                                           \
      (a, b, c, d, e, f))                                                                                         \
    X(int, getaddrinfo, (const char *a, const char *b, const struct addrinfo *c, struct addrinfo **d), (a, b, c, d))

/* These return NULL. */
#define ALLOCATIONS(X)                              \
    X(void *, malloc, (size_t a), (a))              \
    X(void *, calloc, (size_t a, size_t b), (a, b)) \
    X(void *, realloc, (void *a, size_t b), (a, b)) \
    X(char *, strdup, (const char *a), (a))

#define ALL(X) CALLS(X) CALLS_THAT_RETURN_IT(X) ALLOCATIONS(X)

enum call {
#define NUMBER(result, name, parameters, arguments) CALL_##name,
    ALL(NUMBER)
#undef NUMBER
        CALL_open,
    CALL_fcntl,
    CALL_close,
    CALL_mmap,
    CALL_COUNT,
};

static const char *const names[] = {
#define NAME(result, name, parameters, arguments) #name,
    ALL(NAME)
#undef NAME
        "open",
    "fcntl",
    "close",
    "mmap",
};

int __real_close(int descriptor);

static atomic_uint counts[CALL_COUNT];
static enum call failing = CALL_COUNT;
static unsigned failing_at;
static int failing_with;
static bool dies;

/* Returns 0, or the errno with which this call is to fail. */
static int fails(enum call call)
{
    unsigned number = atomic_fetch_add(&counts[call], 1) + 1;
    const char *hit;
    int descriptor;

    if (call != failing || number != failing_at) {
        return 0;
    }
    hit = getenv("LUBDUB_TORTURE_HIT");
    descriptor = hit != NULL ? openat(AT_FDCWD, hit, O_CREAT | O_WRONLY | O_CLOEXEC, 0600) : -1;
    if (descriptor != -1) {
        __real_close(descriptor);
    }
    if (dies) {
        abort();
    }
    errno = failing_with;
    return failing_with;
}

__attribute__((constructor)) static void begin(void)
{
    const char *wish = getenv("LUBDUB_TORTURE");
    char name[32];
    char how[16];
    int call;

    if (wish != NULL && sscanf(wish, "%31[^:]:%u:%15s", name, &failing_at, how) == 3) {
        dies = strcmp(how, "abort") == 0;
        failing_with = dies ? 0 : (int)strtol(how, NULL, 10);
        for (call = 0; call < CALL_COUNT; call++) {
            if (strcmp(names[call], name) == 0) {
                failing = (enum call)call;
            }
        }
    }
}

__attribute__((destructor)) static void end(void)
{
    const char *path = getenv("LUBDUB_TORTURE_COUNTS");
    FILE *file = path != NULL ? fopen(path, "w") : NULL;
    int call;

    for (call = 0; file != NULL && call < CALL_COUNT; call++) {
        fprintf(file, "%s %u\n", names[call], atomic_load(&counts[call]));
    }
    if (file != NULL) {
        fclose(file);
    }
}

#define WRAP(result, name, parameters, arguments, failed)     \
    result __real_##name parameters;                          \
    result __wrap_##name parameters;                          \
    result __wrap_##name parameters                           \
    {                                                         \
        int error = fails(CALL_##name);                       \
                                                              \
        return error != 0 ? failed : __real_##name arguments; \
    }

#define WRAP_CALL(result, name, parameters, arguments) WRAP(result, name, parameters, arguments, -1)
CALLS(WRAP_CALL)
#define WRAP_RETURNING(result, name, parameters, arguments) WRAP(result, name, parameters, arguments, error)
CALLS_THAT_RETURN_IT(WRAP_RETURNING)
#define WRAP_ALLOCATION(result, name, parameters, arguments) WRAP(result, name, parameters, arguments, NULL)
ALLOCATIONS(WRAP_ALLOCATION)

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return fails(CALL_open) != 0 ? -1 : __real_open(path, flags, mode);
}

int __real_fcntl(int descriptor, int command, ...);
int __wrap_fcntl(int descriptor, int command, ...);
int __wrap_fcntl(int descriptor, int command, ...)
{
    va_list arguments;
    long argument;

    va_start(arguments, command);
    argument = va_arg(arguments, long);
    va_end(arguments);
    return fails(CALL_fcntl) != 0 ? -1 : __real_fcntl(descriptor, command, argument);
}

/* Linux has closed the descriptor also where it tells an error. */
int __wrap_close(int descriptor);
int __wrap_close(int descriptor)
{
    int error = fails(CALL_close);
    int result = __real_close(descriptor);

    errno = error != 0 ? error : errno;
    return error != 0 ? -1 : result;
}

void *__real_mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset);
void *__wrap_mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset);
void *__wrap_mmap(void *address, size_t length, int protection, int flags, int descriptor, off_t offset)
{
    return fails(CALL_mmap) != 0 ? MAP_FAILED : __real_mmap(address, length, protection, flags, descriptor, offset);
}
