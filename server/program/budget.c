/* Keeps an account for each session and network that was busy lately, and one for all. */
#include "server/program/budget.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/program/slots.h"

#define ACCOUNTS 2048
#define IDENTITY_MAX 128

/* The budget of all events together, without rejected connections and their sums. */
#define ALL_BURST 10000
#define ALL_PERIOD LUBDUB_MILLISECOND

enum matter {
    LATE,
    RECOVERED,
    HEALTH,
    MESSAGE,
    REJECTED,
    PATHS,
    MATTERS,
};

static const struct rule {
    enum lubdub_server_event_kind kind;
    unsigned burst;         /* so many at once, */
    lubdub_duration period; /* then one each period */
    lubdub_duration window; /* what is counted is told after so long */
} rules[MATTERS] = {
    [LATE] = {LUBDUB_SERVER_LATE, 3, 20 * LUBDUB_SECOND, LUBDUB_MINUTE},
    [RECOVERED] = {LUBDUB_SERVER_RECOVERED, 3, 20 * LUBDUB_SECOND, LUBDUB_MINUTE}, /* by its LATE */
    [HEALTH] = {LUBDUB_SERVER_HEALTH, 10, LUBDUB_SECOND, 10 * LUBDUB_SECOND},
    [MESSAGE] = {LUBDUB_SERVER_MESSAGE, 20, 200 * LUBDUB_MILLISECOND, 10 * LUBDUB_SECOND},
    [REJECTED] = {LUBDUB_SERVER_REJECTED, 10, 10 * LUBDUB_MINUTE, 10 * LUBDUB_MINUTE},
    [PATHS] = {LUBDUB_SERVER_PATHS, 6, 20 * LUBDUB_SECOND, LUBDUB_MINUTE},
};

struct tally {
    uint64_t count;
    lubdub_time first_at;
};

enum lateness {
    LATENESS_UNKNOWN,
    LATENESS_TOLD,
    LATENESS_COUNTED,
};

/* What a sum says beside the count; there while something is counted. Few sessions need it, so it is not in the table.
 */
struct details {
    uint64_t session;
    struct lubdub_address address; /* of a session; or the network */
    uint8_t identity_length;
    char identity[IDENTITY_MAX];

    enum lubdub_cause cause;
    bool has_reason;
    uint64_t reason;
    enum lubdub_health health;
    uint16_t content_length;
    uint8_t content[BUDGET_CONTENT_MAX];
    lubdub_duration silent_for[RECOVERED + 1];
    uint64_t bytes;
    unsigned paths;
};

struct account {
    struct account *next; /* the next account with tallies */
    struct account *previous;
    struct tally tallies[MATTERS];
    lubdub_time used_to[MATTERS];
    enum lateness lateness;
    struct details *details; /* NULL: nothing is counted */
};

struct budget {
    budget_tell tell;
    void *user_data;
    struct slots slots;
    struct account *accounts; /* one for each slot */
    struct account *counted;  /* the accounts with tallies */
    struct tally rest[MATTERS];
    lubdub_time all_used_to;
};

struct budget *budget_new(budget_tell tell, void *user_data)
{
    struct budget *budget = calloc(1, sizeof *budget);

    if (budget == NULL) {
        return NULL;
    }
    budget->tell = tell;
    budget->user_data = user_data;
    budget->accounts = calloc(ACCOUNTS, sizeof *budget->accounts); /* touched as they are used */
    if (!slots_init(&budget->slots, ACCOUNTS) || budget->accounts == NULL) {
        budget_free(budget);
        return NULL;
    }
    return budget;
}

static enum matter matter_of(const struct lubdub_server_event *event)
{
    enum matter matter = LATE;

    while (matter < MATTERS && rules[matter].kind != event->kind) {
        matter++;
    }
    return matter;
}

bool budget_concerns(const struct lubdub_server_event *event)
{
    return matter_of(event) < MATTERS;
}

