#define _GNU_SOURCE
#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "patience.h"
#include "support/test.h"

extern char **environ;

void process_init(struct process *process, const char *variable)
{
    const char *path = getenv(variable);

    memset(process, 0, sizeof *process);
    process->output = -1;
    process->errors = -1;
    process->output_to = PROCESS_PIPE;
    process->variable = variable;
    if (path == NULL || access(path, X_OK) != 0) {
        fail_msg("the environment variable %s does not name a program", variable);
    }
    process_add(process, path);
}

void process_add(struct process *process, const char *argument)
{
    assert_true(process->argument_count + 1 < PROCESS_ARGUMENTS);
    process->arguments[process->argument_count++] = argument;
}

static void redirect(posix_spawn_file_actions_t *actions, int to, int from)
{
    if (from == PROCESS_CLOSED) {
        assert_int_equal(posix_spawn_file_actions_addclose(actions, to), 0);
    } else if (from == 0) {
        assert_int_equal(posix_spawn_file_actions_addopen(actions, to, "/dev/null", O_RDWR, 0), 0);
    } else {
        assert_int_equal(posix_spawn_file_actions_adddup2(actions, from, to), 0);
    }
}

/*
 * Programs of ours name each system call that is not in the list of their filter (common/program/process/filter.c), and
 * process_clear() fails where they did. A kernel that cannot ask about calls leaves the filter as it is by default.
 */
static const char not_in_the_list[] = "a system call is not in the list";

static void have_system_calls_named(void)
{
    char actions[256] = "";
    FILE *file = fopen("/proc/sys/kernel/seccomp/actions_avail", "r");

    if (file != NULL) {
        if (fgets(actions, sizeof actions, file) != NULL && strstr(actions, "user_notif") != NULL) {
            setenv("LUBDUB_SERVER_SECCOMP", "log", 0);
            setenv("LUBDUB_CLIENT_SECCOMP", "log", 0);
        }
        fclose(file);
    }
}

void process_start(struct process *process)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    int ends[2] = {-1, -1};

    have_system_calls_named();
    process->errors = memfd_create("standard error", MFD_CLOEXEC);
    assert_true(process->errors >= 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    redirect(&actions, STDIN_FILENO, process->input_from);
    if (process->output_to == PROCESS_PIPE) {
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        process->output = ends[0];
        redirect(&actions, STDOUT_FILENO, ends[1]);
    } else {
        redirect(&actions, STDOUT_FILENO, process->output_to);
    }
    redirect(&actions, STDERR_FILENO, process->errors_closed ? PROCESS_CLOSED : process->errors);
    if (process->inherits > 0) {
        redirect(&actions, process->inherits, process->inherits); /* takes FD_CLOEXEC away */
    }

    sigemptyset(&none);
    assert_int_equal(posix_spawnattr_init(&attributes), 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    process->arguments[process->argument_count] = NULL;
    assert_int_equal(posix_spawn(&process->pid, process->arguments[0], &actions, &attributes,
                                 (char *const *)(uintptr_t)process->arguments, environ),
                     0);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (ends[1] >= 0) {
        close(ends[1]);
    }
}

static int status_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool has_ended(struct process *process)
{
    int status;

    if (process->pid == 0) {
        return true;
    }
    if (waitpid(process->pid, &status, WNOHANG) != process->pid) {
        return false;
    }
    process->pid = 0;
    process->status = status_of(status);
    process->was_killed = WIFSIGNALED(status);
    return true;
}

static void show_errors(const struct process *process)
{
    char *errors = process_errors(process);

    print_error("standard error of %s:\n%s\n", process->variable, errors);
    free(errors);
}

int process_wait(struct process *process)
{
    lubdub_time until = now() + PATIENCE;

    while (!has_ended(process)) {
        if (now() > until) {
            show_errors(process);
            fail_msg("%s does not end", process->variable);
        }
        stay(2 * LUBDUB_MILLISECOND);
    }
    return process->status;
}

void process_clear(struct process *process)
{
    bool is_sane;

    if (process->variable == NULL) {
        return; /* never initialised: 0 is not a descriptor of its own but the test's standard input */
    }
    if (process->pid > 0) {
        kill(process->pid, SIGKILL);
        waitpid(process->pid, NULL, 0);
        process->pid = 0;
    }
    if (process->output >= 0) {
        close(process->output);
        process->output = -1;
    }
    if (process->errors < 0) {
        return;
    }
    is_sane = process_count_errors(process, "Sanitizer") == 0 && process_count_errors(process, "runtime error") == 0 &&
              process_count_errors(process, "Assertion") == 0 && process_count_errors(process, not_in_the_list) == 0;
    if (!is_sane) {
        show_errors(process);
    }
    close(process->errors);
    process->errors = -1;
    assert_true(is_sane);
}

void process_signal(struct process *process, int signal)
{
    assert_true(process->pid > 0);
    assert_int_equal(kill(process->pid, signal), 0);
}

bool process_is_running(pid_t pid)
{
    char path[64];
    char state = 'Z';
    FILE *file;

    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    file = fopen(path, "r");
    if (file != NULL) {
        if (fscanf(file, "%*d %*[^)]) %c", &state) != 1) {
            state = 'Z';
        }
        fclose(file);
    }
    return state != 'Z';
}

void wait_until_stopped(pid_t pid)
{
    siginfo_t info;
    lubdub_time until = now() + PATIENCE;

    do {
        assert_true(now() < until);
        memset(&info, 0, sizeof info);
        assert_int_equal(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOHANG | WNOWAIT), 0);
    } while (info.si_pid != pid);
}

