/* Parses one value of one setting, judges it by its row, and puts it into its field. */
#include "program/settings/value.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "program/settings/parse.h"

struct reason {
    char *text;
    size_t capacity;
};

static bool refuse(struct reason *reason, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(struct reason *reason, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reason->text, reason->capacity, format, arguments);
    va_end(arguments);
    return false;
}

static bool is_within(const struct lubdub_setting *setting, uint64_t value)
{
    return value >= setting->minimum && (setting->maximum == 0 || value <= setting->maximum);
}

/* "from 10ms to 1h", "of at least 1"; both limits in the words of the kind. */
static bool refuse_range(struct reason *reason, const struct lubdub_setting *setting, const char *what,
                         const char *minimum, const char *maximum, const char *example)
{
    if (setting->maximum != 0) {
        return refuse(reason, "must be %s from %s to %s%s", what, minimum, maximum, example);
    }
    return refuse(reason, "must be %s of at least %s%s", what, minimum, example);
}

static bool set_flag(bool *field, const char *value, struct reason *reason)
{
    static const char *const yes[] = {"yes", "true", "on"};
    static const char *const no[] = {"no", "false", "off"};
    size_t i;

    if (value == NULL) {
        *field = true;
        return true;
    }
    for (i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
            *field = strcmp(value, yes[i]) == 0;
            return true;
        }
    }
    return refuse(reason, "must be yes or no");
}

static bool set_duration(const struct lubdub_setting *setting, lubdub_duration *field, const char *value,
                         struct reason *reason)
{
    char minimum[LUBDUB_DURATION_TEXT_SIZE];
    char maximum[LUBDUB_DURATION_TEXT_SIZE];
    lubdub_duration duration;

    if (lubdub_parse_duration(value, &duration) == LUBDUB_PARSE_OK && is_within(setting, duration)) {
        *field = duration;
        return true;
    }
    return refuse_range(reason, setting, "a duration", lubdub_format_duration(setting->minimum, minimum),
                        lubdub_format_duration(setting->maximum, maximum),
                        ", such as 250ms, 3s or 2m (a bare number is milliseconds)");
}

static bool set_number(const struct lubdub_setting *setting, uint64_t *field, const char *value, struct reason *reason)
{
    bool is_size = setting->kind == LUBDUB_SETTING_SIZE;
    char minimum[32];
    char maximum[32];
    uint64_t number;
    enum lubdub_parse_result result = is_size ? lubdub_parse_size(value, &number) : lubdub_parse_count(value, &number);

    if (result == LUBDUB_PARSE_OK && is_within(setting, number)) {
        *field = number;
        return true;
    }
    snprintf(minimum, sizeof minimum, "%llu", (unsigned long long)setting->minimum);
    snprintf(maximum, sizeof maximum, "%llu", (unsigned long long)setting->maximum);
    return refuse_range(reason, setting, is_size ? "a number of bytes" : "a number", minimum, maximum,
                        is_size ? ", such as 512, 64k or 2m" : "");
}

static bool set_share(double *field, const char *value, struct reason *reason)
{
    if (lubdub_parse_share(value, field) == LUBDUB_PARSE_OK) {
        return true;
    }
    return refuse(reason, "must be a share from 0%% to 100%%, such as 5%% or 0.05");
}

static bool set_choice(const struct lubdub_setting *setting, int *field, const char *value, struct reason *reason)
{
    size_t used;
    int i;

    for (i = 0; setting->words[i] != NULL; i++) {
        if (strcmp(value, setting->words[i]) == 0) {
            *field = i;
            return true;
        }
    }
    refuse(reason, "must be %s", setting->words[0]);
    for (i = 1; setting->words[i] != NULL; i++) {
        const char *separator = setting->words[i + 1] != NULL ? ", " : " or ";

        used = strlen(reason->text);
        snprintf(reason->text + used, reason->capacity - used, "%s%s", separator, setting->words[i]);
    }
    return false;
}

static bool judge_string(const struct lubdub_setting *setting, const char *value, struct reason *reason)
{
    const char *allowed = setting->take != NULL ? setting->take(value, NULL) : NULL;
    uint64_t minimum = setting->minimum > 1 ? setting->minimum : 1;

    if (allowed != NULL) {
        return refuse(reason, "%s", allowed);
    }
    if (strlen(value) < minimum || (setting->maximum != 0 && strlen(value) > setting->maximum)) {
        char limits[2][32];

        snprintf(limits[0], sizeof limits[0], "%llu", (unsigned long long)minimum);
        snprintf(limits[1], sizeof limits[1], "%llu bytes", (unsigned long long)setting->maximum);
        return refuse_range(reason, setting, "text", limits[0], limits[1], setting->maximum != 0 ? "" : " bytes");
    }
    return true;
}

