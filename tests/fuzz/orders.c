/* Follows the orders that an input gives. */
#include "orders.h"

#include <string.h>

enum order {
    ORDER_RAW,        /* bytes of the input as they are */
    ORDER_NEXT_FRAME, /* a frame with the sequence that is right */
    ORDER_FRAME,      /* a frame with a sequence of the input */
    ORDER_SPLIT,      /* the next PROBE in two pieces, with time between them */
    ORDER_BURST,      /* many PROBEs in one piece */
    ORDER_ACK,        /* of the next PROBE that the session wrote */
    ORDER_WAIT,
    ORDER_WAIT_FOR_DEADLINE,
    ORDER_OVERSLEEP,
    ORDER_ROOM,
    ORDER_ALL_ROOM,
    ORDER_SEND,
    ORDER_GRANT,
    ORDER_HABIT, /* what the path, the loop and the owner are like from now on */
    ORDER_LEAVE,
    ORDER_END,
    ORDER_COUNT,
};

lubdub_duration orders_duration(uint8_t byte)
{
    static const uint32_t milliseconds[] = {1,    5,    10,   40,   100,  250,   333,     500,
                                            1000, 1500, 2000, 3000, 5000, 60000, 3600000, 86400000};

    return milliseconds[byte % 16] * LUBDUB_MILLISECOND + (byte >> 4) * LUBDUB_MICROSECOND;
}

static void put(uint8_t *target, uint64_t value, unsigned bytes)
{
    while (bytes > 0) {
        target[--bytes] = (uint8_t)value;
        value >>= 8;
    }
}

/* Writes a frame with content of the input. Returns its length. */
static size_t make_frame(uint8_t *frame, uint8_t type, uint16_t flags, uint64_t sequence, struct fuzz_input *input,
                         size_t wanted)
{
    size_t length;
    const uint8_t *content = fuzz_take(input, wanted, &length);

    memcpy(frame, "LD\1", 3);
    frame[3] = type;
    put(frame + 4, flags, 2);
    put(frame + 6, length, 2);
    put(frame + 8, sequence, 8);
    memcpy(frame + LUBDUB_HEADER_LENGTH, content, length);
    return LUBDUB_HEADER_LENGTH + length;
}

static uint64_t next_sequence(struct orders_peer *peer, uint8_t type)
{
    switch (type) {
    case LUBDUB_FRAME_PROBE:
        return ++peer->probes;
    case LUBDUB_FRAME_MESSAGE:
        return ++peer->messages;
    default:
        return 1;
    }
}

static void feed_frame(struct memory_session *memory, struct orders_peer *peer, struct fuzz_input *input, bool is_right)
{
    uint8_t frame[LUBDUB_HEADER_LENGTH + 255];
    uint8_t kind = fuzz_byte(input);
    uint8_t type = (uint8_t)(kind & 7);
    uint16_t flags = (uint16_t)(kind >> 3 & 3);
    uint64_t sequence = is_right ? next_sequence(peer, type) : (uint64_t)fuzz_pair(input) << (kind >> 5) * 8;

    memory_session_feed(memory, frame, make_frame(frame, type, flags, sequence, input, fuzz_byte(input)));
}

static void feed_split(struct memory_session *memory, struct orders_peer *peer, struct fuzz_input *input)
{
    uint8_t frame[LUBDUB_HEADER_LENGTH + 32];
    size_t cut = fuzz_byte(input);
    lubdub_duration wait = orders_duration(fuzz_byte(input));
    size_t length = make_frame(frame, LUBDUB_FRAME_PROBE, 0, ++peer->probes, input, 32);

    cut %= length;
    memory_session_feed(memory, frame, cut);
    memory_session_advance(memory, wait);
    memory_session_feed(memory, frame + cut, length - cut);
}

static void feed_burst(struct memory_session *memory, struct orders_peer *peer, struct fuzz_input *input)
{
    uint8_t frames[64 * LUBDUB_HEADER_LENGTH];
    struct fuzz_input nothing = {frames, 0};
    unsigned count = fuzz_byte(input) % 64 + 1u;
    unsigned i;

    for (i = 0; i < count; i++) {
        (void)make_frame(frames + i * LUBDUB_HEADER_LENGTH, LUBDUB_FRAME_PROBE, 0, ++peer->probes, &nothing, 0);
    }
    memory_session_feed(memory, frames, count * LUBDUB_HEADER_LENGTH);
}

static void feed_ack(struct memory_session *memory, struct fuzz_input *input)
{
    uint8_t frame[LUBDUB_HEADER_LENGTH + 255];
    uint8_t flip = fuzz_byte(input);
    size_t length = memory_session_next_ack(memory, frame, sizeof frame);

    if (length > 0 && flip >= 0xc0) {
        frame[flip % length] ^= (uint8_t)(1 << flip % 8);
    }
    memory_session_feed(memory, frame, length);
}

