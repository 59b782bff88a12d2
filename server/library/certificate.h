/* Judges a client by its certificate: whether it needs one, and which identities the certificate's names allow. */
#ifndef LUBDUB_SERVER_LIBRARY_CERTIFICATE_H
#define LUBDUB_SERVER_LIBRARY_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include <lubdub/option.h>

#include "ev/transport.h"

/*
 * NULL: the connection lets in a client of this identity (empty: none). Else why not, as a static sentence. transport:
 * NULL of a plain connection. A name of the certificate is a pattern, with * and ?, so most names are one identity.
 */
const char *lubdub_certificate_refuse(const struct lubdub_transport *transport, bool is_required,
                                      struct lubdub_slice identity);

/*
 * The name of the certificate that allows this identity, or the first one if there is no identity; it points into the
 * transport. Empty: there is no certificate that was checked. transport: NULL of a plain connection.
 */
struct lubdub_slice lubdub_certificate_name(const struct lubdub_transport *transport, struct lubdub_slice identity);

/* A number that stands for the names of its certificate, under this key; 0: it has none that was checked. */
uint64_t lubdub_certificate_proof(const struct lubdub_transport *transport, const uint64_t key[2]);

#endif
