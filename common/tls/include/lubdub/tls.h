/*
 * Makes TLS for the libraries of server and client, with OpenSSL 3. An application that wants TLS links liblubdub-tls,
 * makes a struct lubdub_tls from files, and hands it over in the settings; the other libraries need no OpenSSL.
 *
 *     struct lubdub_tls_settings settings;
 *     struct lubdub_tls *tls;
 *     char problem[LUBDUB_TLS_PROBLEM_SIZE];
 *
 *     lubdub_tls_settings_init(&settings);
 *     settings.certificate_file = "server.crt";
 *     settings.key_file = "server.key";
 *     if (lubdub_tls_new(&tls, LUBDUB_ROLE_SERVER, &settings, problem, sizeof problem) != LUBDUB_ERROR_OK) …
 *     server_settings.tls = tls;
 *     lubdub_server_new(&server, loop, &server_settings, on_event, user_data);
 *     lubdub_tls_free(tls);
 *     lubdub_server_listen_tls(server, NULL, port);
 *
 * TLS 1.2 and 1.3; ALPN "lubdub/1". Renegotiation, compression, early data and resumption are off, and there is no way
 * back to a plain connection. What is made here never changes and may be used by any number of threads; new files mean
 * a new object and lubdub_server_reconfigure().
 */
#ifndef LUBDUB_TLS_H
#define LUBDUB_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/error.h>
#include <lubdub/session.h>
#include <lubdub/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lubdub_tls;

/*
 * The caller allocates the struct, calls the initialiser, and then sets fields by name. _new reads the files and copies
 * nothing else. It grows at its end (version.h).
 */
struct lubdub_tls_settings {
    size_t size; /* sizeof, set by the initialiser. Without it the settings are INVALID */

    /* PEM: the own certificate, with those that lead to its authority behind it; and its key, without a passphrase. A
       server needs both. A client that is to prove who it is has both; NULL: it has none */
    const char *certificate_file;
    const char *key_file;

    /* PEM, one or more: the authorities whose certificates are good. A server with them asks its clients for a
       certificate. A client without them trusts those of the system. NULL */
    const char *authority_file;

    bool requires_certificate; /* server: a handshake without a client's certificate fails; false */
    /* A new field stands here and begins 8 bytes of its own. */
};

/* Sets every field to its default. */
#define lubdub_tls_settings_init(settings) lubdub_tls_settings_init_sized((settings), sizeof *(settings))

/* Writes `size` bytes, the size that the caller's header gives the struct, and not one more. */
LUBDUB_API void lubdub_tls_settings_init_sized(struct lubdub_tls_settings *settings, size_t size);

/* Room for any sentence of lubdub_tls_new(). */
#define LUBDUB_TLS_PROBLEM_SIZE 512

/*
 * Reads the files, and checks that they fit together. INVALID: a file cannot be used, or one is missing; NO_MEMORY.
 * Then problem, where it is not NULL, has a sentence that names the file, and *tls is NULL.
 */
LUBDUB_API enum lubdub_error lubdub_tls_new(struct lubdub_tls **tls, enum lubdub_role role,
                                            const struct lubdub_tls_settings *settings, char *problem, size_t capacity);

/* Gives up the caller's hold on it; servers and clients that were given it keep theirs. NULL does no harm. */
LUBDUB_API void lubdub_tls_free(struct lubdub_tls *tls);

/*
 * When the own certificate begins and ceases to be good, in seconds since 1970. False: there is none. A certificate
 * that is not good now is not refused: its peers refuse it, and say why.
 */
LUBDUB_API bool lubdub_tls_validity(const struct lubdub_tls *tls, int64_t *not_before, int64_t *not_after);

#ifdef __cplusplus
}
#endif

#endif
