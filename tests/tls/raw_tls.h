/*
 * Lets raw clients (support/raw_client.h) speak TLS: with OpenSSL directly, and nothing of ours. The handshake is done
 * when a client first sends or receives.
 */
#ifndef LUBDUB_TESTS_TLS_RAW_TLS_H
#define LUBDUB_TESTS_TLS_RAW_TLS_H

#include "certificates.h"

/* From now on; authorities: a file of those to trust. NULL: plain again. */
void raw_clients_speak_tls(const char *authority_file);

/* The certificate of raw clients from now on. NULL: none. */
void raw_clients_show(const struct certificate_files *files);

struct raw_client;

/* Sends a ClientHello and no more. What the client does next goes on from there. */
void raw_begin_handshake(struct raw_client *client);

/* A record that is no frame: its key changes, and it asks the server to change its own. TLS 1.3 only. */
void raw_update_key(struct raw_client *client);

/* Says the goodbye of TLS (close_notify), and closes. */
void raw_end_politely(struct raw_client *client);

#endif
