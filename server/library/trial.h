/*
 * Asks a holder of an identity whether it lives, because a newcomer with a lower incarnation wants the identity.
 * The newcomer waits. It is refused when the holder is heard, and gets the identity when the holder's late margin has
 * passed.
 *
 * A trial belongs to the holder's worker; a timer of that looks at it, soon and then less often. A bounded number runs
 * at a time; of a holder beyond it the silence so far decides at once.
 */
#ifndef LUBDUB_SERVER_LIBRARY_TRIAL_H
#define LUBDUB_SERVER_LIBRARY_TRIAL_H

#include "server/library/state.h"

void lubdub_trials_init(struct lubdub_worker *worker);
void lubdub_trials_clear(struct lubdub_worker *worker);

/*
 * Asks the session `holder` of this worker for the connection `newcomer` of any worker. The verdict comes by
 * a letter to the newcomer's worker (LUBDUB_LETTER_JUDGED). Without memory, or room for the letter, none comes.
 */
void lubdub_trials_begin(struct lubdub_worker *worker, uint64_t holder, uint64_t newcomer);

#endif
