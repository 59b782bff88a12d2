/* Moves bytes between OpenSSL and a session: the transport of a connection. */
#include "tls/stream.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "ev/container_of.h"
#include "tls/sentence.h"
#include "tls/stream_handshake.h"
#include "tls/stream_socket.h"

static struct lubdub_tls_stream *stream_of(struct lubdub_transport *transport)
{
    return container_of(transport, struct lubdub_tls_stream, base);
}

/* An end of file without a goodbye may be anybody's who can write to the network; a process that is killed leaves one,
 * too. */
static void explain_end(struct lubdub_tls_stream *stream)
{
    if (stream->end == LUBDUB_CAUSE_CLOSED && !stream->has_goodbye) {
        stream->base.problem = "the connection was cut off: it ended without the goodbye of TLS (close_notify)";
    }
}

/* Decrypts into input what there is room for. */
static struct lubdub_transfer decrypt(struct lubdub_tls_stream *stream, uint8_t *input, size_t capacity)
{
    struct lubdub_transfer came = {0};
    bool is_full = true;

    lubdub_tls_forget_errors();
    while (came.length < capacity) {
        int length = SSL_read(stream->ssl, input + came.length, (int)(capacity - came.length));
        int error;

        if (length > 0) {
            came.length += (size_t)length;
            if (!lubdub_tls_stream_has_input_left(stream) && SSL_has_pending(stream->ssl) == 0) {
                is_full = false; /* asking OpenSSL once more would cost it a buffer for nothing */
                break;
            }
            continue;
        }
        error = SSL_get_error(stream->ssl, length);
        is_full = false;
        if (error == SSL_ERROR_ZERO_RETURN) {
            stream->has_goodbye = true;
            came.end = LUBDUB_CAUSE_CLOSED;
        } else if (error != SSL_ERROR_WANT_READ) {
            lubdub_tls_stream_end(stream, lubdub_tls_sentence(stream->ssl, stream->context->role));
            came.end = LUBDUB_CAUSE_TLS;
        }
        break;
    }
    stream->base.has_input = is_full;
    came.has_more = is_full;
    return came;
}

static struct lubdub_transfer read_open(struct lubdub_tls_stream *stream, uint8_t *input, size_t capacity)
{
    struct lubdub_shop *shop = stream->shop;
    struct lubdub_transfer came;
    enum lubdub_cause end;
    bool was_full;

    if (!lubdub_tls_stream_has_input_left(stream) && SSL_pending(stream->ssl) == 0) {
        lubdub_tls_stream_receive(stream);
    }
    was_full = shop->input_length == sizeof shop->input;
    came = decrypt(stream, input, capacity);
    end = stream->state == LUBDUB_TLS_STREAM_OPEN ? lubdub_tls_stream_send_output(stream, false)
                                                  : LUBDUB_CAUSE_NONE; /* answers of TLS itself */
    if (came.end == LUBDUB_CAUSE_NONE && end != LUBDUB_CAUSE_NONE) {
        came.end = end;
    }
    came.has_more = came.end == LUBDUB_CAUSE_NONE && (came.has_more || was_full);
    if (came.end == LUBDUB_CAUSE_NONE && !stream->base.has_input && stream->end != LUBDUB_CAUSE_NONE) {
        explain_end(stream);
        came.end = (enum lubdub_cause)stream->end;
        came.has_more = false;
    }
    return came;
}

static struct lubdub_transfer read_stream(struct lubdub_transport *transport, uint8_t *input, size_t capacity)
{
    struct lubdub_tls_stream *stream = stream_of(transport);
    struct lubdub_transfer came = {0};

    if (stream->state == LUBDUB_TLS_STREAM_OVER) {
        came.end = stream->end != LUBDUB_CAUSE_NONE && stream->base.problem == NULL ? (enum lubdub_cause)stream->end
                                                                                    : LUBDUB_CAUSE_TLS;
        return came;
    }
    if (stream->state != LUBDUB_TLS_STREAM_OPEN) {
        came = lubdub_tls_stream_shake(stream);
        if (stream->state != LUBDUB_TLS_STREAM_OPEN ||
            (!lubdub_tls_stream_has_input_left(stream) && stream->end == LUBDUB_CAUSE_NONE)) {
            return came;
        }
    }
    return read_open(stream, input, capacity);
}

/* Encrypts and sends a part. Returns how much of it counts as taken. */
static size_t write_part(struct lubdub_tls_stream *stream, const uint8_t *bytes, size_t length, bool is_last,
                         enum lubdub_cause *end)
{
    int written;

    lubdub_tls_forget_errors();
    written = SSL_write(stream->ssl, bytes, (int)length);
    if (written != (int)length) {
        lubdub_tls_stream_end(stream, lubdub_tls_sentence(stream->ssl, stream->context->role));
        *end = LUBDUB_CAUSE_TLS;
        return 0;
    }
    *end = lubdub_tls_stream_send_output(stream, is_last);
    stream->owes_byte = *end == LUBDUB_CAUSE_NONE && stream->output.length > 0;
    return stream->owes_byte ? length - 1 : length;
}

