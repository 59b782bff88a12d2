/* Owns one session in memory and judges what it does. */
#include "memory_session.h"

#include <string.h>

#include <sanitizer/asan_interface.h>

#include "core/session_server.h"
#include "core/session_shared.h"
#include "depth.h"

/* The timer rings so often at one moment at most, */
#define RINGS_AT_ONCE 64

/* and so often in one length of time; after that its owner is late, as a busy one is. */
#define RINGS_IN_A_ROW 8

/* What may wait beside messages: the answers to one input, and a few frames of our own. */
#define OWN_FRAMES (8 * (LUBDUB_HEADER_LENGTH + (size_t)LUBDUB_OPTIONS_LIMIT))

struct memory_step {
    struct lubdub_step step;
    struct memory_session *memory;
};

static struct memory_session *memory_of(struct lubdub_step *step)
{
    return ((struct memory_step *)(void *)((char *)step - offsetof(struct memory_step, step)))->memory;
}

/* ---- frames, read by a second decoder ---- */

struct seen {
    uint8_t type;
    uint16_t flags;
    uint16_t length;
    const uint8_t *sequence; /* 8 bytes */
    const uint8_t *content;
};

/* The frame at the start of bytes. Returns its size, 0 where it is not whole. */
static size_t see(struct seen *seen, const uint8_t *bytes, size_t length)
{
    size_t size;

    if (length < LUBDUB_HEADER_LENGTH) {
        return 0;
    }
    seen->type = bytes[3];
    seen->flags = (uint16_t)(bytes[4] << 8 | bytes[5]);
    seen->length = (uint16_t)(bytes[6] << 8 | bytes[7]);
    seen->sequence = bytes + 8;
    seen->content = bytes + LUBDUB_HEADER_LENGTH;
    size = LUBDUB_HEADER_LENGTH + (size_t)seen->length;
    return size <= length ? size : 0;
}

