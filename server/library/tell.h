/* Brings a server's events to the application. */
#ifndef LUBDUB_SERVER_LIBRARY_TELL_H
#define LUBDUB_SERVER_LIBRARY_TELL_H

#include "server/library/state.h"

/* Hands an event to the application. A record (NULL: none) adds its address, identity and session number. */
void lubdub_server_tell(struct lubdub_worker *worker, struct lubdub_record *record, struct lubdub_server_event *event);

/* An event about the whole server, from worker 0. */
void lubdub_server_tell_of_itself(struct lubdub_server *server, enum lubdub_server_event_kind kind);

/* Bracket every callback of libev that may call the application. After _leave the server may be gone. */
void lubdub_worker_enter(struct lubdub_worker *worker);
void lubdub_worker_leave(struct lubdub_worker *worker);

#endif
