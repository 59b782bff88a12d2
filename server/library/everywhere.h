/* Hands the same letter to all workers, or to none of them. Any thread. */
#ifndef LUBDUB_SERVER_LIBRARY_EVERYWHERE_H
#define LUBDUB_SERVER_LIBRARY_EVERYWHERE_H

#include "server/library/state.h"

/*
 * A chain with one letter of this kind for each worker, which share a copy of the content; NULL without memory. The
 * caller may fill in more, the same in each.
 */
struct lubdub_letter *lubdub_everywhere_write(const struct lubdub_server *server, enum lubdub_letter_kind kind,
                                              const void *content, size_t length);

/*
 * Posts the chain, which is not the caller's any more. FULL: no worker got one. wants_room: as lubdub_mailbox_post().
 */
enum lubdub_error lubdub_everywhere_post(struct lubdub_server *server, struct lubdub_letter *letters, bool wants_room);

#endif
