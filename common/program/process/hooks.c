/* Starts the commands of hooks, a few at the same time, and hears of their ends. */
#include "program/process/hooks.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "program/events/log.h"
#include "program/process/command.h"

static void on_exit_of(struct ev_loop *loop, ev_child *child, int revents)
{
    struct lubdub_hooks *hooks = child->data;
    int status = child->rstatus;
    (void)revents;

    ev_child_stop(loop, child);
    child->pid = 0;
    if (WIFSIGNALED(status)) {
        lubdub_log_warning("a command was killed signal=%d", WTERMSIG(status));
    } else if (WEXITSTATUS(status) != 0) {
        lubdub_log_warning("a command failed status=%d", WEXITSTATUS(status));
    }
    if (--hooks->running == 0) {
        hooks->on_idle(hooks->user_data);
    }
}

void lubdub_hooks_init(struct lubdub_hooks *hooks, struct ev_loop *loop, void (*on_idle)(void *user_data), void *user_data)
{
    size_t i;

    memset(hooks, 0, sizeof *hooks);
    hooks->loop = loop;
    hooks->on_idle = on_idle;
    hooks->user_data = user_data;
    for (i = 0; i < LUBDUB_HOOKS_LIMIT; i++) {
        ev_child_init(&hooks->children[i], on_exit_of, 0, 0);
        hooks->children[i].data = hooks;
    }
}

static ev_child *find_free(struct lubdub_hooks *hooks)
{
    size_t i;

    for (i = 0; i < LUBDUB_HOOKS_LIMIT; i++) {
        if (hooks->children[i].pid == 0) {
            return &hooks->children[i];
        }
    }
    return NULL;
}

void lubdub_hooks_run(struct lubdub_hooks *hooks, const char *command, const struct lubdub_event_line *facts)
{
    ev_child *child = find_free(hooks);
    pid_t process;

    if (child == NULL) {
        lubdub_log_peer(LUBDUB_LOG_WARNING, "a command is left out, as others do not end running=%u", hooks->running);
        return;
    }
    process = lubdub_command_start(command, facts, false);
    if (process == -1) {
        lubdub_log_error("a command cannot be started error=\"%s\"", strerror(errno));
        return;
    }
    ev_child_set(child, process, 0);
    ev_child_start(hooks->loop, child);
    hooks->running++;
}
