/*
 * A server over TLS that says WELCOME and then no frame any more, while its TLS goes on talking: a ticket of a session
 * and an update of its key, again and again. In a process of its own, with OpenSSL and nothing of ours.
 */
#ifndef LUBDUB_TESTS_TLS_TALKATIVE_SERVER_H
#define LUBDUB_TESTS_TLS_TALKATIVE_SERVER_H

#include <stdint.h>
#include <sys/types.h>

#include "certificates.h"

/* Listens on 127.0.0.1 and serves one client. *port: where. Returns the process. */
pid_t talkative_server_start(const struct certificate_files *files, uint16_t *port);

/* Kills it. 0 does no harm. */
void talkative_server_end(pid_t process);

#endif
