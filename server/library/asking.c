/* Calls the application about clients that want in, and notes or hands over what it answers. */
#include "server/library/asking.h"

#include <string.h>

#include "core/utf8.h"
#include "server/library/own_thread.h"
#include "server/library/peer.h"

bool lubdub_asking_ask(struct lubdub_worker *worker, struct lubdub_record *record, const struct lubdub_event *hello,
                       struct lubdub_answer *answer)
{
    struct lubdub_server *server = worker->server;
    struct lubdub_label labels[LUBDUB_LABEL_COUNT_LIMIT];
    char remote[LUBDUB_ADDRESS_TEXT_SIZE];
    struct lubdub_address address;
    struct lubdub_server_request request = {
        .request = lubdub_pool_number(&worker->pool, record),
        .is_anonymous = hello->is_anonymous,
        .identity = lubdub_peer_identity(record->peer),
        .labels = labels,
        .label_count = lubdub_peer_labels(record->peer, labels),
        .token = hello->options.token,
        .agent = hello->options.agent,
        .incarnation = hello->incarnation,
        .interval = hello->options.interval_ms * LUBDUB_MILLISECOND,
        .expiry = hello->options.expiry_ms * LUBDUB_MILLISECOND,
        .remote = remote,
        .is_tls = lubdub_link_is_tls(&record->link),
    };
    const struct lubdub_transport *transport = lubdub_link_transport(&record->link);

    if (transport != NULL && transport->is_proven) {
        request.certificate_names = (struct lubdub_slice){transport->names, transport->names_length};
    }
    lubdub_peer_address(record->peer, &address);
    address.port = (uint16_t)record->remote_port;
    lubdub_address_format(&address, remote);
    *answer = (struct lubdub_answer){.request = request.request};
    record->peer->is_undecided = true;
    worker->answer = answer;
    lubdub_worker_settings(worker)->on_request(server, &request, server->user_data);
    worker->answer = NULL;
    return answer->is_given;
}

/* ---- from any thread ---- */

/* A reader looks at no connection that is not a session: only the own thread knows whether it is still there. */
static bool is_undecided(struct lubdub_worker *worker, uint64_t request)
{
    const struct lubdub_record *record = lubdub_pool_find(&worker->pool, request);

    return record != NULL && record->peer->is_undecided &&
           lubdub_session_state(&record->link.session) == LUBDUB_SESSION_ASKED;
}

/* At once inside the callback about this request; else by letter, so that no call calls back. */
static enum lubdub_error give(struct lubdub_server *server, const struct lubdub_answer *answer)
{
    struct lubdub_worker *worker;
    struct lubdub_letter *letter;

    if (server == NULL) {
        return LUBDUB_ERROR_INVALID;
    }
    if (answer->request == 0) {
        return LUBDUB_ERROR_NOT_FOUND;
    }
    worker = lubdub_server_worker(server, answer->request);
    if (worker == lubdub_own_thread_worker(server)) {
        if (!is_undecided(worker, answer->request)) {
            return LUBDUB_ERROR_NOT_FOUND;
        }
        if (worker->answer != NULL && worker->answer->request == answer->request) {
            if (worker->answer->is_given) {
                return LUBDUB_ERROR_NOT_FOUND; /* it was answered already */
            }
            *worker->answer = *answer;
            return LUBDUB_ERROR_OK;
        }
    }
    letter = lubdub_letter_new(LUBDUB_LETTER_ANSWER);
    if (letter == NULL || (letter->parcel = lubdub_parcel_new(answer, sizeof *answer)) == NULL) {
        lubdub_letter_free(letter);
        return LUBDUB_ERROR_NO_MEMORY;
    }
    letter->session = answer->request;
    if (!lubdub_mailbox_post(&worker->mailbox, letter, false)) {
        lubdub_letter_free(letter);
        return LUBDUB_ERROR_FULL;
    }
    return LUBDUB_ERROR_OK;
}

enum lubdub_error lubdub_server_accept(struct lubdub_server *server, uint64_t request, lubdub_duration interval,
                                       lubdub_duration expiry)
{
    const struct lubdub_answer answer = {
        .request = request, .is_given = true, .accepts = true, .interval = interval, .expiry = expiry};

    return give(server, &answer);
}

enum lubdub_error lubdub_server_refuse(struct lubdub_server *server, uint64_t request, enum lubdub_reason reason,
                                       const char *text)
{
    struct lubdub_answer answer = {.request = request, .is_given = true, .reason = reason};

    if (text != NULL) {
        memcpy(answer.text, text, lubdub_utf8_cut(text, LUBDUB_TEXT_LIMIT));
    }
    return give(server, &answer);
}