static struct lubdub_transfer write_open(struct lubdub_tls_stream *stream, const uint8_t *bytes, size_t length,
                                         bool is_last)
{
    struct lubdub_transfer went = {.end = lubdub_tls_stream_send_kept(stream)};

    if (went.end != LUBDUB_CAUSE_NONE || stream->output.length > 0) {
        return went;
    }
    if (stream->owes_byte) {
        stream->owes_byte = false;
        went.length = 1;
    }
    while (went.length < length && went.end == LUBDUB_CAUSE_NONE && !stream->owes_byte) {
        size_t part = length - went.length < LUBDUB_SHOP_WRITE ? length - went.length : LUBDUB_SHOP_WRITE;

        went.length += write_part(stream, bytes + went.length, part, is_last, &went.end);
    }
    return went;
}

static struct lubdub_transfer write_stream(struct lubdub_transport *transport, const uint8_t *bytes, size_t length,
                                           bool is_last)
{
    struct lubdub_tls_stream *stream = stream_of(transport);

    if (stream->state == LUBDUB_TLS_STREAM_OPEN) {
        return write_open(stream, bytes, length, is_last);
    }
    if (lubdub_tls_stream_is_server(stream)) {
        return (struct lubdub_transfer){.length = length};
    }
    return lubdub_tls_stream_begin_handshake(stream);
}

static struct lubdub_transfer flush_stream(struct lubdub_transport *transport)
{
    return (struct lubdub_transfer){.end = lubdub_tls_stream_send_kept(stream_of(transport))};
}

static void shut_stream(struct lubdub_transport *transport)
{
    struct lubdub_tls_stream *stream = stream_of(transport);

    if (stream->is_shut) {
        return;
    }
    stream->is_shut = true;
    if (stream->state == LUBDUB_TLS_STREAM_OPEN) {
        lubdub_tls_forget_errors();
        (void)SSL_shutdown(stream->ssl);
        (void)lubdub_tls_stream_send_output(stream, true);
        shutdown(stream->io->fd, SHUT_WR);
    } else if (stream->state != LUBDUB_TLS_STREAM_OVER) {
        lubdub_tls_stream_end(stream, stream->base.problem); /* we leave, and nothing can be said before it is open */
    }
}

/* ---- life ---- */

static bool rest_stream(struct lubdub_transport *transport)
{
    struct lubdub_tls_stream *stream = stream_of(transport);
    struct lubdub_shop *shop = stream->shop;
    bool is_kept = true;

    if (stream->state == LUBDUB_TLS_STREAM_OPEN && lubdub_tls_stream_has_input_left(stream)) {
        is_kept = lubdub_kept_add(&stream->input, shop->input + shop->input_at, shop->input_length - shop->input_at);
    }
    shop->input_at = shop->input_length = 0;
    return is_kept;
}

/* A peer that has said goodbye waits for ours (RFC 8446, 6.1). A link that is given up says nothing. */
static void answer_goodbye(struct lubdub_tls_stream *stream)
{
    if (stream->state == LUBDUB_TLS_STREAM_OPEN && stream->has_goodbye && !stream->is_shut &&
        stream->output.length == 0) {
        lubdub_tls_forget_errors();
        (void)SSL_shutdown(stream->ssl);
        (void)lubdub_tls_stream_send_output(stream, true);
    }
}

static void free_stream(struct lubdub_transport *transport)
{
    struct lubdub_tls_stream *stream = stream_of(transport);

    answer_goodbye(stream);
    lubdub_tls_stream_leave_gate(stream);
    SSL_free(stream->ssl);
    lubdub_kept_drop(&stream->input);
    lubdub_kept_drop(&stream->output);
    free((void *)(uintptr_t)stream->base.names);
    lubdub_tls_context_drop(&stream->context->base);
    free(stream);
}

static struct lubdub_transport *begin_stream(struct lubdub_tls *tls, struct lubdub_transports *all, ev_io *io,
                                             enum lubdub_role role, const char *name)
{
    struct lubdub_tls_context *context = lubdub_tls_context_of(tls);
    struct lubdub_shop *shop = lubdub_shop_of(all);
    struct lubdub_tls_stream *stream = shop != NULL && context->role == role ? calloc(1, sizeof *stream) : NULL;

    if (stream == NULL) {
        return NULL;
    }
    stream->base.kind = &lubdub_tls_stream_kind;
    stream->context = context;
    stream->shop = shop;
    stream->counts = &all->counts;
    atomic_fetch_add_explicit(&stream->counts->made, 1, memory_order_relaxed);
    stream->io = io;
    stream->state = role == LUBDUB_ROLE_SERVER ? LUBDUB_TLS_STREAM_HELLO : LUBDUB_TLS_STREAM_HANDSHAKE;
    lubdub_tls_context_hold(tls);
    if (role == LUBDUB_ROLE_SERVER) {
        stream->opening = calloc(1, sizeof *stream->opening);
    }
    if (role == LUBDUB_ROLE_SERVER ? stream->opening == NULL : !lubdub_tls_stream_connect(stream, name)) {
        free_stream(&stream->base);
        return NULL;
    }
    return &stream->base;
}

const struct lubdub_transport_kind lubdub_tls_stream_kind = {
    .interface = LUBDUB_TRANSPORT_INTERFACE,
    .hold = lubdub_tls_context_hold,
    .drop = lubdub_tls_context_drop,
    .begin = begin_stream,
    .read = read_stream,
    .write = write_stream,
    .flush = flush_stream,
    .shut = shut_stream,
    .rest = rest_stream,
    .free = free_stream,
};
