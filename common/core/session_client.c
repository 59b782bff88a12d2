/* Opens a session as a client, sends its probes, and judges the server by their acks. */
#include "core/session_client.h"

#include <stdlib.h>
#include <string.h>

#include "core/rate_limit.h"
#include "core/session_shared.h"

/* An ack is overdue after this at the least, and where none came yet, after that. */
#define SMALLEST_OVERDUE (50 * LUBDUB_MILLISECOND)
#define OVERDUE_BEFORE_ANY LUBDUB_SECOND /* RFC 6298, section 2.1 */

/* The longest interval that the client takes is so many times the one it asked for, where the settings say nothing. */
#define INTERVAL_LIMIT_FACTOR 60

/* So many held messages are let out at once at most: the others wait where no outage of the path can pile them up. */
#define RELEASED_AT_ONCE 64

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

/* Of the probe with this sequence, sent or to be sent. */
static struct lubdub_slice content_of(const struct lubdub_session *session, const struct lubdub_turn *turn,
                                      uint64_t sequence)
{
    return lubdub_probe_content_of(session->extra != NULL ? session->extra->contents : NULL, sequence,
                                   turn->settings->content);
}

static bool is_same_content(const struct lubdub_frame *ack, struct lubdub_slice content)
{
    return ack->length == content.length && (ack->length == 0 || memcmp(ack->content, content.data, ack->length) == 0);
}

