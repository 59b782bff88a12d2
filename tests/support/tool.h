/* Skips or fails a test when a program that it uses is missing. */
#ifndef LUBDUB_TESTS_SUPPORT_TOOL_H
#define LUBDUB_TESTS_SUPPORT_TOOL_H

#include <stdlib.h>

#include "support/test.h"

/* Skips the test; fails it where LUBDUB_CI is set, since CI installs all such programs. */
static inline void skip_for_want_of(const char *tool)
{
    if (getenv("LUBDUB_CI") != NULL) {
        fail_msg("%s is not installed, and LUBDUB_CI demands it", tool);
    }
    print_message("needs %s: skipped\n", tool);
    skip();
}

#endif
