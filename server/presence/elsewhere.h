/* Asks Redis what this process wants to know of identities at other nodes, and tells the others its own numbers. */
#ifndef LUBDUB_SERVER_PRESENCE_ELSEWHERE_H
#define LUBDUB_SERVER_PRESENCE_ELSEWHERE_H

#include "server/presence/state.h"

/* At each beat, after the nodes were observed: asks a part of the questions. */
void presence_ask_elsewhere(struct presence *presence);

#endif
