#include "server_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "endpoint.h"
#include "over_tls.h"
#include "support/test.h"

/* What is allocated in here is the server's (failing_malloc.h). */
static void run_loop(struct ev_loop *loop)
{
    endpoint_core_runs = true;
    ev_run(loop, EVRUN_NOWAIT);
    endpoint_core_runs = false;
}

static void turn(void *user_data)
{
    run_loop(user_data);
}

int server_fixture_setup(void **state)
{
    struct server_fixture *fixture = calloc(1, sizeof *fixture);
    unsigned i;

    fixture->loop = ev_loop_new(EVFLAG_AUTO);
    fixture->told = calloc(TOLD_LIMIT, sizeof *fixture->told);
    pthread_mutex_init(&fixture->lock, NULL);
    lubdub_server_settings_init(&fixture->settings);
    fixture->settings.session.expiry = LUBDUB_MINUTE;
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        fixture->clients[i].socket = -1;
    }
    raw_clients_turn(turn, fixture->loop);
    fixture->tls = over_tls_begin();
    fixture->settings.tls = fixture->tls;
    *state = fixture;
    return fixture->loop == NULL || fixture->told == NULL;
}

int server_fixture_teardown(void **state)
{
    struct server_fixture *fixture = *state;
    unsigned i;

    server_fixture_free(fixture);
    for (i = 0; i < FIXTURE_CLIENTS; i++) {
        if (fixture->clients[i].socket >= 0) {
            raw_close(&fixture->clients[i]);
        }
    }
    raw_clients_turn(NULL, NULL);
    over_tls_end(fixture->tls);
    ev_loop_destroy(fixture->loop);
    pthread_mutex_destroy(&fixture->lock);
    free(fixture->told);
    free(fixture);
    return 0;
}

static struct lubdub_slice copy(char *target, size_t capacity, const void *source, size_t length)
{
    if (length >= capacity) {
        length = capacity - 1;
    }
    if (length > 0) {
        memcpy(target, source, length);
    }
    target[length] = '\0';
    return (struct lubdub_slice){target, length};
}

void server_fixture_on_event(struct lubdub_server *server, const struct lubdub_server_event *event, void *user_data)
{
    struct server_fixture *fixture = user_data;
    struct told_event *told;
    (void)server;

    pthread_mutex_lock(&fixture->lock);
    assert_true(fixture->told_count < TOLD_LIMIT);
    told = &fixture->told[fixture->told_count++];
    told->event = *event;
    told->event.identity = copy(told->identity, sizeof told->identity, event->identity.data, event->identity.length);
    told->event.text = copy(told->text, sizeof told->text, event->text.data, event->text.length);
    if (event->kind == LUBDUB_SERVER_MESSAGE || event->kind == LUBDUB_SERVER_HEALTH) {
        copy(told->content, sizeof told->content, event->content, event->length);
    }
    told->event.content = (const uint8_t *)told->content;
    lubdub_server_event_remote(event, told->remote);
    told->event.remote = NULL;
    told->event.labels = NULL;
    if (event->address != NULL) {
        snprintf(told->address, sizeof told->address, "%s", event->address);
    }
    told->thread = pthread_self();
    pthread_mutex_unlock(&fixture->lock);
    if (fixture->inside != NULL) {
        fixture->inside(fixture, event);
    }
}

enum lubdub_error server_fixture_listen(const struct server_fixture *fixture, struct lubdub_server *server,
                                        const char *host, uint16_t port)
{
    return fixture->tls != NULL ? lubdub_server_listen_tls(server, host, port)
                                : lubdub_server_listen(server, host, port);
}

void server_fixture_start(struct server_fixture *fixture)
{
    assert_int_equal(
        lubdub_server_new(&fixture->server, fixture->loop, &fixture->settings, server_fixture_on_event, fixture),
        LUBDUB_ERROR_OK);
    assert_int_equal(server_fixture_listen(fixture, fixture->server, "127.0.0.1", 0), LUBDUB_ERROR_OK);
    assert_int_equal(lubdub_server_start(fixture->server), LUBDUB_ERROR_OK);
}

void server_fixture_free(struct server_fixture *fixture)
{
    struct lubdub_server *server = fixture->server;

    fixture->server = NULL;
    lubdub_server_free(server);
}

struct raw_client *server_fixture_join(struct server_fixture *fixture, unsigned index, const char *identity)
{
    struct raw_client *client = &fixture->clients[index];

    raw_join(client, server_fixture_port(fixture), identity, 0, 0);
    return client;
}

static struct told_event *find(struct server_fixture *fixture, enum lubdub_server_event_kind kind)
{
    struct told_event *found = NULL;
    size_t i;

    pthread_mutex_lock(&fixture->lock);
    for (i = 0; i < fixture->told_count && found == NULL; i++) {
        if (fixture->told[i].event.kind == kind && !fixture->told[i].is_taken) {
            found = &fixture->told[i];
            found->is_taken = true;
        }
    }
    pthread_mutex_unlock(&fixture->lock);
    return found;
}

/* One round of the loop, waking up soon whatever happens: other threads tell things too. */
static void run_once(struct server_fixture *fixture)
{
    run_loop(fixture->loop);
    stay(LUBDUB_MILLISECOND / 2);
}

const struct told_event *server_fixture_expect(struct server_fixture *fixture, enum lubdub_server_event_kind kind,
                                               const char *file, int line)
{
    const lubdub_time until = now() + PATIENCE;
    const struct told_event *found;

    while ((found = find(fixture, kind)) == NULL) {
        if (now() >= until) {
            print_error("no event of kind %d was told\n", (int)kind);
            _fail(file, line);
        }
        run_once(fixture);
    }
    return found;
}

size_t server_fixture_count(struct server_fixture *fixture, enum lubdub_server_event_kind kind)
{
    size_t count = 0;
    size_t i;

    pthread_mutex_lock(&fixture->lock);
    for (i = 0; i < fixture->told_count; i++) {
        count += fixture->told[i].event.kind == kind;
    }
    pthread_mutex_unlock(&fixture->lock);
    return count;
}

bool server_fixture_wait(struct server_fixture *fixture, bool (*is_true)(struct server_fixture *fixture))
{
    const lubdub_time until = now() + PATIENCE;

    while (!is_true(fixture)) {
        if (now() >= until) {
            return false;
        }
        run_once(fixture);
    }
    return true;
}

void server_fixture_run(struct server_fixture *fixture, lubdub_duration length)
{
    const lubdub_time until = now() + length;

    while (now() < until) {
        run_once(fixture);
    }
}

struct lubdub_server_counts server_fixture_counts(struct server_fixture *fixture)
{
    struct lubdub_server_counts counts = {.size = sizeof counts};

    lubdub_server_counts(fixture->server, &counts);
    return counts;
}
