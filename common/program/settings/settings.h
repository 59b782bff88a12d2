/*
 * Loads a program's settings: one row each in a table, for both the command line and the configuration file.
 *
 *     lubdub-client --interval 250ms          [client]
 *                                             interval = 250ms
 *
 * The fields live in a struct of the program's own that holds the defaults before the call. The command line wins over
 * the environment (environment.h), and that over the file, whatever the order; for a list, the one replaces the other.
 * An option given twice: the last one counts (in a file that is an error, as it is most likely a slip). Long options
 * are not abbreviated. Options may stand after positional arguments; -- ends them. A value that begins with a dash must
 * be written --name=VALUE.
 *
 * --help, --version, --config FILE and --check-config (read all, say whether it is right, and leave) are understood
 * without a row. --help and --version win over everything else. So does --describe FORM (describe.h), for the build.
 *
 * The file: key = value lines, keys as the long options; lines that begin with # or ; are comments and there are no
 * others, so that a value may have these characters. Lines may stand below [SECTION] of the program; what stands below
 * the section of another program of the toolkit is passed over, and other sections are refused. Must be a regular file
 * of at most 10 MiB; it is read whole before anything is taken from it.
 */
#ifndef LUBDUB_PROGRAM_SETTINGS_SETTINGS_H
#define LUBDUB_PROGRAM_SETTINGS_SETTINGS_H

#include "program/settings/table.h"

/*
 * Fills the fields of target, and *loaded, from the command line and the file it names. Prints nothing. argv must
 * outlive the target and is not changed.
 *
 * Called again (on SIGHUP) with the same argv, a fresh target with the defaults and a fresh loaded, it reads the file
 * anew. The program then takes the new pair over and clears the old, or on WRONG keeps the old. Not for two threads at
 * a time.
 *
 * On any result, clear loaded (lubdub_settings_clear) when the target is not needed any more.
 */
enum lubdub_settings_result lubdub_settings_load(const struct lubdub_settings_table *table, int argc,
                                                 char *const argv[], void *target,
                                                 struct lubdub_settings_loaded *loaded);

/*
 * The same for the start of main: prints the help, the version or the verdict of --check-config to standard output, or
 * the problem to standard error. Returns true where the program should run; else *exit_status is what main should
 * return, and loaded needs no clearing.
 */
bool lubdub_settings_start(const struct lubdub_settings_table *table, int argc, char *const argv[], void *target,
                           struct lubdub_settings_loaded *loaded, int *exit_status);

/* Whether the command line or the file gave a value. The name must be in the table. */
bool lubdub_settings_is_given(const struct lubdub_settings_table *table, const struct lubdub_settings_loaded *loaded,
                              const char *name);

/*
 * Writes the names of the settings whose values differ between two targets into text, with commas; of those that are
 * fixed, or of the others. CUSTOM rows are left out. Returns how many.
 */
size_t lubdub_settings_changes(const struct lubdub_settings_table *table, const void *old_target,
                               const void *new_target, bool fixed, char *text, size_t capacity);

#endif
