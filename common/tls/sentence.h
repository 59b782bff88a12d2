/* Says in a sentence why TLS failed: from a certificate's fault, an alert of the peer, or an error of OpenSSL. */
#ifndef LUBDUB_TLS_SENTENCE_H
#define LUBDUB_TLS_SENTENCE_H

#include <openssl/ssl.h>

#include <lubdub/session.h>

/*
 * After a function of OpenSSL failed for this connection, in our role: what went wrong. Static. Clears OpenSSL's queue
 * of errors.
 */
const char *lubdub_tls_sentence(const SSL *ssl, enum lubdub_role role);

#endif
