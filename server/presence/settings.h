/* What a presence is told at its beginning. */
#ifndef LUBDUB_SERVER_PRESENCE_SETTINGS_H
#define LUBDUB_SERVER_PRESENCE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

#include "server/presence/url.h"

/* An event of which all strings are as long as they may be, each byte of them escaped. */
#define PRESENCE_EVENT_SIZE (32 * 1024)

struct lubdub_tls;

struct presence_settings {
    struct presence_url url;
    struct lubdub_tls
        *tls;         /* where the URL asks for it (is_tls); of a client, and the caller's until presence_close() */
    const char *node; /* presence_node_is_valid(); borrowed */
    lubdub_duration lease; /* a node that stands still for so long is buried */
    lubdub_duration grace; /* of identities (and of those of a dead node, a lease at least) */
    uint64_t rate;         /* claims a second after Redis was away */
    /* Makes JSON of what presence_publish() was given, in the thread; its length, 0: it cannot */
    size_t (*write_event)(const void *event, size_t length, char *json, size_t capacity);
    void (*log)(bool is_warning, const char *text, void *user_data); /* from the thread */
    void *user_data;
};

#endif
