/* The owner of one session, without a socket. */
#include "endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "core/session_quick.h"
#include "random.h"
#include "test.h"
#include "words.h"

bool endpoint_core_runs;
uint64_t endpoint_seed;

/* What the core allocates is told apart from what the test does. */
#define CORE(call)                  \
    do {                            \
        endpoint_core_runs = true;  \
        call;                       \
        endpoint_core_runs = false; \
    } while (0)

/* The test fails if this does not hold. */
#define MUST(endpoint, condition)                                                \
    do {                                                                         \
        if (!(condition)) {                                                      \
            complain(endpoint, __FILE__, __LINE__, "%s", "not so: " #condition); \
        }                                                                        \
    } while (0)

static void complain(const struct endpoint *endpoint, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5), noreturn));

static void complain(const struct endpoint *endpoint, const char *file, int line, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_error("the %s, in state %s at %.3f ms: ", endpoint->name, session_state_word(endpoint_state(endpoint)),
                (double)endpoint->now / (double)LUBDUB_MILLISECOND);
    vprint_error(format, arguments);
    print_error("\n");
    va_end(arguments);
    if (endpoint_seed != 0) {
        print_error("  with seed %llu\n", (unsigned long long)endpoint_seed);
    }
    event_log_print(&endpoint->events, endpoint->name);
    _fail(file, line);
    abort(); /* not reached */
}

/* ---- a turn ---- */

static void *filled_with_junk(size_t length)
{
    void *memory = malloc(length > 0 ? length : 1);

    if (memory == NULL) {
        abort();
    }
    memset(memory, 0xa5, length);
    return memory;
}

/* The output is as large as asked for and no byte larger, so that a sanitizer sees one too many. */
static void begin_turn(struct endpoint *endpoint, struct lubdub_turn *turn, size_t input)
{
    size_t capacity = endpoint->turn_capacity == CAPACITY_AS_ADVISED ? lubdub_turn_capacity(&endpoint->settings, input)
                                                                     : endpoint->turn_capacity;

    if (endpoint->output == NULL || endpoint->output_capacity != capacity) {
        free(endpoint->output);
        endpoint->output = filled_with_junk(capacity);
        endpoint->output_capacity = capacity;
    }
    *turn = (struct lubdub_turn){
        .now = endpoint->now,
        .settings = &endpoint->settings,
        .path = endpoint->path,
        .round_trip = endpoint->round_trip,
        .suspects_ourselves = endpoint->suspects_ourselves,
        .output = endpoint->output,
        .output_capacity = capacity,
    };
}

static void flush(struct endpoint *endpoint, struct lubdub_turn *turn)
{
    const uint8_t *output;
    size_t length;
    enum lubdub_error error;

    while ((output = lubdub_session_output(&endpoint->session, turn, &length)) != NULL) {
        size_t taken = length < endpoint->kernel_room ? length : endpoint->kernel_room;

        MUST(endpoint, length > 0);
        if (taken == 0) {
            break;
        }
        wire_bytes_put(&endpoint->written, output, taken);
        if (endpoint->kernel_room != KERNEL_TAKES_ALL) {
            endpoint->kernel_room -= taken;
        }
        CORE(lubdub_session_sent(&endpoint->session, turn, taken));
        if (taken < length) {
            break;
        }
    }
    CORE(error = lubdub_session_end_turn(&endpoint->session, turn));
    MUST(endpoint, error == LUBDUB_ERROR_OK || endpoint_state(endpoint) == LUBDUB_SESSION_CLOSED);
    MUST(endpoint, turn->output_length == 0 && turn->output_sent == 0);
}

/* Takes down what the session says, and does what its owner has to do about it. */
static void hear(struct endpoint *endpoint, struct lubdub_turn *turn, const struct lubdub_event *event)
{
    MUST(endpoint, event_log_count(&endpoint->events, LUBDUB_EVENT_DOWN) == 0);
    event_log_add(&endpoint->events, event, turn->now);
    MUST(endpoint, event->kind != LUBDUB_EVENT_DOWN || endpoint_state(endpoint) >= LUBDUB_SESSION_LEAVING);

    if (event->kind == LUBDUB_EVENT_HELLO && endpoint->refuses_with == GRANTS) {
        CORE((void)lubdub_session_grant(&endpoint->session, turn, &endpoint->grant));
    } else if (event->kind == LUBDUB_EVENT_HELLO) {
        CORE(lubdub_session_leave(&endpoint->session, turn, (enum lubdub_reason)endpoint->refuses_with, "go away",
                                  false, 0));
    }
    if (event->kind == LUBDUB_EVENT_MESSAGE && endpoint->echoes) {
        CORE((void)lubdub_session_send(&endpoint->session, turn, event->content, event->length));
    }
}

