/* Lists the names of promised options, by program. */
#include "program/settings/promised.h"

#include <string.h>

struct promises {
    const char *section;
    const char *const *names;
};

/* One a line, so that two changes of it do not meet. */
/* clang-format off */
static const char *const of_server[] = {
    NULL,
};
/* clang-format on */
static const char *const of_client[] = {
    NULL,
};

static const struct promises all[] = {{"server", of_server}, {"client", of_client}};

bool lubdub_settings_is_promised(const char *section, const char *name, size_t length)
{
    size_t i;
    size_t j;

    for (i = 0; i < sizeof all / sizeof all[0]; i++) {
        for (j = 0; strcmp(all[i].section, section) == 0 && all[i].names[j] != NULL; j++) {
            if (strlen(all[i].names[j]) == length && strncmp(all[i].names[j], name, length) == 0) {
                return true;
            }
        }
    }
    return false;
}
