/* Runs lubdub-server: turns arguments and signals into calls of the library, and its result into an exit status. */
#include <errno.h>
#include <ev.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <lubdub/server.h>
#include <lubdub/version.h>

#include "ev/address.h"
#include "ev/paths.h"
#include "program/events/escape.h"
#include "program/events/log.h"
#include "program/events/output.h"
#include "program/process/activation.h"
#include "program/process/exit_status.h"
#include "program/process/startup.h"
#include "server/program/cluster.h"
#include "server/program/confine.h"
#include "server/program/hooks.h"
#include "server/program/options.h"
#include "server/program/reporter.h"
#include "server/program/service.h"
#include "server/program/web.h"
#include "server/register/register.h"

struct program {
    struct ev_loop *loop;
    struct lubdub_server *server;
    struct options options;         /* as it was started: what is fixed, and what others borrow */
    struct options taken;           /* as it was read again last, once it was */
    const struct options *in_force; /* one of the two */
    struct reporter reporter;
    struct hooks *hooks; /* NULL: none */
    struct service service;
    struct lubdub_activation activation; /* listening sockets of the service manager */
    bool is_shown_elsewhere;             /* one of them is plain, and not of loopback */
    struct lubdub_register *reg;
    struct web *web; /* NULL: none */
    struct cluster *cluster;
    int argc;
    char **argv;
    int exit_status;
    bool is_leaving;
    ev_signal terminate;
    ev_signal interrupt;
    ev_signal hang_up;
    ev_signal user;
};

static void on_event(struct lubdub_server *server, const struct lubdub_server_event *event, void *user_data)
{
    struct program *program = user_data;
    (void)server;

    if (event->kind == LUBDUB_SERVER_ROOM) {
        return; /* the program sends nothing that would wait for it */
    }
    reporter_report(&program->reporter, event);
    register_note(program->reg, event);
    cluster_note(program->cluster, event);
    if (event->kind == LUBDUB_SERVER_PAUSED) {
        lubdub_log_peer(LUBDUB_LOG_WARNING, "accepting pauses reason=\"%.*s\"", (int)event->text.length,
                        event->text.data);
    }
    if (event->kind == LUBDUB_SERVER_SUSPICIOUS) {
        lubdub_log_peer(LUBDUB_LOG_WARNING, "suspecting ourselves reason=\"%.*s\"", (int)event->text.length,
                        event->text.data);
    }
    if (event->kind == LUBDUB_SERVER_STOPPED) {
        ev_break(program->loop, EVBREAK_ALL); /* told by the worker on this loop */
    }
}

/* The first time: drain and stop. The second time: at once. */
static void on_leave(struct ev_loop *loop, ev_signal *watcher, int revents)
{
    struct program *program = watcher->data;
    (void)revents;

    if (program->is_leaving) {
        program->exit_status = LUBDUB_EXIT_BY_SIGNAL + watcher->signum;
        ev_break(loop, EVBREAK_ALL);
        return;
    }
    program->is_leaving = true;
    lubdub_log_info("draining signal=%d", watcher->signum);
    service_tell_stopping(&program->service);
    lubdub_server_drain(program->server, program->in_force->drain);
}

static bool is_same(struct lubdub_slice one, struct lubdub_slice other)
{
    return one.length == other.length && (one.length == 0 || memcmp(one.data, other.data, one.length) == 0);
}

static bool has_same_tokens(const struct lubdub_token_file *one, const struct lubdub_token_file *other)
{
    size_t i;

    for (i = 0; i < one->count && i < other->count; i++) {
        if (!is_same(one->tokens[i], other->tokens[i]) || !is_same(one->patterns[i], other->patterns[i])) {
            return false;
        }
    }
    return one->count == other->count;
}

/* A file that is read again may have changed although its path did not: then its setting counts as changed. */
static void add_changed_tokens(const struct program *program, const struct options *taken, char *names, size_t capacity)
{
    const char *old_path = program->in_force->token_file;
    size_t used = strlen(names);

    if (old_path != NULL && taken->token_file != NULL && strcmp(old_path, taken->token_file) == 0 &&
        !has_same_tokens(&program->in_force->tokens, &taken->tokens)) {
        snprintf(names + used, capacity - used, "%stoken-file", used > 0 ? "," : "");
    }
}

