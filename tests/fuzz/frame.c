/* The decoder of frames: its verdict does not change when more bytes come, and encoding gives back what was decoded. */
#include <string.h>

#include <lubdub/frame.h>
#include <lubdub/version.h>

#include "fuzz.h"

static uint8_t encoded[LUBDUB_HEADER_LENGTH + LUBDUB_CONTENT_LIMIT];

static bool takes_options(uint8_t type)
{
    return type == LUBDUB_FRAME_HELLO || type == LUBDUB_FRAME_WELCOME || type == LUBDUB_FRAME_BYE;
}

/* Section 2 of the protocol, told in another way than the decoder's. */
static void check_whole(const struct lubdub_frame *frame, const uint8_t *bytes, size_t length, size_t limit,
                        size_t taken)
{
    CHECK(taken == LUBDUB_HEADER_LENGTH + (size_t)frame->length && taken <= length);
    CHECK(memcmp(bytes, "LD\1", 3) == 0);
    CHECK(frame->type == bytes[3] && frame->type >= 1 && frame->type <= 6);
    CHECK(frame->length <= (takes_options(frame->type) ? LUBDUB_OPTIONS_LIMIT : limit));
    CHECK(frame->length == 0 ? frame->content == NULL : frame->content == bytes + LUBDUB_HEADER_LENGTH);
    CHECK(lubdub_frame_encode(encoded, taken - 1, frame) == 0);
    CHECK(lubdub_frame_encode(encoded, taken, frame) == taken);
    CHECK(memcmp(encoded, bytes, taken) == 0);
}

/* The first two bytes are the limit; the rest is a stream, cut behind every frame that is whole. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    size_t limit = fuzz_pair(&input);

    for (;;) {
        struct lubdub_frame frame = {0};
        size_t taken = 0;
        enum lubdub_frame_status status = lubdub_frame_decode(&frame, input.bytes, input.left, limit, &taken);
        struct lubdub_frame shorter;
        size_t shorter_taken = 0;

        if (status == LUBDUB_FRAME_WHOLE) {
            check_whole(&frame, input.bytes, input.left, limit, taken);
            CHECK(lubdub_frame_decode(&shorter, input.bytes, taken - 1, limit, &shorter_taken) ==
                  LUBDUB_FRAME_INCOMPLETE);
            CHECK(lubdub_frame_decode(&shorter, input.bytes, taken, limit, &shorter_taken) == LUBDUB_FRAME_WHOLE);
            input.bytes += taken;
            input.left -= taken;
            continue;
        }
        CHECK(taken == 0);
        if (status == LUBDUB_FRAME_INCOMPLETE) {
            CHECK(input.left < LUBDUB_HEADER_LENGTH + (size_t)LUBDUB_CONTENT_LIMIT);
        } else if (input.left > LUBDUB_HEADER_LENGTH) {
            /* A wrong header is wrong as soon as it is there. */
            CHECK(lubdub_frame_decode(&shorter, input.bytes, LUBDUB_HEADER_LENGTH, limit, &shorter_taken) == status);
        }
        return 0;
    }
}
