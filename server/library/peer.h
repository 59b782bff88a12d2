/*
 * Describes the peer of a connection: address, identity, labels; one block of memory, as long as it needs to be.
 *
 *     flags and lengths 4, past 1, near misses 1, round trip 2 · order 4, follows 4 · address 4 or 20 · proof 0 or 8 ·
 * incarnation 0 or 8 · identity · labels (key length, value length, key, value) · name of the certificate (length,
 * name)
 *
 * A client that says nothing of itself needs 20 bytes over IPv4. malloc has a block of 24 for it, and the next one is
 * of 40: what only some peers have stands behind the struct.
 */
#ifndef LUBDUB_SERVER_LIBRARY_PEER_H
#define LUBDUB_SERVER_LIBRARY_PEER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <lubdub/option.h>
#include <lubdub/time.h>

#include "ev/address.h"

struct lubdub_peer {
    /* Not among the bits below: other threads read these, which stay, while its own thread changes the others. */
    bool is_ipv4 : 1;
    bool is_proxied : 1; /* the address is what a proxy told */
    bool has_proof : 1;
    bool is_certified : 1; /* the proof stands for the names of a certificate, not for a token */
    bool is_tls : 1;
    bool has_certificate : 1; /* and its name stands behind the labels */
    bool has_incarnation : 1;
    uint8_t : 0;
    bool is_session : 1;     /* CONNECTED was told, DISCONNECTED was not */
    bool is_registered : 1;  /* the registry's index names it */
    bool counts_address : 1; /* the registry counts its address */
    bool is_turned_away : 1; /* refused; the worker counts it */
    bool is_undecided : 1;   /* the application was asked and has not answered */
    bool is_opening : 1;     /* no whole frame has come (opening.h) */
    uint8_t identity_length;
    uint8_t label_count;
    uint8_t last_end : 7; /* what was before it. Of a newcomer that waits for its identity under the server's lock */
    bool is_resumed : 1;  /* (identities.c); of a session it stays as it is */
    _Atomic uint8_t near_misses; /* of this session; no more than 255 are counted */
    _Atomic uint16_t round_trip; /* packed; 0: not known */
    uint32_t accepted;           /* the order in which connections were accepted; goes round */
    uint32_t follows; /* under the server's lock: the record of which the end must be told before (identities.c) */
    uint8_t bytes[];
};

/* A peer that is known by its address only; NULL without memory. */
struct lubdub_peer *lubdub_peer_new(const struct lubdub_address *address);

/*
 * The same with what HELLO said, what proved it (0: nothing was asked for), and a name of its certificate (empty: it
 * has none), of LUBDUB_IDENTITY_LIMIT bytes at most; the old one is freed. NULL without memory, then the old one stays.
 */
struct lubdub_peer *lubdub_peer_introduce(struct lubdub_peer *peer, uint64_t incarnation,
                                          const struct lubdub_options *hello, uint64_t proof,
                                          struct lubdub_slice certificate);

/* The most that one takes, with everything that HELLO may say. */
#define LUBDUB_PEER_LIMIT                                                      \
    (sizeof(struct lubdub_peer) + 20 + 8 + 8 + 1 + 2 * LUBDUB_IDENTITY_LIMIT + \
     LUBDUB_LABEL_COUNT_LIMIT * (2 + LUBDUB_LABEL_KEY_LIMIT + LUBDUB_LABEL_VALUE_LIMIT))

/*
 * For a reader (pool.h): copies what does not change while the peer is a session's, the round trip and the near misses,
 * into LUBDUB_PEER_LIMIT bytes. The rest of the copy is zero.
 */
void lubdub_peer_copy(const struct lubdub_peer *peer, struct lubdub_peer *target);

/* Kept to one part in 1024, up to a minute. */
void lubdub_peer_set_round_trip(struct lubdub_peer *peer, lubdub_duration round_trip);
lubdub_duration lubdub_peer_round_trip(const struct lubdub_peer *peer);

/* By the thread of its session. */
void lubdub_peer_note_near_miss(struct lubdub_peer *peer);

/* Port 0; the record knows it. */
void lubdub_peer_address(const struct lubdub_peer *peer, struct lubdub_address *address);

/* The part of the address by which connections are counted. */
void lubdub_peer_counted_address(const struct lubdub_peer *peer, size_t ipv6_prefix, struct lubdub_address *address);

/* A number that stands for what let the client in (tokens.h, certificate.h); 0: nothing was asked for. */
uint64_t lubdub_peer_proof(const struct lubdub_peer *peer);

/* 0 where HELLO did not say one. */
uint64_t lubdub_peer_incarnation(const struct lubdub_peer *peer);

struct lubdub_slice lubdub_peer_identity(const struct lubdub_peer *peer);

/* The name of its certificate; empty: none. */
struct lubdub_slice lubdub_peer_certificate(const struct lubdub_peer *peer);

/* Fills up to LUBDUB_LABEL_COUNT_LIMIT labels that point into the peer. Returns their number. */
size_t lubdub_peer_labels(const struct lubdub_peer *peer, struct lubdub_label *labels);

#endif
