/*
 * Keeps the tokens that let clients in, and the identities that each of them may have. A look-up costs the same however
 * many tokens there are: the given token is hashed once, under a secret key, and compared with one candidate.
 *
 * The hash stands for the token afterwards: a session keeps it as its proof (peer.h). It stays the same when the tokens
 * are read again, because the key belongs to the server (settings.proof_key, or one that it drew).
 */
#ifndef LUBDUB_SERVER_LIBRARY_TOKENS_H
#define LUBDUB_SERVER_LIBRARY_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/option.h>

struct lubdub_token;

/* Zeroed: none is asked for. */
struct lubdub_tokens {
    struct lubdub_token *all; /* one block of memory, with the slots and the bytes behind them */
    uint32_t *slots;          /* index + 1; 0: empty */
    uint32_t capacity;        /* a power of two */
    size_t size;              /* of the block */
    uint64_t key[2];
};

/* Copies them. patterns: NULL, or one for each token, data NULL: any identity. key: a secret. False: no memory. */
bool lubdub_tokens_init(struct lubdub_tokens *tokens, const uint64_t key[2], const struct lubdub_slice *given,
                        const struct lubdub_slice *patterns, size_t count);

/* Wipes and frees. */
void lubdub_tokens_clear(struct lubdub_tokens *tokens);

/*
 * NULL: the token lets in a client of this identity (empty: none). *proof stands for the token then; 0: no token is
 * asked for. Else why not, as a static sentence.
 */
const char *lubdub_tokens_refuse(const struct lubdub_tokens *tokens, struct lubdub_slice token,
                                 struct lubdub_slice identity, uint64_t *proof);

/* The proof of any token, under the server's key. */
uint64_t lubdub_token_proof(const uint64_t key[2], struct lubdub_slice token);

/* Whether the token with this proof lets in this identity. */
bool lubdub_tokens_admit(const struct lubdub_tokens *tokens, uint64_t proof, struct lubdub_slice identity);

static inline bool lubdub_tokens_are_asked_for(const struct lubdub_tokens *tokens)
{
    return tokens->all != NULL;
}

#endif
