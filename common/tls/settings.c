/* The public functions: settings, a new struct lubdub_tls, and what it says of its certificate. */
#include <lubdub/tls.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/x509.h>

#include "core/sized.h"
#include "tls/context.h"
#include "tls/stream.h"

void lubdub_tls_settings_init_sized(struct lubdub_tls_settings *settings, size_t size)
{
    struct lubdub_tls_settings defaults;

    memset(&defaults, 0, sizeof defaults);
    lubdub_sized_init(settings, size, &defaults, sizeof defaults);
}

enum lubdub_error lubdub_tls_new(struct lubdub_tls **tls, enum lubdub_role role,
                                 const struct lubdub_tls_settings *settings, char *problem, size_t capacity)
{
    struct lubdub_tls_context *context;
    struct lubdub_tls_settings own;
    enum lubdub_error error;

    *tls = NULL;
    lubdub_tls_settings_init(&own);
    if (!lubdub_sized_take(&own, sizeof own, settings, offsetof(struct lubdub_tls_settings, requires_certificate))) {
        if (problem != NULL) {
            snprintf(problem, capacity, "the settings of TLS have no size, or one that this version does not know");
        }
        return LUBDUB_ERROR_INVALID;
    }
    error = lubdub_tls_context_new(&context, role, &own, problem, capacity);
    if (error == LUBDUB_ERROR_OK) {
        context->base.kind = &lubdub_tls_stream_kind;
        *tls = &context->base;
    }
    return error;
}

void lubdub_tls_free(struct lubdub_tls *tls)
{
    if (tls != NULL) {
        lubdub_tls_context_drop(tls);
    }
}

static bool seconds_of(const ASN1_TIME *time, int64_t *seconds)
{
    struct tm broken_down;

    if (ASN1_TIME_to_tm(time, &broken_down) != 1) {
        return false;
    }
    *seconds = (int64_t)timegm(&broken_down);
    return true;
}

bool lubdub_tls_validity(const struct lubdub_tls *tls, int64_t *not_before, int64_t *not_after)
{
    const X509 *certificate = SSL_CTX_get0_certificate(((const struct lubdub_tls_context *)(const void *)tls)->ssl);

    return certificate != NULL && seconds_of(X509_get0_notBefore(certificate), not_before) &&
           seconds_of(X509_get0_notAfter(certificate), not_after);
}
