/*
 * Reads the header with which a proxy tells where a connection comes from: the PROXY protocol, version 2
 * (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt). Pure.
 *
 *     signature 12 · version and command 1 · family and transport 1 · length 2 · addresses 0, 12, 36 or 216 · TLVs
 */
#ifndef LUBDUB_SERVER_LIBRARY_PROXY_HEADER_H
#define LUBDUB_SERVER_LIBRARY_PROXY_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "ev/address.h"

/* Of the whole header. Proxies send a few dozen bytes; certificates of clients in TLVs may make more of it. */
#define LUBDUB_PROXY_HEADER_LIMIT 4096

enum lubdub_proxy_header_result {
    LUBDUB_PROXY_HEADER_IS_SHORT, /* more bytes are needed */
    LUBDUB_PROXY_HEADER_CLIENT,   /* the connection is a client's, and address is where it comes from */
    LUBDUB_PROXY_HEADER_UNKNOWN,  /* it is a client's, and the proxy does not tell where it comes from */
    LUBDUB_PROXY_HEADER_LOCAL,    /* it is the proxy's own: a health check */
    LUBDUB_PROXY_HEADER_WRONG,
};

struct lubdub_proxy_header {
    size_t length;                 /* IS_SHORT: so many bytes are needed to say more; else of the header */
    struct lubdub_address address; /* CLIENT */
    const char *fault;             /* WRONG: what is wrong, as a static sentence that names the field */
};

/* Reads what has come so far. Looks at no byte behind the header. */
enum lubdub_proxy_header_result lubdub_proxy_header_read(const uint8_t *bytes, size_t length,
                                                         struct lubdub_proxy_header *header);

#endif
