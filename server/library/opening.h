/*
 * Knows the connections of a worker that have not sent a whole frame yet, oldest first. Beyond max_opening the oldest
 * one goes: a client that means it sends its first frame at once, so the oldest is the least likely to be one.
 */
#ifndef LUBDUB_SERVER_LIBRARY_OPENING_H
#define LUBDUB_SERVER_LIBRARY_OPENING_H

#include <stdbool.h>

#include "server/library/state.h"

/* The connection has just been opened. False: there is no memory for it. */
bool lubdub_opening_begin(struct lubdub_worker *worker, struct lubdub_record *record);

/* Its first frame came, or it ends. Twice does no harm. */
void lubdub_opening_end(struct lubdub_worker *worker, struct lubdub_record *record);

/* The oldest one, where there are as many as the worker may have (or more); NULL: there is room for another. */
struct lubdub_record *lubdub_opening_surplus(struct lubdub_worker *worker);

/*
 * Whether there are as many as the worker may have, and the oldest one is still likely to go on: over TLS a first frame
 * takes its time where thousands come at once, as after a restart. New connections then wait in the kernel.
 */
bool lubdub_opening_is_busy(struct lubdub_worker *worker);

/* The most that this worker may have; connections that wait for a proxy's header are counted apart, up to the same. */
unsigned lubdub_opening_most(const struct lubdub_worker *worker);

#define LUBDUB_OPENING_TEXT 96

/* Why a connection is refused for that. Returns text. */
const char *lubdub_opening_refusal(const struct lubdub_worker *worker, char text[LUBDUB_OPENING_TEXT]);

void lubdub_opening_clear(struct lubdub_worker *worker);

#endif
