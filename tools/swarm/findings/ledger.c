/* Matches verdicts with injections, and keeps the counts of what came of them. */
#include "swarm/findings/ledger.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NO_OBSERVATION UINT32_MAX

/* What is known of an identity's present session. */
struct swarm_case {
    uint32_t session;     /* of its number, enough to tell it from the one before */
    uint32_t observation; /* its place, or NO_OBSERVATION */
};

/* Half of the bits, from all of them: a server with several workers may count in the upper ones. */
static uint32_t session_key(uint64_t session)
{
    return (uint32_t)((session * 0x9e3779b97f4a7c15u) >> 32);
}

bool swarm_ledger_init(struct swarm_ledger *ledger, uint32_t identity_count)
{
    uint32_t i;

    memset(ledger, 0, sizeof *ledger);
    ledger->cases = malloc((identity_count > 0 ? identity_count : 1) * sizeof *ledger->cases);
    if (ledger->cases == NULL) {
        return false;
    }
    ledger->identity_count = identity_count;
    for (i = 0; i < identity_count; i++) {
        ledger->cases[i] = (struct swarm_case){0, NO_OBSERVATION};
    }
    return true;
}

void swarm_ledger_clear(struct swarm_ledger *ledger)
{
    free(ledger->cases);
    free(ledger->observations);
    memset(ledger, 0, sizeof *ledger);
}

static struct swarm_observation *observation_of(const struct swarm_ledger *ledger, uint32_t identity)
{
    uint32_t place = ledger->cases[identity].observation;

    return place != NO_OBSERVATION ? &ledger->observations[place] : NULL;
}

/* The one of twins that is this side's. */
static struct swarm_observation *observation_for(const struct swarm_ledger *ledger, const struct swarm_verdict *verdict)
{
    struct swarm_observation *observation = observation_of(ledger, verdict->identity);

    return observation != NULL && observation->has_twin && verdict->side == SWARM_SIDE_SERVER ? observation + 1
                                                                                              : observation;
}

void swarm_ledger_up(struct swarm_ledger *ledger, uint32_t identity, uint64_t session, lubdub_time now)
{
    struct swarm_observation *before;

    if (identity >= ledger->identity_count) {
        return;
    }
    before = observation_of(ledger, identity);
    if (before != NULL && before->outcome == SWARM_FALSE_ALARM) {
        before->corrected_at = now;
    }
    ledger->cases[identity] = (struct swarm_case){session_key(session), NO_OBSERVATION};
}

static bool grow(struct swarm_ledger *ledger)
{
    size_t capacity = ledger->capacity > 0 ? 2 * ledger->capacity : 256;
    struct swarm_observation *grown =
        capacity < NO_OBSERVATION ? realloc(ledger->observations, capacity * sizeof *grown) : NULL;

    if (grown == NULL) {
        return false;
    }
    ledger->observations = grown;
    ledger->capacity = capacity;
    return true;
}

/* A new one, which becomes the identity's present one. NULL without memory. What others point to may move. */
static struct swarm_observation *add(struct swarm_ledger *ledger, uint32_t identity)
{
    if (ledger->count == ledger->capacity && !grow(ledger)) {
        ledger->unrecorded_count++;
        return NULL;
    }
    assert(ledger->observations != NULL);
    ledger->cases[identity].observation = (uint32_t)ledger->count;
    ledger->observations[ledger->count] = (struct swarm_observation){.identity = identity};
    return &ledger->observations[ledger->count++];
}

/* Every change of an outcome goes through here, so that the counts stay true. */
static void decide(struct swarm_ledger *ledger, struct swarm_observation *observation, enum swarm_outcome outcome)
{
    if (observation->outcome == SWARM_OPEN && observation->expectation == SWARM_MUST_NOTICE) {
        ledger->open_count--;
    }
    observation->outcome = (uint8_t)outcome;
    ledger->noticed_count += outcome == SWARM_DETECTED || outcome == SWARM_WRONG_CAUSE;
    ledger->false_count += outcome == SWARM_FALSE_ALARM;
}

static void note(struct swarm_observation *observation, const struct swarm_verdict *verdict)
{
    observation->side = (uint8_t)verdict->side;
    observation->decided_at = verdict->at;
    observation->cause = (uint8_t)verdict->cause;
    observation->late_by = verdict->has_deadline ? verdict->late_by : 0;
    observation->has_deadline = verdict->has_deadline;
}

