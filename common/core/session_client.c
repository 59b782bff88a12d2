/* Opens a session as a client, and takes what the server says. */
#include "core/session_client.h"

#include <stdlib.h>
#include <string.h>

#include "core/rate_limit.h"
#include "core/session_shared.h"

/* The longest interval that the client takes is so many times the one it asked for, where the settings say nothing. */
#define INTERVAL_LIMIT_FACTOR 60

/* 0 stays 0: left out. */
static uint32_t in_milliseconds(lubdub_duration duration)
{
    return (uint32_t)((duration + LUBDUB_MILLISECOND - 1) / LUBDUB_MILLISECOND);
}

static void put_hello(struct lubdub_session *session, struct lubdub_turn *turn)
{
    const struct lubdub_session_settings *settings = turn->settings;
    struct lubdub_options options = {
        .identity = settings->identity,
        .token = settings->token,
        .agent = settings->agent,
        .label_count = settings->label_count,
        .interval_ms = in_milliseconds(settings->interval),
        .expiry_ms = in_milliseconds(settings->expiry),
        .max_content = (uint16_t)settings->max_content,
        .has_max_content = settings->max_content != LUBDUB_MAX_CONTENT_DEFAULT,
    };
    uint8_t content[LUBDUB_OPTIONS_LIMIT];
    struct lubdub_frame hello = {.type = LUBDUB_FRAME_HELLO, .sequence = settings->incarnation, .content = content};

    if (settings->label_count > 0) {
        memcpy(options.labels, settings->labels, settings->label_count * sizeof *settings->labels);
    }
    hello.length = (uint16_t)lubdub_options_encode(&options, LUBDUB_FRAME_HELLO, content, sizeof content);
    lubdub_session_put(session, turn, &hello);
}

enum lubdub_error lubdub_session_open_client(struct lubdub_session *session, struct lubdub_turn *turn)
{
    bool adapts = turn->settings->adapts;
    struct lubdub_prober *prober = calloc(1, sizeof *prober + (adapts ? sizeof *prober->doubter : 0));

    if (prober == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    prober->adapts = adapts;
    lubdub_probes_init(&prober->probes);
    prober->max_content = LUBDUB_MAX_CONTENT_DEFAULT;
    prober->next_probe_at = turn->settings->phase;
    session->of.prober = prober;
    put_hello(session, turn);
    if (session->state == LUBDUB_SESSION_CLOSED) {
        lubdub_session_clear(session); /* HELLO found no memory */
        return LUBDUB_ERROR_NO_MEMORY;
    }
    return LUBDUB_ERROR_OK;
}

static enum lubdub_handling fail_protocol(struct lubdub_session *session, struct lubdub_turn *turn,
                                          struct lubdub_event *event, const char *text)
{
    lubdub_session_fail(session, turn, event, LUBDUB_CAUSE_PROTOCOL, LUBDUB_REASON_PROTOCOL_ERROR, text);
    return LUBDUB_HANDLING_TAKEN;
}

/* Left out: as it was. */
static void take_message_rate(struct lubdub_prober *prober, const struct lubdub_options *options)
{
    bool is_kept = options->message_rate > 0 && options->message_burst > 0;

    if (options->has_message_rate) {
        prober->message_rate =
            is_kept ? (struct lubdub_rate){options->message_rate, options->message_burst} : (struct lubdub_rate){0, 0};
    }
}

/* Takes what WELCOME grants. Returns what is wrong with it, or NULL. */
static const char *take_grant(struct lubdub_session *session, const struct lubdub_turn *turn,
                              const struct lubdub_frame *welcome, struct lubdub_options *options)
{
    const char *fault = lubdub_options_decode(options, LUBDUB_FRAME_WELCOME, welcome->content, welcome->length);
    uint32_t interval_ms;
    uint64_t expiry_ms;

    if (fault != NULL) {
        return fault;
    }
    interval_ms = options->interval_ms > 0 ? options->interval_ms : in_milliseconds(turn->settings->interval);
    expiry_ms = options->expiry_ms > 0 ? options->expiry_ms : (uint64_t)interval_ms * 3;
    if (options->expiry_ms > 0 && expiry_ms < (uint64_t)interval_ms * 2) {
        return "an expiry of less than twice the interval is granted";
    }
    session->interval_ms = interval_ms;
    session->expiry_ms = expiry_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)expiry_ms;
    if (options->has_max_content) {
        session->of.prober->max_content = options->max_content;
    }
    take_message_rate(session->of.prober, options);
    return NULL;
}

