/* Finds the program lubdub-server, starts it with two pipes, and reads what it says. */
#define _GNU_SOURCE
#include "swarm/servers/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ev/container_of.h"
#include "program/settings/parse.h"

#include "program/process/child.h"

#define PROGRAM "lubdub-server"
#define ARGUMENT_LIMIT 64
#define CANNOT_START 3 /* exit status */

/* Room for what the server says while we are busy with thousands of sockets. */
#define PIPE_SIZE (1024 * 1024)

/* The widest that the server has; narrower where the swarm asks for less. */
#define INTERVAL_MIN (10 * LUBDUB_MILLISECOND)
#define INTERVAL_MAX LUBDUB_HOUR
#define EXPIRY_MAX (3 * LUBDUB_HOUR)

static void set_problem(struct swarm_server *server, const char *doing, int error)
{
    snprintf(server->problem, sizeof server->problem, "%s: %s", doing, strerror(error));
}

/* ---- finding it ---- */

static bool is_program(struct swarm_server *server, const char *folder, size_t length, const char *rest)
{
    int size = snprintf(server->path, sizeof server->path, "%.*s/%s" PROGRAM, (int)length, folder, rest);

    return size > 0 && (size_t)size < sizeof server->path && access(server->path, X_OK) == 0;
}

/* Beside ourselves, in the folder of that name beside ours, then where the shell would look. */
static bool find_program(struct swarm_server *server)
{
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    const char *path = getenv("PATH");
    const char *slash;

    if (length > 0) {
        own[length] = '\0';
        slash = strrchr(own, '/');
        if (slash != NULL && (is_program(server, own, (size_t)(slash - own), "") ||
                              is_program(server, own, (size_t)(slash - own), "../server/"))) {
            return true;
        }
    }
    while (path != NULL && *path != '\0') {
        size_t folder_length = strcspn(path, ":");

        if (folder_length > 0 && is_program(server, path, folder_length, "")) {
            return true;
        }
        path += folder_length + (path[folder_length] == ':');
    }
    snprintf(server->problem, sizeof server->problem, PROGRAM " is neither beside this program nor in PATH");
    return false;
}

/* ---- what it says ---- */

static void on_output_line(void *user_data, const char *line, size_t length)
{
    struct swarm_server *server = user_data;
    struct swarm_server_event event;

    if (!swarm_server_event_parse(&event, line, length)) {
        return;
    }
    if (event.kind == SWARM_SERVER_LISTENING) {
        server->is_listening = true;
    }
    server->on_event(server->user_data, &event);
}

/* Its log goes on into ours, but for the everyday part that nobody asked for: TIME LEVEL MESSAGE. */
static void on_error_line(void *user_data, const char *line, size_t length)
{
    const char *level = strchr(line, ' ');
    (void)user_data;

    if (level != NULL && strncmp(level, " info counters ", 15) != 0 &&
        (strncmp(level, " info ", 6) == 0 || strncmp(level, " debug ", 7) == 0)) {
        return;
    }
    if (length > 0) {
        fprintf(stderr, "%s\n", line);
    }
}

static void on_child_end(struct ev_loop *loop, ev_child *child, int revents)
{
    struct swarm_server *server = container_of(child, struct swarm_server, child);
    (void)revents;

    ev_child_stop(loop, child);
    server->is_running = false;
    server->is_listening = false;
    server->status = child->rstatus;
}

/* ---- starting it ---- */

