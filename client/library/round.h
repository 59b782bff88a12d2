/* Runs a round of a client over its servers, until one of them accepts a session. */
#ifndef LUBDUB_CLIENT_LIBRARY_ROUND_H
#define LUBDUB_CLIENT_LIBRARY_ROUND_H

#include "client/library/state.h"

void lubdub_client_begin_round(struct lubdub_client *client);

/* Connects to the list's current server. */
void lubdub_client_connect(struct lubdub_client *client);

/* Connects to the next address of the server; the connector must have one more. */
void lubdub_client_connect_to_next_address(struct lubdub_client *client);

#endif
