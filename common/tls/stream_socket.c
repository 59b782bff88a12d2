/* Sends before it keeps, and reads what was kept before it receives. */
#include "tls/stream_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/err.h>

#include "ev/socket.h"

void lubdub_tls_forget_errors(void)
{
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
}

/* ---- bytes ---- */

static bool is_temporary(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == EINTR;
}

/* How many bytes the kernel took. *end says whether the connection proved over. */
static size_t send_bytes(const struct lubdub_tls_stream *stream, const uint8_t *bytes, size_t length, bool is_last,
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

enum lubdub_cause lubdub_tls_stream_send_output(struct lubdub_tls_stream *stream, bool is_last)
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
    if (end == LUBDUB_CAUSE_NONE &&
        !lubdub_kept_add(&stream->output, shop->output + sent, shop->output_length - sent)) {
        end = LUBDUB_CAUSE_SHUTDOWN;
    }
    shop->output_length = 0;
    stream->base.has_output = stream->output.length > 0;
    return end;
}

enum lubdub_cause lubdub_tls_stream_send_kept(struct lubdub_tls_stream *stream)
{
    enum lubdub_cause end = LUBDUB_CAUSE_NONE;

    if (stream->output.length > 0) {
        lubdub_kept_cut(&stream->output, send_bytes(stream, stream->output.bytes, stream->output.length, false, &end));
        stream->base.has_output = stream->output.length > 0;
    }
    return end;
}

void lubdub_tls_stream_receive(struct lubdub_tls_stream *stream)
{
    struct lubdub_shop *shop = stream->shop;
    ssize_t length;

    shop->input_at = shop->input_length = 0;
    if (stream->state == LUBDUB_TLS_STREAM_OPEN && stream->input.length > 0) {
        memcpy(shop->input, stream->input.bytes, stream->input.length);
        shop->input_length = stream->input.length;
        lubdub_kept_drop(&stream->input);
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

/* ---- the end ---- */

void lubdub_tls_stream_leave_gate(struct lubdub_tls_stream *stream)
{
    if (stream->opening != NULL) {
        lubdub_gate_leave(&stream->shop->gate, &stream->opening->place);
        free(stream->opening);
        stream->opening = NULL;
    }
}

/* The objects of a handshake are most of its memory, and the link may stay for a while. */
void lubdub_tls_stream_end(struct lubdub_tls_stream *stream, const char *problem)
{
    uint8_t unread[256];

    if (stream->state != LUBDUB_TLS_STREAM_OPEN && stream->state != LUBDUB_TLS_STREAM_OVER) {
        atomic_fetch_add_explicit(&stream->counts->failed, 1, memory_order_relaxed);
    }
    lubdub_tls_stream_leave_gate(stream);
    stream->base.problem = problem;
    stream->base.is_open = stream->base.has_input = false;
    stream->shop->input_at = stream->shop->input_length = 0;
    stream->state = LUBDUB_TLS_STREAM_OVER;
    (void)lubdub_tls_stream_send_output(stream, true);
    shutdown(stream->io->fd, SHUT_WR);
    (void)lubdub_socket_receive(stream->io->fd, unread, sizeof unread); /* unread, it would make an RST of the close */
    SSL_free(stream->ssl);
    stream->ssl = NULL;
    lubdub_kept_drop(&stream->input);
}
