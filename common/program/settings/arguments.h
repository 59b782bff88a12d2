/* Reads the command line into settings. */
#ifndef LUBDUB_PROGRAM_SETTINGS_ARGUMENTS_H
#define LUBDUB_PROGRAM_SETTINGS_ARGUMENTS_H

#include "program/settings/table.h"

/* Looks for what comes before everything else: OK, HELP or VERSION; loaded->config_path is set. */
enum lubdub_settings_result lubdub_settings_look_ahead(struct lubdub_settings_loader *loader, int argc,
                                                       char *const argv[]);

/* Reads the command line into the target. Returns true, or false and loaded->problem. */
bool lubdub_settings_read_arguments(struct lubdub_settings_loader *loader, int argc, char *const argv[]);

#endif
