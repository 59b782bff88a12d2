/*
 * Exchanges structs that begin with their size. The caller's header may be older or newer than ours.
 *
 *     older caller:   size | what both know |                          what it does not know keeps our default
 *     newer caller:   size | what both know | what we do not know      must be all zero bytes: we cannot do it
 */
#ifndef LUBDUB_CORE_SIZED_H
#define LUBDUB_CORE_SIZED_H

#include <stdbool.h>
#include <stddef.h>

/* Whether a struct of this size has the whole of a field. */
#define LUBDUB_SIZED_HAS(size, type, field) ((size) >= offsetof(type, field) + sizeof(((type *)NULL)->field))

/*
 * For an initialiser: writes the defaults into the caller's struct, which may have fewer bytes or more than ours. Bytes
 * that we do not know become 0. The struct's size is set to `size`, which is at least sizeof(size_t).
 */
void lubdub_sized_init(void *theirs, size_t size, const void *defaults, size_t known);

/*
 * For settings: copies what both know over the defaults that `own` holds; own keeps its size. False, and own is
 * undefined, where the size is less than `least` (no initialiser was called), where no header can have given it, or
 * where a byte that we do not know is not 0.
 */
bool lubdub_sized_take(void *own, size_t known, const void *theirs, size_t least);

/* For results: copies what both know, except the size. What the caller knows and we do not is left as it is. */
void lubdub_sized_give(void *theirs, const void *own, size_t known);

#endif