/* The first probe is due at once, and the one after it an interval after this: a phase after now. */
static lubdub_time grid_before(lubdub_time now, lubdub_duration interval, lubdub_duration phase)
{
    return phase % interval > 0 ? lubdub_time_between(interval - phase % interval, now) : now;
}

/* The longest interval that the client takes. */
static lubdub_duration interval_limit(const struct lubdub_session_settings *settings)
{
    return settings->interval_limit > 0 ? settings->interval_limit : INTERVAL_LIMIT_FACTOR * settings->interval;
}

static enum lubdub_handling handle_welcome(struct lubdub_session *session, struct lubdub_turn *turn,
                                           const struct lubdub_frame *welcome, struct lubdub_event *event)
{
    struct lubdub_prober *prober = session->of.prober;
    bool is_first = session->state == LUBDUB_SESSION_OPENING;
    const char *fault;

    if (welcome->sequence == 0) {
        return fail_protocol(session, turn, event, "WELCOME with a session number of 0");
    }
    if (!is_first && ((welcome->flags & LUBDUB_FLAG_CHANGED) == 0 || welcome->sequence != prober->session_number)) {
        return fail_protocol(session, turn, event, "a second WELCOME that changes no grant of this session");
    }
    fault = take_grant(session, turn, welcome, &event->options);
    if (fault != NULL) {
        return fail_protocol(session, turn, event, fault);
    }
    if (turn->settings->content.length > prober->max_content) {
        lubdub_session_fail(session, turn, event, LUBDUB_CAUSE_REJECTED, LUBDUB_REASON_NORMAL,
                            "the server takes no content as long as that of our probes");
        return LUBDUB_HANDLING_TAKEN;
    }

    if (interval_limit(turn->settings) < lubdub_session_interval(session)) {
        lubdub_session_fail(session, turn, event, LUBDUB_CAUSE_REJECTED, LUBDUB_REASON_NORMAL,
                            "the server grants an interval so long that its death would be found too late");
        return LUBDUB_HANDLING_TAKEN;
    }

    prober->session_number = welcome->sequence;
    if (is_first) {
        session->state = LUBDUB_SESSION_UP;
        session->has_heard = true;
        prober->next_probe_at = grid_before(turn->now, lubdub_session_interval(session), prober->next_probe_at);
    } else {
        lubdub_time soonest = lubdub_time_after(turn->now, lubdub_session_interval(session));

        prober->next_probe_at = lubdub_time_earlier(prober->next_probe_at, soonest);
        if (prober->adapts) {
            /* Its unit is the interval: as if all were used up. Steady probes go alone until some has drained. */
            lubdub_rate_limit_exhaust(&prober->doubter->debt,
                                      lubdub_rate_limit_burst(session->interval_ms, session->expiry_ms));
            prober->doubter->debt_at = turn->now;
        }
    }
    session->has_closer_deadline = true;
    event->kind = is_first ? LUBDUB_EVENT_UP : LUBDUB_EVENT_GRANT_CHANGED;
    event->session_number = welcome->sequence;
    event->is_resumed = (welcome->flags & LUBDUB_FLAG_RESUMED) != 0;
    return LUBDUB_HANDLING_TAKEN;
}

static bool is_same_content(const struct lubdub_frame *ack, struct lubdub_slice content)
{
    return ack->length == content.length && (ack->length == 0 || memcmp(ack->content, content.data, ack->length) == 0);
}

