/* Follows --seccomp. */
#include "client/program/confine.h"

#include <stdio.h>
#include <string.h>

#include "program/process/exit_status.h"
#include "program/process/filter.h"
#include "program/process/launcher.h"
#include "program/process/privilege.h"

static int cannot_start(const char *what, int error)
{
    fprintf(stderr, "lubdub-client: cannot start: %s: %s\n", what, strerror(error));
    return LUBDUB_EXIT_CANNOT_START;
}

static void forget(void *user_data)
{
    struct options *options = user_data;

    lubdub_secret_file_clear(&options->token);
}

static bool may_run_commands(const struct options *options)
{
    return options->check != NULL || options->on_up != NULL || options->on_down != NULL || options->on_failed != NULL ||
           options->loaded.config_path != NULL;
}

int confine_begin(struct options *options)
{
    int error = may_run_commands(options) ? lubdub_launcher_open(NULL, forget, options) : 0;

    return error != 0 ? cannot_start("the launcher of commands", error) : 0;
}

int confine_end(const struct options *options)
{
    int error = lubdub_privilege_forbid_new();

    if (error != 0) {
        return cannot_start("no new privileges", error);
    }
    if (options->token.bytes != NULL || options->tls_key != NULL) {
        lubdub_privilege_hide_memory();
    }
    error = lubdub_filter_apply((enum lubdub_filter_mode)options->seccomp);
    return error != 0 ? cannot_start("the filter of system calls", error) : 0;
}