static struct swarm_observation *add_fault(struct swarm_ledger *ledger, enum swarm_fault fault, enum swarm_side side,
                                           uint32_t identity, lubdub_time now, enum swarm_expectation expectation)
{
    struct swarm_observation *observation = add(ledger, identity);

    if (observation != NULL) {
        observation->fault = (uint8_t)fault;
        observation->side = (uint8_t)side;
        observation->injected_at = now;
        observation->expectation = (uint8_t)expectation;
        observation->outcome = SWARM_OPEN;
        ledger->open_count += expectation == SWARM_MUST_NOTICE;
    }
    return observation;
}

void swarm_ledger_inject(struct swarm_ledger *ledger, enum swarm_fault fault, uint32_t identity, lubdub_time now,
                         enum swarm_expectation expectation)
{
    bool concerns_client = swarm_fault_concerns(fault, SWARM_SIDE_CLIENT);
    bool has_twins = concerns_client && swarm_fault_concerns(fault, SWARM_SIDE_SERVER) && !swarm_fault_passes(fault);
    struct swarm_observation *before;
    size_t first;

    if (identity >= ledger->identity_count) {
        return;
    }
    before = observation_of(ledger, identity);
    if (before != NULL && before->outcome == SWARM_OPEN && before->expectation != SWARM_MUST_NOTICE) {
        decide(ledger, before, SWARM_SPARED);
    }
    first = ledger->count;
    if (add_fault(ledger, fault, concerns_client ? SWARM_SIDE_CLIENT : SWARM_SIDE_SERVER, identity, now, expectation) !=
            NULL &&
        has_twins && add_fault(ledger, fault, SWARM_SIDE_SERVER, identity, now, expectation) != NULL) {
        ledger->observations[first].has_twin = true;
        ledger->cases[identity].observation = (uint32_t)first;
    }
}

static void add_false_alarm(struct swarm_ledger *ledger, const struct swarm_verdict *verdict)
{
    struct swarm_observation *observation = add(ledger, verdict->identity);

    if (observation != NULL) {
        observation->fault = SWARM_FAULT_NONE;
        observation->expectation = SWARM_MUST_NOT_NOTICE;
        observation->heard_from = (uint8_t)(1u << verdict->side);
        note(observation, verdict);
        decide(ledger, observation, SWARM_FALSE_ALARM);
    }
}

/* Whether the peer brought this about; else the side judged by itself. */
static bool is_consequence(enum lubdub_cause cause)
{
    switch (cause) {
    case LUBDUB_CAUSE_BYE:
    case LUBDUB_CAUSE_CLOSED:
    case LUBDUB_CAUSE_RESET:
    case LUBDUB_CAUSE_REJECTED:
    case LUBDUB_CAUSE_REPLACED:
        return true;
    case LUBDUB_CAUSE_NONE:
    case LUBDUB_CAUSE_HUNG:
    case LUBDUB_CAUSE_UNREACHABLE:
    case LUBDUB_CAUSE_REFUSED:
    case LUBDUB_CAUSE_TIMEOUT:
    case LUBDUB_CAUSE_RESOLVE:
    case LUBDUB_CAUSE_PROTOCOL:
    case LUBDUB_CAUSE_SLOW_READER:
    case LUBDUB_CAUSE_TLS:
    case LUBDUB_CAUSE_SHUTDOWN:
        break;
    }
    return false;
}

/* Rather than the side that was blamed so far. By their causes; the clocks are read before a socket is looked at. */
static bool is_to_blame(const struct swarm_verdict *verdict, const struct swarm_observation *blamed)
{
    bool follows = is_consequence(verdict->cause);
    bool blamed_follows = is_consequence((enum lubdub_cause)blamed->cause);

    return follows == blamed_follows ? verdict->at < blamed->decided_at : blamed_follows;
}

/* The fault met nobody: nothing was injected. */
static void void_fault(struct swarm_observation *observation)
{
    observation->fault = SWARM_FAULT_NONE;
    observation->injected_at = 0;
}

/* Where there are twins, only one of them is a false alarm; the other side's verdict on the session belongs to it. */
static void void_twin(struct swarm_ledger *ledger, struct swarm_observation *observation)
{
    struct swarm_observation *first = observation_of(ledger, observation->identity);
    struct swarm_observation *twin;

    if (!first->has_twin) {
        return;
    }
    first->has_twin = false;
    twin = observation == first ? first + 1 : first;
    ledger->cases[observation->identity].observation = (uint32_t)(observation - ledger->observations);
    if (twin->outcome == SWARM_OPEN) {
        void_fault(twin);
        decide(ledger, twin, SWARM_SPARED);
    }
}