static uint64_t number(const uint8_t *bytes)
{
    uint64_t value = 0;
    unsigned i;

    for (i = 0; i < 8; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/* The next frame of this type at or behind *at, which then stands behind it. */
static bool find(struct seen *seen, uint8_t type, const uint8_t *bytes, size_t length, size_t *at)
{
    size_t size;

    while ((size = see(seen, bytes + *at, length - *at)) > 0) {
        *at += size;
        if (seen->type == type) {
            return true;
        }
    }
    return false;
}

/* ---- what was written ---- */

static void judge_ack(struct memory_session *memory, const struct seen *ack)
{
    struct seen probe;

    CHECK(find(&probe, LUBDUB_FRAME_PROBE, memory->heard, memory->heard_length, &memory->heard_probe));
    CHECK(memcmp(ack->sequence, probe.sequence, 8) == 0);
    CHECK(ack->flags == (probe.flags & LUBDUB_FLAG_HEALTH_MASK));
    CHECK(ack->length == probe.length && memcmp(ack->content, probe.content, probe.length) == 0);
    memory->acks_written++;
}

static void judge_options(const struct seen *seen)
{
    struct lubdub_options options;

    CHECK(seen->length <= LUBDUB_OPTIONS_LIMIT);
    CHECK(lubdub_options_decode(&options, seen->type, seen->content, seen->length) == NULL);
}

static void judge_frame(struct memory_session *memory, const struct seen *seen, bool is_first)
{
    bool is_server = memory->session.role == LUBDUB_ROLE_SERVER;

    CHECK(!memory->has_said_bye);
    switch ((enum lubdub_frame_type)seen->type) {
    case LUBDUB_FRAME_HELLO:
        CHECK(!is_server && is_first);
        judge_options(seen);
        return;
    case LUBDUB_FRAME_WELCOME:
        CHECK(is_server && number(seen->sequence) != 0);
        CHECK(is_first == ((seen->flags & LUBDUB_FLAG_CHANGED) == 0));
        judge_options(seen);
        return;
    case LUBDUB_FRAME_PROBE:
        CHECK(number(seen->sequence) == ++memory->probes_written);
        CHECK(seen->flags < 3);
        return;
    case LUBDUB_FRAME_ACK:
        judge_ack(memory, seen);
        return;
    case LUBDUB_FRAME_MESSAGE:
        CHECK(number(seen->sequence) == ++memory->messages_written && seen->flags == 0);
        return;
    case LUBDUB_FRAME_BYE:
        CHECK(number(seen->sequence) <= LUBDUB_REASON_HANDSHAKE_TIMEOUT && seen->flags == 0);
        judge_options(seen);
        memory->has_said_bye = true;
        return;
    }
    FAIL("a type of frame that does not exist");
}

static void judge_written(struct memory_session *memory)
{
    struct seen seen;
    size_t size;

    while ((size = see(&seen, memory->written + memory->judged, memory->written_length - memory->judged)) > 0) {
        CHECK(memcmp(memory->written + memory->judged, "LD\1", 3) == 0);
        judge_frame(memory, &seen, memory->judged == 0);
        memory->judged += size;
    }
}

/* ---- the stream ---- */

static struct lubdub_transfer read_nothing(struct lubdub_step *step)
{
    (void)step;
    return (struct lubdub_transfer){0}; /* the target hands in what arrives */
}

static struct lubdub_transfer write_to_memory(struct lubdub_step *step, const uint8_t *bytes, size_t length,
                                              bool is_last)
{
    struct memory_session *memory = memory_of(step);
    size_t room = sizeof memory->written - memory->written_length;
    size_t takes = length;
    (void)is_last;

    CHECK(length > 0 && !memory->has_ended_output);
    if (memory->broken_by != LUBDUB_CAUSE_NONE) {
        return (struct lubdub_transfer){.end = memory->broken_by};
    }
    takes = takes < memory->room ? takes : memory->room;
    takes = takes < room ? takes : room;
    memcpy(memory->written + memory->written_length, bytes, takes);
    memory->written_length += takes;
    if (memory->room != MEMORY_SESSION_TAKES_ALL) {
        memory->room -= takes;
    }
    judge_written(memory);
    return (struct lubdub_transfer){.length = takes};
}

static void shut(struct lubdub_step *step)
{
    struct memory_session *memory = memory_of(step);

    CHECK(lubdub_session_state(&memory->session) >= LUBDUB_SESSION_LEAVING);
    memory->has_ended_output = true;
}

static void look(struct lubdub_step *step, struct lubdub_evidence *evidence)
{
    struct memory_session *memory = memory_of(step);

    evidence->is_known = memory->path != LUBDUB_PATH_UNKNOWN;
    evidence->is_sent_again = memory->path == LUBDUB_PATH_SILENT;
    evidence->unacknowledged = memory->path == LUBDUB_PATH_SILENT ? 1 : 0;
    evidence->silent_for = memory->path == LUBDUB_PATH_SILENT ? memory->now : 0;
    evidence->round_trip = evidence->least_round_trip = LUBDUB_MILLISECOND;
}

static lubdub_time now(struct lubdub_step *step)
{
    return memory_of(step)->now;
}

static void arm(struct lubdub_step *step, lubdub_time deadline)
{
    memory_of(step)->armed_for = deadline;
}

/* ---- events ---- */

static void judge_message(struct memory_session *memory, const struct lubdub_event *event)
{
    struct seen message;

    CHECK(find(&message, LUBDUB_FRAME_MESSAGE, memory->heard, memory->heard_length, &memory->heard_message));
    CHECK(number(message.sequence) == event->sequence && message.length == event->length);
    CHECK(event->length == 0 || memcmp(message.content, event->content, event->length) == 0);
    CHECK(event->sequence == memory->counts[LUBDUB_EVENT_MESSAGE]);
}

static void judge_event(struct memory_session *memory, const struct lubdub_event *event)
{
    bool is_server = memory->session.role == LUBDUB_ROLE_SERVER;
    size_t beginnings = memory->counts[is_server ? LUBDUB_EVENT_HELLO : LUBDUB_EVENT_UP];

    CHECK(beginnings == 1 || event->kind == LUBDUB_EVENT_DOWN);
    switch (event->kind) {
    case LUBDUB_EVENT_NONE:
        FAIL("told nothing");
        return;
    case LUBDUB_EVENT_HELLO:
        CHECK(is_server);
        return;
    case LUBDUB_EVENT_UP:
    case LUBDUB_EVENT_GRANT_CHANGED:
        CHECK(!is_server && event->session_number != 0 && lubdub_session_interval(&memory->session) > 0);
        return;
    case LUBDUB_EVENT_ACKED:
    case LUBDUB_EVENT_LATE_ACK:
        CHECK(!is_server && event->sequence <= memory->probes_written);
        CHECK(event->kind == LUBDUB_EVENT_LATE_ACK ? memory->settings.stays_connected : true);
        return;
    case LUBDUB_EVENT_TIMED_OUT:
        CHECK(!is_server && memory->settings.stays_connected);
        return;
    case LUBDUB_EVENT_HEALTH:
        CHECK(event->health != event->was_health);
        return;
    case LUBDUB_EVENT_MESSAGE:
        judge_message(memory, event);
        return;
    case LUBDUB_EVENT_LATE:
        CHECK(is_server && !memory->is_late);
        memory->is_late = true;
        return;
    case LUBDUB_EVENT_RECOVERED:
        CHECK(is_server && memory->is_late);
        memory->is_late = false;
        return;
    case LUBDUB_EVENT_DOWN:
        CHECK(memory->counts[LUBDUB_EVENT_DOWN] == 1 && event->cause != LUBDUB_CAUSE_NONE);
        CHECK(lubdub_session_state(&memory->session) >= LUBDUB_SESSION_LEAVING);
        memory->cause = event->cause;
        return;
    case LUBDUB_EVENT_ROOM:
        return;
    }
    FAIL("a kind of event that does not exist");
}

static void answer_hello(struct memory_session *memory, struct lubdub_step *step)
{
    switch (memory->answer) {
    case MEMORY_SESSION_GRANTS:
        (void)lubdub_session_grant(&memory->session, &step->turn, &memory->grant);
        return;
    case MEMORY_SESSION_REFUSES:
        lubdub_session_leave(&memory->session, &step->turn, LUBDUB_REASON_OVERLOADED, "full", true, LUBDUB_SECOND);
        return;
    case MEMORY_SESSION_ANSWERS_LATER:
        return;
    }
}

static void tell(struct lubdub_step *step, const struct lubdub_event *event)
{
    struct memory_session *memory = memory_of(step);

    CHECK(!step->is_call);
    CHECK(memory->counts[LUBDUB_EVENT_DOWN] == 0);
    CHECK((unsigned)event->kind < sizeof memory->counts / sizeof memory->counts[0]);
    memory->counts[event->kind]++;
    judge_event(memory, event);
    if (event->kind == LUBDUB_EVENT_HELLO) {
        answer_hello(memory, step);
    } else if (event->kind == LUBDUB_EVENT_MESSAGE && memory->echoes) {
        (void)lubdub_session_send(&memory->session, &step->turn, event->content, event->length);
    }
}

static const struct lubdub_stream stream = {
    .read = read_nothing,
    .write = write_to_memory,
    .shut = shut,
    .look = look,
    .now = now,
    .arm = arm,
    .tell = tell,
};

/* ---- steps ---- */

static void begin(struct memory_session *memory, struct memory_step *at, size_t input, bool is_call)
{
    size_t capacity = lubdub_turn_capacity(&memory->settings, input);

    at->memory = memory;
    at->step = (struct lubdub_step){
        .session = &memory->session,
        .stream = &stream,
        .turn = {.now = memory->now,
                 .settings = &memory->settings,
                 .suspects_ourselves = memory->suspects_ourselves,
                 .output = memory->output,
                 .output_capacity = capacity < sizeof memory->output ? capacity : sizeof memory->output},
        .is_armed = memory->armed_for != LUBDUB_TIME_NEVER,
        .is_call = is_call,
    };
}

static void judge_bounds(const struct memory_session *memory)
{
    const struct lubdub_session_extra *extra = memory->session.extra;

    if (extra != NULL) {
        const struct lubdub_queue *urgent = &extra->outbox.urgent;
        size_t largest = LUBDUB_HEADER_LENGTH + (size_t)LUBDUB_CONTENT_LIMIT;

        CHECK(lubdub_outbox_message_length(&extra->outbox) <= memory->settings.output_limit + largest);
        CHECK(urgent->end - urgent->start <= MEMORY_SESSION_BYTES + OWN_FRAMES);
        CHECK(extra->partial.length <= LUBDUB_HEADER_LENGTH + LUBDUB_OPTIONS_LIMIT ||
              extra->partial.length <= LUBDUB_HEADER_LENGTH + memory->settings.max_content);
        if (memory->session.role == LUBDUB_ROLE_SERVER) {
            /* A server does not read while answers wait: those to one input, at most. */
            CHECK(urgent->end - urgent->start <= MEMORY_SESSION_INPUT + OWN_FRAMES);
        }
    }
}

static void end(struct memory_session *memory, struct memory_step *at)
{
    enum lubdub_step_end how = lubdub_step_settle(&at->step);

    if (how == LUBDUB_STEP_IS_DUE) {
        enum lubdub_cause broken_by = at->step.broken_by;

        begin(memory, at, 0, false);
        if (broken_by != LUBDUB_CAUSE_NONE) {
            lubdub_step_break(&at->step, broken_by);
        } else {
            lubdub_step_due(&at->step);
        }
        how = lubdub_step_settle(&at->step);
        CHECK(how != LUBDUB_STEP_IS_DUE);
    }
    CHECK((how == LUBDUB_STEP_IS_OVER) == (lubdub_session_state(&memory->session) == LUBDUB_SESSION_CLOSED));
    CHECK(at->step.turn.output_length == 0 && at->step.turn.output_sent == 0);
    memory->is_over = how == LUBDUB_STEP_IS_OVER;
    if (!memory->is_over) {
        CHECK(memory->armed_for <= lubdub_session_deadline(&memory->session, &memory->settings));
    }
    judge_bounds(memory);
}

static bool is_due(const struct memory_session *memory)
{
    return !memory->is_over && lubdub_session_deadline(&memory->session, &memory->settings) <= memory->now;
}

/* The timer rings now, as often as it is due now; that ends. */
static void ring(struct memory_session *memory)
{
    struct memory_step at;
    unsigned rings;

    for (rings = 0; is_due(memory); rings++) {
        CHECK(rings < RINGS_AT_ONCE);
        begin(memory, &at, 0, false);
        at.step.is_armed = false;
        memory->armed_for = LUBDUB_TIME_NEVER;
        lubdub_step_due(&at.step);
        end(memory, &at);
    }
    /* A timer that rang although its deadline has moved away is set again. */
    if (!memory->is_over && memory->armed_for <= memory->now) {
        memory->armed_for = lubdub_session_deadline(&memory->session, &memory->settings);
    }
}

void memory_session_prepare(struct memory_session *memory, enum lubdub_role role)
{
    memset(memory, 0, offsetof(struct memory_session, written));
    memory->heard_length = memory->heard_probe = memory->heard_message = memory->judged = 0;
    memory->last_acked = 0;
    memory->is_late = memory->has_said_bye = false;
    memory->armed_for = LUBDUB_TIME_NEVER;
    lubdub_session_settings_init(&memory->settings);
    memory->session.role = (uint8_t)role & 1u;
    memory->grant = (struct lubdub_grant){.session_number = 7, .interval = LUBDUB_SECOND, .expiry = 3 * LUBDUB_SECOND};
    memory->now = 1000 * LUBDUB_SECOND;
    memory->room = MEMORY_SESSION_TAKES_ALL;
    memory->path = LUBDUB_PATH_ACKNOWLEDGED;
}

void memory_session_open(struct memory_session *memory)
{
    struct memory_step at;
    enum lubdub_role role = (enum lubdub_role)memory->session.role;

    CHECK(lubdub_session_settings_check(&memory->settings, role) == NULL);
    begin(memory, &at, 0, true);
    memory->is_open = lubdub_session_init(&memory->session, role, &at.step.turn) == LUBDUB_ERROR_OK;
    memory->is_over = !memory->is_open;
    if (memory->is_open) {
        end(memory, &at);
    }
}

/* A server that is up, listens, and has nothing waiting has answered every PROBE that came whole. */
static void judge_answers(struct memory_session *memory)
{
    struct seen probe;

    if (!memory->is_over && lubdub_session_state(&memory->session) == LUBDUB_SESSION_UP &&
        !lubdub_session_has_output(&memory->session) && !lubdub_session_has_held(&memory->session)) {
        CHECK(!find(&probe, LUBDUB_FRAME_PROBE, memory->heard, memory->heard_length, &memory->heard_probe));
    }
}

void memory_session_finish(struct memory_session *memory)
{
    if (memory->is_open) {
        judge_answers(memory);
        CHECK(memory->counts[LUBDUB_EVENT_DOWN] <= 1);
        depth_count(memory);
        lubdub_session_clear(&memory->session);
    }
}

/*
 * The input lies at the end of memory that nobody may touch before and afterwards: a sanitizer sees a byte too far, and
 * a pointer that was kept. An allocation for each input would cost more than most inputs do.
 */
static void feed_from_its_own_memory(struct lubdub_step *step, const uint8_t *bytes, size_t length)
{
    static uint8_t own[MEMORY_SESSION_INPUT];
    uint8_t *copy = own + sizeof own - length;

    ASAN_UNPOISON_MEMORY_REGION(copy, length);
    memcpy(copy, bytes, length);
    lubdub_step_feed(step, copy, length);
    ASAN_POISON_MEMORY_REGION(own, sizeof own);
}

/* The quick way and the step come to the same. */
static void feed_both_ways(struct memory_session *memory, struct memory_step *at, const uint8_t *bytes, size_t length)
{
    static uint8_t quick_bytes[MEMORY_SESSION_INPUT];
    struct lubdub_session quick = memory->session;
    bool is_quick = false;

    if (quick.role == LUBDUB_ROLE_SERVER && lubdub_step_listens(&at->step)) {
        memcpy(quick_bytes, bytes, length);
        is_quick = lubdub_session_answer_quickly(&quick, &memory->settings, memory->now, quick_bytes, length);
        CHECK(is_quick || memcmp(quick_bytes, bytes, length) == 0);
    }
    feed_from_its_own_memory(&at->step, bytes, length);
    if (is_quick) {
        CHECK(at->step.turn.output_length == length && memcmp(at->step.turn.output, quick_bytes, length) == 0);
        CHECK(memcmp(&quick, &memory->session, sizeof quick) == 0);
    }
}

void memory_session_feed(struct memory_session *memory, const uint8_t *bytes, size_t length)
{
    struct memory_step at;

    if (memory->is_over || length == 0 || length > MEMORY_SESSION_INPUT ||
        memory->heard_length + length > MEMORY_SESSION_BYTES || !lubdub_session_wants_input(&memory->session)) {
        return;
    }
    memcpy(memory->heard + memory->heard_length, bytes, length);
    memory->heard_length += length;
    begin(memory, &at, length, false);
    feed_both_ways(memory, &at, bytes, length);
    end(memory, &at);
}

void memory_session_end_input(struct memory_session *memory, enum lubdub_cause how)
{
    struct memory_step at;

    if (!memory->is_over) {
        begin(memory, &at, 0, false);
        (void)lubdub_step_take(&at.step, (struct lubdub_transfer){.end = how});
        end(memory, &at);
        CHECK(memory->is_over);
    }
}

void memory_session_give_room(struct memory_session *memory, size_t room)
{
    struct memory_step at;

    if (!memory->is_over) {
        memory->room = room;
        begin(memory, &at, 0, false);
        end(memory, &at);
        ring(memory);
    }
}

void memory_session_grant(struct memory_session *memory, const struct lubdub_grant *grant)
{
    struct memory_step at;

    if (!memory->is_over) {
        begin(memory, &at, 0, true);
        (void)lubdub_session_grant(&memory->session, &at.step.turn, grant);
        end(memory, &at);
        ring(memory);
    }
}

void memory_session_send(struct memory_session *memory, const uint8_t *content, size_t length)
{
    struct memory_step at;

    if (!memory->is_over) {
        begin(memory, &at, 0, true);
        (void)lubdub_session_send(&memory->session, &at.step.turn, content, length);
        end(memory, &at);
        ring(memory);
    }
}

void memory_session_leave(struct memory_session *memory, enum lubdub_reason reason, const char *text, bool has_retry,
                          lubdub_duration retry_after)
{
    struct memory_step at;

    if (!memory->is_over) {
        begin(memory, &at, 0, true);
        lubdub_session_leave(&memory->session, &at.step.turn, reason, text, has_retry, retry_after);
        end(memory, &at);
    }
}

void memory_session_set_content(struct memory_session *memory, const uint8_t *content, size_t length)
{
    if (!memory->is_over) {
        (void)lubdub_session_set_content(&memory->session, content, length);
    }
}

/* ---- time ---- */

void memory_session_advance(struct memory_session *memory, lubdub_duration length)
{
    lubdub_time until = lubdub_time_after(memory->now, length);
    unsigned rings;

    for (rings = 0; rings < RINGS_IN_A_ROW && !memory->is_over && memory->armed_for <= until; rings++) {
        memory->now = memory->armed_for > memory->now ? memory->armed_for : memory->now;
        ring(memory);
    }
    memory->now = until;
    ring(memory);
}

void memory_session_oversleep(struct memory_session *memory, lubdub_duration length)
{
    if (!memory->is_over) {
        lubdub_time meant = memory->armed_for > memory->now ? memory->armed_for : memory->now;

        memory->now = lubdub_time_after(memory->now, length);
        lubdub_session_forgive(&memory->session, &memory->settings, length, lubdub_time_between(meant, memory->now));
        ring(memory);
    }
}

size_t memory_session_next_ack(struct memory_session *memory, uint8_t *frame, size_t capacity)
{
    struct seen probe;
    size_t size;

    if (!find(&probe, LUBDUB_FRAME_PROBE, memory->written, memory->written_length, &memory->next_probe)) {
        return 0;
    }
    size = LUBDUB_HEADER_LENGTH + (size_t)probe.length;
    if (size > capacity) {
        return 0;
    }
    memcpy(frame, probe.content - LUBDUB_HEADER_LENGTH, size);
    frame[3] = LUBDUB_FRAME_ACK;
    return size;
}
