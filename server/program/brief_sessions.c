/* Holds the lines of sessions that have just begun, in the order in which they came, and finds them by session. */
#include "server/program/brief_sessions.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "server/program/line_ring.h"
#include "server/program/slots.h"

#define NETWORKS 1024
#define PERIOD (5 * LUBDUB_MILLISECOND)
#define ALL_BURST 8000
#define ALL_PERIOD LUBDUB_MILLISECOND

/* Identities of which nothing is told, whose `gone` may come: as many as are away by default. */
#define UNTOLD 65536

/* A line of so many bytes more costs as much as one session more. */
#define STEP 512

/* What lasts for so long is told. */
#define BRIEF LUBDUB_SECOND

/* What is counted is told after so long. */
#define WINDOW (10 * LUBDUB_SECOND)

#define HELD_MAX (2 * 1024 * 1024)
#define BUCKETS 4096

/* A new session makes room in time: what is due goes out with the next ones, and not thousands at once. */
#define RELEASED_AT_ONCE 4

enum kind {
    NAMELESS,
    NAMED,
    KINDS,
};

/* So many at once for each network. Clients that are known are worth more lines. */
static const unsigned burst_of[KINDS] = {[NAMELESS] = 2000, [NAMED] = 4000};

struct held {
    struct held *next; /* of its bucket */
    struct held *newer;
    struct held *older;
    uint64_t session;
    lubdub_time since;
    struct lubdub_address network;
    enum kind kind;
    struct lubdub_event_line line; /* no more of it than is used */
};

struct queue {
    struct held *oldest;
    struct held *newest;
    struct line_ring lines;
};

struct tally {
    uint64_t count;
    lubdub_time first_at;
};

struct account {
    struct lubdub_address network;
    enum kind kind;
    lubdub_time used_to;
    struct tally tally;
};

struct brief_sessions {
    brief_sessions_release release;
    budget_tell tell;
    void *user_data;
    struct held *buckets[BUCKETS];
    struct queue queues[KINDS];
    lubdub_time all_used_to[KINDS];
    struct tally rest[KINDS]; /* of networks without an account */
    struct slots slots;
    struct account *accounts; /* one for each slot */
    unsigned counted;         /* tallies that are not empty */
    struct slots untold;      /* identities whose last session was counted */
    struct tally gone;
    lubdub_time gone_used_to;
};

struct brief_sessions *brief_sessions_new(brief_sessions_release release, budget_tell tell, void *user_data)
{
    struct brief_sessions *brief = calloc(1, sizeof *brief);
    enum kind kind;

    if (brief == NULL) {
        return NULL;
    }
    brief->release = release;
    brief->tell = tell;
    brief->user_data = user_data;
    for (kind = NAMELESS; kind < KINDS; kind++) {
        line_ring_init(&brief->queues[kind].lines, HELD_MAX);
    }
    brief->accounts = calloc(NETWORKS, sizeof *brief->accounts);
    if (!slots_init(&brief->slots, NETWORKS) || !slots_init(&brief->untold, UNTOLD) || brief->accounts == NULL) {
        brief_sessions_free(brief);
        return NULL;
    }
    return brief;
}

void brief_sessions_free(struct brief_sessions *brief)
{
    enum kind kind;

    if (brief == NULL) {
        return;
    }
    for (kind = NAMELESS; kind < KINDS; kind++) {
        line_ring_clear(&brief->queues[kind].lines);
    }
    slots_clear(&brief->slots);
    slots_clear(&brief->untold);
    free(brief->accounts);
    free(brief);
}

/* ---- held lines ---- */

static struct held **place_of(struct brief_sessions *brief, uint64_t session)
{
    struct held **place = &brief->buckets[session % BUCKETS];

    while (*place != NULL && (*place)->session != session) {
        place = &(*place)->next;
    }
    return place;
}

static void let_go(struct brief_sessions *brief, struct held *held)
{
    struct queue *queue = &brief->queues[held->kind];

    *place_of(brief, held->session) = held->next;
    *(held->newer != NULL ? &held->newer->older : &queue->newest) = held->older;
    *(held->older != NULL ? &held->older->newer : &queue->oldest) = held->newer;
    line_ring_give(&queue->lines, held);
}

static void release(struct brief_sessions *brief, struct held *held, lubdub_time now)
{
    brief->release(&held->line, held->session, now, brief->user_data);
    let_go(brief, held);
}

