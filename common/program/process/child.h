/* Sets up the processes that a program forks, and words how they ended. */
#ifndef LUBDUB_PROGRAM_PROCESS_CHILD_H
#define LUBDUB_PROGRAM_PROCESS_CHILD_H

#include <stddef.h>
#include <sys/types.h>

/*
 * First of all in a process that was just forked: it dies with its parent, at once if that is dead already, and a
 * Ctrl-C on the terminal, which is the parent's affair, does not reach it.
 */
void lubdub_child_begin(pid_t parent);

/* The parent's loop hears of signals by descriptors that are the child's now too: it takes them as they come. */
void lubdub_child_forget_signals(void);

/* "it was killed by signal 9 (Killed)", in text, of a status as waitpid gives it. Returns text. */
const char *lubdub_child_end(int status, char *text, size_t capacity);

#endif
