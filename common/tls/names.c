/* Collects the names of a certificate. */
#include "tls/names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#include <lubdub/option.h>

struct names {
    char bytes[LUBDUB_NAMES_LIMIT];
    size_t length;
};

/* A 0 byte inside would cut the name for whoever reads it as a string: no identity has one. */
static void add(struct names *names, const char *name, size_t length)
{
    if (lubdub_identity_is_valid(name, length) && names->length + length + 1 <= sizeof names->bytes) {
        memcpy(names->bytes + names->length, name, length);
        names->bytes[names->length + length] = '\0';
        names->length += length + 1;
    }
}

static void add_string(struct names *names, const ASN1_STRING *string)
{
    add(names, (const char *)ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
}

static void add_alternatives(struct names *names, const X509 *certificate)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int i;

    for (i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *one = sk_GENERAL_NAME_value(all, i);

        if (one->type == GEN_DNS || one->type == GEN_EMAIL || one->type == GEN_URI) {
            add_string(names, one->d.ia5);
        }
    }
    GENERAL_NAMES_free(all);
}

static void add_common_name(struct names *names, const X509 *certificate)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    unsigned char *text = NULL;
    int length;

    if (at < 0) {
        return;
    }
    length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (length > 0) {
        add(names, (const char *)text, (size_t)length);
    }
    OPENSSL_free(text);
}

char *lubdub_names_of(const X509 *certificate, size_t *length)
{
    struct names names = {.length = 0};
    char *copy;

    *length = 0;
    add_alternatives(&names, certificate);
    add_common_name(&names, certificate);
    copy = names.length > 0 ? malloc(names.length) : NULL;
    if (copy != NULL) {
        memcpy(copy, names.bytes, names.length);
        *length = names.length;
    }
    return copy;
}
