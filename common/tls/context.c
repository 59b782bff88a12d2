/* Reads certificates and keys, and sets the rules of all connections. */
#define _GNU_SOURCE
#include "tls/context.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* Forward secrecy and authenticated encryption only; of TLS 1.3 all suites are such. */
#define CIPHERS_OF_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"

/* In this order: with SHA-256 a session takes 230 bytes less than with SHA-384. */
#define SUITES_OF_1_3 "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384"

/* A record is shown to its reader when it is whole: on a slow path a long one would look like silence. */
#define LONGEST_RECORD 4096

/* Lists of all public authorities have a quarter of a MiB. */
#define LONGEST_FILE (16 * 1024 * 1024)

static const unsigned char protocol[] = "\x8lubdub/1";
#define PROTOCOL_LENGTH (sizeof protocol - 1)

/* ---- what goes wrong ---- */

struct report {
    char *problem;
    size_t capacity;
};

static bool fail(const struct report *report, const char *file, const char *why)
{
    ERR_clear_error();
    if (report->problem != NULL) {
        snprintf(report->problem, report->capacity, "%s: %s", file, why);
    }
    return false;
}

/*
 * Whether a file can be read at all: OpenSSL would say so in other words for each of its functions. A pipe that nobody
 * writes to must not hold the program, and neither must a file that does not end.
 */
static bool can_read(const struct report *report, const char *file)
{
    struct stat status;
    int opened = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    const char *why = NULL;

    if (opened < 0) {
        return fail(report, file, strerror(errno));
    }
    if (fstat(opened, &status) != 0 || !S_ISREG(status.st_mode)) {
        why = "is no regular file";
    } else if (status.st_size > LONGEST_FILE) {
        why = "is longer than 16 MiB, so it is no file of certificates or keys";
    }
    close(opened);
    return why == NULL || fail(report, file, why);
}

/* Of OpenSSL's reasons for refusing a certificate, in words for people. NULL: it has none. */
static const char *why_refused(unsigned long error)
{
    if (ERR_GET_LIB(error) != ERR_LIB_SSL) {
        return NULL;
    }
    switch (ERR_GET_REASON(error)) {
    case SSL_R_EE_KEY_TOO_SMALL:
        return "the certificate's key is too short: RSA needs 2048 bits or more";
    case SSL_R_CA_KEY_TOO_SMALL:
        return "an authority's certificate in it has a key that is too short: RSA needs 2048 bits or more";
    case SSL_R_CA_MD_TOO_WEAK:
        return "a certificate in it is signed with a hash that is too weak (MD5, SHA-1)";
    default:
        return ERR_reason_error_string(error);
    }
}

/* ---- files ---- */

/* No key of ours asks for a passphrase: a server starts without anybody there. */
static int refuse_passphrase(char *buffer, int size, int is_writing, void *user_data)
{
    (void)buffer, (void)size, (void)is_writing;
    *(bool *)user_data = true;
    return -1;
}

static bool use_key(SSL_CTX *ssl, const char *file, const struct report *report)
{
    FILE *opened = fopen(file, "re");
    bool has_passphrase = false;
    EVP_PKEY *key = NULL;
    bool fits = false;

    if (opened == NULL) {
        return fail(report, file, strerror(errno));
    }
    key = PEM_read_PrivateKey(opened, NULL, refuse_passphrase, &has_passphrase);
    fclose(opened);
    if (key == NULL) {
        return fail(report, file,
                    has_passphrase ? "the key needs a passphrase, and nobody is there to give it"
                                   : "there is no private key in it (PEM)");
    }
    fits = SSL_CTX_use_PrivateKey(ssl, key) == 1 && SSL_CTX_check_private_key(ssl) == 1;
    EVP_PKEY_free(key);
    return fits || fail(report, file, "the key is not that of the certificate");
}

static bool use_certificate(SSL_CTX *ssl, const struct lubdub_tls_settings *settings, const struct report *report)
{
    if (settings->certificate_file == NULL || settings->key_file == NULL) {
        return settings->certificate_file == settings->key_file ||
               fail(report, settings->certificate_file != NULL ? settings->certificate_file : settings->key_file,
                    "a certificate and its key belong together, and one of them is not given");
    }
    if (!can_read(report, settings->certificate_file) || !can_read(report, settings->key_file)) {
        return false;
    }
    if (SSL_CTX_use_certificate_chain_file(ssl, settings->certificate_file) != 1) {
        const char *why = why_refused(ERR_peek_error());

        return fail(report, settings->certificate_file, why != NULL ? why : "there is no certificate in it (PEM)");
    }
    return use_key(ssl, settings->key_file, report);
}

static bool use_authorities(SSL_CTX *ssl, const struct lubdub_tls_settings *settings, enum lubdub_role role,
                            const struct report *report)
{
    const char *file = settings->authority_file;

    if (file == NULL) {
        return role == LUBDUB_ROLE_SERVER || SSL_CTX_set_default_verify_paths(ssl) == 1 ||
               fail(report, "the authorities of the system", "cannot be read");
    }
    if (!can_read(report, file)) {
        return false;
    }
    if (SSL_CTX_load_verify_file(ssl, file) != 1) {
        return fail(report, file, "there is no certificate in it (PEM)");
    }
    if (role == LUBDUB_ROLE_SERVER) {
        STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(file);

        if (names == NULL) {
            return fail(report, file, "there is no certificate in it (PEM)");
        }
        SSL_CTX_set_client_CA_list(ssl, names);
    }
    return true;
}

