/* Says frames and events in words, for the messages of failing tests. */
#ifndef LUBDUB_TESTS_SUPPORT_WORDS_H
#define LUBDUB_TESTS_SUPPORT_WORDS_H

#include <stddef.h>

#include <lubdub/frame.h>
#include <lubdub/session.h>

#define WORDS_LENGTH 256

/* "PROBE", "type 77". Static; overwritten by the next call. */
const char *frame_type_word(unsigned type);
const char *event_kind_word(enum lubdub_event_kind kind);
const char *session_state_word(enum lubdub_session_state state);

/* "PROBE sequence 3 flags 0x0001 content 5 bytes: 68 65 6c 6c 6f". Returns words. */
const char *frame_in_words(const struct lubdub_frame *frame, char words[WORDS_LENGTH]);

/* "DOWN cause protocol reason 4 (protocol error): a PROBE out of sequence". Returns words. */
const char *event_in_words(const struct lubdub_event *event, char words[WORDS_LENGTH]);

#endif
