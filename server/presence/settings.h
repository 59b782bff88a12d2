/* What a presence is told at its beginning. */
#ifndef LUBDUB_SERVER_PRESENCE_SETTINGS_H
#define LUBDUB_SERVER_PRESENCE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include <lubdub/time.h>

#include "server/presence/url.h"

struct lubdub_tls;

struct presence_settings {
    struct presence_url url;
    struct lubdub_tls
        *tls;         /* where the URL asks for it (is_tls); of a client, and the caller's until presence_close() */
    const char *node; /* presence_node_is_valid(); borrowed */
    lubdub_duration lease; /* a node that stands still for so long is buried */
    lubdub_duration grace; /* of identities (and of those of a dead node, a lease at least) */
    uint64_t rate;         /* claims a second after Redis was away */
    void (*log)(bool is_warning, const char *text, void *user_data); /* from the thread */
    void *user_data;
};

#endif
