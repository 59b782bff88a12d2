/* Ends sessions that were let in by a token that is not good any more, after the tokens were read again. */
#ifndef LUBDUB_SERVER_LIBRARY_REVIEW_H
#define LUBDUB_SERVER_LIBRARY_REVIEW_H

#include "server/library/state.h"

/* The worker has taken rules with other tokens: all its sessions are looked at, from now on. */
void lubdub_review_begin(struct lubdub_worker *worker);

/*
 * Goes on as far as the budget goes. A session whose token is gone, or does not let in its identity any more, gets
 * BYE 6. A connection that waits for its identity is judged like a session. Returns whether all were looked at.
 */
bool lubdub_review_go_on(struct lubdub_worker *worker, struct lubdub_budget *budget);

/*
 * Does the same to all that the token with the letter's proof let in, with the letter's reason and text. Returns
 * whether all were looked at; the letter remembers how far it has come.
 */
bool lubdub_review_disconnect(struct lubdub_worker *worker, struct lubdub_letter *letter, struct lubdub_budget *budget);

#endif
