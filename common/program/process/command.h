/*
 * Commands that a user gave, run by /bin/sh in a process group of their own. This file does not wait for them: the
 * caller watches the process (ev_child).
 */
#ifndef LUBDUB_PROGRAM_PROCESS_COMMAND_H
#define LUBDUB_PROGRAM_PROCESS_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

#include "program/events/line.h"

/*
 * Starts /bin/sh -c command with standard input from /dev/null and standard output to our standard error (ours carries
 * data), or to /dev/null if it is quiet. facts, if not NULL, are in its environment: the event as LUBDUB_EVENT and each
 * field as LUBDUB_NAME, made safe to show, as the values may come from the wire.
 * Returns the process, or -1 and errno.
 */
pid_t lubdub_command_start(const char *command, const struct lubdub_event_line *facts, bool is_quiet);

/* Kills it and all that it started. */
void lubdub_command_kill(pid_t process);

#endif