static bool read_address(const char *value, struct lubdub_hostport *address, struct reason *reason)
{
    const char *wrong = lubdub_hostport_parse(value, 0, address);

    return wrong == NULL || refuse(reason, "%s", wrong);
}

/* Room for one more item, in memory that doubles each time it is full. */
static void *grow(struct lubdub_settings_loader *loader, void *items, size_t count, size_t size)
{
    void *grown;

    if (count != 0 && (count & (count - 1)) != 0) {
        return items;
    }
    grown = lubdub_settings_allocate(loader->loaded, (count == 0 ? 1 : 2 * count) * size);
    if (grown != NULL && count != 0) {
        memcpy(grown, items, count * size);
    }
    return grown;
}

static bool add_string(struct lubdub_settings_loader *loader, struct lubdub_strings *list, const char *value,
                       bool is_first, struct reason *reason)
{
    size_t count = is_first ? 0 : list->count;
    const char **items = grow(loader, list->items, count, sizeof list->items[0]);

    if (items == NULL) {
        return refuse(reason, LUBDUB_SETTINGS_NO_MEMORY);
    }
    items[count] = value;
    list->items = items;
    list->count = count + 1;
    return true;
}

static bool add_address(struct lubdub_settings_loader *loader, struct lubdub_hostports *list, const char *value,
                        bool is_first, struct reason *reason)
{
    size_t count = is_first ? 0 : list->count;
    struct lubdub_hostport *items;
    struct lubdub_hostport address;

    if (!read_address(value, &address, reason)) {
        return false;
    }
    items = grow(loader, list->items, count, sizeof list->items[0]);
    if (items == NULL) {
        return refuse(reason, LUBDUB_SETTINGS_NO_MEMORY);
    }
    items[count] = address;
    list->items = items;
    list->count = count + 1;
    return true;
}

static bool set_string(const struct lubdub_setting *setting, const char **field, const char *value,
                       struct reason *reason)
{
    if (!judge_string(setting, value, reason)) {
        return false;
    }
    *field = value;
    return true;
}

static bool take_custom(const struct lubdub_setting *setting, void *field, const char *value, struct reason *reason)
{
    const char *allowed = setting->take(value, field);

    return allowed == NULL || refuse(reason, "%s", allowed);
}

static bool set_by_kind(struct lubdub_settings_loader *loader, const struct lubdub_setting *setting, const char *value,
                        bool is_first, struct reason *reason)
{
    void *field = (char *)loader->target + setting->offset;

    switch (setting->kind) {
    case LUBDUB_SETTING_FLAG:
        return set_flag(field, value, reason);
    case LUBDUB_SETTING_DURATION:
        return set_duration(setting, field, value, reason);
    case LUBDUB_SETTING_SIZE:
    case LUBDUB_SETTING_COUNT:
        return set_number(setting, field, value, reason);
    case LUBDUB_SETTING_SHARE:
        return set_share(field, value, reason);
    case LUBDUB_SETTING_CHOICE:
        return set_choice(setting, field, value, reason);
    case LUBDUB_SETTING_OPTIONAL_STRING:
        if (value == NULL) {
            *(const char **)field = "";
            return true;
        }
        return set_string(setting, field, value, reason);
    case LUBDUB_SETTING_STRING:
        return set_string(setting, field, value, reason);
    case LUBDUB_SETTING_STRINGS:
        return judge_string(setting, value, reason) && add_string(loader, field, value, is_first, reason);
    case LUBDUB_SETTING_ADDRESS:
        return read_address(value, field, reason);
    case LUBDUB_SETTING_ADDRESSES:
        return add_address(loader, field, value, is_first, reason);
    case LUBDUB_SETTING_CUSTOM:
        return take_custom(setting, field, value, reason);
    }
    return refuse(reason, "cannot be set");
}

bool lubdub_setting_set(struct lubdub_settings_loader *loader, const struct lubdub_setting *setting, const char *value,
                        enum lubdub_setting_source source, char *reason_text, size_t capacity)
{
    enum lubdub_setting_source *was = &loader->sources[setting - loader->table->rows];
    struct reason reason = {reason_text, capacity};

    assert(value != NULL || lubdub_setting_is_flag(setting));
    if (value != NULL && *value == '\0') {
        return refuse(&reason, "needs a value, which is empty");
    }
    if (!set_by_kind(loader, setting, value, *was != source, &reason)) {
        return false;
    }
    *was = source;
    return true;
}
