/* Issues certificates with OpenSSL. */
#define _GNU_SOURCE
#include "certificates.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "test.h"

#define HOUR 3600
#define DAY (24 * HOUR)

static X509_NAME *name_of(const char *common_name)
{
    X509_NAME *name = X509_NAME_new();

    assert_int_equal(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0), 1);
    return name;
}

static void extend(X509 *certificate, X509 *issuer, int kind, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static X509 *new_certificate(EVP_PKEY *key, const char *common_name, int64_t begins_in, int64_t ends_in)
{
    static long serial;
    X509 *certificate = X509_new();
    X509_NAME *name = name_of(common_name);

    assert_non_null(certificate);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), (long)getpid() * 1000 + ++serial);
    X509_set_subject_name(certificate, name);
    X509_NAME_free(name);
    X509_gmtime_adj(X509_getm_notBefore(certificate), begins_in);
    X509_gmtime_adj(X509_getm_notAfter(certificate), ends_in);
    X509_set_pubkey(certificate, key);
    return certificate;
}

static FILE *open_for_writing(const char *path)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    return file;
}

static void write_certificate(const char *path, X509 *certificate)
{
    FILE *file = open_for_writing(path);

    assert_int_equal(PEM_write_X509(file, certificate), 1);
    assert_int_equal(fclose(file), 0);
}

static void write_key(const char *path, EVP_PKEY *key)
{
    FILE *file = open_for_writing(path);

    assert_int_equal(fchmod(fileno(file), 0600), 0);
    assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    assert_int_equal(fclose(file), 0);
}

void certificates_make(struct certificates *all, const char *name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *authority;
    X509_NAME *issuer = name_of(name);

    assert_non_null(key);
    snprintf(all->folder, sizeof all->folder, "/tmp/lubdub-certificates-XXXXXX");
    assert_non_null(mkdtemp(all->folder));
    authority = new_certificate(key, name, -DAY, 2 * DAY);
    X509_set_issuer_name(authority, issuer);
    X509_NAME_free(issuer);
    extend(authority, authority, NID_basic_constraints, "critical,CA:TRUE");
    extend(authority, authority, NID_key_usage, "critical,keyCertSign,cRLSign");
    extend(authority, authority, NID_subject_key_identifier, "hash");
    assert_true(X509_sign(authority, key, EVP_sha256()) > 0);
    snprintf(all->authority_file, sizeof all->authority_file, "%s/authority.crt", all->folder);
    write_certificate(all->authority_file, authority);
    all->key = key;
    all->authority = authority;
}

void certificates_issue(struct certificates *all, const char *file, const struct certificate_wish *wish,
                        struct certificate_files *files)
{
    EVP_PKEY *key = wish->is_rsa ? EVP_RSA_gen(wish->rsa_bits != 0 ? wish->rsa_bits : 2048) : EVP_EC_gen("P-256");
    X509 *certificate;

    assert_non_null(key);
    certificate = new_certificate(key, wish->common_name, wish->begins_in != 0 ? wish->begins_in : -HOUR,
                                  wish->ends_in != 0 ? wish->ends_in : DAY);
    X509_set_issuer_name(certificate, X509_get_subject_name(all->authority));
    extend(certificate, all->authority, NID_authority_key_identifier, "keyid");
    if (wish->alternatives != NULL) {
        extend(certificate, all->authority, NID_subject_alt_name, wish->alternatives);
    }
    assert_true(X509_sign(certificate, all->key, EVP_sha256()) > 0);
    snprintf(files->certificate, sizeof files->certificate, "%s/%s.crt", all->folder, file);
    snprintf(files->key, sizeof files->key, "%s/%s.key", all->folder, file);
    write_certificate(files->certificate, certificate);
    write_key(files->key, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

void certificates_clear(struct certificates *all)
{
    char path[sizeof all->folder + 256];
    struct dirent *entry;
    DIR *folder = opendir(all->folder);

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        snprintf(path, sizeof path, "%s/%.250s", all->folder, entry->d_name);
        unlink(path);
    }
    if (folder != NULL) {
        closedir(folder);
    }
    rmdir(all->folder);
    X509_free(all->authority);
    EVP_PKEY_free(all->key);
}
