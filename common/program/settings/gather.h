/* Reads the value of --gather: D, auto or off. */
#ifndef LUBDUB_PROGRAM_SETTINGS_GATHER_H
#define LUBDUB_PROGRAM_SETTINGS_GATHER_H

#include <lubdub/time.h>

#include "program/settings/table.h"

/* For the row's help: every program says the same. */
#define LUBDUB_GATHER_HELP "let one wake-up serve many sessions where many come: for so long at most (auto: 1ms)"

/* Judges the value for a row of kind STRING. */
const char *lubdub_gather_judge(const char *value, void *field);

/* A value that was judged, or NULL for the default, auto. 0: off. */
lubdub_duration lubdub_gather_value(const char *value);

#endif
