/* Checks UTF-8 by the table of well-formed byte sequences (Unicode standard, table 3-7). */
#include "core/utf8.h"

#include <stdint.h>

/* Bytes of the well-formed sequence at the start of data, 0 if there is none or it is a control. */
static size_t sequence_length(const uint8_t *data, size_t length)
{
    uint8_t lead = data[0];
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    size_t size;
    size_t i;

    if (lead < 0x80) {
        return lead >= 0x20 && lead != 0x7f ? 1 : 0;
    }
    if (lead >= 0xc2 && lead <= 0xdf) {
        size = 2;
        low = lead == 0xc2 ? 0xa0 : 0x80; /* U+0080–U+009F are the C1 controls */
    } else if (lead >= 0xe0 && lead <= 0xef) {
        size = 3;
        low = lead == 0xe0 ? 0xa0 : 0x80;
        high = lead == 0xed ? 0x9f : 0xbf;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        size = 4;
        low = lead == 0xf0 ? 0x90 : 0x80;
        high = lead == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }

    if (length < size || data[1] < low || data[1] > high) {
        return 0;
    }
    for (i = 2; i < size; i++) {
        if (data[i] < 0x80 || data[i] > 0xbf) {
            return 0;
        }
    }
    return size;
}

bool lubdub_utf8_is_clean(const char *data, size_t length)
{
    const uint8_t *bytes = (const uint8_t *)data;
    size_t taken = 0;

    while (taken < length) {
        size_t size = sequence_length(bytes + taken, length - taken);

        if (size == 0) {
            return false;
        }
        taken += size;
    }
    return true;
}
