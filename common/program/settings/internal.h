/* What the files about settings share: a load under way. */
#ifndef LUBDUB_PROGRAM_SETTINGS_INTERNAL_H
#define LUBDUB_PROGRAM_SETTINGS_INTERNAL_H

#include "program/settings/settings.h"

enum lubdub_setting_source {
    LUBDUB_SETTING_FROM_DEFAULT,
    LUBDUB_SETTING_FROM_FILE,
    LUBDUB_SETTING_FROM_COMMAND_LINE,
};

struct lubdub_settings_loader {
    const struct lubdub_settings_table *table;
    void *target;
    struct lubdub_settings_loaded *loaded;
    enum lubdub_setting_source *sources; /* for each row, where its value is from */
};

/* Memory that lives as long as loaded. Returns NULL without any. */
void *lubdub_settings_allocate(struct lubdub_settings_loaded *loaded, size_t size);

bool lubdub_setting_is_list(const struct lubdub_setting *setting);

/* Whether the command line may leave the value out. */
bool lubdub_setting_is_flag(const struct lubdub_setting *setting);

/* The row of that name; NULL if there is none. The name need not end where length says. */
const struct lubdub_setting *lubdub_settings_find(const struct lubdub_settings_table *table, const char *name,
                                                  size_t length);

/* The name in the table that was probably meant, or NULL. */
const char *lubdub_settings_nearest(const struct lubdub_settings_table *table, const char *name, size_t length);

/*
 * Puts a value into its field; NULL is an option without one. The value must live as long as loaded.
 * Returns true, or false and a phrase that ends a sentence in reason.
 */
bool lubdub_setting_set(struct lubdub_settings_loader *loader, const struct lubdub_setting *setting, const char *value,
                        enum lubdub_setting_source source, char *reason, size_t capacity);

/* Reads the file into the target. Returns true, or false and loaded->problem. */
bool lubdub_settings_read_file(struct lubdub_settings_loader *loader, const char *path);

/* Reads the command line into the target. Likewise. */
bool lubdub_settings_read_arguments(struct lubdub_settings_loader *loader, int argc, char *const argv[]);

/* What of the command line comes before everything else: OK, HELP or VERSION; loaded->config_path is set. */
enum lubdub_settings_result lubdub_settings_look_ahead(struct lubdub_settings_loader *loader, int argc,
                                                       char *const argv[]);

/* The text of --help. Returns false if standard output does not take it. */
bool lubdub_settings_print_help(const struct lubdub_settings_table *table);

/* A value as an error line shows it: safe for a terminal, and not the megabyte that it may be. Returns text. */
#define LUBDUB_SETTINGS_SHOWN_SIZE 80
const char *lubdub_settings_show(const char *value, char text[LUBDUB_SETTINGS_SHOWN_SIZE]);

#endif
