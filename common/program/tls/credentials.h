/*
 * Makes what the options --tls-… of a program say into a struct lubdub_tls. In a build without TLS there are the same
 * functions, and none of them makes anything.
 *
 * liblubdub-tls is opened when the first option asks for it: OpenSSL takes 1.7 MB of memory of each process that it is
 * in, and most programs have no use for it. Call from one thread at a time.
 */
#ifndef LUBDUB_PROGRAM_TLS_CREDENTIALS_H
#define LUBDUB_PROGRAM_TLS_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>

#include <lubdub/session.h>

struct lubdub_tls;

/* The files that the options name; NULL: not given. */
struct lubdub_credentials {
    const char *certificate;
    const char *key;
    const char *authority;
    bool requires_certificate; /* of clients */
};

/* Why this program cannot do TLS, for an option that asks for it; NULL where it can. Opens the library. */
const char *lubdub_credentials_refuse(void);

/*
 * Of a client: whether its options --tls-ca, --tls-cert, --tls-key and --tls-name go together with --tls (is_on). NULL,
 * or a sentence that names the option.
 */
const char *lubdub_credentials_judge_client(bool is_on, const struct lubdub_credentials *files, const char *name);

/* The same of --redis-ca, --redis-cert and --redis-key with --redis; is_on: its URL begins with rediss. */
const char *lubdub_credentials_judge_redis(bool is_on, const struct lubdub_credentials *files);

/* Reads the files. False: problem says why, and names the file. */
bool lubdub_credentials_load(struct lubdub_tls **tls, enum lubdub_role role, const struct lubdub_credentials *files,
                             char *problem, size_t capacity);

/* NULL does no harm. */
void lubdub_credentials_free(struct lubdub_tls *tls);

/* When the certificate ends to be valid, in seconds since 1970; 0: there is none. */
int64_t lubdub_credentials_not_after(const struct lubdub_tls *tls);

/* Logs what a person should know: a certificate that is not valid, or not for long; a key that others may read. */
void lubdub_credentials_warn(const struct lubdub_tls *tls, const struct lubdub_credentials *files);

#endif
