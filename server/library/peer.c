/* Writes and reads the one block of memory that describes a peer. */
#include "server/library/peer.h"

#include <stdlib.h>
#include <string.h>

#include "server/library/identity_index.h"

#define IPV4_LENGTH 4
#define IPV6_LENGTH (16 + 4) /* and the scope */

static size_t address_length(const struct lubdub_peer *peer)
{
    return peer->is_ipv4 ? IPV4_LENGTH : IPV6_LENGTH;
}

static size_t proof_length(const struct lubdub_peer *peer)
{
    return peer->has_proof ? sizeof(uint64_t) : 0;
}

static size_t incarnation_length(const struct lubdub_peer *peer)
{
    return peer->has_incarnation ? sizeof(uint64_t) : 0;
}

/* Of what stands before the identity. */
static size_t head_length(const struct lubdub_peer *peer)
{
    return address_length(peer) + proof_length(peer) + incarnation_length(peer);
}

static size_t size_with(size_t length)
{
    size_t size = offsetof(struct lubdub_peer, bytes) + length; /* what the struct is padded with is used, too */

    return size > sizeof(struct lubdub_peer) ? size : sizeof(struct lubdub_peer);
}

struct lubdub_peer *lubdub_peer_new(const struct lubdub_address *address)
{
    bool is_ipv4 = lubdub_address_is_ipv4(address);
    struct lubdub_peer *peer = calloc(1, size_with(is_ipv4 ? IPV4_LENGTH : IPV6_LENGTH));

    if (peer == NULL) {
        return NULL;
    }
    peer->is_ipv4 = is_ipv4;
    peer->follows = LUBDUB_NO_PLACE;
    if (is_ipv4) {
        memcpy(peer->bytes, address->ip + 12, IPV4_LENGTH);
    } else {
        memcpy(peer->bytes, address->ip, 16);
        memcpy(peer->bytes + 16, &address->scope, 4);
    }
    return peer;
}

struct lubdub_peer *lubdub_peer_introduce(struct lubdub_peer *peer, uint64_t incarnation,
                                          const struct lubdub_options *hello, uint64_t proof,
                                          struct lubdub_slice certificate)
{
    size_t whole = address_length(peer) + (proof != 0 ? sizeof proof : 0) +
                   (incarnation != 0 ? sizeof incarnation : 0) + hello->identity.length +
                   (certificate.length > 0 ? 1 + certificate.length : 0);
    struct lubdub_peer *introduced;
    uint8_t *end;
    size_t i;

    for (i = 0; i < hello->label_count; i++) {
        whole += 2 + hello->labels[i].key.length + hello->labels[i].value.length;
    }
    introduced = realloc(peer, size_with(whole));
    if (introduced == NULL) {
        return NULL;
    }
    introduced->identity_length = (uint8_t)hello->identity.length;
    introduced->label_count = (uint8_t)hello->label_count;
    introduced->has_proof = proof != 0;
    introduced->has_incarnation = incarnation != 0;
    introduced->has_certificate = certificate.length > 0;
    end = introduced->bytes + address_length(introduced);
    memcpy(end, &proof, proof_length(introduced));
    end += proof_length(introduced);
    memcpy(end, &incarnation, incarnation_length(introduced));
    end += incarnation_length(introduced);
    if (hello->identity.length > 0) {
        memcpy(end, hello->identity.data, hello->identity.length);
        end += hello->identity.length;
    }
    for (i = 0; i < hello->label_count; i++) {
        const struct lubdub_label *label = &hello->labels[i];

        *end++ = (uint8_t)label->key.length;
        *end++ = (uint8_t)label->value.length;
        memcpy(end, label->key.data, label->key.length);
        end += label->key.length;
        memcpy(end, label->value.data, label->value.length);
        end += label->value.length;
    }
    if (certificate.length > 0) {
        *end++ = (uint8_t)certificate.length;
        memcpy(end, certificate.data, certificate.length);
    }
    return introduced;
}

static size_t labels_length(const struct lubdub_peer *peer)
{
    const uint8_t *first = peer->bytes + head_length(peer) + peer->identity_length;
    const uint8_t *next = first;
    size_t i;

    for (i = 0; i < peer->label_count; i++) {
        next += 2 + (size_t)next[0] + next[1];
    }
    return (size_t)(next - first);
}

static size_t certificate_length(const struct lubdub_peer *peer)
{
    return peer->has_certificate ? 1 + lubdub_peer_certificate(peer).length : 0;
}

