/*
 * Keeps the tokens that let clients in, and the identities that each of them may have. A look-up costs the same however
 * many tokens there are: the given token is hashed once, under a secret key, and compared with one candidate.
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

/* Copies them. patterns: NULL, or one for each token, data NULL: any identity. False: no memory, or no random numbers.
 */
bool lubdub_tokens_init(struct lubdub_tokens *tokens, const struct lubdub_slice *given,
                        const struct lubdub_slice *patterns, size_t count);

/* Wipes and frees. */
void lubdub_tokens_clear(struct lubdub_tokens *tokens);

/* NULL: the token lets in a client of this identity (empty: none). Else why not, as a static sentence. */
const char *lubdub_tokens_refuse(const struct lubdub_tokens *tokens, struct lubdub_slice token,
                                 struct lubdub_slice identity);

#endif
