/*
 * Names why a peer went down: causes, and the reasons that a BYE gives (docs/protocol.md, sections 6 and 7).
 */
#ifndef LUBDUB_CAUSE_H
#define LUBDUB_CAUSE_H

#include <stdint.h>

#include <lubdub/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/* name, code on the wire, word, sentence */
#define LUBDUB_CAUSES(X)                                                          \
    X(BYE, 1, "bye", "the peer said goodbye")                                     \
    X(CLOSED, 2, "closed", "the peer closed its end without a BYE")               \
    X(RESET, 3, "reset", "the connection was reset")                              \
    X(HUNG, 4, "hung", "silent, while its kernel still acknowledges")             \
    X(UNREACHABLE, 5, "unreachable", "silent, and its kernel does not acknowledge") \
    X(REFUSED, 6, "refused", "nobody listens there")                              \
    X(TIMEOUT, 7, "timeout", "nobody answers there")                              \
    X(RESOLVE, 8, "resolve", "there is no such name")                             \
    X(PROTOCOL, 9, "protocol", "the peer broke the protocol")                     \
    X(REJECTED, 10, "rejected", "the peer would not have us")                     \
    X(REPLACED, 11, "replaced", "the same identity came in anew")                 \
    X(SLOW_READER, 12, "slow-reader", "the peer does not read")                   \
    X(TLS, 13, "tls", "the handshake or a certificate failed")                    \
    X(SHUTDOWN, 14, "shutdown", "we ourselves leave")

/* A later release may add causes; codes and names stay. To a program, an unknown cause is an end like any other. */
enum lubdub_cause {
    LUBDUB_CAUSE_NONE = 0,
#define LUBDUB_CAUSE_CODE(name, code, word, sentence) LUBDUB_CAUSE_##name = code,
    LUBDUB_CAUSES(LUBDUB_CAUSE_CODE)
#undef LUBDUB_CAUSE_CODE
};

/* The length of arrays that have a place for each cause; codes of causes stay below it. */
#define LUBDUB_CAUSE_CAPACITY 32

#define LUBDUB_REASONS(X)                                                         \
    X(NORMAL, 0, "normal")                                                        \
    X(DRAINING, 1, "draining")                                                    \
    X(REPLACED, 2, "replaced")                                                    \
    X(EXPIRED, 3, "expired")                                                      \
    X(PROTOCOL_ERROR, 4, "protocol error")                                        \
    X(CONTENT_TOO_LARGE, 5, "content too large")                                  \
    X(UNAUTHORIZED, 6, "unauthorized")                                            \
    X(OVERLOADED, 7, "overloaded")                                                \
    X(TOO_MANY_FRAMES, 8, "too many frames")                                      \
    X(UNSUPPORTED_VERSION, 9, "unsupported version")                              \
    X(HANDSHAKE_TIMEOUT, 10, "handshake timeout")

enum lubdub_reason {
#define LUBDUB_REASON_CODE(name, code, word) LUBDUB_REASON_##name = code,
    LUBDUB_REASONS(LUBDUB_REASON_CODE)
#undef LUBDUB_REASON_CODE
};

/* The word of interfaces and logs, "none" for LUBDUB_CAUSE_NONE, "unknown" for other numbers. Static. */
LUBDUB_API const char *lubdub_cause_word(enum lubdub_cause cause);
LUBDUB_API const char *lubdub_cause_text(enum lubdub_cause cause);

/* The reason in words, "unknown" for a number that section 6 does not list. Static. */
LUBDUB_API const char *lubdub_reason_word(uint64_t reason);

/* The cause that an endpoint reports for a BYE with this reason: bye, rejected or replaced. */
LUBDUB_API enum lubdub_cause lubdub_cause_of_bye(uint64_t reason);

#ifdef __cplusplus
}
#endif

#endif
