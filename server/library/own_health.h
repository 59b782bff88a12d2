/* Tells clients how the server says it is: with a probe to every session, a part of them in each turn of each loop. */
#ifndef LUBDUB_SERVER_LIBRARY_OWN_HEALTH_H
#define LUBDUB_SERVER_LIBRARY_OWN_HEALTH_H

#include "server/library/state.h"

/* The health has changed: all sessions of the worker are told, from now on. */
void lubdub_own_health_begin(struct lubdub_worker *worker);

/* Goes on as far as the budget goes. Returns whether all were told. */
bool lubdub_own_health_go_on(struct lubdub_worker *worker, struct lubdub_budget *budget);

/* A session has begun: it takes the server for passing until it is told. */
void lubdub_own_health_tell(struct lubdub_worker *worker, struct lubdub_record *record);

#endif