static void log_changes(const struct program *program, const struct options *taken)
{
    char names[LUBDUB_SETTINGS_PROBLEM_SIZE];
    char tokens[32] = "";

    lubdub_settings_changes(&options_table, program->in_force, taken, false, names, sizeof names);
    add_changed_tokens(program, taken, names, sizeof names);
    if (taken->token_file != NULL) {
        snprintf(tokens, sizeof tokens, " tokens=%zu", taken->tokens.count);
    }
    lubdub_log_info("configuration read again changed=\"%s\"%s", names, tokens);
    if (lubdub_settings_changes(&options_table, &program->options, taken, true, names, sizeof names) > 0) {
        lubdub_log_warning("some settings change only with a restart ignored=\"%s\"", names);
    }
}

/* A user that may write to it decides which clients are let in. */
static void warn_of_open_tokens(const struct options *options)
{
    struct stat status;
    char shown[512];

    if (options->token_file != NULL && stat(options->token_file, &status) == 0 && (status.st_mode & S_IWOTH) != 0) {
        lubdub_escape_value(shown, sizeof shown, options->token_file, strlen(options->token_file));
        lubdub_log_warning("every user may write to the token file file=%s", shown);
    }
}

/* A token that was read on its way lets in its reader. */
static void warn_of_shown_tokens(const struct program *program, const struct options *options)
{
    if (options_show_tokens(options) || (program->is_shown_elsewhere && options->tokens.count > 0)) {
        lubdub_log_warning("tokens cross the network in the clear: a plain listener takes them beyond loopback");
    }
}

/* The file is read again; a path is not taken anew. */
static void take_expected(struct program *program, struct options *taken)
{
    const char *path = program->options.expect;

    register_set_grace(program->reg, taken->grace);
    register_mark(program->reg, HISTORY_RELOAD, 0);
    if (path != NULL && taken->expect != NULL && strcmp(path, taken->expect) == 0) {
        lubdub_log_info("the list of the expected is read again lines=%zu", taken->expected.count);
        register_expect(program->reg, &taken->expected);
    }
}

static void warn_of_missing_paths(const struct options *options)
{
    const char *lack = options->mptcp ? lubdub_paths_lack() : NULL;

    if (lack != NULL) {
        lubdub_log_warning("--mptcp: plain TCP only reason=\"%s\"", lack);
    }
}

static void warn_of_certificate(const struct options *options)
{
    const struct lubdub_credentials files = options_credentials(options);

    lubdub_credentials_warn(options->tls, &files);
}

/* Their paths seldom change; a new certificate is good for longer. */
static void log_certificate(const struct options *options)
{
    time_t not_after = (time_t)lubdub_credentials_not_after(options->tls);
    char until[32];
    struct tm date;

    if (not_after > 0 && gmtime_r(&not_after, &date) != NULL &&
        strftime(until, sizeof until, "%Y-%m-%dT%H:%M:%SZ", &date) > 0) {
        lubdub_log_info("the certificates are read again not_after=%s", until);
    }
}

/* Where TLS is listened to stays until a restart, so new settings must go on serving it. */
static bool reload_tls(const struct program *program, struct options *taken)
{
    if (!options_make_tls(taken, taken->loaded.problem, sizeof taken->loaded.problem)) {
        return false;
    }
    if (options_speak_tls(&program->options) && taken->tls == NULL) {
        snprintf(taken->loaded.problem, sizeof taken->loaded.problem,
                 "TLS is listened to until a restart, and there is no certificate any more");
        return false;
    }
    return true;
}

/* All or nothing: what cannot be read leaves everything as it was. */
static void read_again(struct program *program)
{
    struct lubdub_server_settings settings;
    struct options taken;
    int error;

    error = reporter_reopen(&program->reporter);
    if (error != 0) {
        lubdub_log_error("cannot reopen the events file, the old one stays error=\"%s\"",
                         lubdub_event_output_error_text(error));
    }
    options_init(&taken);
    taken.is_handed_tls = program->options.is_handed_tls;
    if (lubdub_settings_load(&options_table, program->argc, program->argv, &taken, &taken.loaded) !=
            LUBDUB_SETTINGS_OK ||
        !reload_tls(program, &taken)) {
        lubdub_log_error("configuration not taken, the old one stays problem=\"%s\"", taken.loaded.problem);
        web_note_reload(program->web, NULL);
        options_clear(&taken);
        return;
    }
    options_server_settings(&taken, &settings);
    if (lubdub_server_reconfigure(program->server, &settings) != LUBDUB_ERROR_OK) {
        lubdub_log_error("configuration not taken, the old one stays problem=\"no memory is left\"");
        web_note_reload(program->web, NULL);
        options_clear(&taken);
        return;
    }
    log_changes(program, &taken);
    take_expected(program, &taken);
    log_certificate(&taken);
    web_note_reload(program->web, &taken);
    warn_of_open_tokens(&taken);
    warn_of_shown_tokens(program, &taken);
    warn_of_certificate(&taken);
    lubdub_log_set_level((enum lubdub_log_level)taken.log_level);
    lubdub_log_set_rate((unsigned)taken.log_rate);
    options_clear(&program->taken);
    lubdub_token_file_clear(&program->options.tokens); /* replaced, too */
    program->taken = taken;
    program->in_force = &program->taken;
}

