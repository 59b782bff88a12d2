/* Opens the letters that other threads, and the worker's own, have put into a worker's mailbox. */
#ifndef LUBDUB_SERVER_LIBRARY_LETTERS_H
#define LUBDUB_SERVER_LIBRARY_LETTERS_H

#include "server/library/state.h"

/* As far as the budget goes. Returns whether that was all. */
bool lubdub_letters_open(struct lubdub_worker *worker, struct lubdub_budget *budget);

#endif