/* Returns false without memory. */
static bool hold(struct brief_sessions *brief, enum kind kind, const struct lubdub_server_event *event,
                 const struct lubdub_event_line *line)
{
    struct queue *queue = &brief->queues[kind];
    size_t used = offsetof(struct lubdub_event_line, fields) + line->length;
    size_t size = offsetof(struct held, line) + used;
    struct held *held;

    while ((held = line_ring_take(&queue->lines, size)) == NULL) {
        if (queue->oldest == NULL) {
            return false;
        }
        release(brief, queue->oldest, event->now);
    }
    held->session = event->session;
    held->since = event->now;
    held->network = budget_network_of(event);
    held->kind = kind;
    memcpy(&held->line, line, used);

    held->next = brief->buckets[event->session % BUCKETS];
    brief->buckets[event->session % BUCKETS] = held;
    held->newer = NULL;
    held->older = queue->newest;
    *(queue->newest != NULL ? &queue->newest->newer : &queue->oldest) = held;
    queue->newest = held;
    return true;
}

static bool has_lasted(const struct held *held, lubdub_time now)
{
    return lubdub_time_between(held->since, now) >= BRIEF;
}

static void release_lasting(struct brief_sessions *brief, enum kind kind, lubdub_time now)
{
    const struct queue *queue = &brief->queues[kind];
    unsigned left = RELEASED_AT_ONCE;

    while (left > 0 && queue->oldest != NULL && has_lasted(queue->oldest, now)) {
        release(brief, queue->oldest, now);
        left--;
    }
}

/* ---- accounts ---- */

static enum kind kind_of(const struct lubdub_server_event *event)
{
    return event->identity.length > 0 ? NAMED : NAMELESS;
}

/* NULL: there is none to be had. */
static struct account *claim(struct brief_sessions *brief, enum kind kind, const struct lubdub_address *network)
{
    uint64_t words[3] = {kind};
    struct account *account;
    size_t place;
    bool is_new;

    memcpy(&words[1], network->ip, sizeof network->ip);
    place = slots_claim(&brief->slots, slots_key(&brief->slots, words, sizeof words), &is_new);
    if (place == SLOTS_NONE) {
        return NULL;
    }
    account = &brief->accounts[place];
    if (is_new) {
        *account = (struct account){.network = *network, .kind = kind};
    }
    return account;
}

static struct slot *slot_of(const struct brief_sessions *brief, const struct account *account)
{
    return &brief->slots.items[account - brief->accounts];
}

static void charge(lubdub_time *used_to, lubdub_duration period, unsigned burst, unsigned units, lubdub_time now)
{
    while (units-- > 0) {
        bucket_charge(used_to, period, burst, now);
    }
}

/* A network without an account has the budget of all. */
static bool take(struct brief_sessions *brief, enum kind kind, const struct lubdub_server_event *event, size_t length)
{
    struct lubdub_address network = budget_network_of(event);
    struct account *account = claim(brief, kind, &network);
    unsigned units = 1 + (unsigned)(length / STEP);

    if ((account != NULL && !bucket_has_room(account->used_to, PERIOD, burst_of[kind], event->now)) ||
        !bucket_has_room(brief->all_used_to[kind], ALL_PERIOD, ALL_BURST, event->now)) {
        return false;
    }
    charge(&brief->all_used_to[kind], ALL_PERIOD, ALL_BURST, units, event->now);
    if (account != NULL) {
        charge(&account->used_to, PERIOD, burst_of[kind], units, event->now);
        slot_of(brief, account)->busy_until = account->used_to;
    }
    return true;
}

static void add(struct brief_sessions *brief, struct tally *tally, lubdub_time first_at)
{
    if (tally->count == 0) {
        tally->first_at = first_at;
        brief->counted++;
    }
    tally->count++;
}

static void count(struct brief_sessions *brief, const struct held *held)
{
    struct account *account = claim(brief, held->kind, &held->network);
    struct tally *tally = account != NULL ? &account->tally : &brief->rest[held->kind];

    add(brief, tally, held->since);
    if (account != NULL) {
        slot_of(brief, account)->is_pinned = true;
    }
}

/* ---- identities ---- */

static uint64_t key_of(const struct brief_sessions *brief, const struct lubdub_server_event *event)
{
    return slots_key(&brief->untold, event->identity.data, event->identity.length);
}

static void note_untold(struct brief_sessions *brief, const struct lubdub_server_event *event)
{
    bool is_new;
    size_t place = slots_claim(&brief->untold, key_of(brief, event), &is_new);

    brief->untold.items[place].busy_until = event->now;
}

