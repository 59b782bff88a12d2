/* Compares the identity of a client with the names of its certificate. */
#include "server/library/certificate.h"

#include <string.h>

#include "core/pattern.h"
#include "ev/sip_hash.h"

static bool names(const struct lubdub_transport *transport, struct lubdub_slice identity)
{
    const char *name = transport->names;
    const char *end = name + transport->names_length;

    for (; name < end; name += strlen(name) + 1) {
        if (lubdub_pattern_matches((struct lubdub_slice){name, strlen(name)}, identity)) {
            return true;
        }
    }
    return false;
}

const char *lubdub_certificate_refuse(const struct lubdub_transport *transport, bool is_required,
                                      struct lubdub_slice identity)
{
    if (transport == NULL || !transport->is_proven) {
        return is_required ? "a client's certificate is required" : NULL;
    }
    if (identity.length > 0 && !names(transport, identity)) {
        return "the client's certificate is for another identity";
    }
    return NULL;
}

uint64_t lubdub_certificate_proof(const struct lubdub_transport *transport, const uint64_t key[2])
{
    uint64_t hash;

    if (transport == NULL || !transport->is_proven) {
        return 0;
    }
    hash = lubdub_sip_hash(key, transport->names, transport->names_length);
    return hash != 0 ? hash : 1;
}
