/* Converts addresses of both families to one form, and to text and back. */
#include "ev/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool lubdub_address_is_ipv4(const struct lubdub_address *address)
{
    return memcmp(address->ip, mapped_prefix, sizeof mapped_prefix) == 0;
}

bool lubdub_address_from_socket(struct lubdub_address *address, const struct sockaddr *socket_address)
{
    memset(address, 0, sizeof *address);
    if (socket_address->sa_family == AF_INET) {
        struct sockaddr_in in;

        memcpy(&in, socket_address, sizeof in);
        memcpy(address->ip, mapped_prefix, sizeof mapped_prefix);
        memcpy(address->ip + sizeof mapped_prefix, &in.sin_addr, 4);
        address->port = ntohs(in.sin_port);
        return true;
    }
    if (socket_address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;

        memcpy(&in6, socket_address, sizeof in6);
        memcpy(address->ip, &in6.sin6_addr, sizeof address->ip);
        address->scope = in6.sin6_scope_id;
        address->port = ntohs(in6.sin6_port);
        return true;
    }
    return false;
}

socklen_t lubdub_address_to_socket(const struct lubdub_address *address, struct sockaddr_storage *socket_address)
{
    memset(socket_address, 0, sizeof *socket_address);
    if (lubdub_address_is_ipv4(address)) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(address->port)};

        memcpy(&in.sin_addr, address->ip + sizeof mapped_prefix, 4);
        memcpy(socket_address, &in, sizeof in);
        return sizeof in;
    }
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(address->port), .sin6_scope_id = address->scope};

    memcpy(&in6.sin6_addr, address->ip, sizeof address->ip);
    memcpy(socket_address, &in6, sizeof in6);
    return sizeof in6;
}

char *lubdub_address_format(const struct lubdub_address *address, char *target)
{
    char ip[INET6_ADDRSTRLEN] = "";
    char scope[IF_NAMESIZE + 1] = "";

    if (lubdub_address_is_ipv4(address)) {
        inet_ntop(AF_INET, address->ip + sizeof mapped_prefix, ip, sizeof ip);
        snprintf(target, LUBDUB_ADDRESS_TEXT_SIZE, "%s:%u", ip, (unsigned)address->port);
        return target;
    }
    inet_ntop(AF_INET6, address->ip, ip, sizeof ip);
    if (address->scope != 0) {
        snprintf(scope, sizeof scope, "%%%u", (unsigned)address->scope);
    }
    snprintf(target, LUBDUB_ADDRESS_TEXT_SIZE, "[%s%s]:%u", ip, scope, (unsigned)address->port);
    return target;
}

bool lubdub_address_parse(struct lubdub_address *address, const char *host, uint16_t port)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    char bare[INET6_ADDRSTRLEN + IF_NAMESIZE + 2];
    size_t length = strlen(host);
    struct addrinfo *found;
    bool is_known;

    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        host++;
        length -= 2;
    }
    if (length == 0 || length >= sizeof bare) {
        return false;
    }
    memcpy(bare, host, length);
    bare[length] = '\0';
    if (getaddrinfo(bare, NULL, &hints, &found) != 0) {
        return false;
    }
    is_known = lubdub_address_from_socket(address, found->ai_addr);
    address->port = port;
    freeaddrinfo(found);
    return is_known;
}

void lubdub_address_cut(struct lubdub_address *address, size_t ipv6_bits)
{
    size_t whole = ipv6_bits / 8;
    size_t i;

    if (lubdub_address_is_ipv4(address)) {
        return;
    }
    for (i = whole; i < sizeof address->ip; i++) {
        address->ip[i] &= (uint8_t)(i == whole ? 0xff00u >> ipv6_bits % 8 : 0);
    }
}

bool lubdub_address_is_loopback(const struct lubdub_address *address)
{
    static const uint8_t loopback[16] = {[15] = 1};

    return lubdub_address_is_ipv4(address) ? address->ip[12] == 127
                                           : memcmp(address->ip, loopback, sizeof loopback) == 0;
}