static void on_hang_up(struct ev_loop *loop, ev_signal *watcher, int revents)
{
    struct program *program = watcher->data;
    (void)loop, (void)revents;

    service_tell_reloading(&program->service);
    read_again(program);
    service_tell_reloaded(&program->service);
}

/* How often each limit was reached: " limit_sessions=0 limit_address=2 ...". Returns text. */
static const char *write_limits(const struct lubdub_server_counts *counts, char *text, size_t capacity)
{
    size_t used = 0;
    size_t i;

    text[0] = '\0';
    for (i = 0; lubdub_server_limit_word(i) != NULL && used < capacity; i++) {
        used += (size_t)snprintf(text + used, capacity - used, " limit_%s=%llu", lubdub_server_limit_word(i),
                                 (unsigned long long)counts->by_limit[i]);
    }
    return text;
}

static void on_user(struct ev_loop *loop, ev_signal *watcher, int revents)
{
    struct program *program = watcher->data;
    struct lubdub_server_counts counts = {.size = sizeof counts};
    char limits[512];
    (void)loop, (void)revents;

    lubdub_server_counts(program->server, &counts);
    lubdub_log_info(
        "counters sessions=%llu connections=%llu accepted=%llu connected=%llu disconnected=%llu "
        "rejected=%llu empty=%llu late=%llu messages=%llu messages_dropped=%llu absences=%llu absent_ms=%llu "
        "narrow=%llu suspicions=%llu turn_max_us=%llu recent_turn_max_us=%llu recent_turn_processor_us=%llu "
        "events_lost=%llu hooks_ok=%llu "
        "hooks_failed=%llu hooks_killed=%llu hooks_unstarted=%llu hooks_dropped=%llu log_suppressed=%llu "
        "tls_1_2=%llu tls_1_3=%llu tls_failed=%llu tls_under_way=%llu tls_waiting=%llu%s",
        (unsigned long long)counts.sessions, (unsigned long long)counts.connections,
        (unsigned long long)counts.accepted, (unsigned long long)counts.connected,
        (unsigned long long)counts.disconnected, (unsigned long long)counts.rejected, (unsigned long long)counts.empty,
        (unsigned long long)counts.late, (unsigned long long)counts.messages,
        (unsigned long long)counts.messages_dropped, (unsigned long long)counts.absences,
        (unsigned long long)(counts.absent_for / LUBDUB_MILLISECOND), (unsigned long long)counts.narrow,
        (unsigned long long)counts.suspicions, (unsigned long long)(counts.longest_turn / LUBDUB_MICROSECOND),
        (unsigned long long)(counts.longest_recent_turn / LUBDUB_MICROSECOND),
        (unsigned long long)(counts.longest_recent_work / LUBDUB_MICROSECOND),
        (unsigned long long)reporter_lost(&program->reporter),
        (unsigned long long)hooks_count(program->hooks, HOOKS_OK),
        (unsigned long long)hooks_count(program->hooks, HOOKS_FAILED),
        (unsigned long long)hooks_count(program->hooks, HOOKS_KILLED),
        (unsigned long long)hooks_count(program->hooks, HOOKS_UNSTARTED),
        (unsigned long long)hooks_count(program->hooks, HOOKS_DROPPED), (unsigned long long)lubdub_log_suppressed(),
        (unsigned long long)counts.tls_1_2, (unsigned long long)counts.tls_1_3, (unsigned long long)counts.tls_failed,
        (unsigned long long)counts.tls_under_way, (unsigned long long)counts.tls_waiting,
        write_limits(&counts, limits, sizeof limits));
}

