/* Says what a frame or an event is. */
#include "words.h"

#include <inttypes.h>
#include <stdio.h>

const char *frame_type_word(unsigned type)
{
    static const char *const words[] = {"type 0", "HELLO", "WELCOME", "PROBE", "ACK", "MESSAGE", "BYE"};
    static char unknown[32];

    if (type < sizeof words / sizeof words[0]) {
        return words[type];
    }
    snprintf(unknown, sizeof unknown, "type %u", type);
    return unknown;
}

const char *event_kind_word(enum lubdub_event_kind kind)
{
    switch (kind) {
    case LUBDUB_EVENT_NONE:
        return "NONE";
    case LUBDUB_EVENT_HELLO:
        return "HELLO";
    case LUBDUB_EVENT_UP:
        return "UP";
    case LUBDUB_EVENT_GRANT_CHANGED:
        return "GRANT_CHANGED";
    case LUBDUB_EVENT_ACKED:
        return "ACKED";
    case LUBDUB_EVENT_LATE_ACK:
        return "LATE_ACK";
    case LUBDUB_EVENT_TIMED_OUT:
        return "TIMED_OUT";
    case LUBDUB_EVENT_HEALTH:
        return "HEALTH";
    case LUBDUB_EVENT_MESSAGE:
        return "MESSAGE";
    case LUBDUB_EVENT_LATE:
        return "LATE";
    case LUBDUB_EVENT_RECOVERED:
        return "RECOVERED";
    case LUBDUB_EVENT_DOWN:
        return "DOWN";
    case LUBDUB_EVENT_ROOM:
        return "ROOM";
    }
    return "unknown event";
}

const char *session_state_word(enum lubdub_session_state state)
{
    switch (state) {
    case LUBDUB_SESSION_OPENING:
        return "OPENING";
    case LUBDUB_SESSION_ASKED:
        return "ASKED";
    case LUBDUB_SESSION_UP:
        return "UP";
    case LUBDUB_SESSION_LEAVING:
        return "LEAVING";
    case LUBDUB_SESSION_CLOSED:
        return "CLOSED";
    }
    return "unknown state";
}

const char *frame_in_words(const struct lubdub_frame *frame, char words[WORDS_LENGTH])
{
    size_t shown = frame->length < 16 ? frame->length : 16;
    int end =
        snprintf(words, WORDS_LENGTH, "%s sequence %" PRIu64 " flags 0x%04x content %u bytes%s",
                 frame_type_word(frame->type), frame->sequence, frame->flags, frame->length, shown > 0 ? ":" : "");
    size_t i;

    for (i = 0; i < shown; i++) {
        end += snprintf(words + end, (size_t)(WORDS_LENGTH - end), " %02x", frame->content[i]);
    }
    if (shown < frame->length) {
        snprintf(words + end, (size_t)(WORDS_LENGTH - end), " ...");
    }
    return words;
}

static void down_in_words(const struct lubdub_event *event, char words[WORDS_LENGTH])
{
    int end =
        snprintf(words, WORDS_LENGTH, "%s cause %s", event_kind_word(event->kind), lubdub_cause_word(event->cause));

    if (event->kind == LUBDUB_EVENT_DOWN && event->has_reason) {
        end += snprintf(words + end, (size_t)(WORDS_LENGTH - end), " reason %llu (%s)", (unsigned long long)event->reason_code,
                        lubdub_reason_word(event->reason_code));
    }
    if (event->kind == LUBDUB_EVENT_DOWN && event->text.data != NULL) {
        snprintf(words + end, (size_t)(WORDS_LENGTH - end), ": %.*s", (int)event->text.length, event->text.data);
    }
}

const char *event_in_words(const struct lubdub_event *event, char words[WORDS_LENGTH])
{
    switch (event->kind) {
    case LUBDUB_EVENT_DOWN:
    case LUBDUB_EVENT_TIMED_OUT:
        down_in_words(event, words);
        break;
    case LUBDUB_EVENT_ACKED:
    case LUBDUB_EVENT_LATE_ACK:
        snprintf(words, WORDS_LENGTH, "%s sequence %" PRIu64 " after %.3f ms", event_kind_word(event->kind),
                 event->sequence, (double)event->round_trip / (double)LUBDUB_MILLISECOND);
        break;
    case LUBDUB_EVENT_MESSAGE:
        snprintf(words, WORDS_LENGTH, "MESSAGE sequence %" PRIu64 " of %zu bytes", event->sequence, event->length);
        break;
    case LUBDUB_EVENT_LATE:
    case LUBDUB_EVENT_RECOVERED:
        snprintf(words, WORDS_LENGTH, "%s, silent for %.3f ms", event_kind_word(event->kind),
                 (double)event->silent_for / (double)LUBDUB_MILLISECOND);
        break;
    case LUBDUB_EVENT_HEALTH:
        snprintf(words, WORDS_LENGTH, "HEALTH %s, was %s", lubdub_health_word(event->health),
                 lubdub_health_word(event->was_health));
        break;
    case LUBDUB_EVENT_NONE:
    case LUBDUB_EVENT_HELLO:
    case LUBDUB_EVENT_ROOM:
    case LUBDUB_EVENT_UP:
    case LUBDUB_EVENT_GRANT_CHANGED:
        snprintf(words, WORDS_LENGTH, "%s", event_kind_word(event->kind));
        break;
    }
    return words;
}
