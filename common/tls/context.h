/*
 * Keeps what TLS connections of one kind have in common: certificate, key, authorities, rules. Read from files once,
 * then never changed, and shared by reference.
 */
#ifndef LUBDUB_TLS_CONTEXT_H
#define LUBDUB_TLS_CONTEXT_H

#include <stdatomic.h>

#include <openssl/ssl.h>

#include <lubdub/tls.h>

#include "ev/transport.h"

struct lubdub_tls_context {
    struct lubdub_tls base; /* kind: NULL until stream.c sets it */
    _Atomic unsigned references;
    enum lubdub_role role;
    SSL_CTX *ssl;
};

static inline struct lubdub_tls_context *lubdub_tls_context_of(struct lubdub_tls *tls)
{
    return (struct lubdub_tls_context *)(void *)tls;
}

/* As lubdub_tls_new(), of settings that are whole. */
enum lubdub_error lubdub_tls_context_new(struct lubdub_tls_context **context, enum lubdub_role role,
                                         const struct lubdub_tls_settings *settings, char *problem, size_t capacity);

void lubdub_tls_context_hold(struct lubdub_tls *tls);
void lubdub_tls_context_drop(struct lubdub_tls *tls);

/* A connection; a client's checks this name of its server, which may be a numeric address. NULL without memory. */
SSL *lubdub_tls_context_connection(struct lubdub_tls_context *context, const char *name);

#endif
