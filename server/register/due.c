/* A binary heap in an array; each identity knows its place, so that it can be moved. */
#include "server/register/due.h"

#include <stdlib.h>

void due_clear(struct due *due)
{
    free(due->items);
    *due = (struct due){0};
}

lubdub_time due_time_of(const struct known *known)
{
    lubdub_time next = known->missing_at < known->gone_at ? known->missing_at : known->gone_at;

    return next < known->calm_at ? next : known->calm_at;
}

static void set(struct due *due, size_t place, struct known *known)
{
    due->items[place] = known;
    known->due_place = (uint32_t)place;
}

static void rise(struct due *due, size_t place)
{
    struct known *known = due->items[place];

    while (place > 0 && due_time_of(known) < due_time_of(due->items[(place - 1) / 2])) {
        set(due, place, due->items[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    set(due, place, known);
}

static void sink(struct due *due, size_t place)
{
    struct known *known = due->items[place];

    for (;;) {
        size_t child = 2 * place + 1;

        if (child + 1 < due->count && due_time_of(due->items[child + 1]) < due_time_of(due->items[child])) {
            child++;
        }
        if (child >= due->count || due_time_of(due->items[child]) >= due_time_of(known)) {
            break;
        }
        set(due, place, due->items[child]);
        place = child;
    }
    set(due, place, known);
}

static void take_out(struct due *due, struct known *known)
{
    size_t place = known->due_place;
    struct known *last = due->items[--due->count];

    known->due_place = KNOWN_NOWHERE;
    if (last != known) {
        set(due, place, last);
        rise(due, place);
        sink(due, last->due_place);
    }
}

static bool has_room(struct due *due)
{
    size_t room = due->room > 0 ? 2 * due->room : 64;
    struct known **more;

    if (due->count < due->room) {
        return true;
    }
    more = realloc(due->items, room * sizeof *more);
    if (more == NULL) {
        return false;
    }
    due->items = more;
    due->room = room;
    return true;
}

bool due_update(struct due *due, struct known *known)
{
    bool is_due = due_time_of(known) != LUBDUB_TIME_NEVER;

    if (known->due_place == KNOWN_NOWHERE) {
        if (!is_due) {
            return true;
        }
        if (!has_room(due)) {
            return false;
        }
        set(due, due->count++, known);
    } else if (!is_due) {
        take_out(due, known);
        return true;
    }
    rise(due, known->due_place);
    sink(due, known->due_place);
    return true;
}

struct known *due_first(const struct due *due)
{
    return due->count > 0 ? due->items[0] : NULL;
}
