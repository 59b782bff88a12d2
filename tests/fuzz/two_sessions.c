/*
 * A client and a server with a middle between them that delays, cuts, flips, drops, repeats and inserts bytes. While it
 * only delays, neither side may find that the other broke the protocol.
 */
#include <string.h>

#include "orders.h"

static struct memory_session client;
static struct memory_session server;
static bool is_honest; /* the middle has only delayed so far */

enum middle {
    MIDDLE_ALL,    /* everything, both ways; from the server: with another health of both */
    MIDDLE_PART,   /* some bytes, one way */
    MIDDLE_FLIP,   /* one bit of the next bytes */
    MIDDLE_DROP,   /* the next bytes never arrive */
    MIDDLE_REPEAT, /* the next bytes arrive twice */
    MIDDLE_INSERT, /* bytes of the input */
    MIDDLE_WAIT,
    MIDDLE_WAIT_FOR_DEADLINE,
    MIDDLE_SEND,
    MIDDLE_GRANT,
    MIDDLE_LEAVE,
    MIDDLE_ROOM,
    MIDDLE_PAUSE, /* both sides oversleep */
    MIDDLE_COUNT,
};

/* Carries some of the bytes that wait, and the end behind the last. Returns whether there were some. */
static bool carry(struct memory_session *from, struct memory_session *to, size_t wanted)
{
    size_t left = from->written_length - from->delivered;
    size_t length = wanted < left ? wanted : left;

    length = length < MEMORY_SESSION_INPUT ? length : MEMORY_SESSION_INPUT;
    if (!to->is_over && !lubdub_session_wants_input(&to->session)) {
        return false;
    }
    memory_session_feed(to, from->written + from->delivered, length);
    from->delivered += length;
    if (from->delivered == from->written_length && (from->is_over || from->has_ended_output)) {
        memory_session_end_input(to, LUBDUB_CAUSE_CLOSED);
    }
    return length > 0;
}

static void carry_all(void)
{
    unsigned rounds = 0;
    bool went;

    do {
        went = carry(&client, &server, MEMORY_SESSION_INPUT);
        went = carry(&server, &client, MEMORY_SESSION_INPUT) || went;
    } while (went && ++rounds < 8);
}

/* The next bytes, changed; what is carried is a copy, so that the sender's account stays as it is. */
static void distort(struct memory_session *from, struct memory_session *to, enum middle how, struct fuzz_input *input)
{
    uint8_t bytes[256];
    size_t length = from->written_length - from->delivered;
    size_t wanted = fuzz_byte(input);
    uint8_t at = fuzz_byte(input);

    length = length < wanted ? length : wanted;
    if (length == 0 || to->is_over || !lubdub_session_wants_input(&to->session)) {
        return;
    }
    is_honest = false;
    memcpy(bytes, from->written + from->delivered, length);
    from->delivered += length;
    if (how == MIDDLE_FLIP) {
        bytes[at % length] ^= (uint8_t)(1 << at % 8);
    }
    if (how != MIDDLE_DROP) {
        memory_session_feed(to, bytes, length);
    }
    if (how == MIDDLE_REPEAT && !to->is_over) {
        memory_session_feed(to, bytes, length);
    }
}

static void insert(struct memory_session *to, struct fuzz_input *input)
{
    size_t length;
    const uint8_t *bytes = fuzz_take(input, fuzz_byte(input), &length);

    is_honest = is_honest && length == 0;
    memory_session_feed(to, bytes, length);
}

static void wait(lubdub_duration length)
{
    memory_session_advance(&client, length);
    memory_session_advance(&server, length);
    client.now = server.now = client.now > server.now ? client.now : server.now;
}

static void wait_for_deadline(void)
{
    lubdub_time next = lubdub_time_earlier(lubdub_session_deadline(&client.session, &client.settings),
                                           lubdub_session_deadline(&server.session, &server.settings));

    if (next != LUBDUB_TIME_NEVER) {
        wait(lubdub_time_between(client.now, next));
    }
}

static void change_health(struct memory_session *memory)
{
    if (!memory->is_over) {
        lubdub_session_set_health(&memory->session, (enum lubdub_health)((memory->session.health + 1) % 3));
    }
}

static void follow(struct fuzz_input *input)
{
    uint8_t order = fuzz_byte(input);
    struct memory_session *from = (order & 0x80) != 0 ? &server : &client;
    struct memory_session *to = (order & 0x80) != 0 ? &client : &server;
    enum middle how = (enum middle)((order & 0x7f) % MIDDLE_COUNT);
    lubdub_duration length;
    const uint8_t *bytes;
    size_t count;

    switch (how) {
    case MIDDLE_ALL:
        if (from == &server) {
            change_health(&client);
            change_health(&server);
        }
        carry_all();
        return;
    case MIDDLE_PART:
        (void)carry(from, to, fuzz_byte(input));
        return;
    case MIDDLE_FLIP:
    case MIDDLE_DROP:
    case MIDDLE_REPEAT:
        distort(from, to, how, input);
        return;
    case MIDDLE_INSERT:
        insert(to, input);
        return;
    case MIDDLE_WAIT:
        wait(orders_duration(fuzz_byte(input)));
        return;
    case MIDDLE_WAIT_FOR_DEADLINE:
        wait_for_deadline();
        return;
    case MIDDLE_SEND:
        /* Messages that pile up in an outage of the path may be more than such a small allowance. */
        is_honest = is_honest && server.settings.message_rate == LUBDUB_MESSAGE_RATE_DEFAULT;
        bytes = fuzz_take(input, fuzz_byte(input), &count);
        memory_session_send(from, bytes, count);
        return;
    case MIDDLE_GRANT:
        is_honest = false; /* a pile of the old grant may be too much for the new one */
        server.grant.interval = orders_duration(fuzz_byte(input));
        server.grant.expiry = orders_duration(fuzz_byte(input));
        memory_session_grant(&server, &server.grant);
        return;
    case MIDDLE_LEAVE:
        memory_session_leave(from, (enum lubdub_reason)(fuzz_byte(input) % 11), NULL, false, 0);
        return;
    case MIDDLE_ROOM:
        memory_session_give_room(from, (order & 0x40) != 0 ? MEMORY_SESSION_TAKES_ALL : fuzz_byte(input));
        return;
    case MIDDLE_PAUSE:
        length = orders_duration(fuzz_byte(input));
        memory_session_oversleep(&client, length);
        memory_session_oversleep(&server, length);
        client.now = server.now = client.now > server.now ? client.now : server.now;
        return;
    case MIDDLE_COUNT:
        return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    unsigned orders;

    is_honest = true;
    memory_session_prepare(&client, LUBDUB_ROLE_CLIENT);
    memory_session_prepare(&server, LUBDUB_ROLE_SERVER);
    orders_settings(&client.settings, &input);
    orders_settings(&server.settings, &input);
    client.settings.interval_limit = LUBDUB_TIME_NEVER;
    client.echoes = false;
    server.echoes = true;
    memory_session_open(&server);
    memory_session_open(&client);
    for (orders = 0; orders < ORDERS_LIMIT && input.left > 0 && !(client.is_over && server.is_over); orders++) {
        follow(&input);
    }
    if (is_honest) {
        CHECK(client.cause != LUBDUB_CAUSE_PROTOCOL && server.cause != LUBDUB_CAUSE_PROTOCOL);
    }
    memory_session_finish(&client);
    memory_session_finish(&server);
    return 0;
}
