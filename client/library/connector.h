/*
 * Makes one server's name into a connected socket: looks the name up, tries its addresses one after the other, each with
 * a limit, until one answers.
 */
#ifndef LUBDUB_CLIENT_LIBRARY_CONNECTOR_H
#define LUBDUB_CLIENT_LIBRARY_CONNECTOR_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include <lubdub/cause.h>
#include <lubdub/time.h>

#include "ev/address.h"

/* For an address that others follow; the last one gets the whole limit. */
#define LUBDUB_CONNECT_TURN LUBDUB_SECOND

struct lubdub_connector;

enum lubdub_connector_event_kind {
    LUBDUB_CONNECTOR_TRYING,    /* address */
    LUBDUB_CONNECTOR_FAILED,    /* address, cause, text; the next one is tried */
    LUBDUB_CONNECTOR_CONNECTED, /* address, socket (tuned, and the receiver's from now on); the end */
    LUBDUB_CONNECTOR_GAVE_UP,   /* cause, text, and the address that was tried last, if any; the end */
};

/* Lives until the callback returns. */
struct lubdub_connector_event {
    enum lubdub_connector_event_kind kind;
    const struct lubdub_address *address; /* NULL: none */
    int socket;
    enum lubdub_cause cause; /* refused, timeout, unreachable, resolve */
    const char *text;
};

/* May free the connector; after the end it must. */
typedef void (*lubdub_connector_callback)(const struct lubdub_connector_event *event, void *user_data);

struct lubdub_connector_settings {
    struct ev_loop *loop;
    const char *host; /* these three are not needed after the start */
    uint16_t port;
    const struct lubdub_address *fallback; /* an address that was good once, for when the name cannot be looked up */
    const struct lubdub_address *source;   /* to connect from; NULL: the system chooses. Must stay */
    lubdub_duration timeout;               /* for the name, and for an address */
    lubdub_connector_callback callback;
    void *user_data;
};

/* The callback comes from the loop, never from inside this. NULL without memory. */
struct lubdub_connector *lubdub_connector_start(const struct lubdub_connector_settings *settings);

/*
 * Whether a connected socket's far end is its own near end. A connect to a local port of the ephemeral range where
 * nothing listens may meet itself (RFC 9293, 3.5, simultaneous open), and the client would answer its own heartbeats for
 * ever.
 */
bool lubdub_connector_met_itself(int socket);

/* Gives up and frees, also from inside the callback. NULL does no harm. */
void lubdub_connector_free(struct lubdub_connector *connector);

#endif
