/*
 * Keeps what other threads may read of a session up to date: its marks in the pool, and how many sessions of the worker
 * have which. Belongs to the worker's thread.
 */
#ifndef LUBDUB_SERVER_LIBRARY_MARKS_H
#define LUBDUB_SERVER_LIBRARY_MARKS_H

#include "server/library/state.h"

/* The session begins; its peer does not change from now on. */
void lubdub_mark_listed(struct lubdub_worker *worker, struct lubdub_record *record);

/* The session's end is about to be told. */
void lubdub_mark_unlisted(struct lubdub_worker *worker, struct lubdub_record *record);

void lubdub_mark_late(struct lubdub_worker *worker, struct lubdub_record *record, bool is_late);

/* Whether a message found no room in it since ROOM was told last. */
void lubdub_mark_full(struct lubdub_worker *worker, struct lubdub_record *record, bool is_full);

/* content: of the probe that told it. */
void lubdub_mark_health(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_health health,
                        const uint8_t *content, size_t length);

static inline enum lubdub_health lubdub_health_of_marks(unsigned marks)
{
    return (marks & LUBDUB_MARK_CRITICAL) != 0  ? LUBDUB_HEALTH_CRITICAL
           : (marks & LUBDUB_MARK_WARNING) != 0 ? LUBDUB_HEALTH_WARNING
                                                : LUBDUB_HEALTH_PASSING;
}

#endif