/* The server has counted this probe by now. */
static void note_allowance(struct lubdub_session *session, lubdub_time now)
{
    struct lubdub_doubter *doubter = session->of.prober->doubter;

    lubdub_rate_limit_drain_own(&doubter->debt, &doubter->debt_at, now, session->interval_ms);
    (void)lubdub_rate_limit_take(&doubter->debt, UINT16_MAX);
}

static void learn(struct lubdub_prober *prober, uint64_t sequence, lubdub_duration round_trip, lubdub_time now)
{
    struct lubdub_doubter *doubter = prober->doubter;
    lubdub_duration took = round_trip;
    bool is_in_outage = lubdub_doubt_is_there(&doubter->doubt) && doubter->doubt.was_silent;

    if (sequence > doubter->unlearned &&
        (!is_in_outage || lubdub_doubt_lesson(&doubter->doubt, now > round_trip ? now - round_trip : 0, now, &took))) {
        lubdub_estimator_add(&doubter->round_trips, took);
    }
    if (is_in_outage) {
        doubter->unlearned = prober->probes.last; /* probes that went out meanwhile teach nothing more */
    }
}

static enum lubdub_handling handle_ack(struct lubdub_session *session, struct lubdub_turn *turn,
                                       const struct lubdub_frame *ack, struct lubdub_event *event)
{
    struct lubdub_prober *prober = session->of.prober;

    if (!is_same_content(ack, lubdub_client_content(session, turn, ack->sequence))) {
        return fail_protocol(session, turn, event, "an ACK with other content than its probe");
    }
    switch (lubdub_probes_ack(&prober->probes, ack->sequence, turn->now, &event->round_trip)) {
    case LUBDUB_PROBES_UNKNOWN:
        return fail_protocol(session, turn, event, "an ACK of a probe that waits for none");
    case LUBDUB_PROBES_ACKED:
        event->kind = LUBDUB_EVENT_ACKED;
        prober->narrow_count += event->round_trip > turn->settings->timeout / 4 * 3;
        break;
    case LUBDUB_PROBES_LATE:
        event->kind = LUBDUB_EVENT_LATE_ACK;
        break;
    }
    if (prober->is_down) {
        prober->is_down = false;
        session->has_closer_deadline = true; /* what waits for the kernel counts again */
    }
    prober->has_asked_again = false;
    prober->round_trip_log = lubdub_round_trip_log(event->round_trip);
    if (prober->adapts) {
        note_allowance(session, turn->now);
        learn(prober, ack->sequence, event->round_trip, turn->now);
        lubdub_doubt_end(&prober->doubter->doubt);
        session->has_closer_deadline = true; /* the next ack may be overdue sooner than this one was */
    }
    event->sequence = ack->sequence;
    event->content = ack->content;
    event->length = ack->length;
    return LUBDUB_HANDLING_TAKEN;
}

static enum lubdub_handling handle_probe(struct lubdub_session *session, struct lubdub_turn *turn,
                                         const struct lubdub_frame *probe, struct lubdub_event *event)
{
    if (probe->sequence != session->probes_received + 1) {
        return fail_protocol(session, turn, event, "a PROBE out of sequence");
    }
    session->probes_received++;
    lubdub_session_answer(session, turn, probe);
    lubdub_session_note_health(session, probe, event);
    return LUBDUB_HANDLING_TAKEN;
}

static enum lubdub_handling handle_message(struct lubdub_session *session, struct lubdub_turn *turn,
                                           const struct lubdub_frame *message, struct lubdub_event *event)
{
    struct lubdub_session_extra *extra = lubdub_session_need_extra(session);

    if (extra == NULL) {
        lubdub_session_fail(session, turn, event, LUBDUB_CAUSE_SHUTDOWN, LUBDUB_NO_REASON, "no memory was left");
        return LUBDUB_HANDLING_TAKEN;
    }
    if (message->sequence != extra->messages_received + 1) {
        return fail_protocol(session, turn, event, "a MESSAGE out of sequence");
    }
    extra->messages_received++;
    event->kind = LUBDUB_EVENT_MESSAGE;
    event->sequence = message->sequence;
    event->content = message->content;
    event->length = message->length;
    return LUBDUB_HANDLING_TAKEN;
}

