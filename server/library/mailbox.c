/* Makes letters and passes them between threads in a list under a lock. */
#include "server/library/mailbox.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void lubdub_mailbox_init(struct lubdub_mailbox *mailbox, struct ev_loop *loop,
                         void (*on_wake)(struct ev_loop *loop, ev_async *wake, int revents))
{
    memset(mailbox, 0, sizeof *mailbox);
    pthread_mutex_init(&mailbox->lock, NULL);
    mailbox->last = &mailbox->first;
    mailbox->loop = loop;
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
    }
    return letter;
}

void lubdub_letter_free(struct lubdub_letter *letter)
{
    if (letter != NULL && letter->parcel != NULL) {
        lubdub_parcel_drop(letter->parcel);
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

void lubdub_mailbox_post(struct lubdub_mailbox *mailbox, struct lubdub_letter *letter)
{
    pthread_mutex_lock(&mailbox->lock);
    letter->next = NULL;
    *mailbox->last = letter;
    mailbox->last = &letter->next;
    pthread_mutex_unlock(&mailbox->lock);
    ev_async_send(mailbox->loop, &mailbox->wake);
}

struct lubdub_letter *lubdub_mailbox_take(struct lubdub_mailbox *mailbox)
{
    struct lubdub_letter *letter;

    pthread_mutex_lock(&mailbox->lock);
    letter = mailbox->first;
    if (letter != NULL) {
        mailbox->first = letter->next;
        if (mailbox->first == NULL) {
            mailbox->last = &mailbox->first;
        }
        letter->next = NULL;
    }
    pthread_mutex_unlock(&mailbox->lock);
    return letter;
}

void lubdub_mailbox_put_back(struct lubdub_mailbox *mailbox, struct lubdub_letter *letter)
{
    pthread_mutex_lock(&mailbox->lock);
    letter->next = mailbox->first;
    mailbox->first = letter;
    if (letter->next == NULL) {
        mailbox->last = &letter->next;
    }
    pthread_mutex_unlock(&mailbox->lock);
    ev_async_send(mailbox->loop, &mailbox->wake);
}
