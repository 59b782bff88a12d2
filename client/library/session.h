/* Runs a client's session, from the connected socket to the close of its link. */
#ifndef LUBDUB_CLIENT_LIBRARY_SESSION_H
#define LUBDUB_CLIENT_LIBRARY_SESSION_H

#include "client/library/state.h"

void lubdub_client_open_session(struct lubdub_client *client, int socket, lubdub_time now);

/* For the group of links. */
void lubdub_client_on_link_event(struct lubdub_link *link, const struct lubdub_event *event, lubdub_time now);
void lubdub_client_on_link_closed(struct lubdub_link *link);
void lubdub_client_on_link_paths(struct lubdub_link *link, unsigned paths, unsigned was, lubdub_time now);

/* Sends what other threads have handed over, as far as there is room. */
void lubdub_client_deliver(struct lubdub_client *client);

/* The content that the application set goes into the session's probes. */
void lubdub_client_tell_content(struct lubdub_client *client);

/* Where the client stayed and the server was silent until now: says goodbye and goes down. */
void lubdub_client_leave_silent_server(struct lubdub_client *client);

/* Adds up what the session counted when it is over. loses_pending: its unanswered probes count as lost. */
void lubdub_client_collect_counts(struct lubdub_client *client, bool loses_pending);

#endif
