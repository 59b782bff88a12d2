/* Keeps an IPv4 or IPv6 address and a port in 24 bytes, and converts it from and to text and the socket API. */
#ifndef LUBDUB_EV_ADDRESS_H
#define LUBDUB_EV_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* IPv4 addresses are kept as IPv4-mapped (RFC 4291, 2.5.5.2) and shown as IPv4. */
struct lubdub_address {
    uint8_t ip[16];
    uint32_t scope; /* of a link-local address */
    uint16_t port;
};

/* "[" + 45 characters + "%" + scope + "]:65535" and the end. */
#define LUBDUB_ADDRESS_TEXT_SIZE 80

/* False: neither IPv4 nor IPv6. */
bool lubdub_address_from_socket(struct lubdub_address *address, const struct sockaddr *socket_address);

/* Fills a sockaddr; the family is AF_INET for an IPv4 address. Returns its length. */
socklen_t lubdub_address_to_socket(const struct lubdub_address *address, struct sockaddr_storage *socket_address);

/* "192.0.2.7:3333" or "[2001:db8::7]:3333". target has LUBDUB_ADDRESS_TEXT_SIZE bytes. Returns target. */
char *lubdub_address_format(const struct lubdub_address *address, char *target);

/* Parses a numeric address (no name), with or without brackets, and a port. False: it is not one. */
bool lubdub_address_parse(struct lubdub_address *address, const char *host, uint16_t port);

/* Clears all but the first so many bits of an IPv6 address. An IPv4 address stays as it is. */
void lubdub_address_cut(struct lubdub_address *address, size_t ipv6_bits);

bool lubdub_address_is_ipv4(const struct lubdub_address *address);

/* 127.0.0.0/8 or ::1: what is sent there does not leave the machine. */
bool lubdub_address_is_loopback(const struct lubdub_address *address);

#endif
