/* Warns of a Redis that may drop what stands there when its memory is full, and asks whether it has. */
#ifndef LUBDUB_SERVER_PRESENCE_MEMORY_H
#define LUBDUB_SERVER_PRESENCE_MEMORY_H

#include "server/presence/state.h"

/* Of a connection that is up; the log tells what comes of it, and lost.may_evict. */
void presence_ask_for_memory(struct presence *presence);

/* Where it has evicted since it was asked last, all sessions are looked for (lost.h). */
void presence_ask_for_evicted(struct presence *presence);

#endif
