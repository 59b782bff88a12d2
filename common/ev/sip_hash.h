/*
 * Computes SipHash-2-4 (Aumasson, Bernstein 2012): without the key, its collisions cannot be found. It is for bytes
 * that a peer chooses: identities, addresses, tokens.
 */
#ifndef LUBDUB_EV_SIP_HASH_H
#define LUBDUB_EV_SIP_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t lubdub_sip_hash(const uint64_t key[2], const void *bytes, size_t length);

/* The variant of 128 bits. */
void lubdub_sip_hash_128(const uint64_t key[2], const void *bytes, size_t length, uint64_t digest[2]);

/* For hash tables: under a key of this process, drawn once. */
uint32_t lubdub_sip_hash_here(const void *bytes, size_t length);

#endif
