/* Copies events, with all that they point at. */
#include "event_log.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"
#include "words.h"

void event_log_clear(struct event_log *log)
{
    size_t i;

    for (i = 0; i < log->copy_count; i++) {
        free(log->copies[i]);
    }
    free(log->copies);
    free(log->entries);
    memset(log, 0, sizeof *log);
}

static void *grown(void *array, size_t count, size_t size)
{
    /* At 1, 2, 4, 8 … it doubles. */
    if ((count & (count - 1)) == 0) {
        array = realloc(array, (count == 0 ? 1 : 2 * count) * size);
        if (array == NULL) {
            abort();
        }
    }
    return array;
}

static const void *copied(struct event_log *log, const void *data, size_t length)
{
    void *copy;

    if (data == NULL) {
        return NULL;
    }
    copy = malloc(length > 0 ? length : 1);
    if (copy == NULL) {
        abort();
    }
    memcpy(copy, data, length);
    log->copies = grown(log->copies, log->copy_count, sizeof *log->copies);
    log->copies[log->copy_count++] = copy;
    return copy;
}

static void copy_slice(struct event_log *log, struct lubdub_slice *slice)
{
    slice->data = copied(log, slice->data, slice->length);
}

static void copy_options(struct event_log *log, struct lubdub_options *options)
{
    size_t i;

    copy_slice(log, &options->identity);
    copy_slice(log, &options->token);
    copy_slice(log, &options->agent);
    copy_slice(log, &options->text);
    for (i = 0; i < options->label_count; i++) {
        copy_slice(log, &options->labels[i].key);
        copy_slice(log, &options->labels[i].value);
    }
}

void event_log_add(struct event_log *log, const struct lubdub_event *event, lubdub_time at)
{
    struct lubdub_event *kept;

    log->entries = grown(log->entries, log->count, sizeof *log->entries);
    log->entries[log->count].at = at;
    kept = &log->entries[log->count++].event;
    memcpy(kept, event, sizeof *kept);
    log->counts[event->kind]++;

    /* Only what holds something for this kind may be looked at. */
    switch (event->kind) {
    case LUBDUB_EVENT_MESSAGE:
    case LUBDUB_EVENT_ACKED:
    case LUBDUB_EVENT_HEALTH:
        kept->content = copied(log, event->content, event->length);
        break;
    case LUBDUB_EVENT_HELLO:
    case LUBDUB_EVENT_UP:
        copy_options(log, &kept->options);
        break;
    case LUBDUB_EVENT_DOWN:
        copy_slice(log, &kept->text);
        break;
    case LUBDUB_EVENT_NONE:
    case LUBDUB_EVENT_GRANT_CHANGED:
    case LUBDUB_EVENT_LATE_ACK:
    case LUBDUB_EVENT_TIMED_OUT:
    case LUBDUB_EVENT_LATE:
    case LUBDUB_EVENT_RECOVERED:
    case LUBDUB_EVENT_ROOM:
        break;
    }
}

size_t event_log_count(const struct event_log *log, enum lubdub_event_kind kind)
{
    return log->counts[kind];
}

const struct logged_event *event_log_last(const struct event_log *log, enum lubdub_event_kind kind)
{
    size_t i;

    for (i = log->count; i > 0; i--) {
        if (log->entries[i - 1].event.kind == kind) {
            return &log->entries[i - 1];
        }
    }
    return NULL;
}

void event_log_print(const struct event_log *log, const char *whose)
{
    size_t first = log->count > 20 ? log->count - 20 : 0;
    size_t i;

    print_error("  the %s heard %zu events%s\n", whose, log->count, first > 0 ? ", the last of them:" : "");
    for (i = first; i < log->count; i++) {
        char words[WORDS_LENGTH];

        print_error("    %12.3f ms  %s\n", (double)log->entries[i].at / (double)LUBDUB_MILLISECOND,
                    event_in_words(&log->entries[i].event, words));
    }
}
