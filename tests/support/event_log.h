/* Keeps the events of a session beyond the session's next call. */
#ifndef LUBDUB_TESTS_SUPPORT_EVENT_LOG_H
#define LUBDUB_TESTS_SUPPORT_EVENT_LOG_H

#include <lubdub/session.h>

struct logged_event {
    struct lubdub_event event; /* its slices and content are copies that the log owns */
    lubdub_time at;
};

/* Zeroed: empty. */
struct event_log {
    struct logged_event *entries;
    size_t count;
    size_t read;                          /* how many the test has looked at */
    size_t counts[LUBDUB_EVENT_ROOM + 1]; /* of each kind */
    void **copies;
    size_t copy_count;
};

void event_log_clear(struct event_log *log);
void event_log_add(struct event_log *log, const struct lubdub_event *event, lubdub_time at);

/* How many of this kind there are in all. */
size_t event_log_count(const struct event_log *log, enum lubdub_event_kind kind);

/* The last of this kind, NULL if there is none. Lives until the log is added to. */
const struct logged_event *event_log_last(const struct event_log *log, enum lubdub_event_kind kind);

void event_log_print(const struct event_log *log, const char *whose);

#endif
