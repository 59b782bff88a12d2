/* Makes letters and passes them between threads in a list under a lock. */
#include "server/library/mailbox.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void init_letters(struct lubdub_letters *letters)
{
    letters->last = &letters->first;
}

void lubdub_mailbox_init(struct lubdub_mailbox *mailbox, struct ev_loop *loop, struct lubdub_waiting *waiting,
                         void (*on_wake)(struct ev_loop *loop, ev_async *wake, int revents))
{
    memset(mailbox, 0, sizeof *mailbox);
    pthread_mutex_init(&mailbox->lock, NULL);
    init_letters(&mailbox->control);
    init_letters(&mailbox->data);
    mailbox->patience_ends = LUBDUB_TIME_NEVER;
    mailbox->loop = loop;
    mailbox->waiting = waiting;
    ev_async_init(&mailbox->wake, on_wake);
    ev_async_start(loop, &mailbox->wake);
}

void lubdub_mailbox_clear(struct lubdub_mailbox *mailbox)
{
    struct lubdub_letter *letter;

    ev_async_stop(mailbox->loop, &mailbox->wake);
    while ((letter = lubdub_mailbox_take(mailbox)) != NULL) {
        lubdub_letter_free(letter);
    }
    pthread_mutex_destroy(&mailbox->lock);
}

struct lubdub_letter *lubdub_letter_new(enum lubdub_letter_kind kind)
{
    struct lubdub_letter *letter = calloc(1, sizeof *letter);

    if (letter != NULL) {
        letter->kind = kind;
        letter->socket = -1;
    }
    return letter;
}

void lubdub_letter_free(struct lubdub_letter *letter)
{
    if (letter != NULL && letter->parcel != NULL) {
        lubdub_parcel_drop(letter->parcel);
    }
    if (letter != NULL && letter->socket >= 0) {
        close(letter->socket);
    }
    free(letter);
}

struct lubdub_letter *lubdub_letter_to_end(enum lubdub_letter_kind kind, uint64_t session, enum lubdub_reason reason,
                                           const char *text)
{
    struct lubdub_letter *letter = lubdub_letter_new(kind);

    if (letter == NULL || (text != NULL && (letter->parcel = lubdub_parcel_new(text, strlen(text) + 1)) == NULL)) {
        lubdub_letter_free(letter);
        return NULL;
    }
    letter->session = session;
    letter->reason = reason;
    return letter;
}

const char *lubdub_letter_text(const struct lubdub_letter *letter)
{
    return letter->parcel != NULL ? (const char *)letter->parcel->content : NULL;
}

struct lubdub_parcel *lubdub_parcel_new(const void *content, size_t length)
{
    struct lubdub_parcel *parcel = malloc(sizeof *parcel + length);

    if (parcel == NULL) {
        return NULL;
    }
    atomic_init(&parcel->references, 1);
    parcel->length = length;
    if (length > 0) {
        memcpy(parcel->content, content, length);
    }
    return parcel;
}

void lubdub_parcel_drop(struct lubdub_parcel *parcel)
{
    if (atomic_fetch_sub(&parcel->references, 1) == 1) {
        free(parcel);
    }
}

void lubdub_mailbox_wake(struct lubdub_mailbox *mailbox)
{
    ev_async_send(mailbox->loop, &mailbox->wake);
    lubdub_waiting_ring(mailbox->waiting);
}

/* ---- orders ---- */

void lubdub_mailbox_order(struct lubdub_mailbox *mailbox, enum lubdub_order order)
{
    pthread_mutex_lock(&mailbox->lock);
    mailbox->orders |= (unsigned)order;
    pthread_mutex_unlock(&mailbox->lock);
    lubdub_mailbox_wake(mailbox);
}

void lubdub_mailbox_order_drain(struct lubdub_mailbox *mailbox, lubdub_time patience_ends)
{
    pthread_mutex_lock(&mailbox->lock);
    mailbox->patience_ends = lubdub_time_earlier(mailbox->patience_ends, patience_ends);
    pthread_mutex_unlock(&mailbox->lock);
    lubdub_mailbox_order(mailbox, LUBDUB_ORDER_DRAIN);
}

unsigned lubdub_mailbox_take_orders(struct lubdub_mailbox *mailbox, lubdub_time *patience_ends)
{
    unsigned orders;

    pthread_mutex_lock(&mailbox->lock);
    orders = mailbox->orders;
    *patience_ends = mailbox->patience_ends;
    mailbox->orders = 0;
    pthread_mutex_unlock(&mailbox->lock);
    return orders;
}

