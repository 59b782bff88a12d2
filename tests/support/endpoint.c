/* Owns one session, without a socket. */
#include "endpoint.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <lubdub/step.h>

#include "core/session_server.h"
#include "statistics/random.h"
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

/* ---- a step ---- */

/* While the step runs, what is allocated is the core's; but not while the test's own functions do. */
struct endpoint_step {
    struct lubdub_step step;
    struct endpoint *endpoint;
};

static struct endpoint *endpoint_of(struct lubdub_step *step)
{
    return ((struct endpoint_step *)(void *)((char *)step - offsetof(struct endpoint_step, step)))->endpoint;
}

#define OURS(statements)            \
    do {                            \
        endpoint_core_runs = false; \
        statements;                 \
        endpoint_core_runs = true;  \
    } while (0)

/* Mostly the test hands in what arrives, and a step has nothing more to read. */
static struct lubdub_transfer read_stream(struct lubdub_step *step)
{
    struct endpoint *endpoint = endpoint_of(step);
    struct lubdub_transfer came = {.length = endpoint->unread.length};

    if (came.length > sizeof endpoint->input) {
        came.length = sizeof endpoint->input;
        came.has_more = true;
    }
    if (came.length > 0) {
        memcpy(endpoint->input, endpoint->unread.data, came.length);
        OURS(wire_bytes_drop(&endpoint->unread, came.length));
    }
    return came;
}

static struct lubdub_transfer write_stream(struct lubdub_step *step, const uint8_t *output, size_t length, bool is_last)
{
    struct endpoint *endpoint = endpoint_of(step);
    struct lubdub_transfer went = {.length = length < endpoint->kernel_room ? length : endpoint->kernel_room};
    (void)is_last;

    MUST(endpoint, length > 0);
    if (endpoint->broken_by != LUBDUB_CAUSE_NONE) {
        return (struct lubdub_transfer){.end = endpoint->broken_by};
    }
    OURS(wire_bytes_put(&endpoint->written, output, went.length));
    if (endpoint->kernel_room != KERNEL_TAKES_ALL) {
        endpoint->kernel_room -= went.length;
    }
    return went;
}

static void shut_stream(struct lubdub_step *step)
{
    struct endpoint *endpoint = endpoint_of(step);

    MUST(endpoint, endpoint_has_ended_output(endpoint));
}

/* Evidence that the session draws the path from which the test has set. */
static void look(struct lubdub_step *step, struct lubdub_evidence *evidence)
{
    struct endpoint *endpoint = endpoint_of(step);

    evidence->is_known = endpoint->path != LUBDUB_PATH_UNKNOWN;
    evidence->unacknowledged = endpoint->path == LUBDUB_PATH_SILENT ? 1 : 0;
    evidence->is_sent_again = endpoint->path == LUBDUB_PATH_SILENT;
    evidence->silent_for = endpoint->path == LUBDUB_PATH_SILENT ? endpoint->now : 0;
    evidence->round_trip = endpoint->round_trip;
    evidence->least_round_trip = endpoint->round_trip;
    evidence->has_unread = endpoint->has_unread || endpoint->unread.length > 0;
}

static lubdub_time read_clock(struct lubdub_step *step)
{
    return endpoint_of(step)->now;
}

static void arm(struct lubdub_step *step, lubdub_time deadline)
{
    endpoint_of(step)->armed_for = deadline;
}

