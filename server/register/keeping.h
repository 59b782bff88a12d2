/* Keeps what is known in the state file, and takes it from there. */
#ifndef LUBDUB_SERVER_REGISTER_KEEPING_H
#define LUBDUB_SERVER_REGISTER_KEEPING_H

#include "server/register/state.h"

/* Before anything else is known. Returns 0, or an errno where the file cannot be read. */
int keeping_read(struct lubdub_register *reg);

/* Writes all that is known. Called with the lock held, which is let go of while the disk works. */
void keeping_write(struct lubdub_register *reg);

#endif