static bool is_in_doubt(const struct lubdub_prober *prober)
{
    return prober->adapts && lubdub_doubt_is_there(&prober->doubter->doubt);
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

    if (!is_same_content(ack, content_of(session, turn, ack->sequence))) {
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
    if (is_in_doubt(session->of.prober)) {
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

static lubdub_time timeout_of_oldest(const struct lubdub_session *session,
                                     const struct lubdub_session_settings *settings)
{
    return lubdub_time_after(lubdub_probes_oldest(&session->of.prober->probes, NULL), settings->timeout);
}

/* When the server has taken none of the client's bytes for one timeout: a probe waits for the kernel as well. */
static lubdub_time blocked_too_long_at(const struct lubdub_session *session,
                                       const struct lubdub_session_settings *settings)
{
    return session->of.prober->is_down ? LUBDUB_TIME_NEVER
                                       : lubdub_time_after(lubdub_session_blocked_at(session), settings->timeout);
}

/* ---- doubt: the oldest probe's ack is overdue, and the client adapts ---- */

static struct lubdub_doubt *doubt_of(struct lubdub_session *session)
{
    return session->of.prober->adapts ? &session->of.prober->doubter->doubt : NULL;
}

static lubdub_duration doubt_patience(const struct lubdub_session *session,
                                      const struct lubdub_session_settings *settings)
{
    const struct lubdub_estimator *learned = &session->of.prober->doubter->round_trips;

    return lubdub_doubt_patience(lubdub_estimator_worst(learned), learned->smoothed * LUBDUB_MICROSECOND,
                                 settings->timeout);
}

/*
 * Half of the timeout is left to the doubt. Where answers usually take longer than half of it, none of them is doubted.
 */
static lubdub_duration overdue_after(const struct lubdub_session *session,
                                     const struct lubdub_session_settings *settings)
{
    const struct lubdub_estimator *learned = &session->of.prober->doubter->round_trips;
    lubdub_duration half = settings->timeout / 2;
    lubdub_duration usual;

    if (!learned->has_sample) {
        return lubdub_duration_shorter(OVERDUE_BEFORE_ANY, half);
    }
    usual = lubdub_estimator_usual(learned);
    return lubdub_doubt_begins_after(usual, lubdub_estimator_worst(learned), SMALLEST_OVERDUE,
                                     lubdub_duration_longer(half, usual));
}

/* When the oldest unanswered probe was sent, LUBDUB_TIME_NEVER where none is or none is to be doubted. */
static lubdub_time doubtful(const struct lubdub_session *session)
{
    return session->of.prober->adapts && !session->of.prober->is_down
               ? lubdub_probes_oldest(&session->of.prober->probes, NULL)
               : LUBDUB_TIME_NEVER;
}

/* A server that never answered may be far behind a proxy: its first answer is waited for without doubt, and teaches. */
static lubdub_time hung_at(const struct lubdub_session *session, const struct lubdub_session_settings *settings,
                           lubdub_time sent_at)
{
    if (!session->of.prober->doubter->round_trips.has_sample) {
        return LUBDUB_TIME_NEVER;
    }
    return lubdub_doubt_hung_at(&session->of.prober->doubter->doubt, sent_at, doubt_patience(session, settings));
}

/* The next look at a server in doubt; LUBDUB_TIME_NEVER where there is no doubt. */
static lubdub_time looks_at(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    lubdub_time sent_at = doubtful(session);

    if (sent_at == LUBDUB_TIME_NEVER || !is_in_doubt(session->of.prober)) {
        return LUBDUB_TIME_NEVER;
    }
    return lubdub_time_earlier(
        lubdub_doubt_next(&session->of.prober->doubter->doubt, doubt_patience(session, settings)),
        hung_at(session, settings, sent_at));
}

/* When doubt begins; LUBDUB_TIME_NEVER where it has. */
static lubdub_time overdue_at(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    lubdub_time sent_at = doubtful(session);

    return sent_at == LUBDUB_TIME_NEVER || is_in_doubt(session->of.prober)
               ? LUBDUB_TIME_NEVER
               : lubdub_time_after(sent_at, overdue_after(session, settings));
}

static lubdub_time verdict(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    lubdub_time fixed =
        lubdub_time_earlier(timeout_of_oldest(session, settings), blocked_too_long_at(session, settings));

    return lubdub_time_earlier(fixed, looks_at(session, settings));
}

/* ---- the last look: the oldest probe is unanswered, and the client has paths and does not adapt ---- */

void lubdub_session_note_paths(struct lubdub_session *session)
{
    if (session->role == LUBDUB_ROLE_CLIENT && session->of.prober != NULL) {
        session->of.prober->has_paths = true;
    }
}

/*
 * An answer may wait on a path that is out for the kernel to use another one, while the probe was acknowledged. If all
 * paths are cut then, that acknowledgement proves nothing any more when the timeout ends. Where no steady probe asks
 * soon enough, one more does, half way. LUBDUB_TIME_NEVER where one does, or where that would come on the heels of the
 * first.
 */
static lubdub_time asks_again_at(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    const struct lubdub_prober *prober = session->of.prober;
    lubdub_duration lead = lubdub_last_look(settings->timeout);
    uint64_t sequence = 0;
    lubdub_time sent_at = lubdub_probes_oldest(&prober->probes, &sequence);
    lubdub_time due = lubdub_time_after(sent_at, lubdub_time_between(lead, settings->timeout));

    if (!prober->has_paths || prober->adapts || prober->is_down || prober->has_asked_again ||
        sent_at == LUBDUB_TIME_NEVER || sequence != prober->probes.last ||
        lubdub_session_blocked_at(session) != LUBDUB_TIME_NEVER) {
        return LUBDUB_TIME_NEVER;
    }
    if (settings->timeout < 2 * LUBDUB_LAST_LOOK_LEAST || lubdub_round_trip_of_log(prober->round_trip_log) > lead ||
        prober->next_probe_at <= lubdub_time_after(due, lead / 2)) {
        return LUBDUB_TIME_NEVER;
    }
    return due;
}

/* When a held message may go; LUBDUB_TIME_NEVER where none is held, or others wait for the kernel. */
static lubdub_time release_at(const struct lubdub_session *session)
{
    const struct lubdub_session_extra *extra = session->extra;

    return extra != NULL && lubdub_outbox_has_held(&extra->outbox) && !lubdub_outbox_has_messages(&extra->outbox)
               ? lubdub_allowance_next(&extra->messages, session->of.prober->message_rate)
               : LUBDUB_TIME_NEVER;
}

bool lubdub_session_client_may_send(struct lubdub_session *session, lubdub_time now)
{
    struct lubdub_session_extra *extra = session->extra;
    struct lubdub_rate rate = session->of.prober->message_rate;

    /*
     * A message counts when the kernel can have it: what waits for the kernel in an outage of the path comes to the
     * server in one pile. Without a rate only the order matters.
     */
    if (lubdub_outbox_has_held(&extra->outbox) || (rate.a_second > 0 && lubdub_outbox_has_messages(&extra->outbox))) {
        return false;
    }
    return lubdub_allowance_take(&extra->messages, rate, now);
}

static void release_messages(struct lubdub_session *session, struct lubdub_turn *turn)
{
    struct lubdub_session_extra *extra = session->extra;
    unsigned released;

    for (released = 0;
         released < RELEASED_AT_ONCE && session->state == LUBDUB_SESSION_UP && lubdub_outbox_has_held(&extra->outbox) &&
         lubdub_allowance_take(&extra->messages, session->of.prober->message_rate, turn->now);
         released++) {
        struct lubdub_frame message;
        size_t length;
        size_t size = 0;
        const uint8_t *bytes = lubdub_outbox_release(&extra->outbox, &length);

        (void)lubdub_frame_decode(&message, bytes, length, LUBDUB_CONTENT_LIMIT, &size);
        lubdub_session_put_message(session, turn, &message);
    }
}

static lubdub_time deadline(const struct lubdub_session *session, const struct lubdub_session_settings *settings)
{
    lubdub_time due = lubdub_time_earlier(session->of.prober->next_probe_at, verdict(session, settings));

    due = lubdub_time_earlier(due, overdue_at(session, settings));
    due = lubdub_time_earlier(due, asks_again_at(session, settings));
    return lubdub_time_earlier(due, release_at(session));
}

/* Step (5): a timeout ends without its ACK. */
static void time_out(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event,
                     lubdub_time due, lubdub_duration adaptive)
{
    struct lubdub_prober *prober = session->of.prober;
    uint64_t sequence = 0;
    lubdub_time sent_at = lubdub_probes_oldest(&prober->probes, &sequence);
    enum lubdub_cause cause =
        adaptive > 0 ? LUBDUB_CAUSE_HUNG : lubdub_cause_of_silence(session, turn, sent_at, turn->settings->timeout);

    lubdub_probes_time_out(&prober->probes);
    prober->has_asked_again = false;
    if (prober->adapts) {
        lubdub_doubt_end(&prober->doubter->doubt);
    }
    if (!turn->settings->stays_connected) {
        lubdub_session_fail(session, turn, event, cause, LUBDUB_NO_REASON,
                            adaptive > 0 ? "no ACK came, and its kernel answers" : "no ACK came within the timeout");
    } else if (!prober->is_down) {
        prober->is_down = true;
        event->kind = LUBDUB_EVENT_TIMED_OUT;
        event->cause = cause;
    }
    event->sequence = sequence;
    event->waited_for = lubdub_time_between(sent_at, turn->now);
    event->deadline = due;
    event->adaptive = adaptive;
}

/*
 * Whether the server will allow one more probe. The client tracks its own allowance as the server counts it. It assumes
 * that every probe reached the server just before its ack came back, which is the latest that can be, and that all
 * unanswered probes reach it together, with the steady probes that an outage of one expiry adds to them.
 */
static bool is_allowed(struct lubdub_session *session, lubdub_time now)
{
    struct lubdub_doubter *doubter = session->of.prober->doubter;
    uint32_t unanswered = lubdub_probes_sent_since(&session->of.prober->probes, 0);
    uint32_t steady = session->expiry_ms / session->interval_ms + 1;

    lubdub_rate_limit_drain_own(&doubter->debt, &doubter->debt_at, now, session->interval_ms);
    return unanswered < LUBDUB_DOUBT_QUESTIONS &&
           lubdub_rate_limit_has_room(doubter->debt, lubdub_rate_limit_burst(session->interval_ms, session->expiry_ms),
                                      (uint64_t)unanswered + steady + 1);
}

/* Sends none where one waits for the kernel already, or too many for their acks. */
static void put_probe(struct lubdub_session *session, struct lubdub_turn *turn)
{
    struct lubdub_prober *prober = session->of.prober;
    struct lubdub_slice content = content_of(session, turn, prober->probes.last + 1);
    struct lubdub_frame probe = {
        .type = LUBDUB_FRAME_PROBE,
        .flags = session->health,
        .content = (const uint8_t *)content.data,
        .length = (uint16_t)content.length,
        .sequence = lubdub_probes_add(&prober->probes),
    };

    if (probe.sequence > 0) {
        lubdub_session_put(session, turn, &probe);
    }
}

static void send_probe(struct lubdub_session *session, struct lubdub_turn *turn)
{
    struct lubdub_prober *prober = session->of.prober;
    lubdub_duration interval = lubdub_session_interval(session);

    put_probe(session, turn);
    /* On a fixed grid: slots that were missed are skipped, never made up for in a burst. */
    prober->next_probe_at = lubdub_time_after(prober->next_probe_at, interval);
    if (prober->next_probe_at <= turn->now) {
        lubdub_duration missed = (turn->now - prober->next_probe_at) / interval + 1;

        prober->next_probe_at += missed * interval;
    }
}

/* Sends a probe beside the grid of the steady probes. */
static void ask_again(struct lubdub_session *session, struct lubdub_turn *turn)
{
    if (is_allowed(session, turn->now)) {
        put_probe(session, turn);
    }
}

/* Looks, and either says `hung` or asks again. */
static void mind_doubt(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event)
{
    struct lubdub_doubt *doubt = doubt_of(session);
    lubdub_time sent_at = doubtful(session);
    lubdub_time due;

    if (overdue_at(session, turn->settings) <= turn->now) {
        lubdub_doubt_begin(doubt, sent_at, turn->now);
        ask_again(session, turn);
        return;
    }
    if (looks_at(session, turn->settings) > turn->now) {
        return;
    }
    lubdub_doubt_look(doubt, turn->path, turn->round_trip, turn->now);
    due = hung_at(session, turn->settings, sent_at);
    if (due > turn->now) {
        ask_again(session, turn);
    } else if (turn->suspects_ourselves) {
        doubt->acknowledged_at = LUBDUB_TIME_NEVER; /* the evidence is gathered anew */
    } else {
        time_out(session, turn, event, due, doubt_patience(session, turn->settings));
    }
}

/*
 * The server takes nothing: because it does not run, because the path is dead, or because it does not read though it
 * lives, which it shows by what it sends.
 */
static void tell_blocked(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event,
                         lubdub_time due)
{
    struct lubdub_prober *prober = session->of.prober;
    lubdub_time blocked_at = lubdub_session_blocked_at(session);
    enum lubdub_cause cause = LUBDUB_CAUSE_SLOW_READER;

    if (turn->path == LUBDUB_PATH_SILENT) {
        cause = LUBDUB_CAUSE_UNREACHABLE;
    } else if (session->heard_at <= blocked_at) {
        cause =
            LUBDUB_CAUSE_HUNG; /* what came in the turn in which the kernel stopped says nothing of the time after it */
    }
    if (turn->settings->stays_connected) {
        prober->is_down = true;
        event->kind = LUBDUB_EVENT_TIMED_OUT;
        event->cause = cause;
    } else {
        lubdub_session_fail(session, turn, event, cause, LUBDUB_NO_REASON, "the server took nothing for one timeout");
    }
    event->sequence = 0;
    event->waited_for = lubdub_time_between(blocked_at, turn->now);
    event->deadline = due;
    event->adaptive = 0;
}

static void tick(struct lubdub_session *session, struct lubdub_turn *turn, struct lubdub_event *event)
{
    lubdub_time due;

    while ((due = timeout_of_oldest(session, turn->settings)) <= turn->now) {
        time_out(session, turn, event, due, 0);
        if (event->kind != LUBDUB_EVENT_NONE) {
            return;
        }
    }
    due = blocked_too_long_at(session, turn->settings);
    if (due <= turn->now) {
        tell_blocked(session, turn, event, due);
        return;
    }
    if (release_at(session) <= turn->now) {
        release_messages(session, turn);
    }
    mind_doubt(session, turn, event);
    if (event->kind != LUBDUB_EVENT_NONE) {
        return;
    }
    if (session->of.prober->next_probe_at <= turn->now) {
        send_probe(session, turn);
    } else if (asks_again_at(session, turn->settings) <= turn->now) {
        session->of.prober->has_asked_again = true;
        put_probe(session, turn);
    }
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
        lubdub_doubt_forgive(doubt_of(session), away);
    }
}

const struct lubdub_role_duties lubdub_client_duties = {
    .handle = handle,
    .deadline = deadline,
    .verdict = verdict,
    .tick = tick,
    .asked_before = asked_before,
    .round_trip = round_trip,
    .patience = patience,
    .forgive = forgive,
    .doubt = doubt_of,
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