/* ---- letters ---- */

static struct lubdub_letters *queue_of(struct lubdub_mailbox *mailbox, const struct lubdub_letter *letter)
{
    bool is_data = letter->kind == LUBDUB_LETTER_SEND || letter->kind == LUBDUB_LETTER_BROADCAST;

    return is_data ? &mailbox->data : &mailbox->control;
}

static size_t size_of(const struct lubdub_letter *letter)
{
    return sizeof *letter + (letter->parcel != NULL ? sizeof *letter->parcel + letter->parcel->length : 0);
}

bool lubdub_mailbox_reserve(struct lubdub_mailbox *mailbox, const struct lubdub_letter *letter, bool wants_room)
{
    struct lubdub_letters *letters = queue_of(mailbox, letter);
    size_t size = size_of(letter);
    bool has_room;

    pthread_mutex_lock(&mailbox->lock);
    has_room = letters->bytes + size <= LUBDUB_MAILBOX_LIMIT;
    if (has_room) {
        letters->bytes += size;
    } else if (letters == &mailbox->data) {
        mailbox->owes_room = mailbox->owes_room || wants_room;
    }
    pthread_mutex_unlock(&mailbox->lock);
    return has_room;
}

void lubdub_mailbox_give_back(struct lubdub_mailbox *mailbox, const struct lubdub_letter *letter)
{
    pthread_mutex_lock(&mailbox->lock);
    queue_of(mailbox, letter)->bytes -= size_of(letter);
    pthread_mutex_unlock(&mailbox->lock);
}

void lubdub_mailbox_post_reserved(struct lubdub_mailbox *mailbox, struct lubdub_letter *letter)
{
    struct lubdub_letters *letters = queue_of(mailbox, letter);

    pthread_mutex_lock(&mailbox->lock);
    letter->next = NULL;
    *letters->last = letter;
    letters->last = &letter->next;
    pthread_mutex_unlock(&mailbox->lock);
    lubdub_mailbox_wake(mailbox);
}

bool lubdub_mailbox_post(struct lubdub_mailbox *mailbox, struct lubdub_letter *letter, bool wants_room)
{
    if (!lubdub_mailbox_reserve(mailbox, letter, wants_room)) {
        return false;
    }
    lubdub_mailbox_post_reserved(mailbox, letter);
    return true;
}

bool lubdub_mailbox_try(struct lubdub_mailbox *mailbox, struct lubdub_letter *letter)
{
    bool is_posted = letter != NULL && lubdub_mailbox_post(mailbox, letter, false);

    if (!is_posted) {
        lubdub_letter_free(letter);
    }
    return is_posted;
}

/* Under the lock. NULL: there is none. */
static struct lubdub_letter *take_first(struct lubdub_letters *letters)
{
    struct lubdub_letter *letter = letters->first;

    if (letter != NULL) {
        letters->first = letter->next;
        letters->last = letters->first != NULL ? letters->last : &letters->first;
        letters->bytes -= size_of(letter);
        letter->next = NULL;
    }
    return letter;
}

struct lubdub_letter *lubdub_mailbox_take(struct lubdub_mailbox *mailbox)
{
    struct lubdub_letter *letter;

    pthread_mutex_lock(&mailbox->lock);
    letter = take_first(&mailbox->control);
    if (letter == NULL) {
        letter = take_first(&mailbox->data);
    }
    pthread_mutex_unlock(&mailbox->lock);
    return letter;
}

void lubdub_mailbox_put_back(struct lubdub_mailbox *mailbox, struct lubdub_letter *letter)
{
    struct lubdub_letters *letters = queue_of(mailbox, letter);

    pthread_mutex_lock(&mailbox->lock);
    if (letters == &mailbox->data) {
        letter->next = letters->first;
        letters->first = letter;
        letters->last = letter->next == NULL ? &letter->next : letters->last;
    } else {
        letter->next = NULL;
        *letters->last = letter;
        letters->last = &letter->next;
    }
    letters->bytes += size_of(letter);
    pthread_mutex_unlock(&mailbox->lock);
}

bool lubdub_mailbox_has_room_again(struct lubdub_mailbox *mailbox)
{
    bool has_room_again;

    pthread_mutex_lock(&mailbox->lock);
    has_room_again = mailbox->owes_room && mailbox->data.bytes <= LUBDUB_MAILBOX_LIMIT / 2;
    mailbox->owes_room = mailbox->owes_room && !has_room_again;
    pthread_mutex_unlock(&mailbox->lock);
    return has_room_again;
}
