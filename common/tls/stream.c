/* Moves bytes between a socket, OpenSSL and a session. */
#include "tls/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <lubdub/frame.h>

#include "ev/clock.h"
#include "ev/container_of.h"
#include "ev/socket.h"
#include "tls/client_hello.h"
#include "tls/context.h"
#include "tls/names.h"
#include "tls/sentence.h"
#include "tls/shop.h"

enum state {
    STATE_HELLO,
    STATE_QUEUE,
    STATE_HANDSHAKE,
    STATE_OPEN,
    STATE_OVER,
};

/* Bytes that wait. */
struct kept {
    uint8_t *bytes; /* NULL: none */
    size_t length;
};

/* While a server's side is not open. */
struct opening {
    struct lubdub_gate_place place;
    bool has_heard; /* the client has sent a byte */
};

struct stream {
    struct lubdub_transport base;
    struct lubdub_tls_context *context;
    struct lubdub_shop *shop;
    struct lubdub_transport_counts *counts;
    ev_io *io;
    SSL *ssl;
    struct opening *opening;
    struct kept input;  /* from the socket, not decrypted: a ClientHello, or what the session had no room for */
    struct kept output; /* encrypted, and the socket had no room */
    uint8_t state;      /* enum state */
    uint8_t end;        /* enum lubdub_cause that the socket told behind the bytes of input */
    bool owes_byte;     /* the last byte that was given to write: encrypted, and not told as taken */
    bool is_shut;
    bool has_goodbye; /* the peer said that nothing more comes */
};

static struct stream *stream_of(struct lubdub_transport *transport)
{
    return container_of(transport, struct stream, base);
}

static bool is_server(const struct stream *stream)
{
    return stream->context->role == LUBDUB_ROLE_SERVER;
}

/*
 * What a call of OpenSSL returns is explained by its queue of errors, which has to be empty before. It mostly is:
 * clearing it costs as much as a twentieth of a record.
 */
static void forget_errors(void)
{
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
}

/* ---- bytes that wait ---- */

static void drop(struct kept *kept)
{
    free(kept->bytes);
    *kept = (struct kept){0};
}

static bool keep(struct kept *kept, const uint8_t *bytes, size_t length)
{
    uint8_t *grown;

    if (length == 0) {
        return true;
    }
    grown = realloc(kept->bytes, kept->length + length);
    if (grown == NULL) {
        return false;
    }
    memcpy(grown + kept->length, bytes, length);
    kept->bytes = grown;
    kept->length += length;
    return true;
}

static void cut(struct kept *kept, size_t length)
{
    if (length == kept->length) {
        drop(kept);
    } else if (length > 0) {
        memmove(kept->bytes, kept->bytes + length, kept->length - length);
        kept->length -= length;
    }
}

/* ---- the socket ---- */

static bool is_temporary(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == EINTR;
}

/* How many bytes the kernel took. *end says whether the connection proved over. */
static size_t send_bytes(const struct stream *stream, const uint8_t *bytes, size_t length, bool is_last,
                         enum lubdub_cause *end)
{
    ssize_t sent;

    do {
        sent = is_last ? lubdub_socket_send_last(stream->io->fd, bytes, length)
                       : lubdub_socket_send(stream->io->fd, bytes, length);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) {
        *end = is_temporary(errno) ? LUBDUB_CAUSE_NONE : lubdub_socket_cause(errno);
        return 0;
    }
    return (size_t)sent;
}

/* Sends what OpenSSL has written, behind what waits, and keeps the rest. */
static enum lubdub_cause send_output(struct stream *stream, bool is_last)
{
    struct lubdub_shop *shop = stream->shop;
    enum lubdub_cause end = LUBDUB_CAUSE_NONE;
    size_t sent = 0;