static void tick(struct endpoint *endpoint, struct lubdub_turn *turn)
{
    struct lubdub_event event;

    do {
        memset(&event, 0xa5, sizeof event); /* only what is said to be filled is */
        CORE(lubdub_session_tick(&endpoint->session, turn, &event));
        if (event.kind != LUBDUB_EVENT_NONE) {
            hear(endpoint, turn, &event);
        }
    } while (event.kind != LUBDUB_EVENT_NONE);
}

static void end_turn(struct endpoint *endpoint, struct lubdub_turn *turn)
{
    lubdub_time deadline;

    flush(endpoint, turn);
    if (lubdub_session_take_closer_deadline(&endpoint->session)) {
        deadline = lubdub_session_deadline(&endpoint->session, turn->settings);
        if (deadline <= turn->now && !lubdub_session_verdict_is_due(&endpoint->session, turn->settings, turn->now)) {
            tick(endpoint, turn);
            flush(endpoint, turn);
            (void)lubdub_session_take_closer_deadline(&endpoint->session);
        }
        endpoint->armed_for = lubdub_session_deadline(&endpoint->session, turn->settings);
    }
    if (endpoint_state(endpoint) == LUBDUB_SESSION_CLOSED) {
        tick(endpoint, turn); /* an end for want of memory is told here */
    }
    MUST(endpoint, endpoint->armed_for <= lubdub_session_deadline(&endpoint->session, turn->settings));
}

/* ---- life ---- */

void endpoint_init(struct endpoint *endpoint, enum lubdub_role role)
{
    memset(endpoint, 0, sizeof *endpoint);
    lubdub_session_settings_init(&endpoint->settings);
    endpoint->session.role = (uint8_t)role & 1u; /* kept for endpoint_open */
    endpoint->name = role == LUBDUB_ROLE_SERVER ? "server" : "client";
    endpoint->grant =
        (struct lubdub_grant){.session_number = 1, .interval = LUBDUB_SECOND, .expiry = 3 * LUBDUB_SECOND};
    endpoint->refuses_with = GRANTS;
    endpoint->path = LUBDUB_PATH_ACKNOWLEDGED;
    endpoint->kernel_room = KERNEL_TAKES_ALL;
    endpoint->turn_capacity = CAPACITY_AS_ADVISED;
    endpoint->now = 1000 * LUBDUB_SECOND;
    endpoint->armed_for = LUBDUB_TIME_NEVER;
}

void endpoint_clear(struct endpoint *endpoint)
{
    if (endpoint->is_open) {
        lubdub_session_clear(&endpoint->session);
        lubdub_session_clear(&endpoint->session); /* twice does no harm */
    }
    free(endpoint->output);
    wire_bytes_clear(&endpoint->written);
    event_log_clear(&endpoint->events);
}

enum lubdub_error endpoint_open(struct endpoint *endpoint)
{
    struct lubdub_turn turn;
    enum lubdub_role role = (enum lubdub_role)endpoint->session.role;

    begin_turn(endpoint, &turn, 0);
    memset(&endpoint->session, 0xa5, sizeof endpoint->session);
    CORE(endpoint->open_error = lubdub_session_init(&endpoint->session, role, &turn));
    if (endpoint->open_error != LUBDUB_ERROR_OK) {
        return endpoint->open_error;
    }
    endpoint->is_open = true;
    end_turn(endpoint, &turn);
    return LUBDUB_ERROR_OK;
}

static size_t piece_length(struct endpoint *endpoint, size_t left)
{
    size_t piece = left;

    switch (endpoint->split) {
    case SPLIT_WHOLE:
        break;
    case SPLIT_PAIRS:
        piece = 2;
        break;
    case SPLIT_BYTES:
        piece = 1;
        break;
    case SPLIT_RANDOM:
        piece = (size_t)random_between(&endpoint->random, 1, random_below(&endpoint->random, 4) == 0 ? 600 : 20);
        break;
    }
    return piece < left ? piece : left;
}

/* The same bytes at the same moment, taken the quick way by a copy of the session. */
struct quick_answer {
    struct lubdub_session session;
    uint8_t *bytes;
    size_t length;
    bool is_answered;
};

static void answer_quickly(struct quick_answer *quick, const struct endpoint *endpoint, const uint8_t *bytes,
                           size_t length)
{
    memcpy(&quick->session, &endpoint->session, sizeof quick->session);
    quick->bytes = filled_with_junk(length);
    memcpy(quick->bytes, bytes, length);
    quick->length = length;
    CORE(quick->is_answered =
             lubdub_session_answer_quickly(&quick->session, &endpoint->settings, endpoint->now, quick->bytes, quick->length));
    MUST(endpoint, quick->is_answered || memcmp(quick->bytes, bytes, length) == 0);
}