static void judge(struct swarm_ledger *ledger, struct swarm_observation *observation,
                  const struct swarm_verdict *verdict)
{
    enum swarm_fault fault = (enum swarm_fault)observation->fault;
    bool is_for_it = swarm_fault_concerns(fault, verdict->side);
    bool is_right = swarm_fault_explains(fault, verdict->side, verdict->cause);

    /*
     * Given up before the fault: the fault met a client that was dead already. But where the kernel brings the news, a
     * stamp may be earlier than the fault that it tells of: a side reads its clock before it looks at a socket, and may have
     * to wait for its processor in between.
     */
    if (verdict->at < observation->injected_at && !(is_right && swarm_fault_is_told(fault))) {
        void_twin(ledger, observation);
        void_fault(observation);
        note(observation, verdict);
        decide(ledger, observation, SWARM_FALSE_ALARM);
        return;
    }
    note(observation, verdict);
    if (!is_for_it || observation->expectation == SWARM_MUST_NOT_NOTICE) {
        decide(ledger, observation, SWARM_FALSE_ALARM);
        return;
    }
    decide(ledger, observation, is_right ? SWARM_DETECTED : SWARM_WRONG_CAUSE);
}

void swarm_ledger_verdict(struct swarm_ledger *ledger, const struct swarm_verdict *verdict)
{
    struct swarm_observation *observation;
    const uint8_t side_bit = (uint8_t)(1u << verdict->side);

    if (verdict->identity >= ledger->identity_count ||
        (verdict->session != 0 && session_key(verdict->session) != ledger->cases[verdict->identity].session)) {
        ledger->stale_count++;
        return;
    }
    observation = observation_for(ledger, verdict);
    if (observation == NULL || (observation->heard_from & side_bit) != 0) {
        add_false_alarm(ledger, verdict); /* nothing was done to it, or the same side says it twice */
        return;
    }
    observation->heard_from |= side_bit;

    switch ((enum swarm_outcome)observation->outcome) {
    case SWARM_OPEN:
        judge(ledger, observation, verdict);
        break;
    case SWARM_FALSE_ALARM:
        if (is_to_blame(verdict, observation)) {
            note(observation, verdict);
        }
        break;
    case SWARM_DETECTED:
    case SWARM_WRONG_CAUSE:
    case SWARM_MISSED:
    case SWARM_SPARED:
    case SWARM_UNDECIDED:
    case SWARM_EXCUSED:
        break; /* the other side follows, or it comes too late to count */
    }
}

bool swarm_ledger_is_mistaken(const struct swarm_ledger *ledger, uint32_t identity)
{
    const struct swarm_observation *observation =
        identity < ledger->identity_count ? observation_of(ledger, identity) : NULL;

    return observation != NULL && observation->outcome == SWARM_FALSE_ALARM;
}

static void settle(struct swarm_ledger *ledger, struct swarm_observation *observation, lubdub_time missed_before)
{
    if (observation->injected_at >= missed_before) {
        decide(ledger, observation, SWARM_UNDECIDED);
    } else if (observation->expectation == SWARM_MUST_NOTICE) {
        decide(ledger, observation, SWARM_MISSED);
    } else {
        decide(ledger, observation, SWARM_SPARED);
        if (observation_of(ledger, observation->identity) == observation) {
            ledger->cases[observation->identity].observation = NO_OBSERVATION; /* as if nothing had been */
        }
    }
}

void swarm_ledger_settle(struct swarm_ledger *ledger, lubdub_time missed_before)
{
    size_t i;

    for (i = 0; i < ledger->count; i++) {
        if (ledger->observations[i].outcome == SWARM_OPEN) {
            settle(ledger, &ledger->observations[i], missed_before);
        }
    }
}

static void excuse(struct swarm_ledger *ledger, struct swarm_observation *observation, enum swarm_side side,
                   lubdub_time since)
{
    if (observation->outcome == SWARM_FALSE_ALARM && observation->side == side && observation->decided_at >= since) {
        ledger->false_count--;
        observation->outcome = SWARM_EXCUSED;
    }
}

void swarm_ledger_server_died(struct swarm_ledger *ledger, lubdub_time since)
{
    size_t i;

    for (i = 0; i < ledger->count; i++) {
        excuse(ledger, &ledger->observations[i], SWARM_SIDE_CLIENT, since);
    }
}

void swarm_ledger_clients_died(struct swarm_ledger *ledger, uint32_t first, uint32_t count, lubdub_time since)
{
    size_t i;

    for (i = 0; i < ledger->count; i++) {
        if (ledger->observations[i].identity - first < count) {
            excuse(ledger, &ledger->observations[i], SWARM_SIDE_SERVER, since);
        }
    }
}
