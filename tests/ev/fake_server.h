/*
 * A server of which the test writes every byte: a listening socket on loopback in the test's own loop, and connections
 * that are read and written on demand. Knows frames, but no rules: what it says may be as wrong as the test wishes.
 *
 * Every expectation waits for what it wants, with a limit, and fails in the caller's line.
 */
#ifndef LUBDUB_TESTS_EV_FAKE_SERVER_H
#define LUBDUB_TESTS_EV_FAKE_SERVER_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include <lubdub/frame.h>

#include "support/wire_bytes.h"

#define FAKE_PEERS_LIMIT 16

struct fake_server;

/* A connection. Lives until the server is freed. */
struct fake_peer {
    struct fake_server *server;
    ev_io io;                   /* fd -1: closed by us */
    struct wire_bytes received; /* and not looked at */
    bool has_ended;             /* end of file or reset */
    bool was_reset;
    unsigned source_port;
    uint8_t frame_content[LUBDUB_CONTENT_LIMIT]; /* of the frame last expected */
};

struct fake_server {
    struct ev_loop *loop;
    ev_io listener;
    uint16_t port;
    size_t accepted;
    size_t expected; /* how many the test has asked for */
    struct fake_peer *peers[FAKE_PEERS_LIMIT];
};

/* Listens on host (numeric). port 0: any free one. */
struct fake_server *fake_server_new(struct ev_loop *loop, const char *host, uint16_t port);
void fake_server_free(struct fake_server *server);

/* No connection is taken any more: who connects is refused. */
void fake_server_close(struct fake_server *server);

/* A port where nobody listens. */
uint16_t fake_free_port(void);

/* The next connection. */
struct fake_peer *fake_server_expect_peer(struct fake_server *server, const char *file, int line);
#define expect_peer(server) fake_server_expect_peer(server, __FILE__, __LINE__)

/* The next frame; its content lives until the next one of this peer is expected. */
struct lubdub_frame fake_peer_expect_frame(struct fake_peer *peer, unsigned type, const char *file, int line);
#define peer_expect(peer, type) fake_peer_expect_frame(peer, LUBDUB_FRAME_##type, __FILE__, __LINE__)

/* The client closes its end: with a FIN, or with a RST. Frames before it are thrown away. */
void fake_peer_expect_end(struct fake_peer *peer, const char *file, int line);
#define peer_expect_end(peer) fake_peer_expect_end(peer, __FILE__, __LINE__)

void fake_peer_send(struct fake_peer *peer, const void *bytes, size_t length);
void fake_peer_send_frame(struct fake_peer *peer, unsigned type, unsigned flags, uint64_t sequence, const void *content,
                          size_t length);

/* WELCOME with these grants; 0 leaves an option out. */
void fake_peer_welcome(struct fake_peer *peer, uint64_t session, uint32_t interval_ms, uint32_t expiry_ms);

/* ACK as it ought to be. */
void fake_peer_ack(struct fake_peer *peer, const struct lubdub_frame *probe);

/* BYE, with retry_after_ms unless that is 0. */
void fake_peer_bye(struct fake_peer *peer, unsigned reason, uint32_t retry_after_ms);

/* Takes nothing from the socket any more. */
void fake_peer_stop_reading(struct fake_peer *peer);

void fake_peer_close(struct fake_peer *peer);
void fake_peer_reset(struct fake_peer *peer);

#endif
