/* Gives up what the server does not need to serve: the user that started it, new privileges, and system calls. */
#ifndef LUBDUB_SERVER_PROGRAM_CONFINE_H
#define LUBDUB_SERVER_PROGRAM_CONFINE_H

#include "server/program/options.h"

/*
 * The first part, while there is one thread and before any file is made: forks the launcher of the hook, and has files
 * that are made from now on closed to others (0640). Returns 0; or says why not, and returns the status to leave with.
 */
int confine_begin(struct options *options);

/*
 * The rest, when all is bound and opened and before the first client is accepted: becomes --user, warns of what cannot
 * be read again by that user, and applies the filter of system calls. Returns as above.
 */
int confine_end(const struct options *options);

#endif