static enum lubdub_handling handle(struct lubdub_session *session, struct lubdub_turn *turn,
                                   const struct lubdub_frame *frame, struct lubdub_event *event)
{
    enum lubdub_frame_type type = (enum lubdub_frame_type)frame->type;

    session->heard_at = turn->now;
    if (lubdub_prober_is_in_doubt(session->of.prober)) {
        session->of.prober->doubter->doubt.since = turn->now; /* it says something: it is not hung yet */
    }
    if (session->state == LUBDUB_SESSION_OPENING && type != LUBDUB_FRAME_WELCOME && type != LUBDUB_FRAME_BYE) {
        return fail_protocol(session, turn, event, "the first frame was neither WELCOME nor BYE");
    }
    switch (type) {
    case LUBDUB_FRAME_HELLO:
        return fail_protocol(session, turn, event, "HELLO from a server");
    case LUBDUB_FRAME_WELCOME:
        return handle_welcome(session, turn, frame, event);
    case LUBDUB_FRAME_PROBE:
        return handle_probe(session, turn, frame, event);
    case LUBDUB_FRAME_ACK:
        return handle_ack(session, turn, frame, event);
    case LUBDUB_FRAME_MESSAGE:
        return handle_message(session, turn, frame, event);
    case LUBDUB_FRAME_BYE:
        return lubdub_session_handle_bye(session, turn, frame, event);
    }
    return LUBDUB_HANDLING_TAKEN;
}

static lubdub_time asked_before(const struct lubdub_session *session, lubdub_time before)
{
    return lubdub_probes_sent_before(&session->of.prober->probes, before);
}

static lubdub_duration round_trip(const struct lubdub_session *session)
{
    return lubdub_round_trip_of_log(session->of.prober->round_trip_log);
}

static lubdub_duration patience(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    (void)session;
    return settings->timeout;
}

static void forgive(struct lubdub_session *session, lubdub_duration away)
{
    lubdub_probes_forgive(&session->of.prober->probes, away);
    if (session->of.prober->adapts) {
        lubdub_doubt_forgive(lubdub_client_doubt(session), away);
    }
}

const struct lubdub_role_duties lubdub_client_duties = {
    .handle = handle,
    .deadline = lubdub_client_deadline,
    .verdict = lubdub_client_verdict,
    .tick = lubdub_client_tick,
    .asked_before = asked_before,
    .round_trip = round_trip,
    .patience = patience,
    .forgive = forgive,
    .doubt = lubdub_client_doubt,
};

void lubdub_session_probe_counts(const struct lubdub_session *session, struct lubdub_probe_counts *counts)
{
    memset(counts, 0, sizeof *counts);
    if (session->role == LUBDUB_ROLE_CLIENT && session->of.prober != NULL) {
        const struct lubdub_probes *probes = &session->of.prober->probes;

        counts->sent = probes->last;
        counts->acked = probes->acked_count;
        counts->late = probes->late_count;
        counts->timed_out = probes->timed_out_count;
        counts->narrow = session->of.prober->narrow_count;
    }
}

enum lubdub_error lubdub_session_set_content(struct lubdub_session *session, const void *content, size_t length)
{
    const struct lubdub_probes *probes;
    struct lubdub_session_extra *extra;

    if (session->role != LUBDUB_ROLE_CLIENT || session->state != LUBDUB_SESSION_UP) {
        return LUBDUB_ERROR_WRONG_STATE;
    }
    if (length > session->of.prober->max_content) {
        return LUBDUB_ERROR_TOO_LONG;
    }
    extra = lubdub_session_need_extra(session);
    if (extra == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    probes = &session->of.prober->probes;
    return lubdub_probe_content_add(&extra->contents, probes->last - probes->count + 1, probes->last + 1, content,
                                    length);
}
