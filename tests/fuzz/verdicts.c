/*
 * Says what the core makes of frames, for second_decoder: reads records from standard input (the limit of content and
 * the length, two bytes each, then the bytes) and prints one line for each.
 */
#include <string.h>

#include <lubdub/frame.h>
#include <lubdub/option.h>

#include "fuzz.h"

static void print_slice(const char *name, struct lubdub_slice slice)
{
    size_t i;

    if (slice.data != NULL) {
        printf(" %s=", name);
        for (i = 0; i < slice.length; i++) {
            printf("%02x", (unsigned)(unsigned char)slice.data[i]);
        }
    }
}

static void print_options(const struct lubdub_frame *frame)
{
    static const uint8_t nothing[1];
    struct lubdub_options options;
    size_t i;

    if (lubdub_options_decode(&options, frame->type, frame->length > 0 ? frame->content : nothing, frame->length) !=
        NULL) {
        printf(" wrong");
        return;
    }
    print_slice("identity", options.identity);
    print_slice("token", options.token);
    print_slice("agent", options.agent);
    print_slice("text", options.text);
    for (i = 0; i < options.label_count; i++) {
        print_slice("key", options.labels[i].key);
        print_slice("value", options.labels[i].value);
    }
    printf(" %u %u %u", (unsigned)options.interval_ms, (unsigned)options.expiry_ms, (unsigned)options.last_end);
    if (options.has_retry_after) {
        printf(" retry=%u", (unsigned)options.retry_after_ms);
    }
    if (options.has_max_content) {
        printf(" content=%u", (unsigned)options.max_content);
    }
    if (options.has_message_rate) {
        printf(" rate=%u/%u", (unsigned)options.message_rate, (unsigned)options.message_burst);
    }
}

static void judge(const uint8_t *bytes, size_t length, size_t limit)
{
    static const char *const words[] = {"whole", "incomplete", "magic", "version", "type", "long"};
    struct lubdub_frame frame = {0};
    size_t taken = 0;
    enum lubdub_frame_status status = lubdub_frame_decode(&frame, bytes, length, limit, &taken);

    printf("%s", words[status]);
    if (status == LUBDUB_FRAME_WHOLE) {
        printf(" %zu %u %u %llu %u", taken, (unsigned)frame.type, (unsigned)frame.flags,
               (unsigned long long)frame.sequence, (unsigned)frame.length);
        if (frame.type == LUBDUB_FRAME_HELLO || frame.type == LUBDUB_FRAME_WELCOME || frame.type == LUBDUB_FRAME_BYE) {
            print_options(&frame);
        }
    }
    printf("\n");
}

int main(void)
{
    uint8_t header[4];

    while (fread(header, 1, sizeof header, stdin) == sizeof header) {
        size_t limit = (size_t)header[0] << 8 | header[1];
        size_t length = (size_t)header[2] << 8 | header[3];
        uint8_t *bytes = malloc(length > 0 ? length : 1);

        CHECK(bytes != NULL && fread(bytes, 1, length, stdin) == length);
        judge(bytes, length, limit);
        free(bytes);
    }
    return 0;
}
