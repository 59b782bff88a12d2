/*
 * Makes what stands in a claim for the token, or the certificate, that let a client in: the same on all nodes, so that
 * another proof cannot take over an identity that lives elsewhere.
 *
 * It is a keyed digest (SipHash-2-4, as in server/library). All nodes make the key from one secret: without it, a
 * reader of Redis cannot test whether a token is the right one. Where there is no secret, the key is the same
 * everywhere in the world, and whoever reads Redis may test guesses (docs/guide/scaling.md).
 */
#ifndef LUBDUB_SERVER_PRESENCE_PROOF_H
#define LUBDUB_SERVER_PRESENCE_PROOF_H

#include <stdint.h>

#include <lubdub/option.h>

#define PRESENCE_PROOF_KEY_SIZE 16
#define PRESENCE_PROOF_SIZE 17

/* A shorter secret could be guessed as a token can. */
#define PRESENCE_SECRET_LEAST 16

/* For lubdub_server_settings.proof_key. secret.data NULL: there is none. */
void presence_proof_key(struct lubdub_slice secret, uint8_t key[PRESENCE_PROOF_KEY_SIZE]);

/* Of a session: 16 digits, or "-" for 0. Returns target. */
const char *presence_proof_write(uint64_t proof, char target[PRESENCE_PROOF_SIZE]);

#endif
