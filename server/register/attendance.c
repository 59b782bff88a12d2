/* Follows the sessions of identities, and judges those that are not there. */
#include "server/register/attendance.h"

#include "core/pattern.h"
#include "program/events/log.h"
#include "server/register/telling.h"

static bool is_up(const struct known *known)
{
    return known->session != 0;
}

static void update_due(struct lubdub_register *reg, struct known *known)
{
    if (!due_update(&reg->store.due, known)) {
        lubdub_log_peer(LUBDUB_LOG_ERROR, "nobody waits for an identity, as no memory is left");
    }
}

static bool has_elsewhere(const struct lubdub_register *reg)
{
    return reg->elsewhere.find != NULL;
}

/* ---- patterns ---- */

static void be_enough(struct lubdub_register *reg, struct watch *watch, lubdub_time clock)
{
    watch->missing_at = LUBDUB_TIME_NEVER;
    if (watch->is_missing) {
        watch->is_missing = false;
        reg->is_changed = true;
        tell_enough(reg, watch, lubdub_time_between(watch->since, clock));
    }
}

static enum register_where find_others(struct lubdub_register *reg, struct watch *watch)
{
    enum register_where where;

    if (!has_elsewhere(reg)) {
        return REGISTER_NOT_ELSEWHERE;
    }
    where = reg->elsewhere.find_like(watch->line->name, watch->up, &watch->elsewhere, reg->elsewhere.user_data);
    if (where == REGISTER_WHERE_UNKNOWN) {
        watch->elsewhere = 0;
    }
    return where;
}

void attendance_settle_pattern(struct lubdub_register *reg, struct watch *watch, lubdub_time clock)
{
    enum register_where where;

    if (!watch->line->is_pattern || !reg->has_started || reg->is_counting || reg->is_draining) {
        return;
    }
    where = find_others(reg, watch);
    if (watch->up + watch->elsewhere >= watch->line->count) {
        be_enough(reg, watch, clock);
    } else if (where == REGISTER_WHERE_UNKNOWN) {
        watch->missing_at = LUBDUB_TIME_NEVER; /* its grace time begins when too few are known to be up */
    } else if (!watch->is_missing && watch->missing_at == LUBDUB_TIME_NEVER) {
        watch->since = clock;
        watch->missing_at = lubdub_time_after(clock, register_grace_of(reg, watch));
        pthread_cond_signal(&reg->news);
    }
}

/* The identity has come or left. Of those that are still to be counted, nothing is added. */
static void count_in_patterns(struct lubdub_register *reg, const struct known *known, bool has_come, lubdub_time clock)
{
    size_t i;

    if (reg->list.file.pattern_count == 0 || (reg->is_counting && known->place >= reg->counted_to)) {
        return;
    }
    for (i = 0; i < reg->list.count; i++) {
        struct watch *watch = &reg->list.items[i];

        if (watch->line->is_pattern && lubdub_pattern_matches(watch->line->name, known_identity(known))) {
            watch->up += has_come ? 1 : (uint64_t)-1;
            attendance_settle_pattern(reg, watch, clock);
        }
    }
}

/* ---- identities ---- */

static void set_restored(struct lubdub_register *reg, struct known *known, lubdub_time gone_at)
{
    reg->restored_count += (gone_at != LUBDUB_TIME_NEVER) - (size_t)(known->gone_at != LUBDUB_TIME_NEVER);
    known->gone_at = gone_at;
}

static void set_missing(struct lubdub_register *reg, struct known *known, bool is_missing)
{
    reg->missing_count += is_missing - (size_t)known->is_missing;
    known->is_missing = is_missing;
    known->missing_at = LUBDUB_TIME_NEVER;
}

static void set_flapping(struct lubdub_register *reg, struct known *known, bool is_flapping)
{
    reg->flapping_count += is_flapping - (size_t)known->is_flapping;
    known->is_flapping = is_flapping;
}

static void enter(struct known *known, enum known_state state, lubdub_time clock, uint64_t now_ms)
{
    known->state = (uint8_t)state;
    known->since = clock;
    known->since_ms = now_ms;
}

void attendance_await(struct lubdub_register *reg, struct known *known, lubdub_time clock)
{
    known->since = clock;
    if (known->watch != NULL && !is_up(known) && !known->is_missing) {
        known->missing_at = lubdub_time_after(clock, register_grace_of(reg, known->watch));
    }
    if (known->state == KNOWN_AWAY && !is_up(known) && !reg->has_started) {
        set_restored(reg, known, lubdub_time_after(clock, register_grace_of(reg, NULL)));
    }
    update_due(reg, known);
    pthread_cond_signal(&reg->news);
}

