/* Implements the timing wheel: its slots, and the order in which they are emptied. */
#include "core/deadlines.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define SLOT_MASK (LUBDUB_WHEEL_SLOTS - 1)

static uint64_t tick_at_or_after(lubdub_time time)
{
    return (time >> LUBDUB_TICK_SHIFT) + ((time & ((1u << LUBDUB_TICK_SHIFT) - 1)) != 0);
}

static void push(struct lubdub_deadline **head, struct lubdub_deadline *node)
{
    node->next = *head;
    node->link = head;
    if (node->next != NULL) {
        node->next->link = &node->next;
    }
    *head = node;
}

static bool is_empty(const struct lubdub_chains *chains)
{
    unsigned i;

    for (i = 0; i < LUBDUB_WHEEL_CHAINS; i++) {
        if (chains->heads[i] != NULL) {
            return false;
        }
    }
    return true;
}

void lubdub_deadlines_init(struct lubdub_deadlines *deadlines, lubdub_time now)
{
    memset(deadlines, 0, sizeof *deadlines);
    deadlines->tick = now >> LUBDUB_TICK_SHIFT;
}

void lubdub_deadlines_cancel(struct lubdub_deadline *node)
{
    if (node->link == NULL) {
        return;
    }
    *node->link = node->next;
    if (node->next != NULL) {
        node->next->link = node->link;
    }
    node->next = NULL;
    node->link = NULL;
}

void lubdub_deadlines_set(struct lubdub_deadlines *deadlines, struct lubdub_deadline *node, lubdub_time due)
{
    const uint64_t span = (uint64_t)1 << LUBDUB_WHEEL_BITS * LUBDUB_WHEEL_LEVELS;
    uint64_t tick = tick_at_or_after(due);
    unsigned level;
    unsigned slot;

    lubdub_deadlines_cancel(node);
    /* Not the current tick: it may be popping right now, and a node set again and again would never let it end. */
    if (tick <= deadlines->tick) {
        tick = deadlines->tick + 1;
    }
    if (tick - deadlines->tick >= span) {
        tick = deadlines->tick + span - 1;
    }

    /* The highest group of bits in which the tick differs from ours is the finest level that can tell them apart. */
    level = (63u - (unsigned)__builtin_clzll(tick ^ deadlines->tick)) / LUBDUB_WHEEL_BITS;
    if (level >= LUBDUB_WHEEL_LEVELS) {
        level = LUBDUB_WHEEL_LEVELS - 1;
    }
    slot = (unsigned)(tick >> LUBDUB_WHEEL_BITS * level) & SLOT_MASK;
    push(&deadlines->slots[level][slot].heads[deadlines->put_count++ % LUBDUB_WHEEL_CHAINS], node);
    if ((deadlines->occupied[level] >> slot & 1) == 0 || tick < deadlines->first[level][slot]) {
        deadlines->first[level][slot] = tick;
    }
    deadlines->occupied[level] |= (uint64_t)1 << slot;
}

/* The tick at which this level's next occupied slot starts, UINT64_MAX if it has none. */
static uint64_t next_slot_start(struct lubdub_deadlines *deadlines, unsigned level)
{
    unsigned shift = LUBDUB_WHEEL_BITS * level;
    uint64_t block = deadlines->tick >> shift;
    unsigned current = (unsigned)block & SLOT_MASK;

    while (deadlines->occupied[level] != 0) {
        uint64_t bits = deadlines->occupied[level];
        /* Turned so that bit 0 is the slot after the current one. */
        unsigned turn = (current + 1) & SLOT_MASK;
        uint64_t turned = turn == 0 ? bits : bits >> turn | bits << (LUBDUB_WHEEL_SLOTS - turn);
        unsigned distance = (unsigned)__builtin_ctzll(turned) + 1;
        unsigned slot = (current + distance) & SLOT_MASK;

        if (!is_empty(&deadlines->slots[level][slot])) {
            return (block + distance) << shift;
        }
        deadlines->occupied[level] &= ~((uint64_t)1 << slot); /* its nodes were cancelled */
    }
    return UINT64_MAX;
}

static uint64_t next_tick(struct lubdub_deadlines *deadlines)
{
    uint64_t next = UINT64_MAX;
    unsigned level;

    for (level = 0; level < LUBDUB_WHEEL_LEVELS; level++) {
        uint64_t start = next_slot_start(deadlines, level);

        if (start < next) {
            next = start;
        }
    }
    return next;
}

static lubdub_time start_of(uint64_t tick)
{
    return tick > LUBDUB_TIME_NEVER >> LUBDUB_TICK_SHIFT ? LUBDUB_TIME_NEVER : tick << LUBDUB_TICK_SHIFT;
}

