/* Loads the options again, compares them with the old ones, and frees the old ones. */
#include "client/program/reload.h"

#include <stdlib.h>
#include <string.h>

#include "client/program/watch.h"
#include "program/events/log.h"

bool reload_has_files(const struct program *program)
{
    return program->options.loaded.config_path != NULL || program->options.token_file != NULL ||
           program->options.with_tls;
}

static bool is_same_text(const char *one, const char *other)
{
    return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

static bool is_same_check(const struct options *one, const struct options *other)
{
    return is_same_text(one->check, other->check) && one->check_interval == other->check_interval &&
           one->check_timeout == other->check_timeout && one->interval == other->interval;
}

static bool is_same_token(const struct options *one, const struct options *other)
{
    const struct lubdub_secret_file *first = &one->token;
    const struct lubdub_secret_file *second = &other->token;

    return first->count == second->count &&
           (first->count == 0 || (first->lines[0].length == second->lines[0].length &&
                                  memcmp(first->lines[0].data, second->lines[0].data, first->lines[0].length) == 0));
}

/* What cannot change, and what was measured, stays. */
static void keep_fixed(struct options *fresh, struct options *old)
{
    if (old->goal.detect != 0) {
        fresh->interval = old->interval;
        fresh->timeout = old->timeout;
        fresh->expiry = old->expiry;
    }
    if (old->all) { /* each watch has its server */
        struct lubdub_hostport *hosts = fresh->hosts;
        struct lubdub_client_server *servers = fresh->servers;

        fresh->hosts = old->hosts;
        fresh->servers = old->servers;
        fresh->server_count = old->server_count;
        old->hosts = hosts;
        old->servers = servers;
    }
}

/* After the comparison. */
static void put_in_force(struct program *program, struct options *fresh, const struct options_changes *changes)
{
    struct options old = program->options;
    bool has_new_check = !is_same_check(&old, fresh);
    size_t i;

    fresh->goal = old.goal;
    fresh->all = old.all;
    fresh->deadline = old.deadline;
    fresh->hook_timeout = old.hook_timeout;
    fresh->events = old.events;
    program->options = *fresh;
    program->check.command = program->options.check;
    reporter_take_options(&program->reporter, &program->options);
    lubdub_log_set_level((enum lubdub_log_level)program->options.log_level);
    if (has_new_check) {
        check_stop(&program->check);
        memset(&program->check, 0, sizeof program->check);
        watch_start_check(program);
    }
    for (i = 0; i < program->watch_count; i++) {
        if (changes->needs_session) {
            watch_renew(&program->watches[i]);
        } else if (program->options.tls != NULL) {
            lubdub_client_set_tls(program->watches[i].client, program->options.tls);
        }
    }
    options_clear(&old);
}

void reload_options(struct program *program)
{
    struct options *fresh = malloc(sizeof *fresh);
    struct options_changes changes;
    bool has_new_token;

    if (fresh == NULL) {
        lubdub_log_error("the configuration stays as it was: no memory is left");
        return;
    }
    options_init(fresh);
    if (lubdub_settings_load(&options_table, program->argc, program->argv, fresh, &fresh->loaded) !=
            LUBDUB_SETTINGS_OK ||
        !options_make_tls(fresh, fresh->loaded.problem, sizeof fresh->loaded.problem)) {
        lubdub_log_error("the configuration stays as it was: %s", fresh->loaded.problem);
        options_clear(fresh);
        free(fresh);
        return;
    }
    has_new_token = !is_same_token(&program->options, fresh);
    keep_fixed(fresh, &program->options);
    options_compare(&program->options, fresh, &changes);
    put_in_force(program, fresh, &changes);
    free(fresh);
    lubdub_log_info("the configuration was read again changed=\"%s\" token=%s", changes.names,
                    program->options.token_file == NULL ? "none"
                    : has_new_token                     ? "changed"
                                                        : "same");
    if (changes.fixed[0] != '\0') {
        lubdub_log_warning("needs a restart to change options=\"%s\"", changes.fixed);
    }
}