/* Takes down what the session says, and does what its owner has to do about it. */
static void hear(struct lubdub_step *step, const struct lubdub_event *event)
{
    struct endpoint *endpoint = endpoint_of(step);

    OURS(MUST(endpoint, event_log_count(&endpoint->events, LUBDUB_EVENT_DOWN) == 0);
         event_log_add(&endpoint->events, event, step->turn.now));
    MUST(endpoint, event->kind != LUBDUB_EVENT_DOWN || endpoint_state(endpoint) >= LUBDUB_SESSION_LEAVING);

    if (event->kind == LUBDUB_EVENT_HELLO && endpoint->refuses_with == GRANTS) {
        (void)lubdub_session_grant(&endpoint->session, &step->turn, &endpoint->grant);
    } else if (event->kind == LUBDUB_EVENT_HELLO) {
        lubdub_session_leave(&endpoint->session, &step->turn, (enum lubdub_reason)endpoint->refuses_with, "go away",
                             false, 0);
    }
    if (event->kind == LUBDUB_EVENT_MESSAGE && endpoint->echoes) {
        (void)lubdub_session_send(&endpoint->session, &step->turn, event->content, event->length);
    }
}

static const struct lubdub_stream in_memory = {
    .read = read_stream,
    .write = write_stream,
    .shut = shut_stream,
    .look = look,
    .now = read_clock,
    .arm = arm,
    .tell = hear,
};

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
static void begin_step(struct endpoint *endpoint, struct endpoint_step *at, size_t input, bool is_call)
{
    size_t capacity = endpoint->turn_capacity == CAPACITY_AS_ADVISED ? lubdub_turn_capacity(&endpoint->settings, input)
                                                                     : endpoint->turn_capacity;

    if (endpoint->output == NULL || endpoint->output_capacity != capacity) {
        free(endpoint->output);
        endpoint->output = filled_with_junk(capacity);
        endpoint->output_capacity = capacity;
    }
    at->endpoint = endpoint;
    at->step = (struct lubdub_step){
        .session = &endpoint->session,
        .stream = &in_memory,
        .turn =
            {
                .now = endpoint->now,
                .settings = &endpoint->settings,
                .path = endpoint->path,
                .round_trip = endpoint->round_trip,
                .suspects_ourselves = endpoint->suspects_ourselves,
                .output = endpoint->output,
                .output_capacity = capacity,
            },
        .input = endpoint->input,
        .input_capacity = sizeof endpoint->input,
        .is_armed = endpoint->armed_for != LUBDUB_TIME_NEVER,
        .is_call = is_call,
    };
}

static void end_step(struct endpoint *endpoint, struct endpoint_step *at)
{
    enum lubdub_step_end end;

    CORE(end = lubdub_step_settle(&at->step));
    if (end == LUBDUB_STEP_IS_DUE) { /* what a call left is for a step of its own, at once */
        begin_step(endpoint, at, 0, false);
        CORE(lubdub_step_due(&at->step); end = lubdub_step_settle(&at->step));
    }
    MUST(endpoint, (end == LUBDUB_STEP_IS_OVER) == (endpoint_state(endpoint) == LUBDUB_SESSION_CLOSED));
    MUST(endpoint, at->step.turn.output_length == 0 && at->step.turn.output_sent == 0);
    if (end == LUBDUB_STEP_IS_OVER) {
        endpoint->armed_for = LUBDUB_TIME_NEVER;
    }
    MUST(endpoint, endpoint->armed_for <= lubdub_session_deadline(&endpoint->session, &endpoint->settings));
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
    wire_bytes_clear(&endpoint->unread);
    event_log_clear(&endpoint->events);
}

enum lubdub_error endpoint_open(struct endpoint *endpoint)
{
    struct endpoint_step at;
    enum lubdub_role role = (enum lubdub_role)endpoint->session.role;

