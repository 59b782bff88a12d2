/*
 * Asks the application whether a client may become a session, and takes its answer: inside the callback, or later from
 * any thread. The door acts on the answer.
 */
#ifndef LUBDUB_SERVER_LIBRARY_ASKING_H
#define LUBDUB_SERVER_LIBRARY_ASKING_H

#include "server/library/answer.h"
#include "server/library/state.h"

/*
 * Calls the application about this connection. False: the answer comes later, by letter. The server may be doomed
 * afterwards.
 */
bool lubdub_asking_ask(struct lubdub_worker *worker, struct lubdub_record *record, const struct lubdub_event *hello,
                       struct lubdub_answer *answer);

#endif
