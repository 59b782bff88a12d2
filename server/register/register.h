/*
 * Remembers identities beyond their sessions: which are expected and are not there, how sessions ended, which come
 * and go all the time, and when many end at once. It is fed with the server's events and tells more: `missing`,
 * `found`, `outage`, `flapping`, and `gone` of identities that an earlier server knew.
 *
 * Loops only note what happened, under a lock that is never held for long. A thread of the register's own minds
 * deadlines and writes the state file, so that no loop waits for a disk. Memory is bounded (store.h).
 */
#ifndef LUBDUB_SERVER_REGISTER_REGISTER_H
#define LUBDUB_SERVER_REGISTER_REGISTER_H

#include <stdbool.h>

#include <lubdub/server.h>

#include "server/register/elsewhere.h"
#include "server/register/expect_file.h"
#include "server/register/history.h"
#include "server/register/teller.h"

struct lubdub_register; /* "register" alone is a word of the language */

struct register_settings {
    const char *state_path; /* NULL: nothing survives. Borrowed, as is the next */
    const char *node;       /* for its events; NULL: none */
    lubdub_duration grace;  /* the server's; 0: none */
    bool has_expected;      /* somebody may be expected, now or after register_expect */
    bool is_read;           /* somebody may ask for identities that are gone: the server has HTTP */
    register_tell tell;
    void *user_data;
    struct register_elsewhere elsewhere; /* zeroed: this server is alone */
};

/*
 * Reads the state file. Returns 0, or an errno: of the file, where it cannot be read and it is not for its content (a
 * damaged one is set aside, and the log says so), EINVAL where it is not a regular one; else of the system.
 */
int register_open(struct lubdub_register **opened, const struct register_settings *settings);

/* Takes the file over, emptying *expect, as the list from now on. Any thread, but one at a time. */
void register_expect(struct lubdub_register *reg, struct expect_file *expect);

/* The same for the server's grace time. */
void register_set_grace(struct lubdub_register *reg, lubdub_duration grace);

/*
 * Deadlines begin to count, and the thread to run. Returns 0 or an errno. The server is asked for its counts each
 * second, until _stop.
 */
int register_start(struct lubdub_register *reg, struct lubdub_server *server);

/* Any thread, in the order of the events of each session. Never waits for long. */
void register_note(struct lubdub_register *reg, const struct lubdub_server_event *event);

/* A mark in the history: a reload, a stall of our own. Any thread. */
void register_mark(struct lubdub_register *reg, enum history_kind kind, uint64_t count);

/* Ends the thread; events are noted all the same. NULL does no harm. */
void register_stop(struct lubdub_register *reg);

/* Writes the state a last time, and frees. No event is noted any more. NULL does no harm. */
void register_close(struct lubdub_register *reg);

#endif
