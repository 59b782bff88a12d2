/* Binds to an address or a path; compares names and tokens. */
#define _GNU_SOURCE
#include "server/http/door.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ev/address.h"
#include "program/settings/hostport.h"

#define BACKLOG 64
#define LONGEST_TOKEN 2048

static const char unix_prefix[] = "unix:";

bool door_is_socket(const char *address)
{
    return strncmp(address, unix_prefix, sizeof unix_prefix - 1) == 0;
}

static const char *path_of(const char *address)
{
    return address + sizeof unix_prefix - 1;
}

/* localhost is 127.0.0.1, * is all addresses. */
static const char *parse(const char *text, struct lubdub_address *address)
{
    struct lubdub_hostport hostport;
    const char *fault = lubdub_hostport_parse(text, 0, &hostport);
    const char *host = hostport.host;

    if (fault != NULL) {
        return fault;
    }
    if (strcmp(host, "localhost") == 0) {
        host = "127.0.0.1";
    } else if (strcmp(host, "*") == 0) {
        host = "::";
    }
    return lubdub_address_parse(address, host, hostport.port) ? NULL
                                                              : "must be a numeric address and a port, or unix:PATH";
}

const char *door_judge_address(const char *text)
{
    struct lubdub_address address;
    struct sockaddr_un local;

    if (door_is_socket(text)) {
        return path_of(text)[0] != '\0' && strlen(path_of(text)) < sizeof local.sun_path
                   ? NULL
                   : "must be unix: and a path of at most 107 bytes";
    }
    return parse(text, &address);
}

bool door_is_local(const char *text)
{
    struct lubdub_address address;

    return door_is_socket(text) || (parse(text, &address) == NULL && lubdub_address_is_loopback(&address));
}

static int close_with(int descriptor, int error)
{
    close(descriptor);
    errno = error;
    return -1;
}

static int listen_on(int descriptor, const struct sockaddr *address, socklen_t length)
{
    if (bind(descriptor, address, length) != 0 || listen(descriptor, BACKLOG) != 0) {
        return close_with(descriptor, errno);
    }
    return descriptor;
}

static int listen_on_address(const char *text)
{
    struct lubdub_address address;
    struct sockaddr_storage storage;
    socklen_t length;
    const int yes = 1;
    const int no = 0;
    int descriptor;

    if (parse(text, &address) != NULL) {
        errno = EINVAL;
        return -1;
    }
    length = lubdub_address_to_socket(&address, &storage);
    descriptor = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) {
        return -1;
    }
    (void)setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (storage.ss_family == AF_INET6) {
        (void)setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no); /* "*" is IPv4, too */
    }
    return listen_on(descriptor, (struct sockaddr *)&storage, length);
}

/* Nobody listens there any more. */
static bool is_left_behind(const struct sockaddr_un *address)
{
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_refused = descriptor >= 0 && connect(descriptor, (const struct sockaddr *)address, sizeof *address) != 0 &&
                      errno == ECONNREFUSED;

    if (descriptor >= 0) {
        close(descriptor);
    }
    return is_refused;
}

static int listen_on_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    int descriptor;

    strcpy(address.sun_path, path);
    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode) && is_left_behind(&address)) {
        (void)unlink(path);
    }
    descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) {
        return -1;
    }
    (void)fchmod(descriptor, 0660); /* the file gets this mode when it is bound */
    return listen_on(descriptor, (struct sockaddr *)&address, sizeof address);
}

int door_listen(const char *address)
{
    return door_is_socket(address) ? listen_on_path(path_of(address)) : listen_on_address(address);
}

void door_leave(const char *address)
{
    if (door_is_socket(address)) {
        (void)unlink(path_of(address));
    }
}

bool door_admits_host(const char *host, const char *const *names, size_t name_count)
{
    char name[LUBDUB_HOST_LENGTH_MAX + 1];
    struct lubdub_hostport hostport;
    struct lubdub_address address;
    size_t i;

    if (host == NULL) {
        return true; /* no browser leaves it out */
    }
    if (lubdub_hostport_parse(host, 80, &hostport) != NULL) {
        return false;
    }
    memcpy(name, hostport.host, sizeof name);
    for (i = 0; i < name_count; i++) {
        if (strcasecmp(names[i], name) == 0) {
            return true;
        }
    }
    return strcasecmp(name, "localhost") == 0 || lubdub_address_parse(&address, name, 1);
}

/* Takes as long wherever they differ. */
static bool is_same(const char *given, size_t length, struct lubdub_slice token)
{
    unsigned difference = length != token.length;
    size_t i;

    for (i = 0; i < length; i++) {
        difference |= (unsigned char)given[i] ^ (unsigned char)token.data[i % token.length];
    }
    return difference == 0;
}

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *place = c != '\0' ? strchr(digits, c) : NULL;

    return place != NULL ? (int)(place - digits) : -1;
}

/* Base64; returns the length, or 0 where it is none. */
static size_t decode(const char *text, char *bytes, size_t capacity)
{
    uint32_t bits = 0;
    unsigned count = 0;
    size_t length = 0;

    for (; *text != '\0' && *text != '='; text++) {
        int digit = digit_of(*text);

        if (digit < 0 || length == capacity) {
            return 0;
        }
        bits = bits << 6 | (uint32_t)digit;
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes[length++] = (char)(bits >> count);
        }
    }
    return length;
}

bool door_admits_token(const char *authorization, struct lubdub_slice token)
{
    static const char bearer[] = "Bearer ";
    static const char basic[] = "Basic ";
    char pair[LONGEST_TOKEN];
    size_t length;
    const char *colon;

    if (authorization == NULL) {
        return false;
    }
    if (strncasecmp(authorization, bearer, sizeof bearer - 1) == 0) {
        return is_same(authorization + sizeof bearer - 1, strlen(authorization + sizeof bearer - 1), token);
    }
    if (strncasecmp(authorization, basic, sizeof basic - 1) != 0) {
        return false;
    }
    length = decode(authorization + sizeof basic - 1, pair, sizeof pair);
    colon = memchr(pair, ':', length);
    return colon != NULL && is_same(colon + 1, length - (size_t)(colon + 1 - pair), token);
}
