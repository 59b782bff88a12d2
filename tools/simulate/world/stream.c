/* Keeps the bytes and notes of a direction, its estimates of round trips, and what came ahead of a gap. */
#include "simulate/world/stream.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 256
#define FIRST_NOTES 16

/* RFC 6298, 2.1. */
#define FIRST_RTO LUBDUB_SECOND

/* TCP_THIN_LINEAR_TIMEOUTS: the first tries of a thin stream do not double (include/net/tcp.h). */
#define THIN_LINEAR_RETRIES 6

void sim_stream_init(struct sim_stream *stream, lubdub_duration round_trip)
{
    struct sim_stream kept = *stream;

    memset(stream, 0, sizeof *stream);
    stream->bytes = kept.bytes;
    stream->capacity = kept.capacity;
    stream->notes = kept.notes;
    stream->note_capacity = kept.note_capacity;
    stream->frame_content = kept.frame_content;
    stream->frame_capacity = kept.frame_capacity;
    stream->smoothed = round_trip;
    stream->variation = round_trip / 2; /* RFC 6298, 2.2 */
    stream->resend_at = LUBDUB_TIME_NEVER;
    stream->acknowledge_at = LUBDUB_TIME_NEVER;
    sim_timer_init(&stream->resend_timer);
    sim_timer_init(&stream->acknowledge_timer);
}

void sim_stream_clear(struct sim_stream *stream)
{
    free(stream->bytes);
    free(stream->notes);
    free(stream->frame_content);
}

uint64_t sim_stream_data_end(const struct sim_stream *stream)
{
    return stream->written_to - stream->has_fin;
}

uint64_t sim_stream_readable_to(const struct sim_stream *stream)
{
    return stream->received_to < sim_stream_data_end(stream) ? stream->received_to : sim_stream_data_end(stream);
}

bool sim_stream_has_room(const struct sim_stream *stream)
{
    return stream->send_limit == 0 || (stream->written_to - stream->sent_to < stream->unsent_limit &&
                                       stream->written_to - stream->acked_to < stream->send_limit);
}

void sim_stream_make_room(struct sim_stream *stream, size_t length)
{
    uint64_t held = stream->written_to - stream->read_to;
    uint32_t capacity = stream->capacity > 0 ? stream->capacity : FIRST_CAPACITY;
    uint8_t *bytes;
    uint64_t i;

    while (capacity < held + length) {
        capacity *= 2;
    }
    if (capacity == stream->capacity) {
        return;
    }
    bytes = malloc(capacity);
    if (bytes == NULL) {
        abort();
    }
    for (i = stream->read_to; i < stream->written_to; i++) {
        bytes[i & (capacity - 1)] = stream->bytes[i & (stream->capacity - 1)];
    }
    free(stream->bytes);
    stream->bytes = bytes;
    stream->capacity = capacity;
}

void sim_stream_append(struct sim_stream *stream, const uint8_t *bytes, size_t length)
{
    uint32_t place;
    size_t part;

    sim_stream_make_room(stream, length);
    place = (uint32_t)stream->written_to & (stream->capacity - 1);
    part = stream->capacity - place < length ? stream->capacity - place : length;
    memcpy(stream->bytes + place, bytes, part);
    memcpy(stream->bytes, bytes + part, length - part);
    stream->written_to += length;
}

struct sim_note *sim_stream_note(const struct sim_stream *stream, uint64_t number)
{
    return &stream->notes[number & (stream->note_capacity - 1)];
}

struct sim_note *sim_stream_new_note(struct sim_stream *stream)
{
    uint64_t oldest = stream->note_read < stream->note_acked ? stream->note_read : stream->note_acked;

    if (stream->note_count - oldest == stream->note_capacity) {
        uint32_t capacity = stream->note_capacity > 0 ? stream->note_capacity * 2 : FIRST_NOTES;
        struct sim_note *notes = malloc(capacity * sizeof *notes);
        uint64_t i;

        if (notes == NULL) {
            abort();
        }
        for (i = oldest; i < stream->note_count; i++) {
            notes[i & (capacity - 1)] = *sim_stream_note(stream, i);
        }
        free(stream->notes);
        stream->notes = notes;
        stream->note_capacity = capacity;
    }
    return sim_stream_note(stream, stream->note_count++);
}

lubdub_duration sim_stream_rto(const struct sim_stream *stream, const struct sim_tcp *tcp)
{
    lubdub_duration spread = 4 * stream->variation;
    lubdub_duration timeout = FIRST_RTO;
    unsigned linear = tcp->is_thin ? THIN_LINEAR_RETRIES : 0;
    unsigned doublings = stream->backoff > linear ? stream->backoff - linear : 0;

    if (stream->smoothed > 0) {
        /* Linux has its floor under the variation: tcp_rtt_estimator(). */
        timeout = stream->smoothed + (spread > tcp->rto_min ? spread : tcp->rto_min);
    }
    if (doublings < 20) {
        timeout <<= doublings;
    }
    return doublings >= 20 || timeout > tcp->rto_max ? tcp->rto_max : timeout;
}

void sim_stream_measure(struct sim_stream *stream, lubdub_duration round_trip)
{
    lubdub_duration error;

    stream->least = stream->least == 0 ? round_trip : lubdub_duration_shorter(stream->least, round_trip);
    if (stream->smoothed == 0) {
        stream->smoothed = round_trip;
        stream->variation = round_trip / 2;
        return;
    }
    error = round_trip > stream->smoothed ? round_trip - stream->smoothed : stream->smoothed - round_trip;
    stream->variation = stream->variation - stream->variation / 4 + error / 4;
    stream->smoothed = stream->smoothed - stream->smoothed / 8 + round_trip / 8;
}

void sim_stream_put_ahead(struct sim_stream *stream, uint64_t from, uint64_t to)
{
    unsigned place = 0;
    unsigned i;

    while (place < stream->ahead_count && stream->ahead[place].from < from) {
        place++;
    }
    if ((place < stream->ahead_count && stream->ahead[place].from == from) || stream->ahead_count == SIM_RANGE_LIMIT) {
        return; /* it came before; or it will have to come again */
    }
    for (i = stream->ahead_count++; i > place; i--) {
        stream->ahead[i] = stream->ahead[i - 1];
    }
    stream->ahead[place] = (struct sim_range){from, to};
}

void sim_stream_close_gaps(struct sim_stream *stream)
{
    unsigned taken = 0;
    unsigned i;

    while (taken < stream->ahead_count && stream->ahead[taken].from <= stream->received_to) {
        if (stream->ahead[taken].to > stream->received_to) {
            stream->received_to = stream->ahead[taken].to;
        }
        taken++;
    }
    stream->ahead_count -= taken;
    for (i = 0; i < stream->ahead_count; i++) {
        stream->ahead[i] = stream->ahead[i + taken];
    }
}

void sim_stream_acknowledge(const struct sim_stream *came, struct sim_stream *whole, struct sim_flight *flight)
{
    flight->ack = came->received_to;
    flight->has_gap = came->ahead_count > 0;
    flight->gap_to = came->ahead_count > 0 ? came->ahead[0].from : 0;
    flight->window_to = UINT64_MAX;
    if (whole->receive_limit > 0) {
        flight->window_to = whole->advertised_to = whole->read_to + whole->receive_limit;
    }
}
