/* Compares frames. */
#include "assert_frame.h"

#include "test.h"
#include "words.h"

void assert_frame_equal_at(const struct lubdub_frame *actual, const struct lubdub_frame *expected, const char *file,
                           int line)
{
    char words[WORDS_LENGTH];

    if (actual->type == expected->type && actual->flags == expected->flags && actual->sequence == expected->sequence &&
        actual->length == expected->length &&
        (actual->length == 0 || memcmp(actual->content, expected->content, actual->length) == 0)) {
        return;
    }
    print_error("the frame is       %s\n", frame_in_words(actual, words));
    print_error("where there should %s\n", frame_in_words(expected, words));
    _fail(file, line);
}

void expect_whole_frame_at(struct endpoint *endpoint, unsigned type, unsigned flags, uint64_t sequence,
                           const void *content, size_t length, const char *file, int line)
{
    const struct lubdub_frame expected = {.type = (uint8_t)type,
                                          .flags = (uint16_t)flags,
                                          .sequence = sequence,
                                          .content = content,
                                          .length = (uint16_t)length};
    struct lubdub_frame actual = endpoint_next_frame(endpoint, type, file, line);

    assert_frame_equal_at(&actual, &expected, file, line);
}

void expect_bye_at(struct endpoint *endpoint, unsigned reason, const char *file, int line)
{
    struct lubdub_frame bye = endpoint_next_frame(endpoint, LUBDUB_FRAME_BYE, file, line);

    if (bye.sequence != reason) {
        print_error("BYE %u (%s), where %u (%s) is expected\n", (unsigned)bye.sequence,
                    lubdub_reason_word((unsigned)bye.sequence), reason, lubdub_reason_word(reason));
        _fail(file, line);
    }
    endpoint_no_frame(endpoint, file, line);
}

void expect_protocol_error_at(struct endpoint *endpoint, unsigned reason, const char *file, int line)
{
    const struct lubdub_event *down = endpoint_next_event(endpoint, LUBDUB_EVENT_DOWN, file, line);
    char words[WORDS_LENGTH];

    if (down->cause != LUBDUB_CAUSE_PROTOCOL || !down->has_reason || down->reason_code != reason ||
        down->text.length == 0) {
        print_error("%s, where a protocol error with reason %u (%s) is expected\n", event_in_words(down, words), reason,
                    lubdub_reason_word(reason));
        _fail(file, line);
    }
    expect_bye_at(endpoint, reason, file, line);
    endpoint_no_event(endpoint, file, line);
    endpoint_in_state(endpoint, LUBDUB_SESSION_LEAVING, file, line);
}
