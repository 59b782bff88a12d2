/* Matches identities with patterns: * stands for any characters, also none, and ? for one. Pure. */
#ifndef LUBDUB_CORE_PATTERN_H
#define LUBDUB_CORE_PATTERN_H

#include <stdbool.h>

#include <lubdub/option.h>

/* Whether the pattern stands for the whole text. Both are UTF-8. Takes no longer than the product of their lengths. */
bool lubdub_pattern_matches(struct lubdub_slice pattern, struct lubdub_slice text);

#endif
