/* Follows --user and --seccomp. */
#define _GNU_SOURCE
#include "server/program/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program/events/escape.h"
#include "program/events/log.h"
#include "program/process/exit_status.h"
#include "program/process/filter.h"
#include "program/process/launcher.h"
#include "program/process/privilege.h"

#define PATH_SIZE 512

/* What is made from now on: the group may read, others have no right. */
#define CLOSED_TO_OTHERS 027

static int cannot_start(const char *what, int error)
{
    fprintf(stderr, "lubdub-server: cannot start: %s: %s\n", what, strerror(error));
    return LUBDUB_EXIT_CANNOT_START;
}

static int cannot_become(const struct options *options, int error)
{
    char shown[LUBDUB_SETTINGS_SHOWN_SIZE];

    fprintf(stderr, "lubdub-server: cannot become user %s: %s\n", lubdub_settings_show(options->user, shown),
            error == EPERM ? "only root can" : strerror(error));
    return LUBDUB_EXIT_CANNOT_START;
}

static void forget(void *user_data)
{
    struct options *options = user_data;

    lubdub_token_file_clear(&options->tokens);
    lubdub_secret_file_clear(&options->http_token);
    lubdub_secret_file_clear(&options->redis_password);
    lubdub_secret_file_clear(&options->redis_secret);
    explicit_bzero(options->proof_key, sizeof options->proof_key);
}

int confine_begin(struct options *options)
{
    struct lubdub_user user;
    int error = options->user != NULL ? lubdub_user_find(&user, options->user) : 0;

    if (error != 0) {
        return cannot_become(options, error);
    }
    if (options->hook != NULL) {
        error = lubdub_launcher_open(options->user != NULL ? &user : NULL, forget, options);
        if (error != 0 && options->user != NULL) {
            return cannot_become(options, error);
        }
        if (error != 0) {
            return cannot_start("the launcher of the hook", error);
        }
    }
    (void)umask(umask(0) | CLOSED_TO_OTHERS);
    return 0;
}

/* What is opened stays open. What is to be opened again must be open to the new user, too. */
static void warn_of_path(const struct options *options, const char *option, const char *path, int mode)
{
    char shown[PATH_SIZE];

    if (path != NULL && access(path, mode) != 0 && errno != ENOENT) {
        lubdub_escape_value(shown, sizeof shown, path, strlen(path));
        lubdub_log_warning("%s cannot %s this%s option=%s file=%s error=\"%s\"",
                           options->user != NULL ? "the user of --user" : "the server", mode == R_OK ? "read" : "write",
                           options->user != NULL ? " any more" : "", option, shown, strerror(errno));
    }
}

/* The state is written to a new file beside the old one. */
static void warn_of_folder(const struct options *options, const char *option, const char *path)
{
    char folder[PATH_SIZE];
    char *slash;

    if (path == NULL || strlen(path) >= sizeof folder) {
        return;
    }
    strcpy(folder, path);
    slash = strrchr(folder, '/');
    if (slash == NULL) {
        strcpy(folder, ".");
    } else {
        slash[slash == folder] = '\0';
    }
    warn_of_path(options, option, folder, W_OK);
}

/* The new user opens it again on SIGHUP. It becomes that user's if it was root's, as it is when we have made it. */
static void hand_over(const char *path, const struct lubdub_user *user)
{
    int file = path != NULL ? open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    struct stat status;

    if (file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == 0 &&
        status.st_nlink == 1 && fchown(file, user->uid, user->gid) != 0) {
        ; /* what comes of it is told below */
    }
    if (file >= 0) {
        close(file);
    }
}

static int become_user(const struct options *options)
{
    struct lubdub_user user;
    int error = lubdub_user_find(&user, options->user);

    if (error == 0 && geteuid() == 0) {
        hand_over(options->events_file, &user);
    }
    if (error == 0) {
        error = lubdub_user_become(&user);
    }
    if (error != 0) {
        return cannot_become(options, error);
    }
    warn_of_path(options, "--config", options->loaded.config_path, R_OK);
    warn_of_path(options, "--token-file", options->token_file, R_OK);
    warn_of_path(options, "--tls-cert", options->tls_cert, R_OK);
    warn_of_path(options, "--tls-key", options->tls_key, R_OK);
    warn_of_path(options, "--tls-client-ca", options->tls_client_ca, R_OK);
    warn_of_path(options, "--http-token-file", options->http_token_file, R_OK);
    warn_of_path(options, "--redis-password-file", options->redis_password_file, R_OK);
    warn_of_path(options, "--redis-sentinel-password-file", options->redis_sentinel_password_file, R_OK);
    warn_of_path(options, "--redis-secret-file", options->redis_secret_file, R_OK);
    warn_of_path(options, "--expect", options->expect, R_OK);
    warn_of_path(options, "--events-file", options->events_file, W_OK);
    warn_of_folder(options, "--state", options->state);
    return 0;
}

static bool has_secrets(const struct options *options)
{
    return options->tokens.count > 0 || options->http_token.bytes != NULL || options->tls != NULL ||
           options->redis_password.bytes != NULL || options->redis_sentinel_password.bytes != NULL ||
           options->redis_secret.bytes != NULL || options->redis_key != NULL ||
           (options->redis != NULL && strchr(options->redis, '@') != NULL);
}

int confine_end(const struct options *options)
{
    int error = options->user != NULL ? become_user(options) : 0;

    if (error != 0) {
        return error;
    }
    if (options->user == NULL) {
        warn_of_folder(options, "--state", options->state); /* else nobody hears of it before something changes */
    }
    error = lubdub_privilege_forbid_new();
    if (error != 0) {
        return cannot_start("no new privileges", error);
    }
    if (has_secrets(options)) {
        lubdub_privilege_hide_memory();
    }
    error = lubdub_filter_apply((enum lubdub_filter_mode)options->seccomp);
    return error != 0 ? cannot_start("the filter of system calls", error) : 0;
}
