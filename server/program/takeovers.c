/* Holds the line of the last session of each identity that changes hands too often. */
#include "server/program/takeovers.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "server/program/slots.h"

#define FIGHTS 256
#define IDENTITY_MAX 128
#define BURST 5
#define PERIOD LUBDUB_SECOND
#define WINDOW (10 * LUBDUB_SECOND)

/* Sessions that were replaced and have not ended: the workers tell of them in any order. */
#define PASSED_MAX 8

struct fight {
    lubdub_time used_to;
    struct lubdub_event_line *held; /* the CONNECTED of the last one */
    uint64_t held_session;
    uint64_t passed[PASSED_MAX];
    unsigned passed_count;
    uint64_t connected; /* counted */
    uint64_t disconnected;
    lubdub_time first_at;
    uint8_t identity_length;
    char identity[IDENTITY_MAX];
};

struct takeovers {
    takeovers_release release;
    budget_tell tell;
    void *user_data;
    struct slots slots;
    struct fight *fights; /* one for each slot */
    unsigned pinned;      /* the identities that hold or count something */
};

struct takeovers *takeovers_new(takeovers_release release, budget_tell tell, void *user_data)
{
    struct takeovers *takeovers = calloc(1, sizeof *takeovers);

    if (takeovers == NULL) {
        return NULL;
    }
    takeovers->release = release;
    takeovers->tell = tell;
    takeovers->user_data = user_data;
    takeovers->fights = calloc(FIGHTS, sizeof *takeovers->fights);
    if (!slots_init(&takeovers->slots, FIGHTS) || takeovers->fights == NULL) {
        takeovers_free(takeovers);
        return NULL;
    }
    return takeovers;
}

void takeovers_free(struct takeovers *takeovers)
{
    size_t i;

    if (takeovers == NULL) {
        return;
    }
    for (i = 0; takeovers->fights != NULL && i < FIGHTS; i++) {
        free(takeovers->fights[i].held);
    }
    slots_clear(&takeovers->slots);
    free(takeovers->fights);
    free(takeovers);
}

static uint64_t key_of(const struct takeovers *takeovers, const struct lubdub_server_event *event)
{
    return slots_key(&takeovers->slots, event->identity.data, event->identity.length);
}

static struct fight *find(const struct takeovers *takeovers, const struct lubdub_server_event *event)
{
    size_t place;

    if (event->identity.length == 0) {
        return NULL;
    }
    place = slots_find(&takeovers->slots, key_of(takeovers, event));
    return place != SLOTS_NONE ? &takeovers->fights[place] : NULL;
}

/* Stays as long as anything of it is to be told or expected. */
static void pin(struct takeovers *takeovers, struct fight *fight)
{
    struct slot *slot = &takeovers->slots.items[fight - takeovers->fights];
    bool is_needed = fight->held != NULL || fight->passed_count > 0 || fight->connected > 0 || fight->disconnected > 0;

    takeovers->pinned += (is_needed ? 1U : 0U) - (slot->is_pinned ? 1U : 0U);
    slot->is_pinned = is_needed;
    slot->busy_until = fight->used_to;
}

static bool has_passed(const struct fight *fight, uint64_t session)
{
    unsigned i;

    for (i = 0; i < fight->passed_count; i++) {
        if (fight->passed[i] == session) {
            return true;
        }
    }
    return false;
}

static void forget_passed(struct fight *fight, uint64_t session)
{
    unsigned i;

    for (i = 0; i < fight->passed_count; i++) {
        if (fight->passed[i] == session) {
            fight->passed[i] = fight->passed[--fight->passed_count];
            return;
        }
    }
}

static void count(struct fight *fight, uint64_t *counter, lubdub_time now)
{
    if (fight->connected == 0 && fight->disconnected == 0) {
        fight->first_at = now;
    }
    ++*counter;
}

static void drop_held(struct fight *fight)
{
    free(fight->held);
    fight->held = NULL;
    fight->held_session = 0;
}

static void release_held(struct takeovers *takeovers, struct fight *fight)
{
    if (fight->held != NULL) {
        takeovers->release(fight->held, takeovers->user_data);
        drop_held(fight);
    }
}

/* Another session has come: the session of the held line is never told, if its end can be recognised. */
static void pass_held(struct takeovers *takeovers, struct fight *fight, lubdub_time now)
{
    if (fight->held != NULL && fight->passed_count < PASSED_MAX) {
        fight->passed[fight->passed_count++] = fight->held_session;
        count(fight, &fight->connected, now);
        drop_held(fight);
    } else {
        release_held(takeovers, fight);
    }
}

