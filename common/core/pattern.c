/* Matches a text with a pattern: goes through both together, and back to the last * where they differ. */
#include "core/pattern.h"

/* Bytes of the character that begins there. */
static size_t character(struct lubdub_slice text, size_t at)
{
    size_t end = at + 1;

    while (end < text.length && ((unsigned char)text.data[end] & 0xc0) == 0x80) {
        end++;
    }
    return end - at;
}

bool lubdub_pattern_matches(struct lubdub_slice pattern, struct lubdub_slice text)
{
    size_t in_pattern = 0;
    size_t in_text = 0;
    size_t behind_star = 0; /* 0: there was none */
    size_t star_ends = 0;   /* in the text: what the last * stands for */

    while (in_text < text.length) {
        char wanted = in_pattern < pattern.length ? pattern.data[in_pattern] : '\0';

        if (in_pattern < pattern.length && wanted == '*') {
            behind_star = ++in_pattern;
            star_ends = in_text;
        } else if (in_pattern < pattern.length && wanted == '?') {
            in_pattern++;
            in_text += character(text, in_text);
        } else if (in_pattern < pattern.length && wanted == text.data[in_text]) {
            in_pattern++;
            in_text++;
        } else if (behind_star > 0) {
            star_ends += character(text, star_ends);
            in_pattern = behind_star;
            in_text = star_ends;
        } else {
            return false;
        }
    }
    while (in_pattern < pattern.length && pattern.data[in_pattern] == '*') {
        in_pattern++;
    }
    return in_pattern == pattern.length;
}