static void set_habit(struct memory_session *memory, struct fuzz_input *input)
{
    uint8_t habit = fuzz_byte(input);
    size_t length;
    const uint8_t *content;

    switch (habit % 6) {
    case 0:
        memory->path = (enum lubdub_path)(habit / 6 % 3);
        return;
    case 1:
        memory->suspects_ourselves = !memory->suspects_ourselves;
        return;
    case 2:
        memory->broken_by = habit / 6 % 2 == 0 ? LUBDUB_CAUSE_RESET : LUBDUB_CAUSE_UNREACHABLE;
        return;
    case 3:
        if (!memory->is_over) {
            lubdub_session_set_health(&memory->session, (enum lubdub_health)(habit / 6 % 3));
        }
        return;
    case 4:
        if (memory->session.role == LUBDUB_ROLE_CLIENT) {
            content = fuzz_take(input, fuzz_byte(input), &length);
            memory_session_set_content(memory, content, length);
        }
        return;
    default:
        memory->echoes = !memory->echoes;
        return;
    }
}

static void change_grant(struct memory_session *memory, struct fuzz_input *input)
{
    struct lubdub_grant grant = memory->grant;

    grant.interval = orders_duration(fuzz_byte(input));
    grant.expiry = orders_duration(fuzz_byte(input));
    if (memory->session.role == LUBDUB_ROLE_SERVER) {
        memory_session_grant(memory, &grant);
    }
}

static void wait_for_deadline(struct memory_session *memory, struct fuzz_input *input)
{
    lubdub_time deadline = lubdub_session_deadline(&memory->session, &memory->settings);
    uint8_t where = fuzz_byte(input);

    if (deadline != LUBDUB_TIME_NEVER) {
        memory_session_advance(memory, lubdub_time_between(memory->now, deadline - 1 + where % 3));
    }
}

static void leave(struct memory_session *memory, struct fuzz_input *input)
{
    uint8_t how = fuzz_byte(input);

    memory_session_leave(memory, (enum lubdub_reason)(how % 11), (how & 0x40) != 0 ? "go away" : NULL,
                         (how & 0x80) != 0, orders_duration(how));
}

static void follow(struct memory_session *memory, struct orders_peer *peer, struct fuzz_input *input)
{
    static const enum lubdub_cause ends[] = {LUBDUB_CAUSE_CLOSED, LUBDUB_CAUSE_RESET, LUBDUB_CAUSE_UNREACHABLE};
    const uint8_t *bytes;
    size_t length;

    switch ((enum order)(fuzz_byte(input) % ORDER_COUNT)) {
    case ORDER_RAW:
        bytes = fuzz_take(input, fuzz_byte(input), &length);
        memory_session_feed(memory, bytes, length);
        return;
    case ORDER_NEXT_FRAME:
        feed_frame(memory, peer, input, true);
        return;
    case ORDER_FRAME:
        feed_frame(memory, peer, input, false);
        return;
    case ORDER_SPLIT:
        feed_split(memory, peer, input);
        return;
    case ORDER_BURST:
        feed_burst(memory, peer, input);
        return;
    case ORDER_ACK:
        feed_ack(memory, input);
        return;
    case ORDER_WAIT:
        memory_session_advance(memory, orders_duration(fuzz_byte(input)));
        return;
    case ORDER_WAIT_FOR_DEADLINE:
        wait_for_deadline(memory, input);
        return;
    case ORDER_OVERSLEEP:
        memory_session_oversleep(memory, orders_duration(fuzz_byte(input)));
        return;
    case ORDER_ROOM:
        memory_session_give_room(memory, fuzz_byte(input));
        return;
    case ORDER_ALL_ROOM:
        memory_session_give_room(memory, MEMORY_SESSION_TAKES_ALL);
        return;
    case ORDER_SEND:
        bytes = fuzz_take(input, fuzz_byte(input), &length);
        memory_session_send(memory, bytes, length);
        return;
    case ORDER_GRANT:
        change_grant(memory, input);
        return;
    case ORDER_HABIT:
        set_habit(memory, input);
        return;
    case ORDER_LEAVE:
        leave(memory, input);
        return;
    case ORDER_END:
        memory_session_end_input(memory, ends[fuzz_byte(input) % 3]);
        return;
    case ORDER_COUNT:
        return;
    }
}

void orders_settings(struct lubdub_session_settings *settings, struct fuzz_input *input)
{
    uint8_t choice = fuzz_byte(input);

    settings->adapts = (choice & 1) != 0;
    settings->requires_hello = (choice & 2) != 0;
    settings->stays_connected = (choice & 4) != 0;
    settings->max_content = (choice & 8) != 0 ? 16 : LUBDUB_MAX_CONTENT_DEFAULT;
    settings->output_limit = (choice & 16) != 0 ? 64 : 65536;
    if ((choice & 32) != 0) {
        settings->interval = 100 * LUBDUB_MILLISECOND;
        settings->timeout = 40 * LUBDUB_MILLISECOND;
        settings->expiry = 200 * LUBDUB_MILLISECOND;
    }
    if ((choice & 64) != 0) {
        settings->message_rate = 1;
        settings->message_burst = 2;
    }
    if ((choice & 128) != 0) {
        settings->content = (struct lubdub_slice){"fuzz", 4};
        settings->identity = (struct lubdub_slice){"pump-7", 6};
    }
}

void orders_follow(struct memory_session *memory, struct orders_peer *peer, struct fuzz_input *input)
{
    unsigned count;

    for (count = 0; count < ORDERS_LIMIT && input->left > 0 && !memory->is_over; count++) {
        follow(memory, peer, input);
    }
}
