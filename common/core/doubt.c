/* Decides when a peer in doubt is asked, when the path is looked at, and when the evidence is enough. */
#include "core/doubt.h"

#define QUESTIONS_IN_PATIENCE 5

lubdub_duration lubdub_doubt_begins_after(lubdub_duration usual, lubdub_duration worst, lubdub_duration least,
                                          lubdub_duration most)
{
    return lubdub_duration_shorter(lubdub_duration_longer(lubdub_duration_longer(usual, worst / 2), least), most);
}

lubdub_duration lubdub_doubt_patience(lubdub_duration worst, lubdub_duration round_trip, lubdub_duration fixed)
{
    lubdub_duration floor = LUBDUB_DOUBT_FLOOR + LUBDUB_DOUBT_FLOOR_ROUND_TRIPS * round_trip;
    lubdub_duration patience = lubdub_duration_longer(LUBDUB_DOUBT_WORST_FACTOR * worst, floor);

    return lubdub_duration_shorter(patience, fixed);
}

lubdub_duration lubdub_doubt_pace(lubdub_duration patience)
{
    return lubdub_duration_longer(patience / QUESTIONS_IN_PATIENCE, LUBDUB_DOUBT_PACE_MIN);
}

void lubdub_doubt_begin(struct lubdub_doubt *doubt, lubdub_time since, lubdub_time now)
{
    doubt->since = since > 0 ? since : 1; /* 0 is taken */
    doubt->asked_at = now;
    doubt->asked_last_but_one_at = 0;
    doubt->looked_at = now;
    doubt->acknowledged_at = LUBDUB_TIME_NEVER;
    doubt->round_trip = 0;
    doubt->was_silent = false;
}

void lubdub_doubt_end(struct lubdub_doubt *doubt)
{
    doubt->since = 0;
}

void lubdub_doubt_look(struct lubdub_doubt *doubt, enum lubdub_path path, lubdub_duration round_trip, lubdub_time now)
{
    doubt->looked_at = now;
    doubt->round_trip = round_trip;
    switch (path) {
    case LUBDUB_PATH_UNKNOWN:
        break; /* the last question is too young; what was seen before stays true */
    case LUBDUB_PATH_ACKNOWLEDGED:
        doubt->acknowledged_at = lubdub_time_earlier(doubt->acknowledged_at, now);
        break;
    case LUBDUB_PATH_SILENT:
        doubt->acknowledged_at = LUBDUB_TIME_NEVER;
        doubt->was_silent = true;
        break;
    }
}

lubdub_time lubdub_doubt_hung_at(const struct lubdub_doubt *doubt, lubdub_time expected_at, lubdub_duration patience)
{
    lubdub_duration least = doubt->was_silent ? patience : patience / 2;
    lubdub_duration made_up_in =
        lubdub_duration_longer(lubdub_time_between(expected_at, doubt->acknowledged_at), least);
    lubdub_time enough_at = lubdub_time_after(doubt->since, patience);
    lubdub_time made_up_at = lubdub_time_after(doubt->acknowledged_at, made_up_in);

    return enough_at > made_up_at ? enough_at : made_up_at;
}

bool lubdub_doubt_lesson(const struct lubdub_doubt *doubt, lubdub_time expected_at, lubdub_time now,
                         lubdub_duration *took)
{
    if (!doubt->was_silent) {
        *took = lubdub_time_between(expected_at, now);
        return true;
    }
    *took = lubdub_time_between(doubt->acknowledged_at, now);
    return doubt->acknowledged_at != LUBDUB_TIME_NEVER;
}

lubdub_time lubdub_doubt_next(const struct lubdub_doubt *doubt, lubdub_duration patience)
{
    return lubdub_time_after(doubt->looked_at, lubdub_doubt_pace(patience));
}

lubdub_time lubdub_doubt_asked_before(const struct lubdub_doubt *doubt, lubdub_duration patience, lubdub_time before)
{
    lubdub_duration pace = lubdub_doubt_pace(patience);
    lubdub_time known = doubt->asked_last_but_one_at != 0 ? doubt->asked_last_but_one_at : doubt->asked_at;

    if (doubt->asked_at <= before) {
        return doubt->asked_at;
    }
    if (known <= before) {
        return known;
    }
    /* The last question on the grid of the pace. If the pace was faster before, it was asked a little earlier. */
    return lubdub_time_between((lubdub_time_between(before, known) + pace - 1) / pace * pace, known);
}

void lubdub_doubt_forgive(struct lubdub_doubt *doubt, lubdub_duration away)
{
    if (lubdub_doubt_is_there(doubt)) {
        doubt->since = lubdub_time_after(doubt->since, away);
        doubt->looked_at = lubdub_time_after(doubt->looked_at, away);
        doubt->acknowledged_at = lubdub_time_after(doubt->acknowledged_at, away);
    }
}
