/*
 * A server under test in the test's own loop, and what it told its application, from whichever thread. Its clients are
 * raw ones (support/raw_client.h): while they wait, the loop runs.
 */
#ifndef LUBDUB_TESTS_EV_SERVER_FIXTURE_H
#define LUBDUB_TESTS_EV_SERVER_FIXTURE_H

#include <ev.h>
#include <pthread.h>

#include <lubdub/server.h>

#include "patience.h"
#include "raw_client.h"

#define TOLD_LIMIT 8192
#define FIXTURE_CLIENTS 8

/* An event that outlives its callback. */
struct told_event {
    struct lubdub_server_event event; /* identity, text and content lead to copies; labels and remote are NULL */
    char remote[80];
    char address[80];
    char identity[129];
    char text[257];
    char content[64];
    pthread_t thread;
    bool is_taken;
};

struct server_fixture {
    struct ev_loop *loop;
    struct lubdub_server_settings settings;
    struct lubdub_server *server;               /* NULL once freed */
    struct raw_client clients[FIXTURE_CLIENTS]; /* closed at the end */
    struct lubdub_tls *tls; /* with LUBDUB_TESTS_OVER_TLS in the environment; else NULL. The clients speak it, too */

    pthread_mutex_t lock;
    struct told_event *told;
    size_t told_count;

    /* Called from inside the callback, without the lock, after the event was written down. */
    void (*inside)(struct server_fixture *fixture, const struct lubdub_server_event *event);
    void *user_data;
    unsigned inside_count;
    size_t told_before; /* for `inside` to note */
};

/* setup: interval 1 s and expiry 60 s for who asks for nothing, else the defaults. The test may change the settings. */
int server_fixture_setup(void **state);
int server_fixture_teardown(void **state);

/*
 * For a test of what is different over TLS, where it would say nothing: a server tells nothing before the handshake is done,
 * and a handshake needs a loop that runs.
 */
#define PLAINLY_ONLY(fixture)        \
    do {                             \
        if ((fixture)->tls != NULL) { \
            skip();                  \
        }                            \
    } while (0)

/* Makes, listens on 127.0.0.1 and a free port, and starts. */
void server_fixture_start(struct server_fixture *fixture);

/* lubdub_server_listen() or, over TLS, lubdub_server_listen_tls(). */
enum lubdub_error server_fixture_listen(const struct server_fixture *fixture, struct lubdub_server *server,
                                        const char *host, uint16_t port);

/* The callback, for tests that make the server themselves; the fixture is its user data. */
void server_fixture_on_event(struct lubdub_server *server, const struct lubdub_server_event *event, void *user_data);

/* Frees the server, which may be gone already. */
void server_fixture_free(struct server_fixture *fixture);

/* Client number `index` joins. */
struct raw_client *server_fixture_join(struct server_fixture *fixture, unsigned index, const char *identity);

static inline uint16_t server_fixture_port(const struct server_fixture *fixture)
{
    return lubdub_server_port(fixture->server);
}

/* The first of its kind that the test has not taken; waits for it, and fails in the caller's line. */
const struct told_event *server_fixture_expect(struct server_fixture *fixture, enum lubdub_server_event_kind kind,
                                               const char *file, int line);
#define expect_told(fixture, kind) server_fixture_expect(fixture, LUBDUB_SERVER_##kind, __FILE__, __LINE__)

/* How many of a kind were told so far. */
size_t server_fixture_count(struct server_fixture *fixture, enum lubdub_server_event_kind kind);

/* Runs the loop until this is true, with a limit. */
bool server_fixture_wait(struct server_fixture *fixture, bool (*is_true)(struct server_fixture *fixture));

/* Runs the loop for so long, for what must not happen. */
void server_fixture_run(struct server_fixture *fixture, lubdub_duration length);

/* One of the server's counters. */
struct lubdub_server_counts server_fixture_counts(struct server_fixture *fixture);

#endif