lubdub_time lubdub_deadlines_next(struct lubdub_deadlines *deadlines)
{
    return start_of(is_empty(&deadlines->expired) ? next_tick(deadlines) : deadlines->tick);
}

lubdub_time lubdub_deadlines_first(struct lubdub_deadlines *deadlines)
{
    uint64_t first = UINT64_MAX;
    unsigned level;

    if (!is_empty(&deadlines->expired)) {
        return start_of(deadlines->tick);
    }
    for (level = 0; level < LUBDUB_WHEEL_LEVELS; level++) {
        uint64_t start = next_slot_start(deadlines, level);
        unsigned slot = (unsigned)(start >> LUBDUB_WHEEL_BITS * level) & SLOT_MASK;

        if (start != UINT64_MAX && deadlines->first[level][slot] < first) {
            first = deadlines->first[level][slot];
        }
    }
    return start_of(first);
}

/*
 * Takes over a whole slot without looking at its nodes: they lie all over memory, and touching them would be the
 * largest cost. A tick that starts slots of several levels finds nodes in the coarsest of them only, since a time in
 * the first slot of a finer level differs from any tick before it in a coarser group of bits.
 */
static void take_over(struct lubdub_deadlines *deadlines, struct lubdub_chains *slot)
{
    unsigned i;

    for (i = 0; i < LUBDUB_WHEEL_CHAINS; i++) {
        struct lubdub_deadline *head = slot->heads[i];

        if (head != NULL) {
            assert(deadlines->expired.heads[i] == NULL);
            deadlines->expired.heads[i] = head;
            head->link = &deadlines->expired.heads[i];
            slot->heads[i] = NULL;
        }
    }
}

/* Moves to the next tick at which a slot starts, and empties every slot that starts there. */
static void advance(struct lubdub_deadlines *deadlines, uint64_t tick)
{
    unsigned level;

    deadlines->tick = tick;
    for (level = 0; level < LUBDUB_WHEEL_LEVELS; level++) {
        unsigned shift = LUBDUB_WHEEL_BITS * level;
        unsigned slot = (unsigned)(tick >> shift) & SLOT_MASK;

        if ((tick & (((uint64_t)1 << shift) - 1)) != 0) {
            break; /* no slot of this or a coarser level starts here */
        }
        take_over(deadlines, &deadlines->slots[level][slot]);
        deadlines->occupied[level] &= ~((uint64_t)1 << slot);
    }
}

/* Takes one of the expired nodes; NULL if there are none. */
static struct lubdub_deadline *take_expired(struct lubdub_deadlines *deadlines)
{
    unsigned tries;

    for (tries = 0; tries < LUBDUB_WHEEL_CHAINS; tries++) {
        struct lubdub_deadline *node = deadlines->expired.heads[deadlines->taken_count++ % LUBDUB_WHEEL_CHAINS];

        if (node != NULL) {
            lubdub_deadlines_cancel(node); /* writes to the node behind it, and so the processor fetches that one */
            return node;
        }
    }
    return NULL;
}

struct lubdub_deadline *lubdub_deadlines_pop(struct lubdub_deadlines *deadlines, lubdub_time now)
{
    uint64_t now_tick = now >> LUBDUB_TICK_SHIFT;
    struct lubdub_deadline *node;

    while ((node = take_expired(deadlines)) == NULL) {
        uint64_t next = next_tick(deadlines);

        if (next > now_tick) {
            if (now_tick > deadlines->tick) {
                deadlines->tick = now_tick;
            }
            return NULL;
        }
        advance(deadlines, next);
    }
    return node;
}

static void visit_all(const struct lubdub_chains *chains, void (*visit)(struct lubdub_deadline *node, void *user_data),
                      void *user_data)
{
    struct lubdub_deadline *node;
    unsigned i;

    for (i = 0; i < LUBDUB_WHEEL_CHAINS; i++) {
        for (node = chains->heads[i]; node != NULL; node = node->next) {
            visit(node, user_data);
        }
    }
}

void lubdub_deadlines_visit(struct lubdub_deadlines *deadlines,
                            void (*visit)(struct lubdub_deadline *node, void *user_data), void *user_data)
{
    unsigned level;
    unsigned slot;

    visit_all(&deadlines->expired, visit, user_data);
    for (level = 0; level < LUBDUB_WHEEL_LEVELS; level++) {
        for (slot = 0; slot < LUBDUB_WHEEL_SLOTS; slot++) {
            visit_all(&deadlines->slots[level][slot], visit, user_data);
        }
    }
}
