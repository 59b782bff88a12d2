/* Exchanges structs that begin with their size with a caller that may be older or newer. */
#include "core/sized.h"

#include <string.h>

/* No public struct comes near this size: a larger number was left in memory by chance, and is not used. */
#define LARGEST 65536

static size_t size_of(const void *sized)
{
    size_t size;

    memcpy(&size, sized, sizeof size);
    return size;
}

static size_t smaller(size_t one, size_t other)
{
    return one < other ? one : other;
}

void lubdub_sized_init(void *theirs, size_t size, const void *defaults, size_t known)
{
    memset(theirs, 0, size);
    memcpy(theirs, defaults, smaller(size, known));
    memcpy(theirs, &size, sizeof size);
}

bool lubdub_sized_take(void *own, size_t known, const void *theirs, size_t least)
{
    const unsigned char *bytes = theirs;
    size_t size = theirs != NULL ? size_of(theirs) : 0;
    size_t i;

    if (size < least || size > LARGEST) {
        return false;
    }
    for (i = known; i < size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    memcpy(own, theirs, smaller(size, known));
    memcpy(own, &known, sizeof known);
    return true;
}

void lubdub_sized_give(void *theirs, const void *own, size_t known)
{
    size_t size = smaller(size_of(theirs), known);

    if (size > sizeof size) {
        memcpy((unsigned char *)theirs + sizeof size, (const unsigned char *)own + sizeof size, size - sizeof size);
    }
}
