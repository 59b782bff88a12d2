/*
 * Parses HOST:PORT as people write it: a name, an IPv4 address, or an IPv6 address in brackets. Pure: nothing is
 * resolved.
 */
#ifndef LUBDUB_PROGRAM_SETTINGS_HOSTPORT_H
#define LUBDUB_PROGRAM_SETTINGS_HOSTPORT_H

#include <stdint.h>

#define LUBDUB_HOST_LENGTH_MAX 253
#define LUBDUB_HOSTPORT_TEXT_SIZE (LUBDUB_HOST_LENGTH_MAX + 9)

struct lubdub_hostport {
    char host[LUBDUB_HOST_LENGTH_MAX + 1]; /* without brackets, scope included: "fe80::1%eth0" */
    uint16_t port;
};

/*
 * Reads HOST, HOST:PORT, [IPV6] or [IPV6]:PORT. default_port is taken where the text has none; with a default_port of 0
 * the text must have one (ADDRESS:PORT, for listening).
 *
 * Returns NULL, or in a phrase that ends a sentence what is wrong ("the port must be 1 to 65535"); *hostport is then
 * left as it was. The phrase lives until the next call in this thread.
 */
const char *lubdub_hostport_parse(const char *text, uint16_t default_port, struct lubdub_hostport *hostport);

/* Writes "HOST:PORT", brackets where the host has a colon. Returns text. */
const char *lubdub_hostport_format(const struct lubdub_hostport *hostport, char text[LUBDUB_HOSTPORT_TEXT_SIZE]);

#endif