    if (shop->output_length == 0) {
        return LUBDUB_CAUSE_NONE;
    }
    if (stream->output.length == 0) {
        sent = send_bytes(stream, shop->output, shop->output_length, is_last, &end);
    }
    if (end == LUBDUB_CAUSE_NONE && !keep(&stream->output, shop->output + sent, shop->output_length - sent)) {
        end = LUBDUB_CAUSE_SHUTDOWN;
    }
    shop->output_length = 0;
    stream->base.has_output = stream->output.length > 0;
    return end;
}

static enum lubdub_cause send_kept(struct stream *stream)
{
    enum lubdub_cause end = LUBDUB_CAUSE_NONE;

    if (stream->output.length > 0) {
        cut(&stream->output, send_bytes(stream, stream->output.bytes, stream->output.length, false, &end));
        stream->base.has_output = stream->output.length > 0;
    }
    return end;
}

/* Fills the shop's input: with what was kept, or else from the socket, once. */
static void receive(struct stream *stream)
{
    struct lubdub_shop *shop = stream->shop;
    ssize_t length;

    shop->input_at = shop->input_length = 0;
    if (stream->state == STATE_OPEN && stream->input.length > 0) {
        memcpy(shop->input, stream->input.bytes, stream->input.length);
        shop->input_length = stream->input.length;
        drop(&stream->input);
        return;
    }
    if (stream->end != LUBDUB_CAUSE_NONE) {
        return;
    }
    length = lubdub_socket_receive(stream->io->fd, shop->input, sizeof shop->input);
    if (length > 0) {
        shop->input_length = (size_t)length;
    } else if (length == 0) {
        stream->end = LUBDUB_CAUSE_CLOSED;
    } else if (!is_temporary(errno)) {
        stream->end = (uint8_t)lubdub_socket_cause(errno);
    }
}

static bool has_input_left(const struct stream *stream)
{
    return stream->shop->input_at < stream->shop->input_length;
}

/* ---- the end ---- */

static void leave_gate(struct stream *stream)
{
    if (stream->opening != NULL) {
        lubdub_gate_leave(&stream->shop->gate, &stream->opening->place);
        free(stream->opening);
        stream->opening = NULL;
    }
}

/* The objects of a handshake are most of its memory, and the link may stay for a while. */
static void end_stream(struct stream *stream, const char *problem)
{
    uint8_t unread[256];

    if (stream->state != STATE_OPEN && stream->state != STATE_OVER) {
        atomic_fetch_add_explicit(&stream->counts->failed, 1, memory_order_relaxed);
    }
    leave_gate(stream);
    stream->base.problem = problem;
    stream->base.is_open = stream->base.has_input = false;
    stream->shop->input_at = stream->shop->input_length = 0;
    stream->state = STATE_OVER;
    (void)send_output(stream, true);
    shutdown(stream->io->fd, SHUT_WR);
    (void)lubdub_socket_receive(stream->io->fd, unread, sizeof unread); /* unread, it would make an RST of the close */
    SSL_free(stream->ssl);
    stream->ssl = NULL;
    drop(&stream->input);
}

/* ---- the handshake ---- */

/* A client of ours that speaks plain reads a BYE, and can tell a person what is wrong. */
static void answer_plainly(struct stream *stream)
{
    static const char text[] = "this port speaks TLS";
    const struct lubdub_options options = {.text = {text, sizeof text - 1}};
    struct lubdub_frame bye = {.type = LUBDUB_FRAME_BYE, .sequence = LUBDUB_REASON_PROTOCOL_ERROR};
    uint8_t content[sizeof text + 16];
    struct lubdub_shop *shop = stream->shop;

    bye.content = content;
    bye.length = (uint16_t)lubdub_options_encode(&options, LUBDUB_FRAME_BYE, content, sizeof content);
    shop->output_length = lubdub_frame_encode(shop->output, sizeof shop->output, &bye);
}