static void watch_signal(struct program *program, ev_signal *watcher, int signal,
                         void (*callback)(struct ev_loop *, ev_signal *, int))
{
    ev_signal_init(watcher, callback, signal);
    watcher->data = program;
    ev_signal_start(program->loop, watcher);
}

/* Whether the service manager means a socket for TLS. */
#define NAME_OF_TLS "tls"

static bool is_handed_tls(const struct lubdub_activation *activation)
{
    unsigned i;

    for (i = 0; i < activation->count; i++) {
        if (lubdub_activation_is_named(activation, i, NAME_OF_TLS)) {
            return true;
        }
    }
    return false;
}

static bool is_of_loopback(int socket)
{
    struct sockaddr_storage local;
    socklen_t length = sizeof local;
    struct lubdub_address address;

    return getsockname(socket, (struct sockaddr *)&local, &length) == 0 &&
           lubdub_address_from_socket(&address, (const struct sockaddr *)&local) &&
           lubdub_address_is_loopback(&address);
}

/* On the sockets of the service manager. Returns whether it listens; else says why not. */
static bool listen_as_handed_over(struct program *program)
{
    unsigned i;

    if (lubdub_activation_is_doubtful(&program->activation)) {
        fprintf(
            stderr,
            "lubdub-server: cannot listen: the service manager hands over %u sockets and %u names (LISTEN_FDNAMES), "
            "so that it is not known which are for TLS\n",
            program->activation.count, program->activation.name_count);
        return false;
    }
    for (i = 0; i < program->activation.count; i++) {
        int socket = LUBDUB_ACTIVATION_FIRST + (int)i;
        bool is_tls = lubdub_activation_is_named(&program->activation, i, NAME_OF_TLS);
        enum lubdub_error error = is_tls ? lubdub_server_adopt_listener_tls(program->server, socket)
                                         : lubdub_server_adopt_listener(program->server, socket);

        if (error != LUBDUB_ERROR_OK) {
            fprintf(stderr, "lubdub-server: cannot listen on descriptor %d of the service manager: %s\n", socket,
                    error == LUBDUB_ERROR_INVALID  ? "it is no listening TCP socket"
                    : error == LUBDUB_ERROR_SYSTEM ? strerror(errno)
                                                   : lubdub_error_text(error));
            return false;
        }
        program->is_shown_elsewhere = program->is_shown_elsewhere || (!is_tls && !is_of_loopback(socket));
        close(socket); /* the library has copies */
    }
    return true;
}

typedef enum lubdub_error listen_function(struct lubdub_server *server, const char *host, uint16_t port);

/* host NULL: all addresses. Returns whether it listens; else says why not. */
static bool listen_to(struct program *program, listen_function *listen, const char *host, uint16_t port)
{
    enum lubdub_error error = listen(program->server, host, port);

    if (error != LUBDUB_ERROR_OK) {
        fprintf(stderr, "lubdub-server: cannot listen on %s port %u: %s\n", host == NULL ? "all addresses" : host,
                (unsigned)port,
                error == LUBDUB_ERROR_SYSTEM    ? strerror(errno)
                : error == LUBDUB_ERROR_ADDRESS ? "it is no address of this machine"
                                                : lubdub_error_text(error));
    }
    return error == LUBDUB_ERROR_OK;
}

static bool listen_to_all(struct program *program, listen_function *listen, const struct lubdub_hostports *places)
{
    size_t i;

    for (i = 0; i < places->count; i++) {
        const char *host = places->items[i].host;

        if (!listen_to(program, listen, strcmp(host, "*") == 0 ? NULL : host, places->items[i].port)) {
            return false;
        }
    }
    return true;
}

/* Where the service manager listens, the default addresses are its affair. */
static bool listen_as_told(struct program *program)
{
    const struct options *options = &program->options;

    if (options_listens_plainly_everywhere(options) && program->activation.count == 0) {
        return listen_to(program, lubdub_server_listen, NULL, LUBDUB_DEFAULT_PORT);
    }
    return listen_to_all(program, lubdub_server_listen, &options->listen) &&
           listen_to_all(program, lubdub_server_listen_tls, &options->tls_listen);
}

static void print_events_problem(const char *file, int error)
{
    char shown[512] = "";

    if (file != NULL) {
        lubdub_escape_text(shown, sizeof shown, file, strlen(file));
    }
    fprintf(stderr, "lubdub-server: cannot write the events%s%s: %s\n", file != NULL ? " to " : "", shown,
            lubdub_event_output_error_text(error));
}