/* ---- accounts ---- */

struct lubdub_address budget_network_of(const struct lubdub_server_event *event)
{
    struct lubdub_address network = {0};

    if (event->remote != NULL) {
        memcpy(network.ip, event->remote->ip, lubdub_address_is_ipv4(event->remote) ? 16 : 8);
    }
    return network;
}

static uint64_t key_of_session(const struct budget *budget, uint64_t session)
{
    return slots_key(&budget->slots, &session, sizeof session);
}

static uint64_t key_of(const struct budget *budget, const struct lubdub_server_event *event)
{
    uint64_t words[4];
    struct lubdub_address network;

    if (event->kind != LUBDUB_SERVER_REJECTED) {
        return key_of_session(budget, event->session);
    }
    network = budget_network_of(event);
    words[0] = (uint64_t)event->cause;
    words[1] = event->has_reason ? event->reason + 1 : 0;
    memcpy(&words[2], network.ip, sizeof network.ip);
    return slots_key(&budget->slots, words, sizeof words);
}

/* NULL: there is none to be had. */
static struct account *claim(struct budget *budget, const struct lubdub_server_event *event)
{
    bool is_new;
    size_t place = slots_claim(&budget->slots, key_of(budget, event), &is_new);

    if (place == SLOTS_NONE) {
        return NULL;
    }
    if (is_new) {
        budget->accounts[place] = (struct account){0};
    }
    return &budget->accounts[place];
}

static struct slot *slot_of(struct budget *budget, const struct account *account)
{
    return &budget->slots.items[account - budget->accounts];
}

static bool has_tallies(const struct account *account)
{
    enum matter matter;

    for (matter = LATE; matter < MATTERS; matter++) {
        if (account->tallies[matter].count > 0) {
            return true;
        }
    }
    return false;
}

/* Returns false without memory. */
static bool open_tallies(struct budget *budget, struct account *account, const struct lubdub_server_event *event)
{
    size_t length = event->identity.length < IDENTITY_MAX ? event->identity.length : IDENTITY_MAX;
    struct details *details = calloc(1, sizeof *details);

    if (details == NULL) {
        return false;
    }
    details->session = event->session;
    if (event->kind == LUBDUB_SERVER_REJECTED) {
        details->address = budget_network_of(event);
        length = 0;
    } else if (event->remote != NULL) {
        details->address = *event->remote;
    }
    details->identity_length = (uint8_t)length;
    if (length > 0) {
        memcpy(details->identity, event->identity.data, length);
    }
    account->details = details;
    account->next = budget->counted;
    account->previous = NULL;
    if (account->next != NULL) {
        account->next->previous = account;
    }
    budget->counted = account;
    slot_of(budget, account)->is_pinned = true;
    return true;
}

static void close_tallies(struct budget *budget, struct account *account)
{
    if (account->next != NULL) {
        account->next->previous = account->previous;
    }
    if (account->previous != NULL) {
        account->previous->next = account->next;
    } else {
        budget->counted = account->next;
    }
    account->next = account->previous = NULL;
    free(account->details);
    account->details = NULL;
    slot_of(budget, account)->is_pinned = false;
}

void budget_free(struct budget *budget)
{
    if (budget != NULL) {
        while (budget->counted != NULL) {
            close_tallies(budget, budget->counted);
        }
        slots_clear(&budget->slots);
        free(budget->accounts);
        free(budget);
    }
}

/* ---- counting ---- */

static void add(struct tally *tally, uint64_t count, lubdub_time first_at)
{
    if (tally->count == 0 || first_at < tally->first_at) {
        tally->first_at = first_at;
    }
    tally->count += count;
}

