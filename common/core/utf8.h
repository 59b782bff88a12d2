/* Cuts text, and checks that text from the wire is UTF-8 without control characters (RFC 3629, Unicode category Cc). */
#ifndef LUBDUB_CORE_UTF8_H
#define LUBDUB_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* False for overlong forms, surrogates, code points past U+10FFFF, and the controls C0, DEL and C1. */
bool lubdub_utf8_is_clean(const char *data, size_t length);

/*
 * Whether a person can see the text and recognise it: it is clean, no character has no width or turns the direction of
 * text (Unicode property Default_Ignorable_Code_Point, the marks of direction, line and paragraph separators), and it
 * is not only blanks. Empty text is not visible.
 */
bool lubdub_utf8_is_visible(const char *data, size_t length);

/* How many bytes of the terminated text are no more than the limit, and end where a character does. */
size_t lubdub_utf8_cut(const char *text, size_t limit);

#endif
