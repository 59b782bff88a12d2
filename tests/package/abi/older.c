/*
 * A program of an older release. It is compiled with the headers of that release, as C and as C++, and runs with the
 * libraries of today and of tomorrow: its settings must mean the same, and no byte behind its structs may be written.
 *
 * Old programs do not change. What is added here later is for a later base (scripts/update-abi --base).
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ev.h>

#include <lubdub/client.h>
#include <lubdub/server.h>
#include <lubdub/session.h>
#include <lubdub/step.h>

/* Without assert.h, that it counts in every build. */
#define EXPECT(condition)                                                                      \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            fprintf(stderr, "older: line %d: this does not hold: %s\n", __LINE__, #condition); \
            exit(1);                                                                           \
        }                                                                                      \
    } while (0)

/* A struct as our header knows it, and bytes behind it that belong to somebody else. */
#define FENCED(type, name)         \
    struct {                       \
        struct type it;            \
        unsigned char behind[256]; \
    } name

#define FENCE(fenced) memset(&(fenced), 0xee, sizeof(fenced))
#define EXPECT_FENCE(fenced) expect_fence((fenced).behind, sizeof(fenced).behind)

static void expect_fence(const unsigned char *behind, size_t length)
{
    size_t i;

    for (i = 0; i < length; i++) {
        EXPECT(behind[i] == 0xee);
    }
}

static struct lubdub_slice slice(const char *text)
{
    return lubdub_client_text(text);
}

/* ---- the core: two sessions in one process ---- */

struct end {
    FENCED(lubdub_session_settings, settings);
    FENCED(lubdub_session, session);
    FENCED(lubdub_event, event);
    FENCED(lubdub_turn, turn);
    uint8_t output[4096];
};

static void begin_turn(struct end *end, lubdub_time now)
{
    FENCE(end->turn);
    FENCE(end->event);
    memset(&end->turn.it, 0, sizeof end->turn.it);
    end->turn.it.now = now;
    end->turn.it.settings = &end->settings.it;
    end->turn.it.output = end->output;
    end->turn.it.output_capacity = sizeof end->output;
}

/* What one end has written in its turn, to the other one, which has begun a turn of its own. */
static void pass(struct end *from, struct end *to)
{
    size_t length;
    const uint8_t *bytes = lubdub_session_output(&from->session.it, &from->turn.it, &length);

    EXPECT(length > 0);
    EXPECT(lubdub_session_receive(&to->session.it, &to->turn.it, bytes, length, &to->event.it) == length);
    lubdub_session_sent(&from->session.it, &from->turn.it, length);
    EXPECT(lubdub_session_end_turn(&from->session.it, &from->turn.it) == LUBDUB_ERROR_OK);
}

/* A step of the client, on a stream that hands what is written to the server. */
struct wired_step {
    FENCED(lubdub_step, step);
    struct end *to;
    bool was_armed;
};

static struct lubdub_transfer read_nothing(struct lubdub_step *step)
{
    struct lubdub_transfer nothing;

    (void)step;
    memset(&nothing, 0, sizeof nothing);
    return nothing;
}

static struct lubdub_transfer write_to_server(struct lubdub_step *step, const uint8_t *bytes, size_t length,
                                              bool is_last)
{
    struct wired_step *wired = (struct wired_step *)(void *)step;
    struct end *to = wired->to;
    struct lubdub_transfer taken = read_nothing(step);

    (void)is_last;
    taken.length = lubdub_session_receive(&to->session.it, &to->turn.it, bytes, length, &to->event.it);
    return taken;
}

static void do_nothing(struct lubdub_step *step)
{
    (void)step;
}

static lubdub_time tell_time(struct lubdub_step *step)
{
    return step->turn.now;
}

static void note_deadline(struct lubdub_step *step, lubdub_time deadline)
{
    EXPECT(deadline > step->turn.now);
    ((struct wired_step *)(void *)step)->was_armed = true;
}

