/* Writes one letter for each worker, and posts all of them or none. */
#include "server/library/everywhere.h"

#include "server/library/own_thread.h"

/* Letters are chained by their next. */
static enum lubdub_error reserve(struct lubdub_server *server, struct lubdub_letter *letters, bool wants_room)
{
    struct lubdub_letter *letter = letters;
    uint32_t reserved;

    for (reserved = 0; reserved < server->worker_count; reserved++, letter = letter->next) {
        if (!lubdub_mailbox_reserve(&server->workers[reserved].mailbox, letter, wants_room)) {
            while (reserved-- > 0) {
                lubdub_mailbox_give_back(&server->workers[reserved].mailbox, letters); /* they are alike */
            }
            return LUBDUB_ERROR_FULL;
        }
    }
    return LUBDUB_ERROR_OK;
}

static void free_chain(struct lubdub_letter *letters)
{
    struct lubdub_letter *next;

    for (; letters != NULL; letters = next) {
        next = letters->next;
        lubdub_letter_free(letters);
    }
}

struct lubdub_letter *lubdub_everywhere_write(const struct lubdub_server *server, enum lubdub_letter_kind kind,
                                              const void *content, size_t length)
{
    struct lubdub_parcel *parcel = lubdub_parcel_new(content, length);
    struct lubdub_letter *letters = NULL;
    uint32_t i;

    for (i = 0; parcel != NULL && i < server->worker_count; i++) {
        struct lubdub_letter *letter = lubdub_letter_new(kind);

        if (letter == NULL) {
            free_chain(letters);
            letters = NULL;
            break;
        }
        atomic_fetch_add(&parcel->references, 1);
        letter->parcel = parcel;
        letter->next = letters;
        letters = letter;
    }
    if (parcel != NULL) {
        lubdub_parcel_drop(parcel);
    }
    return letters;
}

enum lubdub_error lubdub_everywhere_post(struct lubdub_server *server, struct lubdub_letter *letters, bool wants_room)
{
    const struct lubdub_worker *own = lubdub_own_thread_worker(server);
    struct lubdub_letter *letter = letters;
    uint32_t i;

    if (reserve(server, letters, wants_room) != LUBDUB_ERROR_OK) {
        free_chain(letters);
        return LUBDUB_ERROR_FULL;
    }
    for (i = 0; i < server->worker_count; i++) {
        struct lubdub_worker *worker = &server->workers[i];
        struct lubdub_letter *next = letter->next;

        if (worker == own && letter->kind == LUBDUB_LETTER_BROADCAST) {
            letter->is_own = true;
            worker->own_waiting++;
        }
        lubdub_mailbox_post_reserved(&worker->mailbox, letter);
        letter = next;
    }
    return LUBDUB_ERROR_OK;
}
