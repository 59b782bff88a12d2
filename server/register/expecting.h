/* Takes a new list of the expected, piece by piece, while sessions come and go. */
#ifndef LUBDUB_SERVER_REGISTER_EXPECTING_H
#define LUBDUB_SERVER_REGISTER_EXPECTING_H

#include "server/register/state.h"

/* Takes the pending list, if there is one. Called with the lock held, which is let go of between the pieces. */
void expecting_take_list(struct lubdub_register *reg);

void watch_list_clear(struct watch_list *list);

#endif
