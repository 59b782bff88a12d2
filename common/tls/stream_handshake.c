/* Gets a stream open: the ClientHello, the queue, the handshake, and what is refused. */
#include "tls/stream_handshake.h"

#include <string.h>

#include <openssl/x509.h>

#include <lubdub/frame.h>

#include "ev/clock.h"
#include "tls/client_hello.h"
#include "tls/names.h"
#include "tls/sentence.h"
#include "tls/stream_socket.h"

/* A client of ours that speaks plain reads a BYE, and can tell a person what is wrong. */
static void answer_plainly(struct lubdub_tls_stream *stream)
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

static void refuse_hello(struct lubdub_tls_stream *stream, enum lubdub_client_hello hello)
{
    switch (hello) {
    case LUBDUB_CLIENT_HELLO_PART:
    case LUBDUB_CLIENT_HELLO_WHOLE:
        return;
    case LUBDUB_CLIENT_HELLO_TOO_LONG:
        lubdub_tls_stream_end(stream, "the client's ClientHello is longer than 2 KiB");
        return;
    case LUBDUB_CLIENT_HELLO_PLAIN:
        answer_plainly(stream);
        lubdub_tls_stream_end(stream, "the client speaks plain, and this port speaks TLS");
        return;
    case LUBDUB_CLIENT_HELLO_HTTP:
        lubdub_tls_stream_end(stream, "the client speaks plain HTTP, and this port speaks TLS");
        return;
    case LUBDUB_CLIENT_HELLO_UNKNOWN:
        lubdub_tls_stream_end(stream, "the client's first bytes are no TLS");
        return;
    }
}

bool lubdub_tls_stream_connect(struct lubdub_tls_stream *stream, const char *name)
{
    stream->ssl = lubdub_tls_context_connection(stream->context, name);
    if (stream->ssl == NULL) {
        lubdub_tls_forget_errors();
        return false;
    }
    /* The BIO is the shop's; a connection takes a reference and gives it back when it is freed. */
    BIO_up_ref(stream->shop->bio);
    SSL_set_bio(stream->ssl, stream->shop->bio, stream->shop->bio);
    return true;
}

/* The whole ClientHello goes where OpenSSL reads; it is not needed any more after that. */
static void begin_servers_handshake(struct lubdub_tls_stream *stream)
{
    struct lubdub_shop *shop = stream->shop;

    if (!lubdub_tls_stream_connect(stream, NULL)) {
        lubdub_tls_stream_end(stream, "no memory was left for a handshake");
        return;
    }
    memcpy(shop->input, stream->input.bytes, stream->input.length);
    shop->input_at = 0;
    shop->input_length = stream->input.length;
    lubdub_kept_drop(&stream->input);
    stream->state = LUBDUB_TLS_STREAM_HANDSHAKE;
}

/* Takes what came of a ClientHello. */
static void gather_hello(struct lubdub_tls_stream *stream)
{
    struct lubdub_shop *shop = stream->shop;
    enum lubdub_client_hello hello;

    stream->opening->has_heard = stream->opening->has_heard || shop->input_length > 0;
    if (!lubdub_kept_add(&stream->input, shop->input, shop->input_length)) {
        lubdub_tls_stream_end(stream, "no memory was left for a ClientHello");
        return;
    }
    shop->input_at = shop->input_length;
    hello = lubdub_client_hello_judge(stream->input.bytes, stream->input.length);
    if (stream->input.length > LUBDUB_CLIENT_HELLO_LIMIT && hello <= LUBDUB_CLIENT_HELLO_WHOLE) {
        hello = LUBDUB_CLIENT_HELLO_TOO_LONG;
    }
    if (hello == LUBDUB_CLIENT_HELLO_WHOLE) {
        stream->state = LUBDUB_TLS_STREAM_QUEUE;
        lubdub_gate_enter(&shop->gate, &stream->opening->place, stream->io);
    } else {
        refuse_hello(stream, hello);
    }
}

/* A client that waits at the gate has nothing more to say. */
static void wait_in_queue(struct lubdub_tls_stream *stream)
{
    if (stream->shop->input_length > 0) {
        lubdub_tls_stream_end(stream, "the client goes on before its ClientHello is answered");
    }
}

static void note_open(struct lubdub_tls_stream *stream)
{
    X509 *certificate = SSL_get0_peer_certificate(stream->ssl);
    bool is_1_3 = SSL_version(stream->ssl) == TLS1_3_VERSION;

    if (lubdub_tls_stream_is_server(stream)) {
        lubdub_buckets_add(&stream->counts->lengths,
                           lubdub_time_between(stream->opening->place.let_in_at, lubdub_clock_now()));
    }
    lubdub_tls_stream_leave_gate(stream);
    stream->state = LUBDUB_TLS_STREAM_OPEN;
    stream->base.is_open = true;
    atomic_fetch_add_explicit(is_1_3 ? &stream->counts->done_1_3 : &stream->counts->done_1_2, 1, memory_order_relaxed);
    if (SSL_session_reused(stream->ssl)) {
        atomic_fetch_add_explicit(is_1_3 ? &stream->counts->resumed_1_3 : &stream->counts->resumed_1_2, 1,
                                  memory_order_relaxed);
    }
    if (lubdub_tls_stream_is_server(stream) && certificate != NULL && SSL_get_verify_result(stream->ssl) == X509_V_OK) {
        size_t length;

        stream->base.is_proven = true;
        stream->base.names = lubdub_names_of(certificate, &length);
        stream->base.names_length = (uint16_t)length;
    }
}

