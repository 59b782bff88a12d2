/* Counts how often an identity changes hands in a second. */
#include "server/library/contest.h"

#include <stdlib.h>

#define PLACES 1024

struct lubdub_contest {
    uint64_t hash;
    lubdub_time began_at; /* the second that is counted */
    lubdub_time told_at;  /* 0: was not */
    unsigned count;
};

void lubdub_contests_clear(struct lubdub_contests *contests)
{
    free(contests->places);
    contests->places = NULL;
}

bool lubdub_contests_allow(struct lubdub_contests *contests, uint64_t hash, lubdub_time now, bool *is_news)
{
    struct lubdub_contest *contest;

    *is_news = false;
    if (contests->places == NULL && (contests->places = calloc(PLACES, sizeof *contests->places)) == NULL) {
        return true;
    }
    contest = &contests->places[hash % PLACES];
    if (contest->hash != hash) {
        *contest = (struct lubdub_contest){.hash = hash, .began_at = now};
    } else if (lubdub_time_between(contest->began_at, now) >= LUBDUB_SECOND) {
        contest->began_at = now;
        contest->count = 0;
    }
    if (contest->count < LUBDUB_CONTEST_LIMIT) {
        contest->count++;
        return true;
    }
    *is_news = contest->told_at == 0 || lubdub_time_between(contest->told_at, now) >= LUBDUB_CONTEST_TOLD_AGAIN;
    contest->told_at = *is_news ? now : contest->told_at;
    return false;
}
