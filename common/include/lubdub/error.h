/*
 * Lists the errors that a call may return: the caller's mistakes and the system's refusals.
 *
 * A peer's fault is never one of these errors; it arrives as an event with a cause (cause.h).
 */
#ifndef LUBDUB_ERROR_H
#define LUBDUB_ERROR_H

#include <lubdub/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/* code, name, sentence */
#define LUBDUB_ERRORS(X)                                                          \
    X(OK, "ok", "done")                                                           \
    X(INVALID, "invalid", "an argument or a setting is out of its range")         \
    X(NO_MEMORY, "no-memory", "no memory is left")                                \
    X(WRONG_STATE, "wrong-state", "the object is not in a state that allows this") \
    X(TOO_LONG, "too-long", "the content is longer than the peer takes")          \
    X(FULL, "full", "too many bytes are waiting for this peer already")           \
    X(NOT_FOUND, "not-found", "there is no such session")                         \
    X(ADDRESS, "address", "the address is not understood")                        \
    X(ADDRESS_IN_USE, "address-in-use", "somebody listens on this address")       \
    X(PERMISSION, "permission", "the system does not permit this")                \
    X(SYSTEM, "system", "the system refused; errno tells why")                    \
    X(LATER, "later", "it happens when the callback that is running has returned")

/* A later release may add errors at the end. 0 is success. */
enum lubdub_error {
#define LUBDUB_ERROR_CODE(name, word, sentence) LUBDUB_ERROR_##name,
    LUBDUB_ERRORS(LUBDUB_ERROR_CODE)
#undef LUBDUB_ERROR_CODE
};

/* One word for logs; "unknown" for a number that is none of the above. Static. */
LUBDUB_API const char *lubdub_error_name(enum lubdub_error error);

/* One sentence for people. Static. */
LUBDUB_API const char *lubdub_error_text(enum lubdub_error error);

#ifdef __cplusplus
}
#endif

#endif