void attendance_connected(struct lubdub_register *reg, const struct lubdub_server_event *event, lubdub_time now,
                          uint64_t now_ms)
{
    lubdub_time clock = register_clock(reg, now);
    struct known *known =
        reg->keeps_all ? store_claim(&reg->store, event->identity) : store_find(&reg->store, event->identity);
    lubdub_duration away_for;
    bool was_up;

    if (known == NULL) {
        return; /* or no memory: its end will make it known */
    }
    was_up = is_up(known);
    away_for = known->state == KNOWN_UP ? 0 : lubdub_time_between(known->since, clock);
    known->session = event->session;
    known->is_elsewhere = false;
    known->connects++;
    enter(known, KNOWN_UP, clock, now_ms);
    set_restored(reg, known, LUBDUB_TIME_NEVER);
    if (known->is_missing) {
        tell_found(reg, known, away_for);
    }
    set_missing(reg, known, false);
    store_settle(&reg->store, known);
    update_due(reg, known);
    if (!was_up) {
        count_in_patterns(reg, known, true, clock);
    }
    reg->is_changed = true;
}

static void judge_flapping(struct lubdub_register *reg, struct known *known, lubdub_time clock)
{
    uint64_t last_ms = known_end_at(known, 0)->at_ms;
    uint64_t within_ms = REGISTER_FLAPS_WITHIN / LUBDUB_MILLISECOND;
    uint64_t first_ms;

    if (known->end_count >= REGISTER_FLAPS && !known->is_flapping) {
        first_ms = known_end_at(known, REGISTER_FLAPS - 1)->at_ms;
        if (last_ms - first_ms <= within_ms) {
            set_flapping(reg, known, true);
            tell_flapping(reg, known, REGISTER_FLAPS, last_ms - first_ms);
        }
    }
    if (known->is_flapping) {
        known->calm_at = lubdub_time_after(clock, REGISTER_FLAPS_WITHIN);
    }
}

static void keep_end(struct known *known, const struct lubdub_server_event *event, uint64_t now_ms)
{
    const struct known_end end = {
        .at_ms = now_ms,
        .lasted_s = (uint32_t)(event->connected_for / LUBDUB_SECOND),
        .cause = (uint8_t)event->cause,
    };

    known_add_end(known, &end);
    known->losses += !outage_is_wished(event->cause);
}

void attendance_disconnected(struct lubdub_register *reg, const struct lubdub_server_event *event, lubdub_time now,
                             uint64_t now_ms)
{
    lubdub_time clock = register_clock(reg, now);
    struct known *known = store_claim(&reg->store, event->identity);
    bool has_grace = reg->grace > 0 || reg->is_draining; /* one that is drained is to come back */

    if (known == NULL) {
        return;
    }
    if (known->session != event->session && is_up(known)) {
        keep_end(known, event, now_ms); /* an earlier session of it */
        return;
    }
    if (known->connects == 0) {
        known->connects = 1; /* it came when it was not known yet */
    }
    if (is_up(known)) {
        count_in_patterns(reg, known, false, clock);
    }
    known->session = 0;
    enter(known, has_grace ? KNOWN_AWAY : KNOWN_GONE, clock, now_ms);
    keep_end(known, event, now_ms);
    if (known->end_count > 0 && !reg->is_draining && event->cause != LUBDUB_CAUSE_REPLACED) {
        judge_flapping(reg, known, clock);
    }
    if (known->watch != NULL && !reg->is_draining) {
        known->missing_at = lubdub_time_after(clock, register_grace_of(reg, known->watch));
        pthread_cond_signal(&reg->news);
    }
    update_due(reg, known);
    store_settle(&reg->store, known);
    reg->is_changed = true;
}

void attendance_gone(struct lubdub_register *reg, const struct lubdub_server_event *event, uint64_t now_ms)
{
    struct known *known = store_find(&reg->store, event->identity);

    if (known != NULL && !is_up(known)) {
        enter(known, KNOWN_GONE, known->since, now_ms);
        reg->is_changed = true;
    }
}

/* ---- what is due ---- */

/* When it was last at a place where it was to be. */
static lubdub_time last_there(const struct known *known)
{
    return known->perhaps_at > known->since ? known->perhaps_at : known->since;
}

static void note_elsewhere(struct lubdub_register *reg, struct known *known, lubdub_time clock)
{
    known->is_elsewhere = true;
    if (known->is_missing) {
        tell_found(reg, known, lubdub_time_between(last_there(known), clock));
        set_missing(reg, known, false);
        reg->is_changed = true;
    }
    known->perhaps_at = clock;
}