static void refuse_hello(struct stream *stream, enum lubdub_client_hello hello)
{
    switch (hello) {
    case LUBDUB_CLIENT_HELLO_PART:
    case LUBDUB_CLIENT_HELLO_WHOLE:
        return;
    case LUBDUB_CLIENT_HELLO_TOO_LONG:
        end_stream(stream, "the client's ClientHello is longer than 2 KiB");
        return;
    case LUBDUB_CLIENT_HELLO_PLAIN:
        answer_plainly(stream);
        end_stream(stream, "the client speaks plain, and this port speaks TLS");
        return;
    case LUBDUB_CLIENT_HELLO_HTTP:
        end_stream(stream, "the client speaks plain HTTP, and this port speaks TLS");
        return;
    case LUBDUB_CLIENT_HELLO_UNKNOWN:
        end_stream(stream, "the client's first bytes are no TLS");
        return;
    }
}

static bool make_connection(struct stream *stream, const char *name)
{
    stream->ssl = lubdub_tls_context_connection(stream->context, name);
    if (stream->ssl == NULL) {
        forget_errors();
        return false;
    }
    /* The BIO is the shop's; a connection takes a reference and gives it back when it is freed. */
    BIO_up_ref(stream->shop->bio);
    SSL_set_bio(stream->ssl, stream->shop->bio, stream->shop->bio);
    return true;
}

/* The whole ClientHello goes where OpenSSL reads; it is not needed any more after that. */
static void begin_handshake(struct stream *stream)
{
    struct lubdub_shop *shop = stream->shop;

    if (!make_connection(stream, NULL)) {
        end_stream(stream, "no memory was left for a handshake");
        return;
    }
    memcpy(shop->input, stream->input.bytes, stream->input.length);
    shop->input_at = 0;
    shop->input_length = stream->input.length;
    drop(&stream->input);
    stream->state = STATE_HANDSHAKE;
}

/* Takes what came of a ClientHello. */
static void gather_hello(struct stream *stream)
{
    struct lubdub_shop *shop = stream->shop;
    enum lubdub_client_hello hello;

    stream->opening->has_heard = stream->opening->has_heard || shop->input_length > 0;
    if (!keep(&stream->input, shop->input, shop->input_length)) {
        end_stream(stream, "no memory was left for a ClientHello");
        return;
    }
    shop->input_at = shop->input_length;
    hello = lubdub_client_hello_judge(stream->input.bytes, stream->input.length);
    if (stream->input.length > LUBDUB_CLIENT_HELLO_LIMIT && hello <= LUBDUB_CLIENT_HELLO_WHOLE) {
        hello = LUBDUB_CLIENT_HELLO_TOO_LONG;
    }
    if (hello == LUBDUB_CLIENT_HELLO_WHOLE) {
        stream->state = STATE_QUEUE;
        lubdub_gate_enter(&shop->gate, &stream->opening->place, stream->io);
    } else {
        refuse_hello(stream, hello);
    }
}

/* A client that waits at the gate has nothing more to say. */
static void wait_in_queue(struct stream *stream)
{
    if (stream->shop->input_length > 0) {
        end_stream(stream, "the client goes on before its ClientHello is answered");
    }
}

static void note_open(struct stream *stream)
{
    X509 *certificate = SSL_get0_peer_certificate(stream->ssl);
    bool is_1_3 = SSL_version(stream->ssl) == TLS1_3_VERSION;

    if (is_server(stream)) {
        lubdub_buckets_add(&stream->counts->lengths,
                           lubdub_time_between(stream->opening->place.since, lubdub_clock_now()));
    }
    leave_gate(stream);
    stream->state = STATE_OPEN;
    stream->base.is_open = true;
    atomic_fetch_add_explicit(is_1_3 ? &stream->counts->done_1_3 : &stream->counts->done_1_2, 1, memory_order_relaxed);
    if (SSL_session_reused(stream->ssl)) {
        atomic_fetch_add_explicit(is_1_3 ? &stream->counts->resumed_1_3 : &stream->counts->resumed_1_2, 1,
                                  memory_order_relaxed);
    }
    if (is_server(stream) && certificate != NULL && SSL_get_verify_result(stream->ssl) == X509_V_OK) {
        size_t length;

        stream->base.is_proven = true;
        stream->base.names = lubdub_names_of(certificate, &length);
        stream->base.names_length = (uint16_t)length;
    }
}

