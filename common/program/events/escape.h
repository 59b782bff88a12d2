/*
 * Makes bytes from a peer safe to show: a terminal, a log or a JSON reader gets text only. Pure.
 *
 * What is kept as it is: printable UTF-8. What is escaped: control bytes, DEL and bytes that are no UTF-8 as \xNN; C1
 * controls, line separators, and characters that reorder text (bidi) or cannot be seen (fillers, joiners, variation
 * selectors) as \u{NNNN}; the backslash as \\.
 */
#ifndef LUBDUB_PROGRAM_EVENTS_ESCAPE_H
#define LUBDUB_PROGRAM_EVENTS_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Writes the escaped bytes and a terminating NUL into text, which has room for capacity (at least 6) bytes. What does
 * not fit is cut at the end of a whole character and closes with "...". Returns the length without the NUL.
 */
size_t lubdub_escape_text(char *text, size_t capacity, const void *bytes, size_t length);

/* The same for a whole line that has been escaped in part: backslashes stay as they are. */
size_t lubdub_escape_line(char *text, size_t capacity, const void *bytes, size_t length);

/* The same for the value of key=value: bare when it is plain, else in double quotes, with \" inside. Empty is "". */
size_t lubdub_escape_value(char *text, size_t capacity, const void *bytes, size_t length);

/*
 * The same for a name that stands in a line of text beside other fields. It is bare where it cannot be read as anything
 * else: letters and digits, - _ . / @ + ~ # % and what is neither ASCII nor punctuation nor blank. Else it is quoted:
 * with a colon, as in an address, with blanks, quotes and whatever is escaped.
 */
size_t lubdub_escape_name(char *text, size_t capacity, const void *bytes, size_t length);

/*
 * Decodes the character at the start of bytes (length at least 1). Returns how many bytes it takes, and the character
 * in *code_point; or 0 where they are no valid UTF-8 (too long a form, a surrogate, above U+10FFFF, cut off).
 */
size_t lubdub_utf8_decode(const uint8_t *bytes, size_t length, uint32_t *code_point);

#endif
