/*
 * Reads settings from the environment: LUBDUB_CLIENT_INTERVAL=250ms is --interval 250ms of lubdub-client. A flag is yes
 * or no; the values of a repeatable option stand one a line.
 *
 * A variable that means no option is passed over, and so is an empty one: orchestrators put variables of their own
 * beside ours (Kubernetes tells every container LUBDUB_SERVER_PORT where a service is called lubdub-server).
 */
#ifndef LUBDUB_PROGRAM_SETTINGS_ENVIRONMENT_H
#define LUBDUB_PROGRAM_SETTINGS_ENVIRONMENT_H

#include "program/settings/table.h"

/* Reads the variables of the program into the target. Returns true, or false and loaded->problem. */
bool lubdub_settings_read_environment(struct lubdub_settings_loader *loader);

/* LUBDUB_CLIENT_CONFIG, for a program that was given no --config; NULL. */
const char *lubdub_settings_config_of_environment(const struct lubdub_settings_table *table);

#endif
