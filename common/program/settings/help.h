/* Prints the text of --help. */
#ifndef LUBDUB_PROGRAM_SETTINGS_HELP_H
#define LUBDUB_PROGRAM_SETTINGS_HELP_H

#include "program/settings/table.h"

/* Returns false if standard output does not take it. */
bool lubdub_settings_print_help(const struct lubdub_settings_table *table);

#endif
