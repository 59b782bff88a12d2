/* Sets one value of one setting. */
#ifndef LUBDUB_PROGRAM_SETTINGS_VALUE_H
#define LUBDUB_PROGRAM_SETTINGS_VALUE_H

#include "program/settings/table.h"

/*
 * Puts a value into its field; NULL is an option without one. The value must live as long as loaded.
 * Returns true, or false and a phrase that ends a sentence in reason.
 */
bool lubdub_setting_set(struct lubdub_settings_loader *loader, const struct lubdub_setting *setting, const char *value,
                        enum lubdub_setting_source source, char *reason, size_t capacity);

#endif
