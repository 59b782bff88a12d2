/*
 * Runs a program of the user for each event that the user asked for (or, in batches, for many at once). A thread of its
 * own starts the programs and limits their time, so that no loop ever waits for one.
 *
 * A run gets the event as LUBDUB_... in its environment and as a line of JSON on standard input; a batch has its lines
 * on standard input and how many they are in LUBDUB_COUNT. No shell is involved. A run that takes longer than the
 * timeout is killed with all of its process group; whatever is left in the group at its end is killed too. What a run
 * writes goes to the log, the first half kilobyte of it.
 *
 * libev's default loop reaps the children of the process; these hooks learn of their ends from there.
 */
#ifndef LUBDUB_SERVER_PROGRAM_HOOKS_H
#define LUBDUB_SERVER_PROGRAM_HOOKS_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

#include "program/events/line.h"

#define HOOKS_AT_ONCE 4 /* runs; with batches one */
#define HOOKS_TIMEOUT (10 * LUBDUB_SECOND)

#define HOOKS_PATIENCE (2 * LUBDUB_SECOND) /* for those that still run or wait when the server has stopped */

/* The events that are told where none are named. */
#define HOOKS_DEFAULT_EVENTS "connected,disconnected,health,late,recovered,gone,missing,found,outage,flapping"

struct hooks;

struct hooks_settings {
    const char *program; /* borrowed, as the next is */
    const char *events;  /* names with commas between; "all" */
    bool is_batch;
    lubdub_duration timeout;
};

enum hooks_result {
    HOOKS_OK,
    HOOKS_FAILED,    /* another exit status than 0, or a signal that was not ours */
    HOOKS_KILLED,    /* took too long */
    HOOKS_UNSTARTED, /* could not be started */
    HOOKS_DROPPED,   /* an event that had no room to wait */
    HOOKS_RESULTS,
};

/* "ok", "failed", ... */
const char *hooks_result_word(enum hooks_result result);

/* Judges a list of events: NULL, or what is allowed, as a phrase that ends a sentence. For a row of settings. */
const char *hooks_judge_events(const char *list, void *field);

/* The loop is the default loop, in the calling thread. Returns 0 or an errno; settings->program is not looked at yet.
 */
int hooks_open(struct hooks **hooks, const struct hooks_settings *settings, struct ev_loop *loop);

/* Copies the line if its event was asked for. Any thread; never waits. NULL: does nothing. */
void hooks_tell(struct hooks *hooks, const struct lubdub_event_line *line);

/* How many there were so far. Any thread. NULL: none. */
uint64_t hooks_count(const struct hooks *hooks, enum hooks_result result);

/* The loop runs no more. Runs what waits, for at most patience; then kills what runs, and frees. NULL does no harm. */
void hooks_close(struct hooks *hooks, lubdub_duration patience);

#endif
