/*
 * Takes what other threads ask of a client, to the thread of its loop: health and the stop as marks, which need no
 * memory and cannot be refused; messages in a queue that is bounded in bytes. A message that the session has no room
 * for waits there until it has.
 */
#ifndef LUBDUB_CLIENT_LIBRARY_OUTSIDE_H
#define LUBDUB_CLIENT_LIBRARY_OUTSIDE_H

#include <ev.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/cause.h>
#include <lubdub/error.h>
#include <lubdub/session.h>

/* Messages that wait, with what each costs beside its content. */
#define LUBDUB_OUTSIDE_LIMIT ((size_t)256 * 1024)

struct lubdub_outside_message {
    struct lubdub_outside_message *next;
    uint64_t session; /* for which it was handed over */
    size_t length;
    uint8_t content[];
};

struct lubdub_outside {
    pthread_mutex_t lock; /* of all but loop and wake */
    struct lubdub_outside_message *first;
    struct lubdub_outside_message **last;
    size_t bytes;
    bool owes_room; /* a caller was told FULL */
    bool has_health;
    enum lubdub_health health;
    bool has_stop;
    enum lubdub_reason reason;
    struct ev_loop *loop;
    ev_async wake;
};

/* on_wake comes in the loop's thread. The watcher does not keep the loop running. */
void lubdub_outside_init(struct lubdub_outside *outside, struct ev_loop *loop,
                         void (*on_wake)(struct ev_loop *loop, ev_async *wake, int revents));
void lubdub_outside_clear(struct lubdub_outside *outside);

/* ---- for any thread ---- */

/* Copies content. FULL, NO_MEMORY. */
enum lubdub_error lubdub_outside_send(struct lubdub_outside *outside, uint64_t session, const void *content,
                                      size_t length);
void lubdub_outside_set_health(struct lubdub_outside *outside, enum lubdub_health health);
void lubdub_outside_stop(struct lubdub_outside *outside, enum lubdub_reason reason);

/* ---- for the loop's thread ---- */

/* Once for each time. */
bool lubdub_outside_take_health(struct lubdub_outside *outside, enum lubdub_health *health);
bool lubdub_outside_take_stop(struct lubdub_outside *outside, enum lubdub_reason *reason);

/* The oldest message, which is the caller's now, to free or to put back; NULL: none. */
struct lubdub_outside_message *lubdub_outside_take(struct lubdub_outside *outside);
void lubdub_outside_put_back(struct lubdub_outside *outside, struct lubdub_outside_message *message);

/*
 * A session has ended: throws away what waits, which is for it or for one before it. Returns how many messages that
 * were. Where callers were told FULL, on_wake comes: nothing else would say that there is room.
 */
uint64_t lubdub_outside_drop(struct lubdub_outside *outside);

/* Once for each time that callers were told FULL: half of the room is free. */
bool lubdub_outside_has_room_again(struct lubdub_outside *outside);

#endif
