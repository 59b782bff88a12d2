/* Runs one client of the library: begins it, handles its events, and ends it. */
#ifndef LUBDUB_CLIENT_PROGRAM_WATCH_H
#define LUBDUB_CLIENT_PROGRAM_WATCH_H

#include "client/program/program.h"

/* Makes a client by the options and starts it. False, having said why. */
bool watch_start(struct watch *watch);

/* Says goodbye to begin anew with the present options. */
void watch_renew(struct watch *watch);

/* What was counted over all its clients. */
void watch_counts(const struct watch *watch, struct lubdub_client_counts *counts);

/* Starts the check of the options, if there is one; all watches tell its results. */
void watch_start_check(struct program *program);

#endif