static void hear_nothing(struct lubdub_step *step, const struct lubdub_event *event)
{
    (void)step;
    EXPECT(event->kind == LUBDUB_EVENT_NONE);
}

static void step_sends_a_probe(struct end *client, struct end *server)
{
    FENCED(lubdub_stream, stream);
    struct wired_step wired;

    FENCE(stream);
    memset(&stream.it, 0, sizeof stream.it);
    stream.it.read = read_nothing;
    stream.it.write = write_to_server;
    stream.it.shut = do_nothing;
    stream.it.look = do_nothing;
    stream.it.now = tell_time;
    stream.it.arm = note_deadline;
    stream.it.tell = hear_nothing;
    FENCE(wired.step);
    memset(&wired.step.it, 0, sizeof wired.step.it);
    wired.to = server;
    wired.was_armed = false;
    wired.step.it.session = &client->session.it;
    wired.step.it.stream = &stream.it;
    wired.step.it.turn = client->turn.it;
    lubdub_step_due(&wired.step.it);
    EXPECT(lubdub_step_settle(&wired.step.it) == LUBDUB_STEP_GOES_ON);
    EXPECT(wired.was_armed);
    EXPECT_FENCE(wired.step);
    EXPECT_FENCE(stream);
}

static void expect_fences(const struct end *end)
{
    EXPECT_FENCE(end->settings);
    EXPECT_FENCE(end->session);
    EXPECT_FENCE(end->event);
    EXPECT_FENCE(end->turn);
}

static void core_means_the_same(void)
{
    static struct end client, server;
    FENCED(lubdub_grant, grant);
    FENCED(lubdub_probe_counts, counts);
    FENCED(lubdub_options, options);
    uint8_t list[LUBDUB_OPTIONS_LIMIT];
    size_t length;

    FENCE(client);
    FENCE(server);
    lubdub_session_settings_init(&client.settings.it);
    lubdub_session_settings_init(&server.settings.it);
    EXPECT(client.settings.it.size == sizeof client.settings.it);
    client.settings.it.interval = 100 * LUBDUB_MILLISECOND;
    client.settings.it.identity = slice("pump-7");
    client.settings.it.content = slice("content");
    server.settings.it.requires_hello = true;
    EXPECT(lubdub_session_settings_check(&client.settings.it, LUBDUB_ROLE_CLIENT) == NULL);
    EXPECT(lubdub_session_settings_check(&server.settings.it, LUBDUB_ROLE_SERVER) == NULL);

    begin_turn(&client, 1);
    begin_turn(&server, 1);
    EXPECT(lubdub_session_init(&server.session.it, LUBDUB_ROLE_SERVER, &server.turn.it) == LUBDUB_ERROR_OK);
    EXPECT(lubdub_session_init(&client.session.it, LUBDUB_ROLE_CLIENT, &client.turn.it) == LUBDUB_ERROR_OK);
    pass(&client, &server);
    EXPECT(server.event.it.kind == LUBDUB_EVENT_HELLO);
    EXPECT(server.event.it.options.identity.length == 6);
    EXPECT(server.event.it.options.interval_ms == 100);

    FENCE(grant);
    memset(&grant.it, 0, sizeof grant.it);
    grant.it.session_number = 7;
    grant.it.interval = 200 * LUBDUB_MILLISECOND;
    grant.it.expiry = LUBDUB_SECOND;
    grant.it.is_resumed = true;
    grant.it.last_end = LUBDUB_CAUSE_HUNG;
    EXPECT(lubdub_session_grant(&server.session.it, &server.turn.it, &grant.it) == LUBDUB_ERROR_OK);
    EXPECT_FENCE(grant);
    begin_turn(&client, 2);
    pass(&server, &client);
    EXPECT(client.event.it.kind == LUBDUB_EVENT_UP);
    EXPECT(client.event.it.session_number == 7);
    EXPECT(client.event.it.is_resumed);
    EXPECT(client.event.it.options.last_end == LUBDUB_CAUSE_HUNG);
    EXPECT(lubdub_session_interval(&client.session.it) == 200 * LUBDUB_MILLISECOND);
    EXPECT(lubdub_session_state(&client.session.it) == LUBDUB_SESSION_UP);

    begin_turn(&client, LUBDUB_SECOND);
    begin_turn(&server, LUBDUB_SECOND);
    step_sends_a_probe(&client, &server);
    EXPECT(lubdub_session_probes_received(&server.session.it) == 1);
    begin_turn(&client, LUBDUB_SECOND + LUBDUB_MILLISECOND);
    pass(&server, &client);
    EXPECT(client.event.it.kind == LUBDUB_EVENT_ACKED);
    EXPECT(client.event.it.round_trip == LUBDUB_MILLISECOND);
    EXPECT(client.event.it.length == 7);
    FENCE(counts);
    lubdub_session_probe_counts(&client.session.it, &counts.it);
    EXPECT(counts.it.sent == 1 && counts.it.acked == 1 && counts.it.timed_out == 0);
    EXPECT_FENCE(counts);

    lubdub_session_leave(&client.session.it, &client.turn.it, LUBDUB_REASON_NORMAL, "text", true, LUBDUB_SECOND);
    begin_turn(&server, LUBDUB_SECOND + LUBDUB_MILLISECOND);
    pass(&client, &server);
    EXPECT(server.event.it.kind == LUBDUB_EVENT_DOWN);
    EXPECT(server.event.it.cause == LUBDUB_CAUSE_BYE);
    EXPECT(server.event.it.had_session && server.event.it.has_retry_after);
    EXPECT(server.event.it.retry_after == LUBDUB_SECOND);
    expect_fences(&client);
    expect_fences(&server);
    lubdub_session_clear(&client.session.it);
    lubdub_session_clear(&server.session.it);

    FENCE(options);
    memset(&options.it, 0, sizeof options.it);
    options.it.identity = slice("pump-7");
    options.it.last_end = LUBDUB_CAUSE_RESET;
    length = lubdub_options_encode(&options.it, LUBDUB_FRAME_HELLO, list, sizeof list);
    EXPECT(length > 0);
    EXPECT(lubdub_options_decode(&options.it, LUBDUB_FRAME_HELLO, list, length) == NULL);
    EXPECT(options.it.identity.length == 6);
    EXPECT_FENCE(options);
}

