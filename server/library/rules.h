/*
 * Keeps a copy of the settings in force, strings included; workers share it, and the last one to release it frees it.
 */
#ifndef LUBDUB_SERVER_LIBRARY_RULES_H
#define LUBDUB_SERVER_LIBRARY_RULES_H

#include <lubdub/server.h>

#include "ev/network.h"
#include "server/library/tokens.h"

struct lubdub_rules {
    _Atomic unsigned references;
    struct lubdub_server_settings settings;
    struct lubdub_tokens tokens;    /* in place of the tokens of the settings */
    struct lubdub_network *proxies; /* in place of those of the settings */
    char agent[];
};

/*
 * The settings of a caller that may be older or newer than we are: what it does not know has its default. Pointers are
 * still the caller's. Returns NULL, or why they cannot work, as a static sentence.
 */
const char *lubdub_server_settings_adopt(struct lubdub_server_settings *own,
                                         const struct lubdub_server_settings *settings);

/* A copy with one reference; NULL without memory. token_key: a secret of the server, the same every time. */
struct lubdub_rules *lubdub_rules_new(const struct lubdub_server_settings *settings, const uint64_t token_key[2]);
struct lubdub_rules *lubdub_rules_share(struct lubdub_rules *rules);
void lubdub_rules_drop(struct lubdub_rules *rules);

#endif
