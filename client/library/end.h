/* Ends an attempt or a session of a client: tells the application, and decides what comes next. */
#ifndef LUBDUB_CLIENT_LIBRARY_END_H
#define LUBDUB_CLIENT_LIBRARY_END_H

#include "client/library/state.h"

/* No session came of an attempt, as *event describes: the next address, the next server of the round, or down. */
void lubdub_client_fail(struct lubdub_client *client, struct lubdub_client_event *event);

/* Tells of the end that *event describes, and of the return. */
void lubdub_client_go_down(struct lubdub_client *client, struct lubdub_client_event *event);

#endif