static void note_details(struct details *details, const struct lubdub_server_event *event, enum matter matter)
{
    switch (matter) {
    case LATE:
    case RECOVERED:
        details->silent_for[matter] = lubdub_duration_longer(details->silent_for[matter], event->silent_for);
        break;
    case HEALTH:
        details->health = event->health;
        details->content_length = (uint16_t)(event->length < BUDGET_CONTENT_MAX ? event->length : BUDGET_CONTENT_MAX);
        if (details->content_length > 0) {
            memcpy(details->content, event->content, details->content_length);
        }
        break;
    case MESSAGE:
        details->bytes += event->length;
        break;
    case REJECTED:
        details->cause = event->cause;
        details->has_reason = event->has_reason;
        details->reason = event->reason;
        break;
    case PATHS:
        details->paths = event->paths;
        break;
    case MATTERS:
        break;
    }
}

static void count(struct budget *budget, struct account *account, const struct lubdub_server_event *event,
                  enum matter matter)
{
    if (account != NULL && matter == LATE) {
        account->lateness = LATENESS_COUNTED;
    }
    if (account == NULL || (!has_tallies(account) && !open_tallies(budget, account, event))) {
        add(&budget->rest[matter], 1, event->now);
        return;
    }
    add(&account->tallies[matter], 1, event->now);
    note_details(account->details, event, matter);
}

static bool take_of_all(struct budget *budget, lubdub_time now)
{
    return bucket_take(&budget->all_used_to, ALL_PERIOD, ALL_BURST, now);
}

/* A LATE that was told wants its RECOVERED, which therefore is not asked for twice. */
static bool admits_recovered(struct budget *budget, struct account *account, lubdub_time now)
{
    enum lateness lateness = account->lateness;

    account->lateness = LATENESS_UNKNOWN;
    if (lateness == LATENESS_TOLD) {
        bucket_charge(&budget->all_used_to, ALL_PERIOD, ALL_BURST, now);
        return true;
    }
    return lateness == LATENESS_UNKNOWN && take_of_all(budget, now);
}

static bool admits(struct budget *budget, struct account *account, enum matter matter, lubdub_time now)
{
    const struct rule *rule = &rules[matter];
    struct slot *slot;

    if (account == NULL) {
        return take_of_all(budget, now);
    }
    if (matter == RECOVERED) {
        return admits_recovered(budget, account, now);
    }
    if (!bucket_has_room(account->used_to[matter], rule->period, rule->burst, now) || !take_of_all(budget, now)) {
        return false;
    }
    bucket_charge(&account->used_to[matter], rule->period, rule->burst, now);
    slot = slot_of(budget, account);
    if (slot->busy_until < account->used_to[matter]) {
        slot->busy_until = account->used_to[matter];
    }
    if (matter == LATE) {
        account->lateness = LATENESS_TOLD;
    }
    return true;
}

bool budget_admits(struct budget *budget, const struct lubdub_server_event *event)
{
    enum matter matter = matter_of(event);
    struct account *account = claim(budget, event);
    bool is_told;

    assert(matter < MATTERS);
    is_told = admits(budget, account, matter, event->now);
    if (!is_told) {
        count(budget, account, event, matter);
    }
    return is_told;
}

void budget_count(struct budget *budget, const struct lubdub_server_event *event)
{
    count(budget, claim(budget, event), event, matter_of(event));
}

/* ---- telling ---- */

static void tell_of_one(struct budget *budget, struct account *account, enum matter matter, lubdub_time now)
{
    struct details *details = account->details;
    struct tally *tally = &account->tallies[matter];
    struct budget_sum sum = {
        .of = rules[matter].kind,
        .count = tally->count,
        .now = now,
        .over = lubdub_time_between(tally->first_at, now),
        .session = details->session,
        .identity = {details->identity, details->identity_length},
    };

    switch (matter) {
    case LATE:
    case RECOVERED:
        sum.silent_for = details->silent_for[matter];
        details->silent_for[matter] = 0;
        break;
    case HEALTH:
        sum.health = details->health;
        sum.content = details->content;
        sum.content_length = details->content_length;
        break;
    case MESSAGE:
        sum.bytes = details->bytes;
        details->bytes = 0;
        break;
    case REJECTED:
        sum.cause = details->cause;
        sum.has_reason = details->has_reason;
        sum.reason = details->reason;
        break;
    case PATHS:
        sum.paths = details->paths;
        break;
    case MATTERS:
        break;
    }
    if (matter == REJECTED) {
        sum.network = &details->address;
    } else {
        sum.remote = &details->address;
    }
    *tally = (struct tally){0};
    budget->tell(&sum, budget->user_data);
}

