/*
 * Finds options that docs/reference/interfaces.md promises and that this version does not have yet: the answer says so,
 * and does not suggest another option.
 */
#ifndef LUBDUB_PROGRAM_SETTINGS_PROMISED_H
#define LUBDUB_PROGRAM_SETTINGS_PROMISED_H

#include <stdbool.h>
#include <stddef.h>

/* Of the program with this section. A name that the program's table has is not asked for here. */
bool lubdub_settings_is_promised(const char *section, const char *name, size_t length);

#endif
