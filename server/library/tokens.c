/* Keeps tokens in a hash table by their keyed digests. */
#define _GNU_SOURCE
#include "server/library/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "ev/sip_hash.h"
#include "core/pattern.h"

struct lubdub_token {
    uint64_t digest[2];
    struct lubdub_slice token;
    struct lubdub_slice pattern; /* data NULL: any identity */
};

void lubdub_tokens_clear(struct lubdub_tokens *tokens)
{
    if (tokens->all != NULL) {
        explicit_bzero(tokens->all, tokens->size);
    }
    free(tokens->all);
    explicit_bzero(tokens, sizeof *tokens);
}

static uint32_t capacity_for(size_t count)
{
    uint32_t capacity = 2;

    while (capacity < 2 * count) {
        capacity *= 2;
    }
    return capacity;
}

static void put(struct lubdub_tokens *tokens, uint32_t index)
{
    uint32_t slot = (uint32_t)tokens->all[index].digest[0] & (tokens->capacity - 1);

    while (tokens->slots[slot] != 0) {
        slot = (slot + 1) & (tokens->capacity - 1);
    }
    tokens->slots[slot] = index + 1;
}

static struct lubdub_slice copy(char **bytes, struct lubdub_slice slice)
{
    struct lubdub_slice copied = {*bytes, slice.length};

    if (slice.data == NULL) {
        return slice;
    }
    memcpy(*bytes, slice.data, slice.length);
    *bytes += slice.length;
    return copied;
}

/* The first half is the token's proof, and 0 means that there is none. */
static void hash(const uint64_t key[2], struct lubdub_slice token, uint64_t digest[2])
{
    lubdub_sip_hash_128(key, token.data, token.length, digest);
    digest[0] += digest[0] == 0;
}

uint64_t lubdub_token_proof(const uint64_t key[2], struct lubdub_slice token)
{
    uint64_t digest[2];

    hash(key, token, digest);
    return digest[0];
}

bool lubdub_tokens_init(struct lubdub_tokens *tokens, const uint64_t key[2], const struct lubdub_slice *given,
                        const struct lubdub_slice *patterns, size_t count)
{
    static const struct lubdub_slice any = {NULL, 0};
    size_t length = 0;
    char *bytes;
    size_t i;

    memset(tokens, 0, sizeof *tokens);
    if (count == 0) {
        return true;
    }
    memcpy(tokens->key, key, sizeof tokens->key);
    for (i = 0; i < count; i++) {
        length += given[i].length + (patterns != NULL ? patterns[i].length : 0);
    }
    tokens->capacity = capacity_for(count);
    tokens->size = count * sizeof *tokens->all + tokens->capacity * sizeof *tokens->slots + length;
    tokens->all = calloc(1, tokens->size);
    if (tokens->all == NULL) {
        return false;
    }
    tokens->slots = (uint32_t *)&tokens->all[count];
    bytes = (char *)&tokens->slots[tokens->capacity];
    for (i = 0; i < count; i++) {
        struct lubdub_token *token = &tokens->all[i];

        token->token = copy(&bytes, given[i]);
        token->pattern = copy(&bytes, patterns != NULL ? patterns[i] : any);
        hash(key, token->token, token->digest);
        put(tokens, (uint32_t)i);
    }
    return true;
}

static bool same_digest(const uint64_t one[2], const uint64_t other[2])
{
    return ((one[0] ^ other[0]) | (one[1] ^ other[1])) == 0;
}

/* Looks at every byte, whatever it finds. */
static bool same_bytes(struct lubdub_slice one, struct lubdub_slice other)
{
    unsigned difference = one.length != other.length;
    size_t length = one.length < other.length ? one.length : other.length;
    size_t i;

    for (i = 0; i < length; i++) {
        difference |= (unsigned)((uint8_t)one.data[i] ^ (uint8_t)other.data[i]);
    }
    return difference == 0;
}

static bool lets_in(const struct lubdub_token *token, struct lubdub_slice identity)
{
    return token->pattern.data == NULL || lubdub_pattern_matches(token->pattern, identity);
}

const char *lubdub_tokens_refuse(const struct lubdub_tokens *tokens, struct lubdub_slice token,
                                 struct lubdub_slice identity, uint64_t *proof)
{
    const char *refusal = "the token is not known here";
    uint64_t digest[2];
    uint32_t slot;

    *proof = 0;
    if (tokens->all == NULL) {
        return NULL;
    }
    if (token.length == 0) {
        return "a token is required";
    }
    hash(tokens->key, token, digest);
    for (slot = (uint32_t)digest[0]; tokens->slots[slot & (tokens->capacity - 1)] != 0; slot++) {
        const struct lubdub_token *known = &tokens->all[tokens->slots[slot & (tokens->capacity - 1)] - 1];

        if (!same_digest(known->digest, digest) || !same_bytes(known->token, token)) {
            continue;
        }
        if (lets_in(known, identity)) {
            *proof = digest[0];
            return NULL;
        }
        refusal = "this token is not for this identity"; /* the same token may stand there with another pattern */
    }
    return refusal;
}

bool lubdub_tokens_admit(const struct lubdub_tokens *tokens, uint64_t proof, struct lubdub_slice identity)
{
    uint32_t slot;

    if (tokens->all == NULL) {
        return true;
    }
    for (slot = (uint32_t)proof; tokens->slots[slot & (tokens->capacity - 1)] != 0; slot++) {
        const struct lubdub_token *known = &tokens->all[tokens->slots[slot & (tokens->capacity - 1)] - 1];

        if (known->digest[0] == proof && lets_in(known, identity)) {
            return true;
        }
    }
    return false;
}
