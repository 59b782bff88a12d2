/* Splits and checks addresses with ports. */
#define _POSIX_C_SOURCE 200809L
#include "program/settings/hostport.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "program/settings/parse.h"

/* A scope after the address: "%eth0", "%2". */
static const char *check_scope(const char *scope, const struct in6_addr *address)
{
    if (scope == NULL) {
        return IN6_IS_ADDR_LINKLOCAL(address) ? "a link-local address needs its scope: [fe80::1%eth0]:PORT" : NULL;
    }
    if (scope[1] == '\0') {
        return "the scope after % is empty";
    }
    return strpbrk(scope, "[]:/") != NULL ? "the scope after % must be the name or number of an interface" : NULL;
}

static const char *check_ipv6(const char *host)
{
    const char *scope = strchr(host, '%');
    char digits[INET6_ADDRSTRLEN];
    struct in6_addr address;
    size_t length = scope != NULL ? (size_t)(scope - host) : strlen(host);

    if (length >= sizeof digits) {
        return "between the brackets must be an IPv6 address";
    }
    memcpy(digits, host, length);
    digits[length] = '\0';
    if (inet_pton(AF_INET6, digits, &address) != 1) {
        return "between the brackets must be an IPv6 address";
    }
    return check_scope(scope, &address);
}

/* Bytes that no name and no address has; they would only confuse the reader of the resolver's error. */
static const char *check_bytes(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;

        if (byte < 0x20 || byte == 0x7f) {
            return "it has a control character";
        }
        if (byte == ' ') {
            return "it has a space";
        }
        if (byte > 0x7f) {
            return "it has a character outside ASCII; write an international name as xn--...";
        }
    }
    return NULL;
}

static const char *check_name(const char *host)
{
    if (*host == '\0') {
        return "the host is empty";
    }
    if (strpbrk(host, "[]") != NULL) {
        return "brackets belong around an IPv6 address: [ADDRESS]:PORT";
    }
    return NULL;
}

/* Where the host of text ends; *host is where it starts, *rest what follows it: "", or the colon and the port. */
static const char *split(const char *text, const char **host, size_t *length, const char **rest)
{
    const char *first = strchr(text, ':');

    if (*text == '[') {
        const char *end = strchr(text, ']');

        if (end == NULL) {
            return "the bracket is not closed: [ADDRESS]:PORT";
        }
        *host = text + 1;
        *length = (size_t)(end - *host);
        *rest = end + 1;
        return **rest == '\0' || **rest == ':' ? NULL : "after the bracket must come :PORT or nothing";
    }
    if (first != NULL && strchr(first + 1, ':') != NULL) {
        struct in6_addr address;

        return inet_pton(AF_INET6, text, &address) == 1
                   ? "an IPv6 address must stand in brackets: [ADDRESS]:PORT"
                   : "it has more than one colon: must be HOST:PORT or [IPV6]:PORT";
    }
    *host = text;
    *length = first != NULL ? (size_t)(first - text) : strlen(text);
    *rest = text + *length;
    return NULL;
}

/* What is meant by a port without an address: "3333" or ":3333"; to listen on, or to connect to. */
static const char *check_lone_port(const char *text, uint16_t default_port)
{
    static _Thread_local char phrase[64];
    const char *digits = *text == ':' ? text + 1 : text;
    uint16_t port;

    if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0' ||
        (*text != ':' && default_port != 0) /* a name may be of digits */ ||
        lubdub_parse_port(digits, &port) != LUBDUB_PARSE_OK) {
        return NULL;
    }
    if (default_port == 0) {
        snprintf(phrase, sizeof phrase, "the address is missing; *:%u stands for all of them", (unsigned)port);
    } else {
        snprintf(phrase, sizeof phrase, "the host is missing; write HOST:%u", (unsigned)port);
    }
    return phrase;
}

const char *lubdub_hostport_parse(const char *text, uint16_t default_port, struct lubdub_hostport *hostport)
{
    struct lubdub_hostport result = {.port = default_port};
    const char *host;
    const char *rest;
    size_t length;
    const char *wrong;

    if (*text == '\0') {
        return "the host is empty";
    }
    if (strstr(text, "://") != NULL) {
        return default_port == 0 ? "it is a URL; must be ADDRESS:PORT" : "it is a URL; must be HOST:PORT or HOST";
    }
    if ((wrong = check_bytes(text)) != NULL || (wrong = check_lone_port(text, default_port)) != NULL ||
        (wrong = split(text, &host, &length, &rest)) != NULL) {
        return wrong;
    }
    if (length > LUBDUB_HOST_LENGTH_MAX) {
        return "the host is longer than 253 bytes";
    }
    memcpy(result.host, host, length);
    wrong = *text == '[' ? check_ipv6(result.host) : check_name(result.host);
    if (wrong != NULL) {
        return wrong;
    }
    if (*rest == '\0' && default_port == 0) {
        return "the port is missing: ADDRESS:PORT";
    }
    if (*rest == ':' && lubdub_parse_port(rest + 1, &result.port) != LUBDUB_PARSE_OK) {
        return "the port must be 1 to 65535";
    }
    *hostport = result;
    return NULL;
}

const char *lubdub_hostport_format(const struct lubdub_hostport *hostport, char text[LUBDUB_HOSTPORT_TEXT_SIZE])
{
    bool is_ipv6 = strchr(hostport->host, ':') != NULL;

    snprintf(text, LUBDUB_HOSTPORT_TEXT_SIZE, "%s%s%s:%u", is_ipv6 ? "[" : "", hostport->host, is_ipv6 ? "]" : "",
             hostport->port);
    return text;
}