static void go_on_with_handshake(struct stream *stream)
{
    int result;

    forget_errors();
    result = SSL_do_handshake(stream->ssl);
    if (stream->opening != NULL) {
        lubdub_gate_note_heard(&stream->shop->gate, &stream->opening->place);
    }
    if (result == 1) {
        note_open(stream);
    } else if (SSL_get_error(stream->ssl, result) != SSL_ERROR_WANT_READ) {
        end_stream(stream, lubdub_tls_sentence(stream->ssl, stream->context->role));
    }
}

/* The connection ended before it was open. */
static struct lubdub_transfer end_in_handshake(struct stream *stream)
{
    enum lubdub_cause end = (enum lubdub_cause)stream->end;

    if (is_server(stream) && stream->opening != NULL && !stream->opening->has_heard) {
        leave_gate(stream); /* a port scan, or the health check of a load balancer */
        stream->state = STATE_OVER;
        return (struct lubdub_transfer){.end = end};
    }
    if (end == LUBDUB_CAUSE_CLOSED) {
        end_stream(stream,
                   is_server(stream)
                       ? "the client closed the connection within the TLS handshake"
                       : "the server closed the connection within the TLS handshake; does it speak TLS on this port?");
        return (struct lubdub_transfer){.end = LUBDUB_CAUSE_TLS};
    }
    end_stream(stream, "the connection ended within the TLS handshake");
    return (struct lubdub_transfer){.end = end};
}

/* What may be done for a connection that is not open; reads the socket once at most. */
static struct lubdub_transfer go_on(struct stream *stream)
{
    struct lubdub_transfer transfer = {0};
    bool is_evicted = stream->opening != NULL && stream->opening->place.state == LUBDUB_GATE_EVICTED;

    if (is_evicted) {
        end_stream(stream, "too many TLS handshakes are under way, and the client did not go on with its own");
    } else if (stream->opening != NULL && !lubdub_gate_has_time(&stream->shop->gate)) {
        if (stream->state == STATE_QUEUE && stream->opening->place.state == LUBDUB_GATE_UNDER_WAY) {
            lubdub_gate_put_back(&stream->shop->gate, &stream->opening->place);
        }
        return transfer; /* the socket stays ready, and sessions that are up are served meanwhile */
    } else {
        receive(stream);
    }
    if (stream->state == STATE_HELLO && stream->shop->input_length > 0) {
        gather_hello(stream);
    } else if (stream->state == STATE_QUEUE) {
        wait_in_queue(stream);
    }
    if (stream->state == STATE_QUEUE && stream->opening->place.state == LUBDUB_GATE_UNDER_WAY) {
        begin_handshake(stream);
    }
    if (stream->state == STATE_HANDSHAKE && has_input_left(stream)) {
        enum lubdub_cause end;

        go_on_with_handshake(stream);
        end = stream->state != STATE_OVER ? send_output(stream, false) : LUBDUB_CAUSE_NONE;
        if (end != LUBDUB_CAUSE_NONE && stream->end == LUBDUB_CAUSE_NONE) {
            stream->end = (uint8_t)end;
        }
    }
    if (stream->state == STATE_OVER) {
        transfer.end = LUBDUB_CAUSE_TLS;
    } else if (stream->state != STATE_OPEN && stream->end != LUBDUB_CAUSE_NONE && !has_input_left(stream)) {
        return end_in_handshake(stream);
    }
    return transfer;
}

