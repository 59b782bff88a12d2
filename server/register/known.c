/* Keeps the last ends of an identity in a ring that grows as it is needed. */
#include "server/register/known.h"

#include <stdlib.h>
#include <string.h>

const char *known_state_word(enum known_state state)
{
    switch (state) {
    case KNOWN_NEVER:
        return "never";
    case KNOWN_UP:
        return "up";
    case KNOWN_AWAY:
        return "away";
    case KNOWN_GONE:
        return "gone";
    }
    return "unknown";
}

struct known *known_new(const char *identity, size_t length)
{
    struct known *known = calloc(1, sizeof *known + length);

    if (known != NULL) {
        known->due_place = KNOWN_NOWHERE;
        known->missing_at = known->gone_at = known->calm_at = LUBDUB_TIME_NEVER;
        known->length = (uint8_t)length;
        memcpy(known->identity, identity, length);
    }
    return known;
}

void known_free(struct known *known)
{
    if (known != NULL) {
        free(known->ends);
        free(known);
    }
}

struct lubdub_slice known_identity(const struct known *known)
{
    return (struct lubdub_slice){known->identity, known->length};
}

/* Most identities end seldom: 2, 5, 10, 20 places. Only a ring that is not full grows, so its oldest is at 0. */
static bool make_room(struct known *known)
{
    size_t room = known->end_room == 0 ? 2 : known->end_room == 2 ? 5 : 2 * (size_t)known->end_room;
    struct known_end *more = realloc(known->ends, room * sizeof *more);

    if (more == NULL) {
        return false;
    }
    known->ends = more;
    known->end_room = (uint8_t)room;
    return true;
}

void known_add_end(struct known *known, const struct known_end *end)
{
    if (known->end_count == KNOWN_ENDS) {
        known->ends[known->end_first] = *end;
        known->end_first = (uint8_t)((known->end_first + 1) % KNOWN_ENDS);
        return;
    }
    if (known->end_count < known->end_room || make_room(known)) {
        known->ends[known->end_count++] = *end;
    }
}

const struct known_end *known_end_at(const struct known *known, size_t number)
{
    return &known->ends[((size_t)known->end_first + known->end_count - 1 - number) % known->end_count];
}