static void note_nowhere(struct lubdub_register *reg, struct known *known, lubdub_time clock)
{
    bool was_perhaps = known->perhaps_at > known->since;

    known->is_elsewhere = false;
    if (known->is_missing ||
        (was_perhaps && lubdub_time_after(known->perhaps_at, register_grace_of(reg, known->watch)) > clock)) {
        return; /* told already, or it was there a short while ago */
    }
    set_missing(reg, known, true);
    reg->is_changed = true;
    tell_missing(reg, known, lubdub_time_between(last_there(known), clock));
}

/* An identity that is expected, and not here. In a cluster it is looked for again and again. */
static void judge_absent(struct lubdub_register *reg, struct known *known, lubdub_time clock)
{
    enum register_where where = has_elsewhere(reg)
                                    ? reg->elsewhere.find(known_identity(known), reg->elsewhere.user_data)
                                    : REGISTER_NOT_ELSEWHERE;

    known->missing_at = LUBDUB_TIME_NEVER;
    switch (where) {
    case REGISTER_NOT_ELSEWHERE:
        note_nowhere(reg, known, clock);
        break;
    case REGISTER_ELSEWHERE:
        note_elsewhere(reg, known, clock);
        break;
    case REGISTER_WHERE_UNKNOWN:
        known->is_elsewhere = false;
        known->perhaps_at = known->is_missing ? known->perhaps_at : clock;
        break;
    case REGISTER_WHERE_ASKED:
        break;
    }
    if (has_elsewhere(reg)) {
        known->missing_at =
            lubdub_time_after(clock, where == REGISTER_WHERE_ASKED ? REGISTER_LOOK_SOON : REGISTER_LOOK);
    }
}

static void mind_identity(struct lubdub_register *reg, struct known *known, lubdub_time clock)
{
    if (known->gone_at <= clock) {
        set_restored(reg, known, LUBDUB_TIME_NEVER);
        known->state = KNOWN_GONE;
        reg->gone_restored++;
        reg->is_changed = true;
        tell_gone(reg, known);
    }
    if (known->missing_at <= clock) {
        judge_absent(reg, known, clock);
    }
    if (known->calm_at <= clock) {
        known->calm_at = LUBDUB_TIME_NEVER;
        set_flapping(reg, known, false);
    }
    update_due(reg, known);
}

/* Others' sessions come and go without a word to us. */
static lubdub_time look_for_patterns(struct lubdub_register *reg, lubdub_time clock)
{
    size_t i;

    if (!has_elsewhere(reg) || reg->list.file.pattern_count == 0) {
        return LUBDUB_TIME_NEVER;
    }
    if (clock >= lubdub_time_after(reg->patterns_looked_at, REGISTER_LOOK)) {
        reg->patterns_looked_at = clock;
        for (i = 0; i < reg->list.count; i++) {
            attendance_settle_pattern(reg, &reg->list.items[i], clock);
        }
    }
    return lubdub_time_after(reg->patterns_looked_at, REGISTER_LOOK);
}

static lubdub_time mind_patterns(struct lubdub_register *reg, lubdub_time clock)
{
    lubdub_time next = look_for_patterns(reg, clock);
    size_t i;

    for (i = 0; i < reg->list.count && reg->list.file.pattern_count > 0 && !reg->is_counting; i++) {
        struct watch *watch = &reg->list.items[i];

        if (watch->line->is_pattern && watch->missing_at <= clock) {
            attendance_settle_pattern(reg, watch, clock); /* others may have come */
        }
        if (watch->line->is_pattern && watch->missing_at <= clock) {
            watch->missing_at = LUBDUB_TIME_NEVER;
            watch->is_missing = true;
            reg->is_changed = true;
            tell_few(reg, watch, lubdub_time_between(watch->since, clock));
        }
        if (watch->line->is_pattern && watch->missing_at < next) {
            next = watch->missing_at;
        }
    }
    return next;
}

lubdub_time attendance_mind(struct lubdub_register *reg, lubdub_time clock)
{
    lubdub_time next;
    struct known *known;
    unsigned i;

    if (reg->is_draining) {
        return LUBDUB_TIME_NEVER; /* an identity that is away now was sent away */
    }
    next = mind_patterns(reg, clock);
    for (i = 0; i < REGISTER_PIECE; i++) {
        known = due_first(&reg->store.due);
        if (known == NULL || due_time_of(known) > clock) {
            break;
        }
        mind_identity(reg, known, clock);
    }
    known = due_first(&reg->store.due);
    return known != NULL && due_time_of(known) < next ? due_time_of(known) : next;
}
