/*
 * Describes a program's options from the rows of its table, for the manual and for the completion of a shell, so that
 * neither can say something else than the program does. The build asks for it: --describe FORM, which --help leaves
 * out.
 */
#ifndef LUBDUB_PROGRAM_SETTINGS_DESCRIBE_H
#define LUBDUB_PROGRAM_SETTINGS_DESCRIBE_H

#include "program/settings/table.h"

/* The forms: "manual" (a list in scdoc's language, for a page of manual) and "completion" (for bash). */
bool lubdub_settings_can_describe(const char *form);

/* Prints the options in one of them. Returns false if standard output does not take it. */
bool lubdub_settings_describe(const struct lubdub_settings_table *table, const char *form);

#endif
