/*
 * A client under test, a fake server or two for it, and what it told its application. All in one loop.
 */
#ifndef LUBDUB_TESTS_EV_CLIENT_FIXTURE_H
#define LUBDUB_TESTS_EV_CLIENT_FIXTURE_H

#include <ev.h>

#include <lubdub/client.h>

#include "fake_server.h"

#define SEEN_LIMIT 256

/* An event that outlives its callback. */
struct seen_event {
    struct lubdub_client_event event; /* content and text lead to the copy below */
    char remote[80];
    uint64_t session; /* lubdub_client_session() at that moment */
    enum lubdub_client_state state;
    char copy[256];
};

struct client_fixture {
    struct ev_loop *loop;
    struct fake_server *server;
    struct lubdub_client_server servers[4];
    struct lubdub_client_settings settings;
    struct lubdub_client *client; /* NULL once freed */

    struct seen_event seen[SEEN_LIMIT];
    size_t seen_count;
    size_t looked_at;

    /* Called from inside the callback, after the event was written down. */
    void (*inside)(struct client_fixture *fixture, const struct lubdub_client_event *event);
    unsigned inside_count;
};

/*
 * setup: one fake server on 127.0.0.1 that the settings lead to; timeout 5 s, backoff 10 to 40 ms, seed 1, and an
 * interval of an hour, so that there is one probe and no other unless the test wants it. The test may change the
 * settings before it starts the client. teardown frees all.
 */
int client_fixture_setup(void **state);
int client_fixture_teardown(void **state);

/* Makes and starts the client. */
void client_fixture_start(struct client_fixture *fixture);

/*
 * The same up to session 7 with the fake server, which grants the interval asked for. Returns the server's end; the
 * first probe is still to be expected there.
 */
struct fake_peer *client_fixture_go_up(struct client_fixture *fixture);

/* The next event that the test has not looked at; waits for it. */
const struct seen_event *client_fixture_expect(struct client_fixture *fixture, enum lubdub_client_event_kind kind,
                                               const char *file, int line);
#define expect_seen(fixture, kind) client_fixture_expect(fixture, LUBDUB_CLIENT_##kind, __FILE__, __LINE__)

/* The same, passing over ACKED, LATE_ACK, FAILED, CONNECTING and RETRYING unless that is what is wanted. */
const struct seen_event *client_fixture_expect_later(struct client_fixture *fixture, enum lubdub_client_event_kind kind,
                                                     const char *file, int line);
#define expect_later(fixture, kind) client_fixture_expect_later(fixture, LUBDUB_CLIENT_##kind, __FILE__, __LINE__)

/* Nothing more was told, and nothing is for a moment. */
void client_fixture_expect_silence(struct client_fixture *fixture, const char *file, int line);
#define expect_silence(fixture) client_fixture_expect_silence(fixture, __FILE__, __LINE__)

#endif