/* ---- a server and clients in one loop ---- */

struct story {
    struct ev_loop *loop;
    struct lubdub_server *server;
    char listening[80];
    unsigned connected;
    unsigned disconnected;
    unsigned rejected;
    unsigned health_critical;
    lubdub_duration interval; /* granted */
    lubdub_duration expiry;
    size_t label_count;

    unsigned acked;
    unsigned echoed;
    bool was_stalled;
    bool was_refused;
    bool is_stopped;
};

static void on_server_event(struct lubdub_server *server, const struct lubdub_server_event *event, void *user_data)
{
    struct story *story = (struct story *)user_data;

    (void)server;
    switch (event->kind) {
    case LUBDUB_SERVER_LISTENING:
        snprintf(story->listening, sizeof story->listening, "%s", event->address);
        break;
    case LUBDUB_SERVER_CONNECTED:
        story->connected++;
        story->interval = event->interval;
        story->expiry = event->expiry;
        story->label_count = event->label_count;
        break;
    case LUBDUB_SERVER_DISCONNECTED:
        EXPECT(event->cause == LUBDUB_CAUSE_BYE);
        EXPECT(event->probes > 0);
        story->disconnected++;
        break;
    case LUBDUB_SERVER_REJECTED:
        story->rejected++;
        break;
    case LUBDUB_SERVER_HEALTH:
        story->health_critical += event->health == LUBDUB_HEALTH_CRITICAL;
        break;
    default:
        break;
    }
}

