/*
 * Reads an input as orders to the peer, the clock, the kernel and the owner of one session, so that a few bytes reach
 * far: an order makes a frame with the right sequence, or lets time pass up to the deadline.
 */
#ifndef LUBDUB_TESTS_FUZZ_ORDERS_H
#define LUBDUB_TESTS_FUZZ_ORDERS_H

#include "memory_session.h"

#define ORDERS_LIMIT 64 /* of one execution */

/* Zeroed: the peer has sent nothing. */
struct orders_peer {
    uint64_t probes;
    uint64_t messages;
};

/* Sets settings by the next bytes of the input. */
void orders_settings(struct lubdub_session_settings *settings, struct fuzz_input *input);

/* Follows orders until the input ends. */
void orders_follow(struct memory_session *memory, struct orders_peer *peer, struct fuzz_input *input);

/* A length of time by one byte: from 1 ms to a day. */
lubdub_duration orders_duration(uint8_t byte);

#endif
