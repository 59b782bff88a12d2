/* Compares the proofs of sessions with the tokens in force, a part of the sessions in each turn of the loop. */
#include "server/library/review.h"

#include "server/library/peer.h"
#include "server/library/record.h"
#include "server/library/requests.h"

static const char text[] = "the token that let in this session is not good any more";

void lubdub_review_begin(struct lubdub_worker *worker)
{
    worker->is_reviewing = lubdub_tokens_are_asked_for(&worker->rules->tokens);
    worker->reviewed = 0;
}

/* A session that came when no token was asked for stays: new settings are for clients that come from now on. */
static bool is_revoked(const struct lubdub_worker *worker, const struct lubdub_peer *peer)
{
    uint64_t proof = lubdub_peer_proof(peer);

    return proof != 0 && !peer->is_certified && !lubdub_tokens_admit(&worker->rules->tokens, proof, lubdub_peer_identity(peer));
}

static void end(struct lubdub_worker *worker, struct lubdub_record *record, enum lubdub_reason reason,
                enum lubdub_cause cause, const char *why)
{
    if (record->peer->is_session) {
        lubdub_record_dismiss(worker, record, reason, cause, why, false, 0);
    } else if (lubdub_session_state(&record->link.session) == LUBDUB_SESSION_ASKED) {
        lubdub_record_refuse(worker, record, reason, cause, why);
    }
}

bool lubdub_review_go_on(struct lubdub_worker *worker, struct lubdub_budget *budget)
{
    if (!worker->is_reviewing) {
        return true;
    }
    for (; worker->reviewed < worker->pool.used && lubdub_budget_spend(budget); worker->reviewed++) {
        struct lubdub_record *record = &worker->pool.records[worker->reviewed];

        if (record->peer != NULL && is_revoked(worker, record->peer)) {
            end(worker, record, LUBDUB_REASON_UNAUTHORIZED, LUBDUB_CAUSE_REJECTED, text);
        }
    }
    worker->is_reviewing = worker->reviewed < worker->pool.used;
    return !worker->is_reviewing;
}

bool lubdub_review_disconnect(struct lubdub_worker *worker, struct lubdub_letter *letter, struct lubdub_budget *budget)
{
    for (; letter->progress < worker->pool.used && lubdub_budget_spend(budget); letter->progress++) {
        struct lubdub_record *record = &worker->pool.records[letter->progress];

        if (record->peer != NULL && lubdub_peer_proof(record->peer) == letter->other) {
            end(worker, record, letter->reason, lubdub_cause_of_leaving(letter->reason), lubdub_letter_text(letter));
        }
    }
    return letter->progress >= worker->pool.used;
}