static void run_program(const struct swarm_server *server, char *const *arguments, int output, int errors, pid_t parent)
{
    lubdub_child_begin(parent);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    dup2(output, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    if (server->settings.enter != NULL && !server->settings.enter(server->settings.enter_data)) {
        _exit(CANNOT_START);
    }
    execv(server->path, arguments);
    _exit(127);
}

/* Fills arguments, which ends with NULL, from text. Returns false when they are too many. */
static bool split(char **arguments, size_t count, char *text)
{
    char *rest;
    char *word;

    for (word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        if (count == ARGUMENT_LIMIT) {
            return false;
        }
        arguments[count++] = word;
    }
    arguments[count] = NULL;
    return true;
}

static bool fork_program(struct swarm_server *server, char *const *arguments)
{
    pid_t parent = getpid();
    int output[2];
    int errors[2];

    if (pipe2(output, O_CLOEXEC) != 0) {
        set_problem(server, "no pipe to " PROGRAM, errno);
        return false;
    }
    if (pipe2(errors, O_CLOEXEC) != 0) {
        set_problem(server, "no pipe to " PROGRAM, errno);
        close(output[0]), close(output[1]);
        return false;
    }
    (void)fcntl(output[0], F_SETPIPE_SZ, PIPE_SIZE);
    fflush(NULL);
    server->process = fork();
    if (server->process == 0) {
        run_program(server, arguments, output[1], errors[1], parent);
    }
    close(output[1]);
    close(errors[1]);
    if (server->process < 0) {
        set_problem(server, PROGRAM " cannot be started", errno);
        close(output[0]), close(errors[0]);
        return false;
    }
    server->is_running = true;
    swarm_lines_open(&server->output, server->loop, output[0], on_output_line, server);
    swarm_lines_open(&server->errors, server->loop, errors[0], on_error_line, server);
    ev_child_init(&server->child, on_child_end, server->process, 0);
    ev_child_start(server->loop, &server->child);
    return true;
}

bool swarm_server_start(struct swarm_server *server, const struct lubdub_address *address)
{
    char listen[LUBDUB_ADDRESS_TEXT_SIZE];
    char limits[3][LUBDUB_DURATION_TEXT_SIZE];
    char shared[] = "--reuse-port=yes";
    char alone[] = "--reuse-port=no";
    char plainly[] = "--listen";
    char over_tls[] = "--tls-listen";
    lubdub_duration interval = server->settings.interval;
    char *more = strdup(server->settings.options);
    char *arguments[ARGUMENT_LIMIT + 1] = {
        server->path, (char[]){"--events"},       (char[]){"json"}, server->settings.speaks_tls ? over_tls : plainly,
        listen,       (char[]){"--interval-min"}, limits[0],        (char[]){"--interval-max"},
        limits[1],    (char[]){"--expiry-max"},   limits[2],        server->settings.shares_port ? shared : alone,
        (char[]){"--max-per-address=0"}, /* all clients come from one */
    };
    bool is_started = false;

    /* What the last one said belongs to the last one. */
    swarm_lines_close(&server->output);
    swarm_lines_close(&server->errors);

    lubdub_address_format(address, listen);
    lubdub_format_duration(lubdub_duration_shorter(INTERVAL_MIN, interval), limits[0]);
    lubdub_format_duration(lubdub_duration_longer(INTERVAL_MAX, interval), limits[1]);
    lubdub_format_duration(lubdub_duration_longer(EXPIRY_MAX, server->settings.expiry), limits[2]);
    if (more == NULL) {
        set_problem(server, PROGRAM " cannot be started", ENOMEM);
    } else if (!split(arguments, 13, more)) {
        snprintf(server->problem, sizeof server->problem, "--spawn-server: more than %d words", ARGUMENT_LIMIT - 13);
    } else {
        is_started = fork_program(server, arguments);
    }
    free(more);
    return is_started;
}

bool swarm_server_init(struct swarm_server *server, struct ev_loop *loop, const struct swarm_server_settings *settings,
                       void (*on_event)(void *user_data, const struct swarm_server_event *event), void *user_data)
{
    memset(server, 0, sizeof *server);
    server->loop = loop;
    server->settings = *settings;
    server->on_event = on_event;
    server->user_data = user_data;
    return find_program(server);
}

/* ---- ending it ---- */

void swarm_server_signal(const struct swarm_server *server, int signal)
{
    if (server->is_running) {
        kill(server->process, signal);
    }
}

void swarm_server_clear(struct swarm_server *server)
{
    if (server->is_running) {
        ev_child_stop(server->loop, &server->child);
        kill(server->process, SIGKILL);
        while (waitpid(server->process, &server->status, 0) < 0 && errno == EINTR) {
        }
        server->is_running = false;
    }
    swarm_lines_close(&server->output);
    swarm_lines_close(&server->errors);
}
