/*
 * Plays a client for a test, frame by frame, on a socket of its own. It writes its bytes itself and shares nothing
 * with the toolkit but the numbers of frames and reasons.
 */
#ifndef LUBDUB_TESTS_SUPPORT_RAW_CLIENT_H
#define LUBDUB_TESTS_SUPPORT_RAW_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <lubdub/frame.h>
#include <lubdub/time.h>

#include "wire_bytes.h"

struct raw_client {
    int socket;
    void *cover;    /* raw_clients_cover(); NULL: plain */
    uint8_t *bytes; /* received, not looked at */
    size_t length;
    uint64_t probes;
    uint64_t messages;
    uint64_t session; /* what WELCOME said */
    uint32_t interval_ms;
    uint32_t expiry_ms;
};

struct raw_frame {
    unsigned type;
    unsigned flags;
    uint64_t sequence;
    size_t length;
    uint8_t content[LUBDUB_CONTENT_LIMIT];
};

enum raw_result {
    RAW_FRAME,
    RAW_END, /* end of file */
    RAW_RESET,
    RAW_NOTHING, /* the time is over */
};

/*
 * While a raw client waits, this is called again and again: for a server in the test's own loop, which has to run.
 * NULL: the server is another process, or a thread.
 */
void raw_clients_turn(void (*turn)(void *user_data), void *user_data);

/* Until there is something to read. False: the time is over. */
bool raw_wait_readable(int socket, lubdub_time until);

/* What stands between raw clients and their sockets. */
struct raw_cover {
    void *(*begin)(void);
    /* Both as send() and recv(); receive waits, and gives -2 when the time is over. */
    ssize_t (*send)(void *cover, int socket, const void *bytes, size_t length);
    ssize_t (*receive)(void *cover, int socket, void *bytes, size_t capacity, lubdub_time until);
    void (*end)(void *cover);
};

/* Of raw clients that connect from now on. NULL: none. */
void raw_clients_cover(const struct raw_cover *cover);

/* To 127.0.0.1, or a numeric address. */
void raw_connect(struct raw_client *client, uint16_t port);
void raw_connect_to(struct raw_client *client, const char *address, uint16_t port);

/* Over Multipath TCP, whose other paths come as the kernel is told (ip mptcp). */
void raw_connect_over_paths(struct raw_client *client, const char *address, uint16_t port);

/* From another address of this machine, 127.0.0.2 for example. */
void raw_connect_from(struct raw_client *client, const char *source, uint16_t port);

/* False: no process listens there (yet). */
bool raw_try_connect(struct raw_client *client, uint16_t port);

/* The receive buffer is set before the connection is made, so that it counts. */
void raw_connect_narrow(struct raw_client *client, uint16_t port, int receive_buffer);

/* Closes as a process that ends: FIN, or RST where bytes lie unread. */
void raw_close(struct raw_client *client);

/* RST. */
void raw_reset(struct raw_client *client);

void raw_send(struct raw_client *client, const void *bytes, size_t length);
void raw_send_frame(struct raw_client *client, unsigned type, unsigned flags, uint64_t sequence, const void *content,
                    size_t length);

/* The next one of its kind. */
void raw_probe(struct raw_client *client);
void raw_message(struct raw_client *client, const char *content);
void raw_bye(struct raw_client *client, unsigned reason);

/* HELLO with what is asked for (0: nothing, NULL: no name), and the incarnation. */
void raw_say_hello(struct raw_client *client, const char *identity, uint32_t interval_ms, uint32_t expiry_ms,
                   uint64_t incarnation);

/* The same, as of now, and the WELCOME. */
void raw_hello(struct raw_client *client, const char *identity, uint32_t interval_ms, uint32_t expiry_ms);

/* Connects and says hello. */
void raw_join(struct raw_client *client, uint16_t port, const char *identity, uint32_t interval_ms, uint32_t expiry_ms);

enum raw_result raw_receive(struct raw_client *client, struct raw_frame *frame, lubdub_time until);

/* The next frame is this one; challenges are passed over. */
void raw_expect(struct raw_client *client, unsigned type, uint64_t sequence, struct raw_frame *frame);
void raw_expect_welcome(struct raw_client *client);

/* The value of an option in the frame's content, big-endian, up to 8 bytes. False: there is none. */
bool raw_option(const struct raw_frame *frame, unsigned tag, uint64_t *value);

/* What comes is ACKs and challenges at most, then BYE with this reason, then the end. */
void raw_expect_bye(struct raw_client *client, unsigned reason);

/* The end comes without any frame. */
void raw_expect_silent_end(struct raw_client *client);

/* A probe and its ACK: the server is there and this session lives. */
void raw_expect_life(struct raw_client *client);

#endif
