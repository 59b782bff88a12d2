/* Admission of clients: accepted connections, limits, tokens, and which session has an identity. */
#ifndef LUBDUB_SERVER_LIBRARY_DOOR_H
#define LUBDUB_SERVER_LIBRARY_DOOR_H

#include "server/library/state.h"

/* A connection came. The socket is the worker's now. */
void lubdub_door_accept(struct lubdub_worker *worker, int socket, const struct lubdub_address *address);

/* A connection asks to become a session, by HELLO or by a first PROBE or MESSAGE: granted or refused on return. */
void lubdub_door_admit(struct lubdub_worker *worker, struct lubdub_record *record, const struct lubdub_event *hello,
                       lubdub_time now);

#endif