/* Returns whether it was among them. */
static bool forget_untold(struct brief_sessions *brief, const struct lubdub_server_event *event)
{
    size_t place = slots_find(&brief->untold, key_of(brief, event));

    if (place != SLOTS_NONE) {
        slots_free(&brief->untold, place);
    }
    return place != SLOTS_NONE;
}

/* ---- what the caller asks ---- */

bool brief_sessions_connected(struct brief_sessions *brief, const struct lubdub_server_event *event,
                              const struct lubdub_event_line *line)
{
    enum kind kind = kind_of(event);
    bool is_told = take(brief, kind, event, line->length) || !hold(brief, kind, event, line);

    if (kind == NAMED) {
        forget_untold(brief, event);
    }
    release_lasting(brief, kind, event->now);
    return is_told;
}

bool brief_sessions_disconnected(struct brief_sessions *brief, const struct lubdub_server_event *event)
{
    struct held *held = *place_of(brief, event->session);

    if (held == NULL) {
        return true;
    }
    if (has_lasted(held, event->now)) {
        release(brief, held, event->now);
        return true;
    }
    count(brief, held);
    if (held->kind == NAMED) {
        note_untold(brief, event);
    }
    let_go(brief, held);
    return false;
}

bool brief_sessions_gone(struct brief_sessions *brief, const struct lubdub_server_event *event)
{
    bool is_untold = forget_untold(brief, event);

    if (bucket_take(&brief->gone_used_to, ALL_PERIOD, ALL_BURST, event->now) || !is_untold) {
        return true;
    }
    add(brief, &brief->gone, event->now);
    return false;
}

bool brief_sessions_hide(const struct brief_sessions *brief, const struct lubdub_server_event *event)
{
    const struct held *held = brief->buckets[event->session % BUCKETS];

    while (held != NULL && held->session != event->session) {
        held = held->next;
    }
    return held != NULL;
}

/* ---- telling ---- */

static void tell(struct brief_sessions *brief, struct tally *tally, enum lubdub_server_event_kind of,
                 struct budget_sum sum)
{
    sum.of = of;
    sum.count = tally->count;
    sum.over = lubdub_time_between(tally->first_at, sum.now);
    brief->tell(&sum, brief->user_data);
}

/* The counted sessions have ended, too. */
static void tell_sessions(struct brief_sessions *brief, struct tally *tally, enum kind kind,
                          const struct lubdub_address *network, lubdub_time now)
{
    struct budget_sum sum = {.now = now, .network = network, .is_nameless = kind == NAMELESS};

    tell(brief, tally, LUBDUB_SERVER_CONNECTED, sum);
    tell(brief, tally, LUBDUB_SERVER_DISCONNECTED, sum);
    tally->count = 0;
    brief->counted--;
}

static void tell_gone(struct brief_sessions *brief, lubdub_time now)
{
    tell(brief, &brief->gone, LUBDUB_SERVER_GONE, (struct budget_sum){.now = now});
    brief->gone.count = 0;
    brief->counted--;
}

static bool is_due(const struct tally *tally, lubdub_time now, bool is_end)
{
    return tally->count > 0 && (is_end || lubdub_time_between(tally->first_at, now) >= WINDOW);
}

static void tell_counts(struct brief_sessions *brief, lubdub_time now, bool is_end)
{
    enum kind kind;
    size_t i;

    for (i = 0; brief->counted > 0 && i < NETWORKS; i++) {
        struct account *account = &brief->accounts[i];

        if (is_due(&account->tally, now, is_end)) {
            tell_sessions(brief, &account->tally, account->kind, &account->network, now);
            brief->slots.items[i].is_pinned = false;
        }
    }
    for (kind = NAMELESS; kind < KINDS; kind++) {
        if (is_due(&brief->rest[kind], now, is_end)) {
            tell_sessions(brief, &brief->rest[kind], kind, NULL, now);
        }
    }
    if (is_due(&brief->gone, now, is_end)) {
        tell_gone(brief, now);
    }
}

bool brief_sessions_settle(struct brief_sessions *brief, lubdub_time now, bool is_end)
{
    bool is_left = false;
    enum kind kind;

    for (kind = NAMELESS; kind < KINDS; kind++) {
        const struct queue *queue = &brief->queues[kind];

        while (queue->oldest != NULL && (is_end || has_lasted(queue->oldest, now))) {
            release(brief, queue->oldest, now);
        }
        is_left = is_left || queue->oldest != NULL;
    }
    tell_counts(brief, now, is_end);
    return is_left || brief->counted > 0;
}