static bool is_due(const struct tally *tally, enum matter matter, lubdub_time now)
{
    return tally->count > 0 && lubdub_time_between(tally->first_at, now) >= rules[matter].window;
}

enum settling {
    SETTLE_DUE,
    SETTLE_ALL,
    SETTLE_HIDDEN, /* all, in the sum of all */
    SETTLE_END,    /* all, whatever the room */
};

/* Sums of sessions are events of sessions, too: sums for which there is no room are told in the sum of all. */
static bool is_told_of_one(struct budget *budget, enum matter matter, lubdub_time now, enum settling settling)
{
    return settling == SETTLE_END || matter == REJECTED || (settling != SETTLE_HIDDEN && take_of_all(budget, now));
}

static void settle_account(struct budget *budget, struct account *account, lubdub_time now, enum settling settling)
{
    enum matter matter;

    if (!has_tallies(account)) {
        return;
    }
    for (matter = LATE; matter < MATTERS; matter++) {
        struct tally *tally = &account->tallies[matter];

        if (tally->count == 0 || (settling == SETTLE_DUE && !is_due(tally, matter, now))) {
            continue;
        }
        if (is_told_of_one(budget, matter, now, settling)) {
            tell_of_one(budget, account, matter, now);
        } else {
            add(&budget->rest[matter], tally->count, tally->first_at);
            *tally = (struct tally){0};
        }
    }
    if (!has_tallies(account)) {
        close_tallies(budget, account);
    }
}

void budget_begin(struct budget *budget, uint64_t session, lubdub_time now)
{
    size_t place = slots_find(&budget->slots, key_of_session(budget, session));

    if (place != SLOTS_NONE) {
        settle_account(budget, &budget->accounts[place], now, SETTLE_ALL);
    }
}

void budget_end(struct budget *budget, const struct lubdub_server_event *disconnected, bool is_told)
{
    size_t place = slots_find(&budget->slots, key_of(budget, disconnected));

    if (place != SLOTS_NONE) {
        settle_account(budget, &budget->accounts[place], disconnected->now, is_told ? SETTLE_ALL : SETTLE_HIDDEN);
        slots_free(&budget->slots, place);
    }
}

static bool settle_rest(struct budget *budget, lubdub_time now, bool is_end)
{
    bool is_left = false;
    enum matter matter;

    for (matter = LATE; matter < MATTERS; matter++) {
        struct tally *tally = &budget->rest[matter];
        struct budget_sum sum = {.of = rules[matter].kind, .count = tally->count, .now = now};

        /* Many windows may have been merged into it, the long ones, too. */
        if (tally->count > 0 && (is_end || lubdub_time_between(tally->first_at, now) >= rules[HEALTH].window)) {
            sum.over = lubdub_time_between(tally->first_at, now);
            *tally = (struct tally){0};
            budget->tell(&sum, budget->user_data);
        }
        is_left = is_left || tally->count > 0;
    }
    return is_left;
}

bool budget_settle(struct budget *budget, lubdub_time now, bool is_end)
{
    struct account *account = budget->counted;

    while (account != NULL) {
        struct account *next = account->next;

        settle_account(budget, account, now, is_end ? SETTLE_END : SETTLE_DUE);
        account = next;
    }
    return settle_rest(budget, now, is_end) || budget->counted != NULL;
}