    begin_step(endpoint, &at, 0, true);
    memset(&endpoint->session, 0xa5, sizeof endpoint->session);
    CORE(endpoint->open_error = lubdub_session_init(&endpoint->session, role, &at.step.turn));
    if (endpoint->open_error != LUBDUB_ERROR_OK) {
        return endpoint->open_error;
    }
    endpoint->is_open = true;
    end_step(endpoint, &at);
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
static void feed(struct endpoint_step *at, const uint8_t *bytes, size_t length)
{
    uint8_t *input = filled_with_junk(length);

    memcpy(input, bytes, length);
    CORE(lubdub_step_feed(&at->step, input, length));
    free(input);
}

void endpoint_receive(struct endpoint *endpoint, const void *bytes, size_t length)
{
    const uint8_t *next = bytes;

    while (length > 0 && endpoint_state(endpoint) != LUBDUB_SESSION_CLOSED) {
        size_t piece = piece_length(endpoint, length);
        struct endpoint_step at;
        struct quick_answer quick;

        begin_step(endpoint, &at, piece, false);
        answer_quickly(&quick, endpoint, next, piece);
        feed(&at, next, piece);
        compare_quick(&quick, endpoint, &at.step.turn);
        end_step(endpoint, &at);
        next += piece;
        length -= piece;
    }
}

void endpoint_receive_end(struct endpoint *endpoint, enum lubdub_cause how)
{
    struct endpoint_step at;

    begin_step(endpoint, &at, 0, false);
    CORE((void)lubdub_step_take(&at.step, (struct lubdub_transfer){.end = how}));
    end_step(endpoint, &at);
    MUST(endpoint, endpoint_state(endpoint) == LUBDUB_SESSION_CLOSED);
}

enum lubdub_error endpoint_grant(struct endpoint *endpoint, const struct lubdub_grant *grant)
{
    struct endpoint_step at;
    enum lubdub_error error;

    begin_step(endpoint, &at, 0, true);
    CORE(error = lubdub_session_grant(&endpoint->session, &at.step.turn, grant));
    end_step(endpoint, &at);
    return error;
}

void endpoint_tell_health(struct endpoint *endpoint, enum lubdub_health health)
{
    struct endpoint_step at;

    begin_step(endpoint, &at, 0, true);
    CORE(lubdub_session_tell_health(&endpoint->session, &at.step.turn, health));
    end_step(endpoint, &at);
}

enum lubdub_error endpoint_send(struct endpoint *endpoint, const void *content, size_t length)
{
    struct endpoint_step at;
    enum lubdub_error error;

    begin_step(endpoint, &at, 0, true);
    CORE(error = lubdub_session_send(&endpoint->session, &at.step.turn, content, length));
    end_step(endpoint, &at);
    return error;
}

void endpoint_leave(struct endpoint *endpoint, enum lubdub_reason reason, const char *text)
{
    struct endpoint_step at;

    begin_step(endpoint, &at, 0, true);
    CORE(lubdub_session_leave(&endpoint->session, &at.step.turn, reason, text, false, 0));
    end_step(endpoint, &at);
}

void endpoint_leave_until(struct endpoint *endpoint, enum lubdub_reason reason, lubdub_duration retry_after)
{
    struct endpoint_step at;

    begin_step(endpoint, &at, 0, true);
    CORE(lubdub_session_leave(&endpoint->session, &at.step.turn, reason, NULL, true, retry_after));
    end_step(endpoint, &at);
}

void endpoint_give_room(struct endpoint *endpoint, size_t room)
{
    struct endpoint_step at;

    endpoint->kernel_room = room == KERNEL_TAKES_ALL ? room : endpoint->kernel_room + room;
    begin_step(endpoint, &at, 0, false);
    end_step(endpoint, &at);
}

/* ---- time ---- */

void endpoint_ring(struct endpoint *endpoint)
{
    struct endpoint_step at;
    lubdub_time deadline = lubdub_session_deadline(&endpoint->session, &endpoint->settings);
    size_t written = endpoint->written.length;

    if (endpoint->armed_for > endpoint->now) {
        return;
    }
    if (deadline > endpoint->now) {
        endpoint->armed_for = deadline; /* it moved away meanwhile */
        return;
    }
    endpoint->armed_for = LUBDUB_TIME_NEVER;
    begin_step(endpoint, &at, 0, false);
    CORE(lubdub_step_due(&at.step));
    end_step(endpoint, &at);
    /* Else it rings for ever. Held messages are let out in several steps. */
    MUST(endpoint, endpoint->armed_for > endpoint->now || endpoint->written.length > written);
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
