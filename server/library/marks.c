/* Marks sessions in the pool, and counts them. */
#include "server/library/marks.h"

static void count(struct lubdub_worker *worker, unsigned marks, uint64_t amount)
{
    if ((marks & LUBDUB_MARK_LISTED) != 0) {
        lubdub_tally_add(&worker->tally.by_health[lubdub_health_of_marks(marks)], amount);
        lubdub_tally_add(&worker->tally.late_now, (marks & LUBDUB_MARK_LATE) != 0 ? amount : 0);
    }
}

static void set(struct lubdub_worker *worker, const struct lubdub_record *record, unsigned which, unsigned marks)
{
    unsigned before = lubdub_pool_marks(&worker->pool, record);

    lubdub_pool_mark(&worker->pool, record, which, marks);
    count(worker, lubdub_pool_marks(&worker->pool, record), 1); /* first: no reader is to miss a session that stays */
    count(worker, before, (uint64_t)-1);
}

void lubdub_mark_listed(struct lubdub_worker *worker, struct lubdub_record *record)
{
    set(worker, record, ~0u, LUBDUB_MARK_LISTED);
}

void lubdub_mark_unlisted(struct lubdub_worker *worker, struct lubdub_record *record)
{
    set(worker, record, LUBDUB_MARK_LISTED, 0);
}

void lubdub_mark_late(struct lubdub_worker *worker, struct lubdub_record *record, bool is_late)
{
    set(worker, record, LUBDUB_MARK_LATE, is_late ? LUBDUB_MARK_LATE : 0);
}

void lubdub_mark_full(struct lubdub_worker *worker, struct lubdub_record *record, bool is_full)
{
    lubdub_pool_mark(&worker->pool, record, LUBDUB_MARK_FULL, is_full ? LUBDUB_MARK_FULL : 0);
}

void lubdub_mark_health(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_health health,
                        const uint8_t *content, size_t length)
{
    unsigned marks = 0;

    switch (health) {
    case LUBDUB_HEALTH_PASSING:
        break;
    case LUBDUB_HEALTH_WARNING:
        marks = LUBDUB_MARK_WARNING;
        break;
    case LUBDUB_HEALTH_CRITICAL:
        marks = LUBDUB_MARK_CRITICAL;
        break;
    }
    lubdub_pool_say(&worker->pool, record, content, length);
    set(worker, record, LUBDUB_MARK_WARNING | LUBDUB_MARK_CRITICAL, marks);
}