/* Says why; returns the status to leave with. */
static int cannot_start(enum lubdub_error error)
{
    fprintf(stderr, "lubdub-server: cannot start: %s\n",
            error == LUBDUB_ERROR_SYSTEM ? strerror(errno) : lubdub_error_text(error));
    return LUBDUB_EXIT_CANNOT_START;
}

static void hear_for_hooks(const struct lubdub_event_line *line, void *user_data)
{
    hooks_tell(user_data, line);
}

/* Returns 0 or an errno. */
static int open_hooks(struct program *program)
{
    const struct hooks_settings settings = {.program = program->options.hook,
                                            .events = program->options.hook_events,
                                            .is_batch = program->options.hook_batch,
                                            .timeout = program->options.hook_timeout};
    int error;

    if (program->options.hook == NULL) {
        return 0;
    }
    error = hooks_open(&program->hooks, &settings, program->loop);
    if (error == 0) {
        reporter_add_listener(&program->reporter, hear_for_hooks, program->hooks);
    }
    return error;
}

static void hear_for_cluster(const struct lubdub_event_line *line, void *user_data)
{
    cluster_tell(user_data, line);
}

static void tell_of_register(const struct lubdub_event_line *line, void *user_data)
{
    reporter_tell(user_data, line);
}

/* The file itself may be new. Without its folder it could never be written, which would be told only when something
 * changes. */
static bool has_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *end = strrchr(path, '/');
    struct stat status;

    if (end == NULL || end == path) {
        return true;
    }
    snprintf(folder, sizeof folder, "%.*s", (int)(end - path), path);
    return stat(folder, &status) != 0 ? errno != ENOENT : S_ISDIR(status.st_mode);
}

/* Returns 0, or the status to leave with. */
static int open_register(struct program *program)
{
    const struct register_settings settings = {
        .state_path = program->options.state,
        .node = program->options.node,
        .grace = program->options.grace,
        .has_expected = program->options.expect != NULL,
        .is_read = program->options.http != NULL,
        .tell = tell_of_register,
        .user_data = &program->reporter,
        .elsewhere = cluster_elsewhere(program->cluster),
    };
    char shown[512] = "";
    int error;

    if (program->options.state != NULL) {
        lubdub_escape_text(shown, sizeof shown, program->options.state, strlen(program->options.state));
    }
    if (program->options.state != NULL && !has_folder(program->options.state)) {
        fprintf(stderr, "lubdub-server: cannot keep the state %s: its folder is not there\n", shown);
        return LUBDUB_EXIT_CANNOT_START;
    }
    error = register_open(&program->reg, &settings);
    if (error != 0) {
        fprintf(stderr, "lubdub-server: cannot read the state %s: %s\n", shown,
                error == EINVAL ? "it is not a regular file" : strerror(error));
        return LUBDUB_EXIT_CANNOT_START;
    }
    if (program->options.expect != NULL) {
        register_expect(program->reg, &program->options.expected);
    }
    return 0;
}

/* Returns whether it listens, or need not; else says why not. */
static bool open_web(struct program *program)
{
    const struct web_settings settings = {
        .options = &program->options,
        .server = program->server,
        .reg = program->reg,
        .reporter = &program->reporter,
        .hooks = program->hooks,
        .cluster = program->cluster,
    };
    char shown[512];
    int error = web_open(&program->web, &settings);

    if (error != 0) {
        lubdub_escape_text(shown, sizeof shown, program->options.http, strlen(program->options.http));
        fprintf(stderr, "lubdub-server: cannot serve HTTP on %s: %s\n", shown, strerror(error));
    }
    return error == 0;
}