static void go_on_with_handshake(struct lubdub_tls_stream *stream)
{
    int result;

    lubdub_tls_forget_errors();
    result = SSL_do_handshake(stream->ssl);
    if (stream->opening != NULL) {
        lubdub_gate_note_heard(&stream->shop->gate, &stream->opening->place);
    }
    if (result == 1) {
        note_open(stream);
    } else if (SSL_get_error(stream->ssl, result) != SSL_ERROR_WANT_READ) {
        lubdub_tls_stream_end(stream, lubdub_tls_sentence(stream->ssl, stream->context->role));
    }
}

/* The connection ended before it was open. */
static struct lubdub_transfer end_in_handshake(struct lubdub_tls_stream *stream)
{
    enum lubdub_cause end = (enum lubdub_cause)stream->end;

    if (lubdub_tls_stream_is_server(stream) && stream->opening != NULL && !stream->opening->has_heard) {
        lubdub_tls_stream_leave_gate(stream); /* a port scan, or the health check of a load balancer */
        stream->state = LUBDUB_TLS_STREAM_OVER;
        return (struct lubdub_transfer){.end = end};
    }
    if (end == LUBDUB_CAUSE_CLOSED) {
        lubdub_tls_stream_end(
            stream, lubdub_tls_stream_is_server(stream)
                        ? "the client closed the connection within the TLS handshake"
                        : "the server closed the connection within the TLS handshake; does it speak TLS on this port?");
        return (struct lubdub_transfer){.end = LUBDUB_CAUSE_TLS};
    }
    lubdub_tls_stream_end(stream, "the connection ended within the TLS handshake");
    return (struct lubdub_transfer){.end = end};
}

/* What may be done for a connection that is not open; reads the socket once at most. */
static struct lubdub_transfer go_on(struct lubdub_tls_stream *stream)
{
    struct lubdub_transfer transfer = {0};
    bool is_evicted = stream->opening != NULL && stream->opening->place.state == LUBDUB_GATE_EVICTED;

    if (is_evicted) {
        lubdub_tls_stream_end(stream,
                              "too many TLS handshakes are under way, and the client did not go on with its own");
    } else if (stream->opening != NULL && !lubdub_gate_has_time(&stream->shop->gate)) {
        if (stream->state == LUBDUB_TLS_STREAM_QUEUE && stream->opening->place.state == LUBDUB_GATE_UNDER_WAY) {
            lubdub_gate_put_back(&stream->shop->gate, &stream->opening->place);
        }
        return transfer; /* the socket stays ready, and sessions that are up are served meanwhile */
    } else {
        lubdub_tls_stream_receive(stream);
    }
    if (stream->state == LUBDUB_TLS_STREAM_HELLO && stream->shop->input_length > 0) {
        gather_hello(stream);
    } else if (stream->state == LUBDUB_TLS_STREAM_QUEUE) {
        wait_in_queue(stream);
    }
    if (stream->state == LUBDUB_TLS_STREAM_QUEUE && stream->opening->place.state == LUBDUB_GATE_UNDER_WAY) {
        begin_servers_handshake(stream);
    }
    if (stream->state == LUBDUB_TLS_STREAM_HANDSHAKE && lubdub_tls_stream_has_input_left(stream)) {
        enum lubdub_cause end;

        go_on_with_handshake(stream);
        end =
            stream->state != LUBDUB_TLS_STREAM_OVER ? lubdub_tls_stream_send_output(stream, false) : LUBDUB_CAUSE_NONE;
        if (end != LUBDUB_CAUSE_NONE && stream->end == LUBDUB_CAUSE_NONE) {
            stream->end = (uint8_t)end;
        }
    }
    if (stream->state == LUBDUB_TLS_STREAM_OVER) {
        transfer.end = LUBDUB_CAUSE_TLS;
    } else if (stream->state != LUBDUB_TLS_STREAM_OPEN && stream->end != LUBDUB_CAUSE_NONE &&
               !lubdub_tls_stream_has_input_left(stream)) {
        return end_in_handshake(stream);
    }
    return transfer;
}

/* All the work for connections that are not open counts: after a restart there are thousands. */
struct lubdub_transfer lubdub_tls_stream_shake(struct lubdub_tls_stream *stream)
{
    lubdub_time began = lubdub_clock_now();
    struct lubdub_transfer transfer = go_on(stream);

    if (lubdub_tls_stream_is_server(stream)) {
        lubdub_gate_note_work(&stream->shop->gate, lubdub_time_between(began, lubdub_clock_now()));
    }
    return transfer;
}

struct lubdub_transfer lubdub_tls_stream_begin_handshake(struct lubdub_tls_stream *stream)
{
    struct lubdub_transfer went = {0};

    if (stream->state != LUBDUB_TLS_STREAM_HANDSHAKE || stream->shop->output_length > 0 ||
        !SSL_in_before(stream->ssl)) {
        went.end = stream->state == LUBDUB_TLS_STREAM_OVER ? LUBDUB_CAUSE_TLS : LUBDUB_CAUSE_NONE;
        return went;
    }
    stream->shop->input_at = stream->shop->input_length = 0;
    go_on_with_handshake(stream);
    went.end =
        stream->state == LUBDUB_TLS_STREAM_OVER ? LUBDUB_CAUSE_TLS : lubdub_tls_stream_send_output(stream, false);
    return went;
}
