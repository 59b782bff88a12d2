/* Sockets of the plain kind. */
#include "fake_server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ev/address.h"
#include "loop_wait.h"
#include "support/test.h"

static void on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
    struct fake_peer *peer = io->data;
    uint8_t bytes[4096];
    ssize_t length = recv(io->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    (void)revents;

    if (length > 0) {
        wire_bytes_put(&peer->received, bytes, (size_t)length);
    } else if (length == 0 || (errno != EAGAIN && errno != EINTR)) {
        peer->has_ended = true;
        peer->was_reset = length < 0;
        ev_io_stop(loop, io);
    }
}

static void on_connection(struct ev_loop *loop, ev_io *io, int revents)
{
    struct fake_server *server = io->data;
    struct sockaddr_storage source;
    socklen_t source_length = sizeof source;
    struct lubdub_address address;
    struct fake_peer *peer;
    int socket;
    (void)revents;

    socket = accept(io->fd, (struct sockaddr *)&source, &source_length);
    if (socket < 0) {
        return;
    }
    assert_true(server->accepted < FAKE_PEERS_LIMIT);
    peer = calloc(1, sizeof *peer);
    assert_non_null(peer);
    peer->server = server;
    lubdub_address_from_socket(&address, (const struct sockaddr *)&source);
    peer->source_port = address.port;
    ev_io_init(&peer->io, on_readable, socket, EV_READ);
    peer->io.data = peer;
    ev_io_start(loop, &peer->io);
    server->peers[server->accepted++] = peer;
}

