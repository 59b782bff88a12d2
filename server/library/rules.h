/* The settings in force, with all strings their own; shared by the workers and freed by the last that lets go. */
#ifndef LUBDUB_SERVER_LIBRARY_RULES_H
#define LUBDUB_SERVER_LIBRARY_RULES_H

#include <lubdub/server.h>

struct lubdub_rules {
    _Atomic unsigned references;
    struct lubdub_server_settings settings;
    struct lubdub_slice tokens[];
};

/* A copy with one reference; NULL without memory. */
struct lubdub_rules *lubdub_rules_new(const struct lubdub_server_settings *settings);
struct lubdub_rules *lubdub_rules_share(struct lubdub_rules *rules);
void lubdub_rules_drop(struct lubdub_rules *rules);

#endif
