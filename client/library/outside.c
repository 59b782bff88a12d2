/* Keeps requests of other threads under a lock, and wakes the loop. */
#include "client/library/outside.h"

#include <stdlib.h>
#include <string.h>

void lubdub_outside_init(struct lubdub_outside *outside, struct ev_loop *loop,
                         void (*on_wake)(struct ev_loop *loop, ev_async *wake, int revents))
{
    memset(outside, 0, sizeof *outside);
    pthread_mutex_init(&outside->lock, NULL);
    outside->last = &outside->first;
    outside->loop = loop;
    ev_async_init(&outside->wake, on_wake);
    ev_async_start(loop, &outside->wake);
    ev_unref(loop);
}

void lubdub_outside_clear(struct lubdub_outside *outside)
{
    struct lubdub_outside_message *message;

    ev_ref(outside->loop);
    ev_async_stop(outside->loop, &outside->wake);
    while ((message = lubdub_outside_take(outside)) != NULL) {
        free(message);
    }
    pthread_mutex_destroy(&outside->lock);
}

static void wake(struct lubdub_outside *outside)
{
    ev_async_send(outside->loop, &outside->wake);
}

enum lubdub_error lubdub_outside_send(struct lubdub_outside *outside, uint64_t session, const void *content,
                                      size_t length)
{
    struct lubdub_outside_message *message = malloc(sizeof *message + length);
    size_t size = sizeof *message + length;
    bool has_room;

    if (message == NULL) {
        return LUBDUB_ERROR_NO_MEMORY;
    }
    message->next = NULL;
    message->session = session;
    message->length = length;
    if (length > 0) {
        memcpy(message->content, content, length);
    }
    pthread_mutex_lock(&outside->lock);
    has_room = outside->bytes + size <= LUBDUB_OUTSIDE_LIMIT;
    if (has_room) {
        *outside->last = message;
        outside->last = &message->next;
        outside->bytes += size;
    } else {
        outside->owes_room = true;
    }
    pthread_mutex_unlock(&outside->lock);
    if (!has_room) {
        free(message);
        return LUBDUB_ERROR_FULL;
    }
    wake(outside);
    return LUBDUB_ERROR_OK;
}

void lubdub_outside_set_health(struct lubdub_outside *outside, enum lubdub_health health)
{
    pthread_mutex_lock(&outside->lock);
    outside->has_health = true;
    outside->health = health;
    pthread_mutex_unlock(&outside->lock);
    wake(outside);
}

void lubdub_outside_stop(struct lubdub_outside *outside, enum lubdub_reason reason)
{
    pthread_mutex_lock(&outside->lock);
    outside->has_stop = true;
    outside->reason = reason;
    pthread_mutex_unlock(&outside->lock);
    wake(outside);
}

bool lubdub_outside_take_health(struct lubdub_outside *outside, enum lubdub_health *health)
{
    bool has_health;

    pthread_mutex_lock(&outside->lock);
    has_health = outside->has_health;
    *health = outside->health;
    outside->has_health = false;
    pthread_mutex_unlock(&outside->lock);
    return has_health;
}

bool lubdub_outside_take_stop(struct lubdub_outside *outside, enum lubdub_reason *reason)
{
    bool has_stop;

    pthread_mutex_lock(&outside->lock);
    has_stop = outside->has_stop;
    *reason = outside->reason;
    outside->has_stop = false;
    pthread_mutex_unlock(&outside->lock);
    return has_stop;
}

struct lubdub_outside_message *lubdub_outside_take(struct lubdub_outside *outside)
{
    struct lubdub_outside_message *message;

    pthread_mutex_lock(&outside->lock);
    message = outside->first;
    if (message != NULL) {
        outside->first = message->next;
        outside->last = outside->first != NULL ? outside->last : &outside->first;
        outside->bytes -= sizeof *message + message->length;
    }
    pthread_mutex_unlock(&outside->lock);
    return message;
}

void lubdub_outside_put_back(struct lubdub_outside *outside, struct lubdub_outside_message *message)
{
    pthread_mutex_lock(&outside->lock);
    message->next = outside->first;
    outside->first = message;
    outside->last = message->next == NULL ? &message->next : outside->last;
    outside->bytes += sizeof *message + message->length;
    pthread_mutex_unlock(&outside->lock);
}

uint64_t lubdub_outside_drop(struct lubdub_outside *outside)
{
    struct lubdub_outside_message *message;
    uint64_t count = 0;
    bool owes_room;

    while ((message = lubdub_outside_take(outside)) != NULL) {
        free(message);
        count++;
    }
    pthread_mutex_lock(&outside->lock);
    owes_room = outside->owes_room;
    pthread_mutex_unlock(&outside->lock);
    if (owes_room) {
        wake(outside);
    }
    return count;
}

bool lubdub_outside_has_room_again(struct lubdub_outside *outside)
{
    bool has_room_again;

    pthread_mutex_lock(&outside->lock);
    has_room_again = outside->owes_room && outside->bytes <= LUBDUB_OUTSIDE_LIMIT / 2;
    outside->owes_room = outside->owes_room && !has_room_again;
    pthread_mutex_unlock(&outside->lock);
    return has_room_again;
}
