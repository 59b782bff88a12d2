/* Lists the exit statuses that all programs share; each program defines what 0 and 1 mean (docs/interfaces.md). */
#ifndef LUBDUB_PROGRAM_PROCESS_EXIT_STATUS_H
#define LUBDUB_PROGRAM_PROCESS_EXIT_STATUS_H

#define LUBDUB_EXIT_USAGE 2
#define LUBDUB_EXIT_CANNOT_START 3
#define LUBDUB_EXIT_BY_SIGNAL 128 /* and the signal's number, as a shell has it */

#endif