void process_stop(struct process *process)
{
    process_signal(process, SIGSTOP);
    wait_until_stopped(process->pid);
}

void process_go_on(struct process *process)
{
    process_signal(process, SIGCONT);
}

static char *read_whole(int file, size_t *length)
{
    size_t capacity = 65536;
    char *text = malloc(capacity);
    ssize_t part;

    assert_non_null(text);
    *length = 0;
    while ((part = read(file, text + *length, capacity - *length - 1)) > 0) {
        *length += (size_t)part;
        if (*length == capacity - 1) {
            capacity *= 2;
            text = realloc(text, capacity);
            assert_non_null(text);
        }
    }
    text[*length] = '\0';
    return text;
}

char *process_errors(const struct process *process)
{
    char path[64];
    size_t length;
    char *text;
    int file;

    /* A descriptor of its own: the child's writing and our reading do not share a position. */
    snprintf(path, sizeof path, "/proc/self/fd/%d", process->errors);
    file = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(file >= 0);
    text = read_whole(file, &length);
    close(file);
    return text;
}

unsigned process_count_errors(const struct process *process, const char *words)
{
    char *errors = process_errors(process);
    const char *found = errors;
    unsigned count = 0;

    while ((found = strstr(found, words)) != NULL) {
        count++;
        found += strlen(words);
    }
    free(errors);
    return count;
}

void process_expect_error(struct process *process, const char *words)
{
    lubdub_time until = now() + PATIENCE;

    while (process_count_errors(process, words) == 0) {
        if (now() > until || has_ended(process)) {
            show_errors(process);
            fail_msg("%s does not say \"%s\"", process->variable, words);
        }
        stay(2 * LUBDUB_MILLISECOND);
    }
}

char *process_read_output(struct process *process, size_t *length)
{
    return read_whole(process->output, length);
}

void measure_memory(void)
{
    const char *options = getenv("ASAN_OPTIONS");
    char more[1024];

    snprintf(more, sizeof more, "%s:quarantine_size_mb=1:thread_local_quarantine_size_kb=64",
             options != NULL ? options : "");
    setenv("ASAN_OPTIONS", more, 1);
}

size_t process_resident(const struct process *process)
{
    char path[64];
    char line[256];
    size_t resident = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/status", (int)process->pid);
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL && sscanf(line, "VmRSS: %zu", &resident) != 1) {
    }
    fclose(file);
    assert_true(resident > 0);
    return resident;
}

uint64_t process_cpu(const struct process *process)
{
    char path[64];
    char line[1024];
    unsigned long user = 0;
    unsigned long system = 0;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)process->pid);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    assert_int_equal(
        sscanf(strrchr(line, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system), 2);
    return (user + system) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

size_t process_descriptors(const struct process *process)
{
    char path[64];
    size_t count = 0;
    DIR *folder;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)process->pid);
    folder = opendir(path);
    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count - 2; /* . and .. */
}

int run(const char *program, ...)
{
    char *arguments[32] = {(char *)(uintptr_t)program};
    posix_spawn_file_actions_t actions;
    size_t count = 1;
    va_list more;
    pid_t pid;
    int status;

    va_start(more, program);
    while (count < 31 && (arguments[count] = va_arg(more, char *)) != NULL) {
        count++;
    }
    va_end(more);
    posix_spawn_file_actions_init(&actions);
    redirect(&actions, STDOUT_FILENO, 0);
    redirect(&actions, STDERR_FILENO, 0);
    status = posix_spawnp(&pid, program, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (status != 0 || waitpid(pid, &status, 0) != pid) {
        return 127;
    }
    return status_of(status);
}