/* ---- rules ---- */

/* A client that names protocols must name ours; one that names none may be a dozen lines of any language. */
static int select_protocol(SSL *ssl, const unsigned char **selected, unsigned char *length,
                           const unsigned char *offered, unsigned offered_length, void *user_data)
{
    (void)ssl, (void)user_data;
    if (SSL_select_next_proto((unsigned char **)(void *)selected, length, protocol, PROTOCOL_LENGTH, offered,
                              offered_length) != OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    return SSL_TLSEXT_ERR_OK;
}

static bool set_rules(SSL_CTX *ssl, enum lubdub_role role)
{
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    /* A probe is small and rare: buffers of 16 kB that wait for it would be most of a session's memory. */
    SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_send_fragment(ssl, LONGEST_RECORD);
    if (role == LUBDUB_ROLE_SERVER) {
        SSL_CTX_set_alpn_select_cb(ssl, select_protocol, NULL);
    } else if (SSL_CTX_set_alpn_protos(ssl, protocol, PROTOCOL_LENGTH) != 0) { /* this one returns 0 when all is well */
        return false;
    }
    return SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ssl, CIPHERS_OF_1_2) == 1 && SSL_CTX_set_ciphersuites(ssl, SUITES_OF_1_3) == 1 &&
           SSL_CTX_set_num_tickets(ssl, 0) == 1 && SSL_CTX_set_max_early_data(ssl, 0) == 1;
}

static void set_verification(SSL_CTX *ssl, enum lubdub_role role, const struct lubdub_tls_settings *settings)
{
    int mode = SSL_VERIFY_NONE;

    if (role == LUBDUB_ROLE_CLIENT) {
        mode = SSL_VERIFY_PEER;
    } else if (settings->authority_file != NULL) {
        mode = SSL_VERIFY_PEER | (settings->requires_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
    }
    SSL_CTX_set_verify(ssl, mode, NULL);
}

static bool is_complete(const struct lubdub_tls_settings *settings, enum lubdub_role role, const struct report *report)
{
    if (role == LUBDUB_ROLE_SERVER && settings->certificate_file == NULL) {
        return fail(report, "TLS", "a server needs a certificate and its key");
    }
    if (role == LUBDUB_ROLE_SERVER && settings->requires_certificate && settings->authority_file == NULL) {
        return fail(report, "TLS", "certificates of clients are required, and no authority is given that issues them");
    }
    return true;
}

/* ---- life ---- */

enum lubdub_error lubdub_tls_context_new(struct lubdub_tls_context **context, enum lubdub_role role,
                                         const struct lubdub_tls_settings *settings, char *problem, size_t capacity)
{
    const struct report report = {problem, capacity};
    struct lubdub_tls_context *made = calloc(1, sizeof *made);

    *context = NULL;
    if (made != NULL) {
        made->ssl = SSL_CTX_new(role == LUBDUB_ROLE_SERVER ? TLS_server_method() : TLS_client_method());
    }
    if (made == NULL || made->ssl == NULL || !set_rules(made->ssl, role)) {
        (void)fail(&report, "TLS", "no memory is left");
        goto fail;
    }
    atomic_init(&made->references, 1);
    made->role = role;
    if (!is_complete(settings, role, &report) || !use_certificate(made->ssl, settings, &report) ||
        !use_authorities(made->ssl, settings, role, &report)) {
        lubdub_tls_context_drop(&made->base);
        return LUBDUB_ERROR_INVALID;
    }
    set_verification(made->ssl, role, settings);
    *context = made;
    return LUBDUB_ERROR_OK;

fail:
    if (made != NULL) {
        SSL_CTX_free(made->ssl);
        free(made);
    }
    return LUBDUB_ERROR_NO_MEMORY;
}

void lubdub_tls_context_hold(struct lubdub_tls *tls)
{
    atomic_fetch_add(&lubdub_tls_context_of(tls)->references, 1);
}

void lubdub_tls_context_drop(struct lubdub_tls *tls)
{
    struct lubdub_tls_context *context = lubdub_tls_context_of(tls);

    if (atomic_fetch_sub(&context->references, 1) == 1) {
        SSL_CTX_free(context->ssl);
        free(context);
    }
}

/* ---- connections ---- */

/* An IPv6 address may have a scope, or brackets, which no certificate has. */
static bool take_address(char *address, size_t capacity, const char *name)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    size_t length;

    name += name[0] == '[';
    length = strcspn(name, "]%");
    if (length >= capacity) {
        return false;
    }
    memcpy(address, name, length);
    address[length] = '\0';
    return inet_pton(AF_INET, address, bytes) == 1 || inet_pton(AF_INET6, address, bytes) == 1;
}

static bool check_name(SSL *ssl, const char *name)
{
    char address[INET6_ADDRSTRLEN];

    if (take_address(address, sizeof address, name)) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), address) == 1;
    }
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

SSL *lubdub_tls_context_connection(struct lubdub_tls_context *context, const char *name)
{
    SSL *ssl = SSL_new(context->ssl);

    if (ssl == NULL) {
        return NULL;
    }
    if (context->role == LUBDUB_ROLE_SERVER) {
        SSL_set_accept_state(ssl);
        return ssl;
    }
    if (name == NULL || name[0] == '\0' || !check_name(ssl, name)) {
        SSL_free(ssl);
        return NULL;
    }
    SSL_set_connect_state(ssl);
    return ssl;
}
