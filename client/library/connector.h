/*
 * Makes one server's name into a connected socket: looks the name up, tries its addresses one after the other, each
 * with a limit, until one answers. A connection is no session yet: the kernel of a frozen server goes on accepting. So
 * the connector stays until there is one, and goes on with the rest of the addresses if there is none.
 */
#ifndef LUBDUB_CLIENT_LIBRARY_CONNECTOR_H
#define LUBDUB_CLIENT_LIBRARY_CONNECTOR_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include <lubdub/cause.h>
#include <lubdub/multipath.h>
#include <lubdub/time.h>

#include "client/library/server_list.h"
#include "ev/address.h"

/* For an address that others follow; the last one gets the whole limit. */
#define LUBDUB_CONNECT_TURN LUBDUB_SECOND

struct lubdub_connector;

enum lubdub_connector_event_kind {
    LUBDUB_CONNECTOR_TRYING,    /* address */
    LUBDUB_CONNECTOR_FAILED,    /* address, cause, text; the next one is tried */
    LUBDUB_CONNECTOR_CONNECTED, /* address, socket (tuned, and the receiver's from now on); rests until _go_on */
    LUBDUB_CONNECTOR_GAVE_UP,   /* cause, text, and the address that was tried last, if any; the end */
};

/* Lives until the callback returns. */
struct lubdub_connector_event {
    enum lubdub_connector_event_kind kind;
    const struct lubdub_address *address; /* NULL: none */
    int socket;
    enum lubdub_cause cause; /* refused, timeout, unreachable, resolve, protocol */
    const char *text;
};

/* May free the connector; after the end it must. It may go on after CONNECTED, but not from inside the callback. */
typedef void (*lubdub_connector_callback)(const struct lubdub_connector_event *event, void *user_data);

struct lubdub_connector_settings {
    struct ev_loop *loop;
    /*
     * The server, whose entry stays. last_good is for when its name cannot be looked up; the address that it names as
     * `behind` comes last, the addresses after it first; addresses at rest are left out. Its address_count is set.
     */
    struct lubdub_server_entry *entry;
    const struct lubdub_address *source; /* to connect from; NULL: the system chooses. Must stay */
    lubdub_duration timeout;             /* for the name, and for an address */
    enum lubdub_multipath multipath;
    lubdub_connector_callback callback;
    void *user_data;
};

/* The callback comes from the loop, never from inside this. NULL without memory. */
struct lubdub_connector *lubdub_connector_start(const struct lubdub_connector_settings *settings);

/* After CONNECTED: whether there are addresses that were not tried, and goes on with them. */
bool lubdub_connector_has_more(const struct lubdub_connector *connector);
void lubdub_connector_go_on(struct lubdub_connector *connector);

/*
 * Whether a connected socket's far end is its own near end. A connect to a local port of the ephemeral range where
 * nothing listens may meet itself (RFC 9293, 3.5, simultaneous open), and the client would answer its own heartbeats
 * for ever.
 */
bool lubdub_connector_met_itself(int socket);

/* Gives up and frees, also from inside the callback. NULL does no harm. */
void lubdub_connector_free(struct lubdub_connector *connector);

#endif
