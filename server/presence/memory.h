/* Warns of a Redis that may drop what stands there when its memory is full. */
#ifndef LUBDUB_SERVER_PRESENCE_MEMORY_H
#define LUBDUB_SERVER_PRESENCE_MEMORY_H

#include "server/presence/state.h"

/* Of a connection that is up; the log tells what comes of it. */
void presence_ask_for_memory(struct presence *presence);

#endif