/* The client that is welcome: it is acked and echoed, makes no progress, and leaves. */
static void on_client_event(struct lubdub_client *client, const struct lubdub_client_event *event, void *user_data)
{
    struct story *story = (struct story *)user_data;

    switch (event->kind) {
    case LUBDUB_CLIENT_UP:
        EXPECT(event->interval == 50 * LUBDUB_MILLISECOND);
        EXPECT(lubdub_client_send(client, "hello", 5) == LUBDUB_ERROR_OK);
        break;
    case LUBDUB_CLIENT_ACKED:
        story->acked++;
        break;
    case LUBDUB_CLIENT_MESSAGE:
        EXPECT(event->length == 5);
        story->echoed++;
        break;
    case LUBDUB_CLIENT_PROGRESS:
        EXPECT(event->is_stalled);
        EXPECT(event->without_progress >= 100 * LUBDUB_MILLISECOND);
        story->was_stalled = true;
        break;
    case LUBDUB_CLIENT_STOPPED:
        story->is_stopped = true;
        break;
    default:
        break;
    }
}

/* The client without a token. */
static void on_stranger_event(struct lubdub_client *client, const struct lubdub_client_event *event, void *user_data)
{
    struct story *story = (struct story *)user_data;

    (void)client;
    EXPECT(event->kind != LUBDUB_CLIENT_UP);
    if (event->kind == LUBDUB_CLIENT_DOWN || event->kind == LUBDUB_CLIENT_FAILED) {
        story->was_refused |= event->has_reason && event->reason == LUBDUB_REASON_UNAUTHORIZED;
    }
}

static void on_limit(struct ev_loop *loop, ev_timer *timer, int revents)
{
    (void)loop, (void)timer, (void)revents;
    fprintf(stderr, "older: not done in twenty seconds\n");
    exit(1);
}

static void make_server(struct story *story)
{
    static struct lubdub_slice token;
    FENCED(lubdub_server_settings, settings);
    struct lubdub_server *other = NULL;

    FENCE(settings);
    lubdub_server_settings_init(&settings.it);
    EXPECT_FENCE(settings);
    EXPECT(settings.it.size == sizeof settings.it);
    EXPECT(settings.it.workers == 1 && settings.it.interval_max == LUBDUB_HOUR);
    EXPECT(lubdub_server_settings_check(&settings.it) == NULL);
    token = slice("secret");
    settings.it.tokens = &token;
    settings.it.token_count = 1;
    settings.it.interval_min = 50 * LUBDUB_MILLISECOND;
    settings.it.expiry_max = LUBDUB_MINUTE;
    settings.it.on_message = LUBDUB_ON_MESSAGE_ECHO;
    settings.it.shares_port = true;
    EXPECT(lubdub_server_new(&story->server, story->loop, &settings.it, on_server_event, story) == LUBDUB_ERROR_OK);
    EXPECT(lubdub_server_listen(story->server, "127.0.0.1", 0) == LUBDUB_ERROR_OK);

    /* The last field that we know is taken, too. */
    settings.it.tokens = NULL;
    settings.it.token_count = 0;
    EXPECT(lubdub_server_new(&other, story->loop, &settings.it, NULL, NULL) == LUBDUB_ERROR_OK);
    EXPECT(lubdub_server_listen(other, "127.0.0.1", lubdub_server_port(story->server)) == LUBDUB_ERROR_OK);
    lubdub_server_free(other);
    settings.it.shares_port = false;
    EXPECT(lubdub_server_new(&other, story->loop, &settings.it, NULL, NULL) == LUBDUB_ERROR_OK);
    EXPECT(lubdub_server_listen(other, "127.0.0.1", lubdub_server_port(story->server)) == LUBDUB_ERROR_ADDRESS_IN_USE);
    lubdub_server_free(other);

    other = NULL;
    settings.it.size = 0;
    EXPECT(lubdub_server_new(&other, story->loop, &settings.it, NULL, NULL) == LUBDUB_ERROR_INVALID);
    EXPECT_FENCE(settings);

    EXPECT(lubdub_server_start(story->server) == LUBDUB_ERROR_OK);
    EXPECT(strncmp(story->listening, "127.0.0.1:", 10) == 0);
}

