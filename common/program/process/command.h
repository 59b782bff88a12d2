/*
 * Runs commands that a user gave, by /bin/sh or by themselves, in a process group of their own. This file does not wait
 * for them: the caller watches the process (ev_child).
 */
#ifndef LUBDUB_PROGRAM_PROCESS_COMMAND_H
#define LUBDUB_PROGRAM_PROCESS_COMMAND_H

#include <sys/types.h>

#include "program/events/line.h"

/* Where standard output goes, if not to a descriptor. */
#define LUBDUB_COMMAND_TO_LOG (-1) /* to our standard error; our standard output carries data */
#define LUBDUB_COMMAND_TO_NOWHERE (-2)

/*
 * Starts /bin/sh -c command with standard input from /dev/null, standard output to `output`, and the limit of
 * descriptors that we were started with. facts, if not NULL, are in its environment: the event as LUBDUB_EVENT and each
 * field as LUBDUB_NAME, made safe to show, as the values may come from the wire.
 * Returns the process, or -1 and errno.
 */
pid_t lubdub_command_start(const char *command, const struct lubdub_event_line *facts, int output);

/*
 * Starts a program without a shell, looked for in PATH where its name has no slash: standard input is `input`, standard
 * output and standard error are `output`. The rest is as above.
 */
pid_t lubdub_command_start_program(const char *program, const struct lubdub_event_line *facts, int input, int output);

/* Kills it and all that it started and that is still in its group. After its end: what it left behind. */
void lubdub_command_kill(pid_t process);

#endif
