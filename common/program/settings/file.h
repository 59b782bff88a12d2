/* Reads the configuration file into settings. */
#ifndef LUBDUB_PROGRAM_SETTINGS_FILE_H
#define LUBDUB_PROGRAM_SETTINGS_FILE_H

#include "program/settings/table.h"

/* Reads the file into the target. Returns true, or false and loaded->problem. */
bool lubdub_settings_read_file(struct lubdub_settings_loader *loader, const char *path);

#endif