void lubdub_peer_copy(const struct lubdub_peer *peer, struct lubdub_peer *target)
{
    memset(target, 0, sizeof *target);
    target->is_ipv4 = peer->is_ipv4;
    target->is_proxied = peer->is_proxied;
    target->has_proof = peer->has_proof;
    target->is_certified = peer->is_certified;
    target->is_tls = peer->is_tls;
    target->has_certificate = peer->has_certificate;
    target->has_incarnation = peer->has_incarnation;
    target->identity_length = peer->identity_length;
    target->label_count = peer->label_count;
    target->last_end = peer->last_end;
    target->is_resumed = peer->is_resumed;
    target->round_trip = atomic_load_explicit(&peer->round_trip, memory_order_relaxed);
    target->near_misses = atomic_load_explicit(&peer->near_misses, memory_order_relaxed);
    memcpy(target->bytes, peer->bytes,
           head_length(peer) + peer->identity_length + labels_length(peer) + certificate_length(peer));
}

void lubdub_peer_note_near_miss(struct lubdub_peer *peer)
{
    uint8_t count = atomic_load_explicit(&peer->near_misses, memory_order_relaxed);

    if (count < UINT8_MAX) { /* one thread writes */
        atomic_store_explicit(&peer->near_misses, (uint8_t)(count + 1), memory_order_relaxed);
    }
}

/* Microseconds as a number of 11 bits, shifted by the upper 5 bits. */
#define MANTISSA_BITS 11

void lubdub_peer_set_round_trip(struct lubdub_peer *peer, lubdub_duration round_trip)
{
    uint64_t mantissa = round_trip / LUBDUB_MICROSECOND;
    unsigned shift = 0;

    if (mantissa > 60 * 1000 * 1000) {
        mantissa = 60 * 1000 * 1000;
    }
    for (; mantissa >= 1u << MANTISSA_BITS; mantissa >>= 1) {
        shift++;
    }
    atomic_store_explicit(&peer->round_trip, (uint16_t)(shift << MANTISSA_BITS | mantissa), memory_order_relaxed);
}

lubdub_duration lubdub_peer_round_trip(const struct lubdub_peer *peer)
{
    uint64_t packed = atomic_load_explicit(&peer->round_trip, memory_order_relaxed);

    return ((packed & ((1u << MANTISSA_BITS) - 1)) << (packed >> MANTISSA_BITS)) * LUBDUB_MICROSECOND;
}

void lubdub_peer_address(const struct lubdub_peer *peer, struct lubdub_address *address)
{
    memset(address, 0, sizeof *address);
    if (peer->is_ipv4) {
        address->ip[10] = address->ip[11] = 0xff;
        memcpy(address->ip + 12, peer->bytes, IPV4_LENGTH);
    } else {
        memcpy(address->ip, peer->bytes, 16);
        memcpy(&address->scope, peer->bytes + 16, 4);
    }
}

void lubdub_peer_counted_address(const struct lubdub_peer *peer, size_t ipv6_prefix, struct lubdub_address *address)
{
    lubdub_peer_address(peer, address);
    lubdub_address_cut(address, ipv6_prefix);
}

uint64_t lubdub_peer_proof(const struct lubdub_peer *peer)
{
    uint64_t proof = 0;

    memcpy(&proof, peer->bytes + address_length(peer), proof_length(peer));
    return proof;
}

uint64_t lubdub_peer_incarnation(const struct lubdub_peer *peer)
{
    uint64_t incarnation = 0;

    memcpy(&incarnation, peer->bytes + address_length(peer) + proof_length(peer), incarnation_length(peer));
    return incarnation;
}

struct lubdub_slice lubdub_peer_identity(const struct lubdub_peer *peer)
{
    return (struct lubdub_slice){(const char *)peer->bytes + head_length(peer), peer->identity_length};
}

struct lubdub_slice lubdub_peer_certificate(const struct lubdub_peer *peer)
{
    const uint8_t *name = peer->bytes + head_length(peer) + peer->identity_length + labels_length(peer);

    return peer->has_certificate ? (struct lubdub_slice){(const char *)name + 1, *name} : (struct lubdub_slice){0};
}

size_t lubdub_peer_labels(const struct lubdub_peer *peer, struct lubdub_label *labels)
{
    const uint8_t *next = peer->bytes + head_length(peer) + peer->identity_length;
    size_t i;

    for (i = 0; i < peer->label_count; i++) {
        const char *key = (const char *)next + 2;

        labels[i].key = (struct lubdub_slice){key, next[0]};
        labels[i].value = (struct lubdub_slice){key + next[0], next[1]};
        next += 2 + (size_t)next[0] + next[1];
    }
    return peer->label_count;
}
