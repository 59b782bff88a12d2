/* Forks the launcher, sends it requests, and is the launcher on the other side. */
#define _GNU_SOURCE
#include "program/process/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program/process/startup.h"

#define TEXT_LIMIT ((size_t)1024 * 1024) /* of a request: path, arguments and environment */
#define WORD_LIMIT 8192
#define PATIENCE 10 /* seconds for an answer: the machine may be busy */

struct request {
    uint32_t length;    /* of the text that follows: path, arguments, environment, each ended by NUL */
    uint32_t arguments; /* how many */
    uint32_t environment;
};

struct answer {
    int32_t error;
    int32_t process;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int channel = -1;

/* ---- both sides ---- */

static bool send_all(int socket, const void *bytes, size_t length)
{
    const char *next = bytes;

    while (length > 0) {
        ssize_t sent = send(socket, next, length, MSG_NOSIGNAL);

        if (sent > 0) {
            next += sent;
            length -= (size_t)sent;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static bool receive_all(int socket, void *bytes, size_t length)
{
    char *next = bytes;

    while (length > 0) {
        ssize_t received = recv(socket, next, length, 0);

        if (received > 0) {
            next += received;
            length -= (size_t)received;
        } else if (received == 0 || errno != EINTR) {
            return false;
        }
    }
    return true;
}

union descriptors {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(3 * sizeof(int))];
};

/* ---- the launcher ---- */

/* The child, until it is another program. What exec says goes into the pipe, which else closes by itself. */
static void become(const char *path, char **arguments, char **environment, const int streams[3], int trouble)
{
    uint64_t old_limit = lubdub_descriptor_limit_at_start();
    struct rlimit limit;
    sigset_t none;
    int error;
    int signal;
    int i;

    setpgid(0, 0);
    for (signal = 1; signal < NSIG; signal++) {
        (void)sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (i = 0; i < 3; i++) {
        if (dup2(streams[i], i) != i) {
            goto fail;
        }
    }
    if (old_limit != 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = old_limit < limit.rlim_max ? (rlim_t)old_limit : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    execvpe(path, arguments, environment);
fail:
    error = errno;
    while (write(trouble, &error, sizeof error) < 0 && errno == EINTR) {
    }
    _exit(127);
}

/* A child of our parent. The raw call, since the C library's fork() has no such flag. */
static pid_t fork_for_parent(void)
{
    return (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
}

static struct answer start(const char *path, char **arguments, char **environment, const int streams[3])
{
    struct answer answer = {0};
    int trouble[2];
    int error;

    if (pipe2(trouble, O_CLOEXEC) != 0) {
        return (struct answer){.error = errno};
    }
    answer.process = (int32_t)fork_for_parent();
    if (answer.process == 0) {
        become(path, arguments, environment, streams, trouble[1]);
    }
    if (answer.process < 0) {
        answer.error = errno;
    }
    close(trouble[1]);
    if (answer.error == 0 && read(trouble[0], &error, sizeof error) == (ssize_t)sizeof error) {
        answer.error = error; /* our parent reaps it all the same */
    }
    close(trouble[0]);
    return answer;
}

/* Points words[] to the texts in their order, and ends it with NULL. Returns what follows; NULL: a text has no end. */
static char *point(char *text, const char *end, char **words, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < count && text != NULL; i++) {
        char *nul = memchr(text, '\0', (size_t)(end - text));

        words[i] = text;
        text = nul != NULL ? nul + 1 : NULL;
    }
    words[count] = NULL;
    return text;
}

/* The request's first part and its descriptors. False: the other side has gone. */
static bool receive_request(int socket, struct request *request, int streams[3])
{
    union descriptors control;
    struct iovec part = {request, sizeof *request};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t length;

    do {
        length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
    } while (length < 0 && errno == EINTR);
    if (length != (ssize_t)sizeof *request || message.msg_controllen < CMSG_LEN(3 * sizeof(int)) ||
        control.header.cmsg_type != SCM_RIGHTS) {
        return false;
    }
    memcpy(streams, CMSG_DATA(&control.header), 3 * sizeof(int));
    return request->length <= TEXT_LIMIT && request->arguments <= WORD_LIMIT && request->environment <= WORD_LIMIT;
}

static bool serve_one(int socket, char *text, char **arguments, char **environment)
{
    struct request request;
    struct answer answer = {.error = EINVAL};
    int streams[3];
    char *path[2];
    char *next;
    int i;

    if (!receive_request(socket, &request, streams) || !receive_all(socket, text, request.length)) {
        return false;
    }
    next = point(text, text + request.length, path, 1);
    next = next != NULL ? point(next, text + request.length, arguments, request.arguments) : NULL;
    next = next != NULL ? point(next, text + request.length, environment, request.environment) : NULL;
    if (next != NULL) {
        answer = start(path[0], arguments, environment, streams);
    }
    for (i = 0; i < 3; i++) {
        close(streams[i]);
    }
    return send_all(socket, &answer, sizeof answer);
}

/* Nothing that this process was given is needed but the channel, which becomes descriptor 3. */
static int close_others(int socket)
{
    int kept = STDERR_FILENO + 1;
    int i;

    if (socket != kept && dup3(socket, kept, O_CLOEXEC) != kept) {
        return -1;
    }
#ifdef SYS_close_range
    if (syscall(SYS_close_range, kept + 1, ~0u, 0) == 0) {
        return kept;
    }
#endif
    for (i = kept + 1; i < 1024; i++) {
        close(i);
    }
    return kept;
}

static _Noreturn void be_launcher(int socket, const struct lubdub_user *user)
{
    char *text = malloc(TEXT_LIMIT);
    char **arguments = calloc(WORD_LIMIT + 1, sizeof *arguments);
    char **environment = calloc(WORD_LIMIT + 1, sizeof *environment);
    struct answer ready = {.error = user != NULL ? lubdub_user_become(user) : 0};
    int signal;

    for (signal = 1; signal < NSIG; signal++) { /* it ends with its parent, and a terminal's signals are for that one */
        (void)sigaction(signal, &(struct sigaction){.sa_handler = signal == SIGCHLD ? SIG_DFL : SIG_IGN}, NULL);
    }
    prctl(PR_SET_NAME, "lubdub-launcher", 0, 0, 0);
    socket = close_others(socket);
    if (text == NULL || arguments == NULL || environment == NULL) {
        ready.error = ENOMEM;
    }
    if (send_all(socket, &ready, sizeof ready) && ready.error == 0) {
        while (serve_one(socket, text, arguments, environment)) {
        }
    }
    _exit(0);
}

/* ---- this process ---- */

int lubdub_launcher_open(const struct lubdub_user *user, void (*forget)(void *user_data), void *user_data)
{
    const struct timeval patience = {.tv_sec = PATIENCE};
    struct answer ready;
    int sockets[2];
    pid_t launcher;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) {
        return errno;
    }
    launcher = fork();
    if (launcher < 0) {
        int error = errno;

        close(sockets[0]);
        close(sockets[1]);
        return error;
    }
    if (launcher == 0) {
        close(sockets[0]);
        if (forget != NULL) {
            forget(user_data);
        }
        be_launcher(sockets[1], user);
    }
    close(sockets[1]);
    setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(sockets[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (!receive_all(sockets[0], &ready, sizeof ready)) {
        ready.error = EPIPE;
    }
    if (ready.error != 0) {
        close(sockets[0]);
        (void)waitpid(launcher, NULL, 0);
        return ready.error;
    }
    channel = sockets[0];
    return 0;
}

bool lubdub_launcher_is_open(void)
{
    return channel >= 0;
}

static size_t length_of(char *const *words, uint32_t *count)
{
    size_t length = 0;

    for (*count = 0; words[*count] != NULL; ++*count) {
        length += strlen(words[*count]) + 1;
    }
    return length;
}

static char *put(char *target, const char *text)
{
    size_t length = strlen(text) + 1;

    memcpy(target, text, length);
    return target + length;
}

/* The whole text of a request; the caller frees. */
static char *write_text(const struct lubdub_launch *launch, size_t length)
{
    char *text = malloc(length);
    char *next = text;
    size_t i;

    if (text == NULL) {
        return NULL;
    }
    next = put(next, launch->path);
    for (i = 0; launch->arguments[i] != NULL; i++) {
        next = put(next, launch->arguments[i]);
    }
    for (i = 0; launch->environment[i] != NULL; i++) {
        next = put(next, launch->environment[i]);
    }
    return text;
}

static bool send_request(const struct request *request, const int streams[3])
{
    union descriptors control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct iovec part = {(void *)(uintptr_t)request, sizeof *request};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t sent;

    control.header.cmsg_len = CMSG_LEN(3 * sizeof(int));
    memcpy(CMSG_DATA(&control.header), streams, 3 * sizeof(int));
    do {
        sent = sendmsg(channel, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof *request;
}

int lubdub_launcher_start(const struct lubdub_launch *launch, pid_t *process)
{
    struct request request;
    struct answer answer;
    size_t length = strlen(launch->path) + 1;
    char *text;

    length += length_of(launch->arguments, &request.arguments);
    length += length_of(launch->environment, &request.environment);
    if (length > TEXT_LIMIT || request.arguments > WORD_LIMIT || request.environment > WORD_LIMIT) {
        return E2BIG;
    }
    request.length = (uint32_t)length;
    text = write_text(launch, length);
    if (text == NULL) {
        return ENOMEM;
    }
    pthread_mutex_lock(&lock);
    if (channel < 0 || !send_request(&request, launch->streams) || !send_all(channel, text, length) ||
        !receive_all(channel, &answer, sizeof answer)) {
        /* Half a request may be on its way: nothing can be asked on this channel any more. */
        if (channel >= 0) {
            shutdown(channel, SHUT_RDWR);
        }
        answer = (struct answer){.error = EPIPE};
    }
    pthread_mutex_unlock(&lock);
    free(text);
    *process = answer.error == 0 ? (pid_t)answer.process : -1;
    return answer.error;
}

void lubdub_launcher_close(void)
{
    if (channel >= 0) {
        close(channel);
        channel = -1;
    }
}