static int listen_on(const char *host, uint16_t port, uint16_t *taken)
{
    struct lubdub_address address;
    struct sockaddr_storage target;
    socklen_t length = sizeof target;
    const int on = 1;
    int listener;

    assert_true(lubdub_address_parse(&address, host, port));
    length = lubdub_address_to_socket(&address, &target);
    listener = socket(target.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(listener >= 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(bind(listener, (const struct sockaddr *)&target, length), 0);
    assert_int_equal(listen(listener, FAKE_PEERS_LIMIT), 0);
    length = sizeof target;
    assert_int_equal(getsockname(listener, (struct sockaddr *)&target, &length), 0);
    assert_true(lubdub_address_from_socket(&address, (const struct sockaddr *)&target));
    *taken = address.port;
    return listener;
}

struct fake_server *fake_server_new(struct ev_loop *loop, const char *host, uint16_t port)
{
    struct fake_server *server = calloc(1, sizeof *server);

    assert_non_null(server);
    server->loop = loop;
    ev_io_init(&server->listener, on_connection, listen_on(host, port, &server->port), EV_READ);
    server->listener.data = server;
    ev_io_start(loop, &server->listener);
    return server;
}

void fake_server_close(struct fake_server *server)
{
    if (server->listener.fd >= 0) {
        ev_io_stop(server->loop, &server->listener);
        close(server->listener.fd);
        server->listener.fd = -1;
    }
}

void fake_server_free(struct fake_server *server)
{
    size_t i;

    fake_server_close(server);
    for (i = 0; i < server->accepted; i++) {
        fake_peer_close(server->peers[i]);
        wire_bytes_clear(&server->peers[i]->received);
        free(server->peers[i]);
    }
    free(server);
}

uint16_t fake_free_port(void)
{
    uint16_t port;

    close(listen_on("127.0.0.1", 0, &port));
    return port;
}

/* ---- expectations ---- */

static bool has_new_peer(void *user_data)
{
    const struct fake_server *server = user_data;

    return server->accepted > server->expected;
}

struct fake_peer *fake_server_expect_peer(struct fake_server *server, const char *file, int line)
{
    if (!loop_wait(server->loop, has_new_peer, server)) {
        print_error("nobody connected\n");
        _fail(file, line);
    }
    return server->peers[server->expected++];
}

static bool decode(const struct fake_peer *peer, struct lubdub_frame *frame, size_t *taken)
{
    return lubdub_frame_decode(frame, peer->received.data, peer->received.length, LUBDUB_CONTENT_LIMIT, taken) !=
           LUBDUB_FRAME_INCOMPLETE;
}

static bool has_frame_or_end(void *user_data)
{
    struct lubdub_frame frame;
    size_t taken;

    return decode(user_data, &frame, &taken) || ((const struct fake_peer *)user_data)->has_ended;
}

struct lubdub_frame fake_peer_expect_frame(struct fake_peer *peer, unsigned type, const char *file, int line)
{
    struct lubdub_frame frame = {0};
    size_t taken = 0;

    loop_wait(peer->server->loop, has_frame_or_end, peer);
    if (lubdub_frame_decode(&frame, peer->received.data, peer->received.length, LUBDUB_CONTENT_LIMIT, &taken) !=
            LUBDUB_FRAME_WHOLE ||
        frame.type != type) {
        print_error("frame type %u expected, got %u%s\n", type, frame.type, peer->has_ended ? " and the end" : "");
        _fail(file, line);
    }
    if (frame.length > 0) {
        memcpy(peer->frame_content, frame.content, frame.length);
        frame.content = peer->frame_content;
    }
    wire_bytes_drop(&peer->received, taken);
    return frame;
}

static bool has_ended(void *user_data)
{
    return ((const struct fake_peer *)user_data)->has_ended;
}

void fake_peer_expect_end(struct fake_peer *peer, const char *file, int line)
{
    if (!loop_wait(peer->server->loop, has_ended, peer)) {
        print_error("the client did not close\n");
        _fail(file, line);
    }
}

/* ---- saying something ---- */

void fake_peer_send(struct fake_peer *peer, const void *bytes, size_t length)
{
    const uint8_t *rest = bytes;

    while (length > 0) {
        ssize_t sent = send(peer->io.fd, rest, length, MSG_NOSIGNAL);

        assert_true(sent > 0);
        rest += sent;
        length -= (size_t)sent;
    }
}

void fake_peer_send_frame(struct fake_peer *peer, unsigned type, unsigned flags, uint64_t sequence, const void *content,
                          size_t length)
{
    struct wire_bytes bytes = {0};

    wire_bytes_put_frame(&bytes, type, flags, sequence, content, length);
    fake_peer_send(peer, bytes.data, bytes.length);
    wire_bytes_clear(&bytes);
}

void fake_peer_welcome(struct fake_peer *peer, uint64_t session, uint32_t interval_ms, uint32_t expiry_ms)
{
    struct wire_bytes options = {0};

    if (interval_ms > 0) {
        wire_bytes_put_number_option(&options, 2, interval_ms);
    }
    if (expiry_ms > 0) {
        wire_bytes_put_number_option(&options, 3, expiry_ms);
    }
    fake_peer_send_frame(peer, LUBDUB_FRAME_WELCOME, 0, session, options.data, options.length);
    wire_bytes_clear(&options);
}

void fake_peer_ack(struct fake_peer *peer, const struct lubdub_frame *probe)
{
    fake_peer_send_frame(peer, LUBDUB_FRAME_ACK, probe->flags, probe->sequence, probe->content, probe->length);
}

void fake_peer_bye(struct fake_peer *peer, unsigned reason, uint32_t retry_after_ms)
{
    struct wire_bytes options = {0};

    if (retry_after_ms > 0) {
        wire_bytes_put_number_option(&options, 9, retry_after_ms);
    }
    fake_peer_send_frame(peer, LUBDUB_FRAME_BYE, 0, reason, options.data, options.length);
    wire_bytes_clear(&options);
}

void fake_peer_stop_reading(struct fake_peer *peer)
{
    ev_io_stop(peer->server->loop, &peer->io);
}

void fake_peer_close(struct fake_peer *peer)
{
    if (peer->io.fd >= 0) {
        ev_io_stop(peer->server->loop, &peer->io);
        close(peer->io.fd);
        peer->io.fd = -1;
    }
}

void fake_peer_reset(struct fake_peer *peer)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    setsockopt(peer->io.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    fake_peer_close(peer);
}
