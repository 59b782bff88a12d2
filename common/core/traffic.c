/* Adds frames to the counters of their type. */
#include "core/traffic.h"

#include "core/shared_field.h"

static void add(uint64_t *counter, uint64_t amount)
{
    LUBDUB_FIELD_WRITE(*counter, *counter + amount);
}

void lubdub_traffic_add_received(struct lubdub_traffic *traffic, unsigned type, size_t content_length)
{
    if (traffic != NULL && type < LUBDUB_FRAME_TYPES) {
        add(&traffic->frames_received[type], 1);
        add(&traffic->bytes_received, LUBDUB_HEADER_LENGTH + content_length);
    }
}

void lubdub_traffic_add_sent(struct lubdub_traffic *traffic, unsigned type, size_t content_length)
{
    if (traffic != NULL && type < LUBDUB_FRAME_TYPES) {
        add(&traffic->frames_sent[type], 1);
        add(&traffic->bytes_sent, LUBDUB_HEADER_LENGTH + content_length);
    }
}
