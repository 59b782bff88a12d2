/* Plays the peer of one session, as the test says line by line. */
#ifndef LUBDUB_TESTS_SUPPORT_SCRIPT_H
#define LUBDUB_TESTS_SUPPORT_SCRIPT_H

#include "assert_frame.h"
#include "endpoint.h"

#define SCRIPT_SESSION_NUMBER 42

/* One frame comes from the peer, in the pieces that the endpoint is set to. content NULL: a pattern. */
void say(struct endpoint *endpoint, unsigned type, unsigned flags, uint64_t sequence, const void *content,
         size_t length);
void say_text(struct endpoint *endpoint, unsigned type, uint64_t sequence, const char *content);

static inline void say_hello(struct endpoint *endpoint, uint64_t incarnation, const struct wire_bytes *options)
{
    say(endpoint, LUBDUB_FRAME_HELLO, 0, incarnation, options->data, options->length);
}

static inline void say_probe(struct endpoint *endpoint, uint64_t sequence)
{
    say(endpoint, LUBDUB_FRAME_PROBE, 0, sequence, NULL, 0);
}

static inline void say_ack(struct endpoint *endpoint, uint64_t sequence)
{
    say(endpoint, LUBDUB_FRAME_ACK, 0, sequence, NULL, 0);
}

static inline void say_message(struct endpoint *endpoint, uint64_t sequence, const char *content)
{
    say_text(endpoint, LUBDUB_FRAME_MESSAGE, sequence, content);
}

static inline void say_bye(struct endpoint *endpoint, uint64_t reason)
{
    say(endpoint, LUBDUB_FRAME_BYE, 0, reason, NULL, 0);
}

/* WELCOME with these grants; 0 leaves one out. */
void say_welcome(struct endpoint *endpoint, unsigned flags, uint64_t session_number, uint32_t interval_ms,
                 uint32_t expiry_ms);

/* Several probes in one read, first to last. */
void say_probes(struct endpoint *endpoint, uint64_t first, uint64_t last);

/* A server that has welcomed the client "pump-7"; its output and events so far are forgotten. */
void script_server_up(struct endpoint *server);

/* The same after the settings of an initialised endpoint were changed. */
void script_server_open(struct endpoint *server);

/* A client that got WELCOME for 1 s and 3 s; its first probe is sent, forgotten by the script, and not answered. */
void script_client_up(struct endpoint *client);
void script_client_open(struct endpoint *client);

#endif