/* Returns 0, or the status to leave with. */
static int start(struct program *program)
{
    struct lubdub_server_settings settings;
    enum lubdub_error error;
    int failed = reporter_open(&program->reporter, &program->options, program->loop);

    if (failed != 0) {
        print_events_problem(program->options.events_file, failed);
        return LUBDUB_EXIT_CANNOT_START;
    }
    failed = open_hooks(program);
    if (failed != 0) {
        fprintf(stderr, "lubdub-server: cannot start: %s\n", strerror(failed));
        return LUBDUB_EXIT_CANNOT_START;
    }
    if (!cluster_open(&program->cluster, &program->options, program->options.loaded.problem,
                      sizeof program->options.loaded.problem)) {
        fprintf(stderr, "lubdub-server: cannot start: %s\n", program->options.loaded.problem);
        return LUBDUB_EXIT_CANNOT_START;
    }
    if (program->cluster != NULL) {
        reporter_add_listener(&program->reporter, hear_for_cluster, program->cluster);
    }
    failed = open_register(program);
    if (failed != 0) {
        return failed;
    }
    if (!options_make_tls(&program->options, program->options.loaded.problem, sizeof program->options.loaded.problem)) {
        fprintf(stderr, "lubdub-server: cannot start: %s\n", program->options.loaded.problem);
        return LUBDUB_EXIT_CANNOT_START;
    }
    warn_of_certificate(&program->options);
    options_server_settings(&program->options, &settings);
    error = lubdub_server_new(&program->server, program->loop, &settings, on_event, program);
    if (error != LUBDUB_ERROR_OK) {
        return cannot_start(error);
    }
    if (!listen_as_handed_over(program) || !listen_as_told(program) || !open_web(program)) {
        return LUBDUB_EXIT_CANNOT_START;
    }
    watch_signal(program, &program->terminate, SIGTERM, on_leave);
    watch_signal(program, &program->interrupt, SIGINT, on_leave);
    watch_signal(program, &program->hang_up, SIGHUP, on_hang_up);
    watch_signal(program, &program->user, SIGUSR1, on_user);
    failed = register_start(program->reg, program->server);
    if (failed != 0) {
        fprintf(stderr, "lubdub-server: cannot start: %s\n", strerror(failed));
        return LUBDUB_EXIT_CANNOT_START;
    }
    failed = cluster_start(program->cluster, program->server);
    if (failed != 0) {
        fprintf(stderr, "lubdub-server: cannot start: %s\n", strerror(failed));
        return LUBDUB_EXIT_CANNOT_START;
    }
    failed = confine_end(&program->options);
    if (failed != 0) {
        return failed;
    }
    error = lubdub_server_start(program->server);
    if (error != LUBDUB_ERROR_OK) {
        return cannot_start(error);
    }
    service_start(&program->service, program->loop, program->server);
    return 0;
}

int main(int argc, char *argv[])
{
    static struct program program;
    uint64_t lost;

    if (lubdub_standard_streams_prepare() != 0) {
        return LUBDUB_EXIT_CANNOT_START;
    }
    lubdub_activation_take(&program.activation); /* before the next descriptor is opened */
    lubdub_descriptor_table_reserve();
    program.argc = argc;
    program.argv = argv;
    options_init(&program.options);
    program.options.is_handed_tls = is_handed_tls(&program.activation);
    program.in_force = &program.options;
    if (!lubdub_settings_start(&options_table, argc, argv, &program.options, &program.options.loaded,
                               &program.exit_status)) {
        return program.exit_status;
    }
    program.exit_status = confine_begin(&program.options);
    if (program.exit_status != 0) {
        return program.exit_status;
    }
    service_open(&program.service);
    program.loop = lubdub_loop_open("lubdub-server");
    if (program.loop == NULL) {
        return LUBDUB_EXIT_CANNOT_START;
    }
    if (lubdub_log_open(2, (enum lubdub_log_level)program.options.log_level) != 0) {
        lubdub_log_set_level((enum lubdub_log_level)program.options.log_level);
    }

    lubdub_log_set_rate((unsigned)program.options.log_rate);
    lubdub_log_kernel();
    warn_of_missing_paths(&program.options);
    warn_of_open_tokens(&program.options);
    program.exit_status = start(&program);
    if (program.exit_status == 0) {
        warn_of_shown_tokens(&program, &program.options);
        ev_run(program.loop, 0);
    }
    service_close(&program.service);
    web_stop(program.web); /* all three ask the server */
    register_stop(program.reg);
    cluster_stop(program.cluster);
    lubdub_server_free(program.server);
    register_close(program.reg);
    cluster_close(program.cluster);
    lost = reporter_close(&program.reporter);
    if (lost > 0) {
        lubdub_log_warning("events were lost count=%llu", (unsigned long long)lost);
    }
    web_close(program.web);
    hooks_close(program.hooks, HOOKS_PATIENCE);
    lubdub_log_close();
    options_clear(&program.taken);
    options_clear(&program.options);
    return program.exit_status;
}
