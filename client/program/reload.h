/* Reads the options again at SIGHUP, and puts in force the options that may change while the program runs. */
#ifndef LUBDUB_CLIENT_PROGRAM_RELOAD_H
#define LUBDUB_CLIENT_PROGRAM_RELOAD_H

#include "client/program/program.h"

/* Whether there is anything that could be read again. */
bool reload_has_files(const struct program *program);

/* Reads them again. What is wrong in them is logged, and all stays as it was. */
void reload_options(struct program *program);

#endif
