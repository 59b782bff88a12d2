/*
 * Tells which node is due when: a hierarchical timing wheel (Varghese and Lauck 1987), O(1) for any number.
 *
 * A node lies in the slot of the time it was set for, and does not know that time: popped at the start of
 * its slot, it asks its owner for the true deadline and is set again if that is not yet. So a deadline
 * that only moves away costs nothing at all (a session that is heard again and again has such a deadline); and a
 * slot of a coarse level is emptied into finer slots by the same rule.
 *
 *     level 0   64 slots of one tick    ·····X··········
 *     level 1   64 slots of 64 ticks    ··X··········X··
 *     …         LEVELS levels; later deadlines lie in the last slot and are asked again there
 */
#ifndef LUBDUB_CORE_DEADLINES_H
#define LUBDUB_CORE_DEADLINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

#define LUBDUB_TICK_SHIFT 20 /* a tick is 2^20 ns, 1.05 ms */
#define LUBDUB_WHEEL_BITS 6
#define LUBDUB_WHEEL_SLOTS (1 << LUBDUB_WHEEL_BITS)
#define LUBDUB_WHEEL_LEVELS 5 /* 64^5 ticks: 13 days */
#define LUBDUB_WHEEL_CHAINS 4

/* A node. It lies inside the struct that has the deadline. Zeroed: set nowhere. */
struct lubdub_deadline {
    struct lubdub_deadline *next;
    struct lubdub_deadline **link; /* what points at this node; NULL: set nowhere */
};

/*
 * Nodes that belong together, distributed over a few chains. A walk along one chain waits for memory at each node,
 * since only a node knows where the next one is. A walk that takes nodes from several chains in turn does not wait: the
 * next nodes are already being fetched.
 */
struct lubdub_chains {
    struct lubdub_deadline *heads[LUBDUB_WHEEL_CHAINS];
};

struct lubdub_deadlines {
    uint64_t tick;      /* everything before it has been popped */
    unsigned put_count; /* the chains have their turns */
    unsigned taken_count;
    struct lubdub_chains expired; /* popped from the wheel, not yet handed out */
    uint64_t occupied[LUBDUB_WHEEL_LEVELS];
    uint64_t first[LUBDUB_WHEEL_LEVELS][LUBDUB_WHEEL_SLOTS]; /* of an occupied slot: no node in it was set for before */
    struct lubdub_chains slots[LUBDUB_WHEEL_LEVELS][LUBDUB_WHEEL_SLOTS];
};

void lubdub_deadlines_init(struct lubdub_deadlines *deadlines, lubdub_time now);

/*
 * Sets or moves the node. It is popped for the last time at `due` or up to one tick later; a far deadline is
 * popped a few times before that, at most once for each level.
 */
void lubdub_deadlines_set(struct lubdub_deadlines *deadlines, struct lubdub_deadline *node, lubdub_time due);

/* Takes the node out, wherever it lies. Does nothing where the node is set nowhere. */
void lubdub_deadlines_cancel(struct lubdub_deadline *node);

static inline bool lubdub_deadline_is_set(const struct lubdub_deadline *node)
{
    return node->link != NULL;
}

/*
 * When to pop next; LUBDUB_TIME_NEVER for an empty wheel. May be early for deadlines far away: then coarse slots are
 * emptied into finer ones in time.
 */
lubdub_time lubdub_deadlines_next(struct lubdub_deadlines *deadlines);

/*
 * The same, and not before a deadline that was set: no wake-up is in vain, unless that deadline has moved away. But the
 * first node of a coarse slot comes together with all others of that slot, so this is for few nodes.
 */
lubdub_time lubdub_deadlines_first(struct lubdub_deadlines *deadlines);

/*
 * A node whose time may have come at `now`, or NULL. It is set nowhere then: the owner does what is due and
 * sets it again.
 */
struct lubdub_deadline *lubdub_deadlines_pop(struct lubdub_deadlines *deadlines, lubdub_time now);

/* Calls visit for every node that is set. visit may not set or cancel. O(n). */
void lubdub_deadlines_visit(struct lubdub_deadlines *deadlines,
                            void (*visit)(struct lubdub_deadline *node, void *user_data), void *user_data);

#endif
