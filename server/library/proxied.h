/*
 * Waits for the header with which a proxy tells where a connection comes from (proxy_header.h), and hands the
 * connection to the door. A connection that waits costs a descriptor and a small struct, and no buffer: its bytes stay
 * in the kernel until the whole header is there.
 */
#ifndef LUBDUB_SERVER_LIBRARY_PROXIED_H
#define LUBDUB_SERVER_LIBRARY_PROXIED_H

#include "ev/address.h"
#include "server/library/state.h"

/* Whether connections from there begin with a header, by the settings in force. */
bool lubdub_proxied_is_proxy(const struct lubdub_worker *worker, const struct lubdub_address *address);

/*
 * A connection of a proxy came. The socket is the worker's now. Header and first frame have a handshake time each; behind
 * the header comes TLS, or not. A
 * wrong header is told as REJECTED with the address of the proxy, and the socket is closed with nothing written.
 */
void lubdub_proxied_accept(struct lubdub_worker *worker, int socket, const struct lubdub_address *proxy,
                           bool is_tls);

/* Closes all connections that wait, without a word. */
void lubdub_proxied_clear(struct lubdub_worker *worker);

#endif