static struct lubdub_client *make_client(struct story *story, bool has_token)
{
    FENCED(lubdub_client_settings, settings);
    struct lubdub_client_server server;
    struct lubdub_label label;
    struct lubdub_client *client = NULL;

    memset(&server, 0, sizeof server);
    server.host = "127.0.0.1";
    server.port = lubdub_server_port(story->server);
    EXPECT(lubdub_label_parse(&label, "room=cellar", 11));
    FENCE(settings);
    lubdub_client_settings_init(&settings.it);
    EXPECT_FENCE(settings);
    EXPECT(settings.it.size == sizeof settings.it);
    EXPECT(settings.it.connect_timeout == 5 * LUBDUB_SECOND && settings.it.backoff_max == 30 * LUBDUB_SECOND);
    settings.it.servers = &server;
    settings.it.server_count = 1;
    settings.it.session.identity = slice(has_token ? "pump-7" : "stranger");
    settings.it.session.interval = 20 * LUBDUB_MILLISECOND; /* the server grants no less than 50 */
    settings.it.session.labels = &label;
    settings.it.session.label_count = 1;
    if (has_token) {
        settings.it.session.token = slice("secret");
        settings.it.progress_within = 100 * LUBDUB_MILLISECOND;
    }
    EXPECT(lubdub_client_settings_check(&settings.it) == NULL);
    EXPECT(lubdub_client_new(&client, story->loop, &settings.it, has_token ? on_client_event : on_stranger_event,
                             story) == LUBDUB_ERROR_OK);
    EXPECT(lubdub_client_start(client) == LUBDUB_ERROR_OK);
    EXPECT_FENCE(settings);
    return client;
}

static void server_and_client_mean_the_same(void)
{
    static struct story story;
    FENCED(lubdub_server_counts, counts);
    FENCED(lubdub_client_counts, client_counts);
    struct lubdub_client *client;
    struct lubdub_client *stranger;
    ev_timer limit;

    story.loop = ev_default_loop(0);
    make_server(&story);
    client = make_client(&story, true);
    stranger = make_client(&story, false);
    ev_timer_init(&limit, on_limit, 20., 0.);
    ev_timer_start(story.loop, &limit);
    while (story.acked < 3 || story.echoed == 0 || !story.was_stalled || story.health_critical == 0 ||
           !story.was_refused || story.rejected == 0) {
        ev_run(story.loop, EVRUN_ONCE);
    }
    lubdub_client_stop(client, LUBDUB_REASON_NORMAL);
    while (!story.is_stopped || story.disconnected == 0) {
        ev_run(story.loop, EVRUN_ONCE);
    }
    ev_timer_stop(story.loop, &limit);

    EXPECT(story.connected == 1);
    EXPECT(story.interval == 50 * LUBDUB_MILLISECOND);
    EXPECT(story.label_count == 1);
    FENCE(counts);
    counts.it.size = sizeof counts.it;
    lubdub_server_counts(story.server, &counts.it);
    EXPECT_FENCE(counts);
    EXPECT(counts.it.size == sizeof counts.it);
    EXPECT(counts.it.connected == 1 && counts.it.disconnected == 1 && counts.it.messages == 1);
    EXPECT(counts.it.by_cause[LUBDUB_CAUSE_BYE] == 1);
    EXPECT(counts.it.by_cause[LUBDUB_CAUSE_CAPACITY - 1] == 0);
    EXPECT(counts.it.longest_recent_turn > 0 && counts.it.longest_recent_turn == counts.it.longest_turn);
    FENCE(client_counts);
    client_counts.it.size = sizeof client_counts.it;
    lubdub_client_counts(client, &client_counts.it);
    EXPECT_FENCE(client_counts);
    EXPECT(client_counts.it.sessions == 1 && client_counts.it.acked >= 3 && client_counts.it.narrow == 0);

    lubdub_client_free(stranger);
    lubdub_client_free(client);
    lubdub_server_free(story.server);
    ev_loop_destroy(story.loop);
}

int main(void)
{
    core_means_the_same();
    server_and_client_mean_the_same();
    return 0;
}
