/* Asserts that two frames are equal, and prints both in words when they differ. */
#ifndef LUBDUB_TESTS_SUPPORT_ASSERT_FRAME_H
#define LUBDUB_TESTS_SUPPORT_ASSERT_FRAME_H

#include <lubdub/frame.h>

#include "endpoint.h"

void assert_frame_equal_at(const struct lubdub_frame *actual, const struct lubdub_frame *expected, const char *file,
                           int line);

#define assert_frame_equal(actual, expected) assert_frame_equal_at(actual, expected, __FILE__, __LINE__)

/* The next frame that the endpoint wrote. content may be NULL with length 0. */
void expect_whole_frame_at(struct endpoint *endpoint, unsigned type, unsigned flags, uint64_t sequence,
                           const void *content, size_t length, const char *file, int line);

#define expect_whole_frame(endpoint, type, flags, sequence, content, length) \
    expect_whole_frame_at(endpoint, LUBDUB_FRAME_##type, flags, sequence, content, length, __FILE__, __LINE__)

/* The endpoint wrote BYE with this reason and nothing after it. */
void expect_bye_at(struct endpoint *endpoint, unsigned reason, const char *file, int line);

#define expect_bye(endpoint, reason) expect_bye_at(endpoint, LUBDUB_REASON_##reason, __FILE__, __LINE__)

/*
 * The peer broke the protocol: DOWN with cause `protocol` and this reason, BYE with it, and after that the
 * session is leaving.
 */
void expect_protocol_error_at(struct endpoint *endpoint, unsigned reason, const char *file, int line);

#define expect_protocol_error(endpoint, reason) \
    expect_protocol_error_at(endpoint, LUBDUB_REASON_##reason, __FILE__, __LINE__)

#endif
