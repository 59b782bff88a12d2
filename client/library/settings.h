/* Copies the settings of a client into one block of its own. */
#ifndef LUBDUB_CLIENT_LIBRARY_SETTINGS_H
#define LUBDUB_CLIENT_LIBRARY_SETTINGS_H

#include <stddef.h>

#include <lubdub/client.h>

#include "client/library/server_list.h"
#include "ev/address.h"

struct lubdub_client_rules {
    struct lubdub_session_settings session; /* its pointers lead into the block */
    struct lubdub_server_list servers;      /* its entries stand in the block */
    struct lubdub_address source;           /* port 0 always; used if has_source */
    lubdub_duration connect_timeout;
    enum lubdub_multipath multipath;
    struct lubdub_tls *tls; /* held by the client; NULL: plain */
    const char *tls_name;   /* NULL: the server's host */
    bool has_source;
    bool reconnects;
};

/*
 * The settings of a caller that may be older or newer than the library: what the caller does not know has its default.
 * Pointers are still the caller's. False where the size makes no sense, or the caller sets what the library does not
 * know.
 */
bool lubdub_client_settings_adopt(struct lubdub_client_settings *own, const struct lubdub_client_settings *settings);

/* How many bytes the block must have. */
size_t lubdub_client_rules_block_size(const struct lubdub_client_settings *settings);

/* Copies settings that were checked; the block is the caller's, aligned as malloc does, and lives as long as rules. */
void lubdub_client_rules_init(struct lubdub_client_rules *rules, const struct lubdub_client_settings *settings,
                              void *block);

#endif
