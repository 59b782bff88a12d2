/* Events written down, and waited for. */
#include "client_fixture.h"

#include <stdlib.h>

#include "loop_wait.h"
#include "support/test.h"

#define MS LUBDUB_MILLISECOND

static size_t keep(struct seen_event *seen, const void *bytes, size_t length)
{
    size_t kept = length < sizeof seen->copy - 1 ? length : sizeof seen->copy - 1;

    if (kept > 0) {
        memcpy(seen->copy, bytes, kept);
    }
    seen->copy[kept] = '\0';
    return kept;
}

static void on_event(struct lubdub_client *client, const struct lubdub_client_event *event, void *user_data)
{
    struct client_fixture *fixture = user_data;
    struct seen_event *seen;

    assert_non_null(fixture->client); /* nothing comes after _free */
    assert_ptr_equal(client, fixture->client);
    assert_true(fixture->seen_count < SEEN_LIMIT);
    seen = &fixture->seen[fixture->seen_count++];
    seen->event = *event;
    seen->session = lubdub_client_session(client);
    seen->state = lubdub_client_state(client);
    lubdub_client_event_remote(event, seen->remote);
    if (event->content != NULL) {
        seen->event.length = keep(seen, event->content, event->length);
        seen->event.content = (const uint8_t *)seen->copy;
    } else {
        seen->event.text.length = keep(seen, event->text.data, event->text.length);
        seen->event.text.data = seen->copy;
    }
    if (fixture->inside != NULL) {
        fixture->inside(fixture, event);
    }
}

int client_fixture_setup(void **state)
{
    struct client_fixture *fixture = calloc(1, sizeof *fixture);

    assert_non_null(fixture);
    fixture->loop = ev_loop_new(EVFLAG_AUTO);
    assert_non_null(fixture->loop);
    fixture->server = fake_server_new(fixture->loop, "127.0.0.1", 0);
    fixture->servers[0] = (struct lubdub_client_server){"127.0.0.1", fixture->server->port};
    lubdub_client_settings_init(&fixture->settings);
    fixture->settings.servers = fixture->servers;
    fixture->settings.server_count = 1;
    fixture->settings.session.interval = LUBDUB_HOUR;
    fixture->settings.session.timeout = 5000 * MS;
    fixture->settings.backoff_min = 10 * MS;
    fixture->settings.backoff_max = 40 * MS;
    fixture->settings.seed = 1;
    *state = fixture;
    return 0;
}

int client_fixture_teardown(void **state)
{
    struct client_fixture *fixture = *state;

    lubdub_client_free(fixture->client);
    if (fixture->server != NULL) {
        fake_server_free(fixture->server);
    }
    ev_loop_destroy(fixture->loop);
    free(fixture);
    return 0;
}

void client_fixture_start(struct client_fixture *fixture)
{
    assert_int_equal(lubdub_client_new(&fixture->client, fixture->loop, &fixture->settings, on_event, fixture),
                     LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_client_start(fixture->client), LUBDUB_ERROR_OK);
    assert_int_equal(fixture->seen_count, 0); /* nothing is told before the loop runs */
}

struct fake_peer *client_fixture_go_up(struct client_fixture *fixture)
{
    struct fake_peer *peer;

    client_fixture_start(fixture);
    peer = expect_peer(fixture->server);
    peer_expect(peer, HELLO);
    fake_peer_welcome(peer, 7, (uint32_t)(fixture->settings.session.interval / MS), 0);
    expect_seen(fixture, CONNECTING);
    expect_seen(fixture, UP);
    return peer;
}

static bool has_news(void *user_data)
{
    const struct client_fixture *fixture = user_data;

    return fixture->seen_count > fixture->looked_at;
}

const struct seen_event *client_fixture_expect(struct client_fixture *fixture, enum lubdub_client_event_kind kind,
                                               const char *file, int line)
{
    const struct seen_event *seen;

    if (!loop_wait(fixture->loop, has_news, fixture)) {
        print_error("event %u did not come\n", kind);
        _fail(file, line);
    }
    seen = &fixture->seen[fixture->looked_at++];
    if (seen->event.kind != kind) {
        print_error("event %u expected, got %u (cause %s, text %s)\n", kind, seen->event.kind,
                    lubdub_cause_word(seen->event.cause), seen->copy);
        _fail(file, line);
    }
    return seen;
}

static bool is_passing(enum lubdub_client_event_kind kind)
{
    return kind == LUBDUB_CLIENT_ACKED || kind == LUBDUB_CLIENT_LATE_ACK || kind == LUBDUB_CLIENT_FAILED ||
           kind == LUBDUB_CLIENT_CONNECTING || kind == LUBDUB_CLIENT_RETRYING;
}

const struct seen_event *client_fixture_expect_later(struct client_fixture *fixture, enum lubdub_client_event_kind kind,
                                                     const char *file, int line)
{
    while (loop_wait(fixture->loop, has_news, fixture) && fixture->seen[fixture->looked_at].event.kind != kind &&
           is_passing(fixture->seen[fixture->looked_at].event.kind)) {
        fixture->looked_at++;
    }
    return client_fixture_expect(fixture, kind, file, line);
}

void client_fixture_expect_silence(struct client_fixture *fixture, const char *file, int line)
{
    loop_run_for(fixture->loop, 0.1);
    if (fixture->seen_count > fixture->looked_at) {
        print_error("event %u came\n", fixture->seen[fixture->looked_at].event.kind);
        _fail(file, line);
    }
}