/* All the work for connections that are not open counts: after a restart there are thousands. */
static struct lubdub_transfer shake(struct stream *stream)
{
    lubdub_time began = lubdub_clock_now();
    struct lubdub_transfer transfer = go_on(stream);

    if (is_server(stream)) {
        lubdub_gate_note_work(&stream->shop->gate, lubdub_time_between(began, lubdub_clock_now()));
    }
    return transfer;
}

/* ---- bytes ---- */

/* An end of file without a goodbye may be anybody's who can write to the network; a process that is killed leaves one,
 * too. */
static void explain_end(struct stream *stream)
{
    if (stream->end == LUBDUB_CAUSE_CLOSED && !stream->has_goodbye) {
        stream->base.problem = "the connection was cut off: it ended without the goodbye of TLS (close_notify)";
    }
}

/* Decrypts into input what there is room for. */
static struct lubdub_transfer decrypt(struct stream *stream, uint8_t *input, size_t capacity)
{
    struct lubdub_transfer came = {0};
    bool is_full = true;

    forget_errors();
    while (came.length < capacity) {
        int length = SSL_read(stream->ssl, input + came.length, (int)(capacity - came.length));
        int error;

        if (length > 0) {
            came.length += (size_t)length;
            if (!has_input_left(stream) && SSL_has_pending(stream->ssl) == 0) {
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
            end_stream(stream, lubdub_tls_sentence(stream->ssl, stream->context->role));
            came.end = LUBDUB_CAUSE_TLS;
        }
        break;
    }
    stream->base.has_input = is_full;
    came.has_more = is_full;
    return came;
}

static struct lubdub_transfer read_open(struct stream *stream, uint8_t *input, size_t capacity)
{
    struct lubdub_shop *shop = stream->shop;
    struct lubdub_transfer came;
    enum lubdub_cause end;
    bool was_full;

    if (!has_input_left(stream) && SSL_pending(stream->ssl) == 0) {
        receive(stream);
    }
    was_full = shop->input_length == sizeof shop->input;
    came = decrypt(stream, input, capacity);
    end = stream->state == STATE_OPEN ? send_output(stream, false) : LUBDUB_CAUSE_NONE; /* answers of TLS itself */
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
    struct stream *stream = stream_of(transport);
    struct lubdub_transfer came = {0};

    if (stream->state == STATE_OVER) {
        came.end = stream->end != LUBDUB_CAUSE_NONE && stream->base.problem == NULL ? (enum lubdub_cause)stream->end
                                                                                    : LUBDUB_CAUSE_TLS;
        return came;
    }
    if (stream->state != STATE_OPEN) {
        came = shake(stream);
        if (stream->state != STATE_OPEN || (!has_input_left(stream) && stream->end == LUBDUB_CAUSE_NONE)) {
            return came;
        }
    }
    return read_open(stream, input, capacity);
}

/* A client begins. */
static struct lubdub_transfer begin_to_write(struct stream *stream)
{
    struct lubdub_transfer went = {0};

    if (stream->state != STATE_HANDSHAKE || stream->shop->output_length > 0 || !SSL_in_before(stream->ssl)) {
        went.end = stream->state == STATE_OVER ? LUBDUB_CAUSE_TLS : LUBDUB_CAUSE_NONE;
        return went;
    }
    stream->shop->input_at = stream->shop->input_length = 0;
    go_on_with_handshake(stream);
    went.end = stream->state == STATE_OVER ? LUBDUB_CAUSE_TLS : send_output(stream, false);
    return went;
}

/* Encrypts and sends a part. Returns how much of it counts as taken. */
static size_t write_part(struct stream *stream, const uint8_t *bytes, size_t length, bool is_last,
                         enum lubdub_cause *end)
{
    int written;

