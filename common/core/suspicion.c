/* Counting, with a wide gap between beginning and end. */
#include "core/suspicion.h"

void lubdub_suspicion_count(struct lubdub_suspicion *suspicion, int sessions, int late)
{
    suspicion->session_count += (unsigned)sessions;
    suspicion->late_count += (unsigned)late;
    if (suspicion->is_there) {
        suspicion->is_there = suspicion->late_count > suspicion->session_count / 4;
    } else if (suspicion->late_count >= LUBDUB_SUSPICION_CROWD &&
               suspicion->late_count > suspicion->session_count / 2) {
        suspicion->is_there = true;
        suspicion->times++;
    }
}
