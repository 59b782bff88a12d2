/* Opens the letters of a worker's mailbox, and does what they ask for. */
#include "server/library/letters.h"

#include "server/library/door.h"
#include "server/library/requests.h"
#include "server/library/review.h"
#include "server/library/trial.h"

/* Where the session had no room, that is counted already. */
static void deliver(struct lubdub_worker *worker, const struct lubdub_letter *letter)
{
    enum lubdub_error error =
        lubdub_worker_send(worker, letter->session, letter->parcel->content, letter->parcel->length);

    if (error != LUBDUB_ERROR_OK && error != LUBDUB_ERROR_FULL) {
        lubdub_tally_add(&worker->tally.messages_dropped, 1);
    }
}

/* Returns whether the letter is done with. */
static bool open_letter(struct lubdub_worker *worker, struct lubdub_letter *letter, struct lubdub_budget *budget)
{
    if (letter->kind != LUBDUB_LETTER_BROADCAST && letter->kind != LUBDUB_LETTER_DISCONNECT_TOKEN) {
        (void)lubdub_budget_spend(budget); /* these two pay for each session */
    }
    switch (letter->kind) {
    case LUBDUB_LETTER_DISCONNECT_TOKEN:
        return lubdub_review_disconnect(worker, letter, budget);
    case LUBDUB_LETTER_BROADCAST:
        return lubdub_worker_broadcast(worker, letter, budget);
    case LUBDUB_LETTER_SEND:
        deliver(worker, letter);
        break;
    case LUBDUB_LETTER_DISCONNECT:
        (void)lubdub_worker_disconnect(worker, letter->session, letter->reason, lubdub_cause_of_leaving(letter->reason),
                                       lubdub_letter_text(letter));
        break;
    case LUBDUB_LETTER_REPLACED:
        lubdub_door_replace(worker, letter->session);
        break;
    case LUBDUB_LETTER_RELEASED:
        lubdub_door_released(worker, letter->session);
        break;
    case LUBDUB_LETTER_CHALLENGE:
        lubdub_trials_begin(worker, letter->session, letter->other);
        break;
    case LUBDUB_LETTER_JUDGED:
        lubdub_door_judged(worker, letter->session, letter->other, letter->holder_lives);
        break;
    case LUBDUB_LETTER_REGRANT:
        (void)lubdub_worker_regrant(worker, letter->session, letter->interval, letter->expiry);
        break;
    case LUBDUB_LETTER_ANSWER:
        lubdub_door_answer(worker, letter->session, (const struct lubdub_answer *)letter->parcel->content);
        break;
    case LUBDUB_LETTER_ADOPT:
        lubdub_door_adopt(worker, letter->socket, letter->is_tls);
        letter->socket = -1;
        break;
    case LUBDUB_LETTER_END:
        break; /* never in the mailbox */
    }
    return true;
}

bool lubdub_letters_open(struct lubdub_worker *worker, struct lubdub_budget *budget)
{
    while (!lubdub_budget_is_used_up(budget) && !lubdub_worker_is_doomed(worker)) {
        struct lubdub_letter *letter = lubdub_mailbox_take(&worker->mailbox);

        if (letter == NULL) {
            return true;
        }
        if (!open_letter(worker, letter, budget)) {
            lubdub_mailbox_put_back(&worker->mailbox, letter);
            return false;
        }
        worker->own_waiting -= letter->is_own;
        lubdub_letter_free(letter);
    }
    return false;
}
