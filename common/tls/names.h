/* Reads the names that a certificate gives its holder: its alternative names and its common name. */
#ifndef LUBDUB_TLS_NAMES_H
#define LUBDUB_TLS_NAMES_H

#include <stddef.h>

#include <openssl/x509.h>

/* Longer names, and names beyond so many bytes in all, are left out. */
#define LUBDUB_NAMES_LIMIT 2048

/*
 * The names one after the other, each with a 0 byte at its end: the DNS names, addresses of mail and URIs of the
 * extension, and the common name. A name with a byte that no identity may have is left out. The caller frees them.
 * NULL, and *length 0: there are none, or there is no memory.
 */
char *lubdub_names_of(const X509 *certificate, size_t *length);

#endif