/* Both ways come to the same. */
static void compare_quick(struct quick_answer *quick, const struct endpoint *endpoint, const struct lubdub_turn *turn)
{
    if (quick->is_answered && turn->output_capacity >= quick->length) {
        MUST(endpoint, turn->output_length == quick->length);
        MUST(endpoint, memcmp(turn->output, quick->bytes, quick->length) == 0);
        MUST(endpoint, memcmp(&endpoint->session, &quick->session, sizeof quick->session) == 0);
    }
    free(quick->bytes);
}

/* The input lies in memory of its own that is gone afterwards, as a socket's buffer is used for the next. */
static void feed(struct endpoint *endpoint, struct lubdub_turn *turn, const uint8_t *bytes, size_t length)
{
    uint8_t *input = filled_with_junk(length);
    size_t taken = 0;

    memcpy(input, bytes, length);
    for (;;) {
        struct lubdub_event event;
        size_t part;

        memset(&event, 0xa5, sizeof event);
        CORE(part = lubdub_session_receive(&endpoint->session, turn, input + taken, length - taken, &event));
        MUST(endpoint, part <= length - taken);
        taken += part;
        if (event.kind == LUBDUB_EVENT_NONE) {
            break;
        }
        hear(endpoint, turn, &event);
    }
    MUST(endpoint, taken == length);
    free(input);
}

void endpoint_receive(struct endpoint *endpoint, const void *bytes, size_t length)
{
    const uint8_t *next = bytes;

    while (length > 0 && endpoint_state(endpoint) != LUBDUB_SESSION_CLOSED) {
        size_t piece = piece_length(endpoint, length);
        struct lubdub_turn turn;
        struct quick_answer quick;

        begin_turn(endpoint, &turn, piece);
        answer_quickly(&quick, endpoint, next, piece);
        feed(endpoint, &turn, next, piece);
        compare_quick(&quick, endpoint, &turn);
        end_turn(endpoint, &turn);
        next += piece;
        length -= piece;
    }
}

void endpoint_receive_end(struct endpoint *endpoint, enum lubdub_cause how)
{
    struct lubdub_turn turn;
    struct lubdub_event event;

    begin_turn(endpoint, &turn, 0);
    memset(&event, 0xa5, sizeof event);
    CORE(lubdub_session_receive_end(&endpoint->session, &turn, how, &event));
    if (event.kind != LUBDUB_EVENT_NONE) {
        hear(endpoint, &turn, &event);
    }
    end_turn(endpoint, &turn);
    MUST(endpoint, endpoint_state(endpoint) == LUBDUB_SESSION_CLOSED);
}

enum lubdub_error endpoint_grant(struct endpoint *endpoint, const struct lubdub_grant *grant)
{
    struct lubdub_turn turn;
    enum lubdub_error error;

    begin_turn(endpoint, &turn, 0);
    CORE(error = lubdub_session_grant(&endpoint->session, &turn, grant));
    end_turn(endpoint, &turn);
    return error;
}

enum lubdub_error endpoint_send(struct endpoint *endpoint, const void *content, size_t length)
{
    struct lubdub_turn turn;
    enum lubdub_error error;

    begin_turn(endpoint, &turn, 0);
    CORE(error = lubdub_session_send(&endpoint->session, &turn, content, length));
    end_turn(endpoint, &turn);
    return error;
}

void endpoint_leave(struct endpoint *endpoint, enum lubdub_reason reason, const char *text)
{
    struct lubdub_turn turn;

    begin_turn(endpoint, &turn, 0);
    CORE(lubdub_session_leave(&endpoint->session, &turn, reason, text, false, 0));
    end_turn(endpoint, &turn);
}

void endpoint_leave_until(struct endpoint *endpoint, enum lubdub_reason reason, lubdub_duration retry_after)
{
    struct lubdub_turn turn;

    begin_turn(endpoint, &turn, 0);
    CORE(lubdub_session_leave(&endpoint->session, &turn, reason, NULL, true, retry_after));
    end_turn(endpoint, &turn);
}

void endpoint_give_room(struct endpoint *endpoint, size_t room)
{
    struct lubdub_turn turn;

    endpoint->kernel_room = room == KERNEL_TAKES_ALL ? room : endpoint->kernel_room + room;
    begin_turn(endpoint, &turn, 0);
    end_turn(endpoint, &turn);
}

/* ---- time ---- */

void endpoint_ring(struct endpoint *endpoint)
{
    struct lubdub_turn turn;
    lubdub_time deadline = lubdub_session_deadline(&endpoint->session, &endpoint->settings);

    if (endpoint->armed_for > endpoint->now) {
        return;
    }
    if (deadline > endpoint->now) {
        endpoint->armed_for = deadline; /* it moved away meanwhile */
        return;
    }
    begin_turn(endpoint, &turn, 0);
    tick(endpoint, &turn);
    endpoint->armed_for = LUBDUB_TIME_NEVER;
    flush(endpoint, &turn);
    endpoint->armed_for = lubdub_session_deadline(&endpoint->session, &endpoint->settings);
    end_turn(endpoint, &turn);
    MUST(endpoint, endpoint->armed_for > endpoint->now); /* else it rings for ever */
}

