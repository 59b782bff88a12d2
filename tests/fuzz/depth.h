/*
 * Counts how far the sessions of all executions came, so that a number of executions says something: one that ends at
 * its first byte proves little. fuzz_depth() of fuzz.h tells it.
 */
#ifndef LUBDUB_TESTS_FUZZ_DEPTH_H
#define LUBDUB_TESTS_FUZZ_DEPTH_H

#include "memory_session.h"

/* At the end of an execution, before the session is cleared. */
void depth_count(const struct memory_session *memory);

#endif
