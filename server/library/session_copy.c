/* Copies a session in two steps: a glimpse while it cannot go away, then the copy that is allocated. */
#include "server/library/session_copy.h"

#include <stdlib.h>
#include <string.h>

#include "core/shared_field.h"
#include "server/library/marks.h"

bool lubdub_glimpse_take(const struct lubdub_pool *pool, uint32_t index, struct lubdub_glimpse *glimpse)
{
    const struct lubdub_record *record = &pool->records[index];
    const struct lubdub_saying *saying;
    const struct lubdub_peer *peer;

    glimpse->marks = lubdub_pool_marks(pool, record);
    if ((glimpse->marks & LUBDUB_MARK_LISTED) == 0) {
        return false;
    }
    peer = LUBDUB_FIELD_READ(record->peer);
    if (peer == NULL) {
        return false; /* given back since */
    }
    glimpse->session = lubdub_pool_number(pool, record);
    glimpse->heard_at = LUBDUB_FIELD_READ(record->link.session.heard_at);
    glimpse->probes = LUBDUB_FIELD_READ(record->link.session.probes_received);
    glimpse->interval_ms = LUBDUB_FIELD_READ(record->link.session.interval_ms);
    glimpse->expiry_ms = LUBDUB_FIELD_READ(record->link.session.expiry_ms);
    glimpse->messages = atomic_load_explicit(&pool->messages[index], memory_order_relaxed);
    glimpse->connected_at = record->connected_at;
    glimpse->port = record->remote_port;
    lubdub_peer_copy(peer, &glimpse->peer);
    saying = atomic_load_explicit(&pool->sayings[index], memory_order_acquire);
    glimpse->saying_length = saying != NULL ? saying->length : 0;
    if (saying != NULL) {
        memcpy(glimpse->saying, saying->content, saying->length);
    }
    return true;
}

/* The block behind the struct: labels, then bytes. */
struct block {
    struct lubdub_server_session session;
    struct lubdub_label labels[LUBDUB_LABEL_COUNT_LIMIT];
};

static struct lubdub_slice copy(uint8_t **end, const void *bytes, size_t length)
{
    struct lubdub_slice copied = {(const char *)*end, length};

    if (length > 0) {
        memcpy(*end, bytes, length);
        *end += length;
    }
    return copied;
}

static size_t length_of(const struct lubdub_label *labels, size_t count)
{
    size_t length = 0;
    size_t i;

    for (i = 0; i < count; i++) {
        length += labels[i].key.length + labels[i].value.length;
    }
    return length;
}

static struct lubdub_server_session *new_copy(struct lubdub_slice identity, const struct lubdub_label *labels,
                                              size_t label_count, const char *remote, const void *content,
                                              size_t content_length, struct lubdub_slice certificate)
{
    size_t remote_length = strlen(remote) + 1;
    size_t head = label_count > 0 ? sizeof(struct block) : offsetof(struct block, labels);
    struct block *block = malloc(head + identity.length + remote_length + content_length + certificate.length +
                                 length_of(labels, label_count));
    struct lubdub_server_session *session;
    uint8_t *end;
    size_t i;

    if (block == NULL) {
        return NULL;
    }
    session = &block->session;
    memset(session, 0, sizeof *session);
    end = (uint8_t *)block + head;
    session->remote = copy(&end, remote, remote_length).data;
    session->identity = copy(&end, identity.data, identity.length);
    session->content = (const uint8_t *)copy(&end, content, content_length).data;
    session->length = content_length;
    session->certificate = copy(&end, certificate.data, certificate.length);
    session->labels = label_count > 0 ? block->labels : NULL;
    session->label_count = label_count;
    for (i = 0; i < label_count; i++) {
        block->labels[i].key = copy(&end, labels[i].key.data, labels[i].key.length);
        block->labels[i].value = copy(&end, labels[i].value.data, labels[i].value.length);
    }
    return session;
}

struct lubdub_server_session *lubdub_session_copy(const struct lubdub_glimpse *glimpse, lubdub_time now)
{
    const struct lubdub_peer *peer = &glimpse->peer;
    struct lubdub_label labels[LUBDUB_LABEL_COUNT_LIMIT];
    size_t label_count = lubdub_peer_labels(peer, labels);
    char remote[LUBDUB_ADDRESS_TEXT_SIZE];
    struct lubdub_server_session *session;
    struct lubdub_address address;

    lubdub_peer_address(peer, &address);
    address.port = glimpse->port;
    session = new_copy(lubdub_peer_identity(peer), labels, label_count, lubdub_address_format(&address, remote),
                       glimpse->saying, glimpse->saying_length, lubdub_peer_certificate(peer));
    if (session == NULL) {
        return NULL;
    }
    session->now = now;
    session->session = glimpse->session;
    session->state = (glimpse->marks & LUBDUB_MARK_LATE) != 0 ? LUBDUB_SERVER_IS_LATE : LUBDUB_SERVER_IS_UP;
    session->since = glimpse->connected_at * LUBDUB_MILLISECOND;
    session->last_end = (enum lubdub_cause)peer->last_end;
    session->is_resumed = peer->is_resumed;
    session->is_proxied = peer->is_proxied;
    session->is_tls = peer->is_tls;
    session->incarnation = lubdub_peer_incarnation(peer);
    session->health = lubdub_health_of_marks(glimpse->marks);
    session->interval = glimpse->interval_ms * LUBDUB_MILLISECOND;
    session->expiry = glimpse->expiry_ms * LUBDUB_MILLISECOND;
    session->silent_for = lubdub_time_between(glimpse->heard_at, now);
    session->round_trip = lubdub_peer_round_trip(peer);
    session->probes = glimpse->probes;
    session->messages = glimpse->messages;
    session->proof = lubdub_peer_proof(peer);
    session->near_misses = peer->near_misses;
    return session;
}

struct lubdub_server_session *lubdub_session_copy_departed(const struct lubdub_departed_view *view, lubdub_time now,
                                                           lubdub_time grace_now)
{
    struct lubdub_slice identity = {view->identity, view->length};
    struct lubdub_server_session *session = new_copy(identity, NULL, 0, "", NULL, 0, (struct lubdub_slice){0});

    if (session == NULL) {
        return NULL;
    }
    session->now = now;
    session->state = view->grace_until != 0 ? LUBDUB_SERVER_IS_AWAY : LUBDUB_SERVER_IS_GONE;
    session->since = view->left_at;
    session->last_end = view->end;
    session->grace_left = view->grace_until != 0 ? lubdub_time_between(grace_now, view->grace_until) : 0;
    return session;
}

void lubdub_server_session_free(struct lubdub_server_session *session)
{
    while (session != NULL) {
        struct lubdub_server_session *next = session->next;

        free(session);
        session = next;
    }
}
