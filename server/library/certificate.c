/* Compares the identity of a client with the names of its certificate. */
#include "server/library/certificate.h"

#include <string.h>

#include "core/pattern.h"
#include "ev/sip_hash.h"

struct lubdub_slice lubdub_certificate_name(const struct lubdub_transport *transport, struct lubdub_slice identity)
{
    const char *name = transport != NULL && transport->is_proven ? transport->names : NULL;
    const char *end = name != NULL ? name + transport->names_length : NULL;

    for (; name < end; name += strlen(name) + 1) {
        const struct lubdub_slice found = {name, strlen(name)};

        if (identity.length == 0 || lubdub_pattern_matches(found, identity)) {
            return found;
        }
    }
    return (struct lubdub_slice){0};
}

const char *lubdub_certificate_refuse(const struct lubdub_transport *transport, bool is_required,
                                      struct lubdub_slice identity)
{
    if (transport == NULL || !transport->is_proven) {
        return is_required ? "a client's certificate is required" : NULL;
    }
    if (identity.length > 0 && lubdub_certificate_name(transport, identity).length == 0) {
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
