/*
 * Sets up uthash for the tables of this folder: keyed, and without memory an entry is not added. Includes <uthash.h>.
 */
#ifndef LUBDUB_SERVER_LIBRARY_TABLE_H
#define LUBDUB_SERVER_LIBRARY_TABLE_H

#include "ev/sip_hash.h"

/* Strangers choose the keys. */
#define HASH_FUNCTION(key, length, hash) ((hash) = lubdub_sip_hash_here((key), (length)))

/* An entry has is_lost, which is set where it was not added, instead of ending the process. */
#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(entry) ((entry)->is_lost = true)

#include <uthash.h>

#endif
