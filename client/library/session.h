/* A client's session, from the connected socket to the close of its link. */
#ifndef LUBDUB_CLIENT_LIBRARY_SESSION_H
#define LUBDUB_CLIENT_LIBRARY_SESSION_H

#include "client/library/state.h"

void lubdub_client_open_session(struct lubdub_client *client, int socket, lubdub_time now);

/* For the group of links. */
void lubdub_client_on_link_event(struct lubdub_link *link, const struct lubdub_event *event, lubdub_time now);
void lubdub_client_on_link_closed(struct lubdub_link *link);

/* Adds up what the session counted when it is over. loses_pending: its unanswered probes count as lost. */
void lubdub_client_collect_counts(struct lubdub_client *client, bool loses_pending);

#endif
