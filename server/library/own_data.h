/*
 * Keeps the application's one pointer for each connection, and gives it back when the connection is over. Belongs to
 * the worker's thread.
 */
#ifndef LUBDUB_SERVER_LIBRARY_OWN_DATA_H
#define LUBDUB_SERVER_LIBRARY_OWN_DATA_H

#include "server/library/state.h"

/* All is told of it: calls free_data of the settings for a pointer that is not NULL. */
void lubdub_own_data_free(struct lubdub_worker *worker, const struct lubdub_record *record);

#endif