void endpoint_advance_to(struct endpoint *endpoint, lubdub_time now)
{
    while (endpoint->armed_for <= now) {
        if (endpoint->armed_for > endpoint->now) {
            endpoint->now = endpoint->armed_for;
        }
        endpoint_ring(endpoint);
    }
    endpoint->now = now;
}

void endpoint_advance(struct endpoint *endpoint, lubdub_duration length)
{
    endpoint_advance_to(endpoint, lubdub_time_after(endpoint->now, length));
}

void endpoint_wake(struct endpoint *endpoint, lubdub_time now, lubdub_duration away, lubdub_duration overslept)
{
    lubdub_time before = lubdub_session_deadline(&endpoint->session, &endpoint->settings);

    endpoint->now = now;
    CORE(lubdub_session_forgive(&endpoint->session, &endpoint->settings, away, overslept));
    MUST(endpoint, lubdub_session_deadline(&endpoint->session, &endpoint->settings) >= before);
}

bool endpoint_has_ended_output(const struct endpoint *endpoint)
{
    return endpoint_state(endpoint) == LUBDUB_SESSION_CLOSED ||
           (endpoint_state(endpoint) == LUBDUB_SESSION_LEAVING && !lubdub_session_has_output(&endpoint->session));
}

/* ---- expectations ---- */

const struct lubdub_event *endpoint_next_event(struct endpoint *endpoint, enum lubdub_event_kind kind, const char *file,
                                               int line)
{
    struct event_log *log = &endpoint->events;
    char words[WORDS_LENGTH];

    if (log->read == log->count) {
        complain(endpoint, file, line, "no event, where %s is expected", event_kind_word(kind));
    }
    if (log->entries[log->read].event.kind != kind) {
        complain(endpoint, file, line, "%s, where %s is expected",
                 event_in_words(&log->entries[log->read].event, words), event_kind_word(kind));
    }
    return &log->entries[log->read++].event;
}

void endpoint_no_event(struct endpoint *endpoint, const char *file, int line)
{
    struct event_log *log = &endpoint->events;
    char words[WORDS_LENGTH];

    if (log->read != log->count) {
        complain(endpoint, file, line, "%s, where no event is expected",
                 event_in_words(&log->entries[log->read].event, words));
    }
}

struct lubdub_frame endpoint_next_frame(struct endpoint *endpoint, unsigned type, const char *file, int line)
{
    struct lubdub_frame frame;
    size_t size;
    char words[WORDS_LENGTH];
    const uint8_t *start = endpoint->written.data + endpoint->written_read;
    size_t left = endpoint->written.length - endpoint->written_read;

    if (left == 0) {
        complain(endpoint, file, line, "wrote nothing, where %s is expected", frame_type_word(type));
    }
    if (lubdub_frame_decode(&frame, start, left, LUBDUB_CONTENT_LIMIT, &size) != LUBDUB_FRAME_WHOLE) {
        complain(endpoint, file, line, "wrote %zu bytes that are no whole frame, where %s is expected", left,
                 frame_type_word(type));
    }
    if (frame.type != type) {
        complain(endpoint, file, line, "wrote %s, where %s is expected", frame_in_words(&frame, words),
                 frame_type_word(type));
    }
    endpoint->written_read += size;
    return frame;
}

void endpoint_no_frame(struct endpoint *endpoint, const char *file, int line)
{
    struct lubdub_frame frame;
    size_t size;
    char words[WORDS_LENGTH];
    size_t left = endpoint->written.length - endpoint->written_read;

    if (left == 0) {
        return;
    }
    if (lubdub_frame_decode(&frame, endpoint->written.data + endpoint->written_read, left, LUBDUB_CONTENT_LIMIT,
                            &size) != LUBDUB_FRAME_WHOLE) {
        complain(endpoint, file, line, "wrote %zu bytes, where nothing is expected", left);
    }
    complain(endpoint, file, line, "wrote %s, where nothing is expected", frame_in_words(&frame, words));
}

void endpoint_in_state(struct endpoint *endpoint, enum lubdub_session_state state, const char *file, int line)
{
    if (endpoint_state(endpoint) != state) {
        complain(endpoint, file, line, "is not in state %s", session_state_word(state));
    }
}

void endpoint_look_away(struct endpoint *endpoint)
{
    endpoint->events.read = endpoint->events.count;
    endpoint->written_read = endpoint->written.length;
}
