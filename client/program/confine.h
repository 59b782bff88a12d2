/* Gives up what the client does not need: new privileges, dumps of its memory, and system calls. */
#ifndef LUBDUB_CLIENT_PROGRAM_CONFINE_H
#define LUBDUB_CLIENT_PROGRAM_CONFINE_H

#include "client/program/options.h"

/*
 * The first part, while there is one thread: forks the launcher of the commands, where there are any or where a
 * configuration that is read again may bring some. Returns 0; or says why not, and returns the status to leave with.
 */
int confine_begin(struct options *options);

/* The rest, before the first connection. Returns as above. */
int confine_end(const struct options *options);

#endif