static struct lubdub_event_line *copy(const struct lubdub_event_line *line)
{
    struct lubdub_event_line *held = malloc(sizeof *held);

    if (held != NULL) {
        memcpy(held, line, offsetof(struct lubdub_event_line, fields) + line->length); /* what is used of it */
    }
    return held;
}

bool takeovers_connected(struct takeovers *takeovers, const struct lubdub_server_event *event,
                         const struct lubdub_event_line *line)
{
    struct fight *fight = find(takeovers, event);

    if (fight == NULL) {
        return true;
    }
    pass_held(takeovers, fight, event->now);
    if (!bucket_has_room(fight->used_to, PERIOD, BURST, event->now)) {
        fight->held = copy(line);
        fight->held_session = fight->held != NULL ? event->session : 0;
    }
    pin(takeovers, fight);
    return fight->held == NULL;
}

static void charge(struct takeovers *takeovers, const struct lubdub_server_event *event)
{
    size_t length = event->identity.length < IDENTITY_MAX ? event->identity.length : IDENTITY_MAX;
    struct fight *fight;
    bool is_new;
    size_t place;

    if (event->identity.length == 0) {
        return;
    }
    place = slots_claim(&takeovers->slots, key_of(takeovers, event), &is_new);
    if (place == SLOTS_NONE) {
        return;
    }
    fight = &takeovers->fights[place];
    if (is_new) {
        *fight = (struct fight){.identity_length = (uint8_t)length};
        memcpy(fight->identity, event->identity.data, length);
    }
    bucket_charge(&fight->used_to, PERIOD, BURST, event->now);
    pin(takeovers, fight);
}

bool takeovers_disconnected(struct takeovers *takeovers, const struct lubdub_server_event *event)
{
    struct fight *fight = find(takeovers, event);
    bool is_told = true;

    if (fight != NULL && fight->held != NULL && fight->held_session == event->session) {
        if (event->cause == LUBDUB_CAUSE_REPLACED) {
            count(fight, &fight->connected, event->now);
            drop_held(fight);
            is_told = false;
        } else {
            release_held(takeovers, fight); /* it was the last one, and this is how it ended */
        }
    } else if (fight != NULL && has_passed(fight, event->session)) {
        forget_passed(fight, event->session);
        is_told = false;
    } else if (event->cause == LUBDUB_CAUSE_REPLACED) {
        charge(takeovers, event);
    }
    if (!is_told) {
        count(fight, &fight->disconnected, event->now);
    }
    if (fight != NULL) {
        pin(takeovers, fight);
    }
    return is_told;
}

bool takeovers_hide(const struct takeovers *takeovers, const struct lubdub_server_event *event)
{
    const struct fight *fight = takeovers->pinned > 0 ? find(takeovers, event) : NULL;

    return fight != NULL &&
           ((fight->held != NULL && fight->held_session == event->session) || has_passed(fight, event->session));
}

static void tell_counts(struct takeovers *takeovers, struct fight *fight, lubdub_time now)
{
    struct budget_sum sum = {.of = LUBDUB_SERVER_CONNECTED,
                             .count = fight->connected,
                             .now = now,
                             .over = lubdub_time_between(fight->first_at, now),
                             .identity = {fight->identity, fight->identity_length}};

    if (sum.count > 0) {
        takeovers->tell(&sum, takeovers->user_data);
    }
    sum.of = LUBDUB_SERVER_DISCONNECTED;
    sum.count = fight->disconnected;
    if (sum.count > 0) {
        takeovers->tell(&sum, takeovers->user_data);
    }
    fight->connected = fight->disconnected = 0;
}

bool takeovers_settle(struct takeovers *takeovers, lubdub_time now, bool is_end)
{
    size_t i;

    for (i = 0; takeovers->pinned > 0 && i < FIGHTS; i++) {
        struct fight *fight = &takeovers->fights[i];

        if (!takeovers->slots.items[i].is_pinned) {
            continue;
        }
        if (is_end || bucket_has_room(fight->used_to, PERIOD, BURST, now)) {
            release_held(takeovers, fight);
        }
        if (is_end || lubdub_time_between(fight->first_at, now) >= WINDOW) {
            tell_counts(takeovers, fight, now);
        }
        pin(takeovers, fight);
    }
    return takeovers->pinned > 0;
}