    forget_errors();
    written = SSL_write(stream->ssl, bytes, (int)length);
    if (written != (int)length) {
        end_stream(stream, lubdub_tls_sentence(stream->ssl, stream->context->role));
        *end = LUBDUB_CAUSE_TLS;
        return 0;
    }
    *end = send_output(stream, is_last);
    stream->owes_byte = *end == LUBDUB_CAUSE_NONE && stream->output.length > 0;
    return stream->owes_byte ? length - 1 : length;
}

static struct lubdub_transfer write_open(struct stream *stream, const uint8_t *bytes, size_t length, bool is_last)
{
    struct lubdub_transfer went = {.end = send_kept(stream)};

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
    struct stream *stream = stream_of(transport);

    if (stream->state == STATE_OPEN) {
        return write_open(stream, bytes, length, is_last);
    }
    if (is_server(stream)) {
        return (struct lubdub_transfer){.length = length};
    }
    return begin_to_write(stream);
}

static struct lubdub_transfer flush_stream(struct lubdub_transport *transport)
{
    return (struct lubdub_transfer){.end = send_kept(stream_of(transport))};
}

static void shut_stream(struct lubdub_transport *transport)
{
    struct stream *stream = stream_of(transport);

    if (stream->is_shut) {
        return;
    }
    stream->is_shut = true;
    if (stream->state == STATE_OPEN) {
        forget_errors();
        (void)SSL_shutdown(stream->ssl);
        (void)send_output(stream, true);
        shutdown(stream->io->fd, SHUT_WR);
    } else if (stream->state != STATE_OVER) {
        end_stream(stream, stream->base.problem); /* we leave, and nothing can be said before it is open */
    }
}

/* ---- life ---- */

static bool rest_stream(struct lubdub_transport *transport)
{
    struct stream *stream = stream_of(transport);
    struct lubdub_shop *shop = stream->shop;
    bool is_kept = true;

    if (stream->state == STATE_OPEN && has_input_left(stream)) {
        is_kept = keep(&stream->input, shop->input + shop->input_at, shop->input_length - shop->input_at);
    }
    shop->input_at = shop->input_length = 0;
    return is_kept;
}

/* A peer that has said goodbye waits for ours (RFC 8446, 6.1). A link that is given up says nothing. */
static void answer_goodbye(struct stream *stream)
{
    if (stream->state == STATE_OPEN && stream->has_goodbye && !stream->is_shut && stream->output.length == 0) {
        forget_errors();
        (void)SSL_shutdown(stream->ssl);
        (void)send_output(stream, true);
    }
}

static void free_stream(struct lubdub_transport *transport)
{
    struct stream *stream = stream_of(transport);

    answer_goodbye(stream);
    leave_gate(stream);
    SSL_free(stream->ssl);
    drop(&stream->input);
    drop(&stream->output);
    free((void *)(uintptr_t)stream->base.names);
    lubdub_tls_context_drop(&stream->context->base);
    free(stream);
}

static struct lubdub_transport *begin_stream(struct lubdub_tls *tls, struct lubdub_transports *all, ev_io *io,
                                             enum lubdub_role role, const char *name)
{
    struct lubdub_tls_context *context = lubdub_tls_context_of(tls);
    struct lubdub_shop *shop = lubdub_shop_of(all);
    struct stream *stream = shop != NULL && context->role == role ? calloc(1, sizeof *stream) : NULL;

    if (stream == NULL) {
        return NULL;
    }
    stream->base.kind = &lubdub_tls_stream_kind;
    stream->context = context;
    stream->shop = shop;
    stream->counts = &all->counts;
    atomic_fetch_add_explicit(&stream->counts->made, 1, memory_order_relaxed);
    stream->io = io;
    stream->state = role == LUBDUB_ROLE_SERVER ? STATE_HELLO : STATE_HANDSHAKE;
    lubdub_tls_context_hold(tls);
    if (role == LUBDUB_ROLE_SERVER) {
        stream->opening = calloc(1, sizeof *stream->opening);
    }
    if (role == LUBDUB_ROLE_SERVER ? stream->opening == NULL : !make_connection(stream, name)) {
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
