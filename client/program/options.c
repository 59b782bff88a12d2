/* The options of lubdub-client, one row each, and what they mean to the library. */
#include "client/program/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lubdub/version.h>

#include "ev/address.h"
#include "program/events/escape.h"
#include "program/events/log.h"
#include "program/settings/parse.h"

#define MILLISECOND LUBDUB_MILLISECOND
#define LONGEST (49 * 24 * LUBDUB_HOUR) /* what 32 bits of milliseconds hold */
#define DEFAULT_TIMEOUT (3 * LUBDUB_SECOND)
#define FIELD(name) offsetof(struct options, name)

static const struct lubdub_secret_kind token = {"--token-file", "token", LUBDUB_TOKEN_LIMIT};
static const char *const event_words[] = LUBDUB_EVENT_FORM_WORDS;

static const char *judge_server(const char *value, void *field)
{
    struct lubdub_hostport hostport;
    (void)field;

    return lubdub_hostport_parse(value, LUBDUB_DEFAULT_PORT, &hostport);
}

static const char *judge_source(const char *value, void *field)
{
    struct lubdub_address address;
    (void)field;

    return lubdub_address_parse(&address, value, 0) ? NULL : "must be a numeric address";
}

static const char *judge_identity(const char *value, void *field)
{
    (void)field;
    return lubdub_identity_is_valid(value, strlen(value))
               ? NULL
               : "must be 1 to 128 bytes of UTF-8 without control characters";
}

static const char *judge_label(const char *value, void *field)
{
    struct lubdub_label label;
    (void)field;

    return lubdub_label_parse(&label, value, strlen(value))
               ? NULL
               : "must be KEY=VALUE, a key of 1 to 32 of a-z 0-9 _ . - and a value of at most 128 bytes of UTF-8";
}

/* D, auto or auto:D. */
static const char *take_timeout(const char *value, void *field)
{
    static const char automatic[] = "auto";
    static const size_t length = sizeof automatic - 1;
    struct timeout timeout = {0};

    if (strncmp(value, automatic, length) == 0 && (value[length] == '\0' || value[length] == ':')) {
        timeout.adapts = true;
        value += length;
        if (value[0] == '\0') {
            *(struct timeout *)field = timeout;
            return NULL;
        }
        value++;
    }
    if (lubdub_parse_duration(value, &timeout.length) != LUBDUB_PARSE_OK || timeout.length < MILLISECOND ||
        timeout.length > LONGEST) {
        return "must be a duration from 1ms to 49 days, such as 250ms, 3s or 2m (a bare number is milliseconds), or auto, "
               "or auto:D";
    }
    *(struct timeout *)field = timeout;
    return NULL;
}

static const struct lubdub_setting rows[] = {
    {.name = "server", .metavar = "HOST[:PORT]", .kind = LUBDUB_SETTING_STRINGS, .offset = FIELD(server),
     .take = judge_server, .help = "as the arguments, for the configuration file; repeatable"},
    {.name = "source", .metavar = "ADDRESS", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(source),
     .take = judge_source, .help = "connect from this numeric address (the system chooses)"},
    {.name = "interval", .letter = 'i', .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(interval),
     .minimum = MILLISECOND, .maximum = LONGEST, .help = "from probe to probe (1s)"},
    {.name = "timeout", .letter = 't', .metavar = "D|auto[:D]", .kind = LUBDUB_SETTING_CUSTOM, .offset = FIELD(timeout),
     .take = take_timeout, .help = "for each probe's ack (3s); auto: sooner where the evidence allows, at most this"},
    {.name = "expiry", .letter = 'e', .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(expiry),
     .minimum = MILLISECOND, .maximum = LONGEST, .help = "silence the server is to tolerate (three intervals)"},
    {.name = "goal", .metavar = "WISH", .kind = LUBDUB_SETTING_CUSTOM, .offset = FIELD(goal), .take = goal_take,
     .help = "detect=2s[,false-alarms=1/month][,measure=5s]: measures first, and sets these three (none)"},
    {.name = "connect-timeout", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(connect_timeout),
     .minimum = MILLISECOND, .maximum = LUBDUB_HOUR,
     .help = "for each name, address and welcome (5s)"},
    {.name = "stay", .kind = LUBDUB_SETTING_FLAG, .offset = FIELD(stay),
     .help = "stay connected when an ack is overdue; a late one counts"},
    {.name = "reconnect", .letter = 'r', .kind = LUBDUB_SETTING_FLAG, .offset = FIELD(reconnect),
     .help = "come back after every end, with backoff and jitter"},
    {.name = "backoff-min", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(backoff_min),
     .minimum = MILLISECOND, .maximum = 24 * LUBDUB_HOUR, .help = "the first wait is a random part of this (500ms)"},
    {.name = "backoff-max", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(backoff_max),
     .minimum = MILLISECOND, .maximum = 24 * LUBDUB_HOUR, .help = "it doubles with every wait up to this (30s)"},
    {.name = "id", .metavar = "NAME", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(id), .take = judge_identity,
     .help = "identity on the server (none)"},
    {.name = "label", .metavar = "KEY=VALUE", .kind = LUBDUB_SETTING_STRINGS, .offset = FIELD(label),
     .take = judge_label, .help = "told to the server; up to 8"},
    {.name = "content", .metavar = "TEXT", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(content),
     .maximum = LUBDUB_CONTENT_LIMIT, .help = "content of every probe (none)"},
    {.name = "token-file", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(token_file),
     .help = "its first line proves who we are"},
    {.name = "message", .letter = 'm', .metavar = "TEXT", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(message),
     .maximum = LUBDUB_CONTENT_LIMIT, .help = "send this whenever the server is up"},
    {.name = "count", .letter = 'c', .metavar = "N", .kind = LUBDUB_SETTING_COUNT, .offset = FIELD(count),
     .minimum = 1, .help = "leave after so many acks (never)"},
    {.name = "check", .metavar = "COMMAND", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(check),
     .help = "its exit status is the health of the next probes: 0 passing, 1 warning, else critical"},
    {.name = "check-interval", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(check_interval),
     .minimum = 10 * MILLISECOND, .maximum = LONGEST, .help = "from check to check (the interval, at least 100ms)"},
    {.name = "check-timeout", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(check_timeout),
     .minimum = 10 * MILLISECOND, .maximum = LONGEST, .help = "a check that takes longer is killed, and critical (10s)"},
    {.name = "on-up", .metavar = "COMMAND", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(on_up),
     .help = "run when the server is up, with the event in LUBDUB_* variables"},
    {.name = "on-down", .metavar = "COMMAND", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(on_down),
     .help = "run when it went down, likewise"},
    {.name = "events", .metavar = "text|json|none", .kind = LUBDUB_SETTING_CHOICE, .offset = FIELD(events),
     .words = event_words, .help = "form of the events on standard output (text)"},
    {.name = "log-level", .metavar = "LEVEL", .kind = LUBDUB_SETTING_CHOICE, .offset = FIELD(log_level),
     .words = lubdub_log_level_words, .help = "error, warning, info or debug (info)"},
};

/* ---- what no row can judge alone ---- */

static bool refuse(char *problem, size_t capacity, const char *what)
{
    snprintf(problem, capacity, "%s", what);
    return false;
}

/* The arguments, else those of the file, else this machine. */
static bool take_servers(struct options *options, const struct lubdub_strings *positionals, char *problem,
                         size_t capacity)
{
    static const char *const here[] = {"localhost"};
    const char *const *texts = here;
    size_t count = 1;
    size_t i;

    if (positionals->count > 0 || options->server.count > 0) {
        const struct lubdub_strings *given = positionals->count > 0 ? positionals : &options->server;

        texts = given->items;
        count = given->count;
    }
    options->hosts = calloc(count, sizeof *options->hosts);
    options->servers = calloc(count, sizeof *options->servers);
    if (options->hosts == NULL || options->servers == NULL) {
        return refuse(problem, capacity, "no memory is left");
    }
    for (i = 0; i < count; i++) {
        const char *fault = lubdub_hostport_parse(texts[i], LUBDUB_DEFAULT_PORT, &options->hosts[i]);

        if (fault != NULL) {
            char shown[80];

            lubdub_escape_text(shown, sizeof shown, texts[i], strnlen(texts[i], sizeof shown));
            snprintf(problem, capacity, "HOST[:PORT] %s: %s", shown, fault);
            return false;
        }
        options->servers[i].host = options->hosts[i].host;
        options->servers[i].port = options->hosts[i].port;
    }
    options->server_count = count;
    return true;
}

static bool take_labels(struct options *options, char *problem, size_t capacity)
{
    size_t i;

    if (options->label.count > LUBDUB_LABEL_COUNT_LIMIT) {
        return refuse(problem, capacity, "--label may be given 8 times at most");
    }
    for (i = 0; i < options->label.count; i++) {
        const char *text = options->label.items[i];

        if (!lubdub_label_parse(&options->labels[i], text, strlen(text))) {
            return refuse(problem, capacity, judge_label(text, NULL));
        }
    }
    return true;
}

static bool check(void *target, const struct lubdub_strings *positionals, char *problem, size_t capacity)
{
    struct options *options = target;
    struct lubdub_client_settings settings;
    const char *fault;

    if (options->expiry != 0 && options->expiry < 2 * options->interval) {
        return refuse(problem, capacity, "--expiry must be at least twice --interval");
    }
    if (options->backoff_max < options->backoff_min) {
        return refuse(problem, capacity, "--backoff-max must not be less than --backoff-min");
    }
    if (options->timeout.length == 0) {
        options->timeout.length = 3 * options->interval > DEFAULT_TIMEOUT ? 3 * options->interval : DEFAULT_TIMEOUT;
    }
    if (!take_servers(options, positionals, problem, capacity) || !take_labels(options, problem, capacity)) {
        return false;
    }
    if (options->token_file != NULL &&
        !lubdub_secret_file_read_first(&options->token, options->token_file, &token, problem, capacity)) {
        return false;
    }
    options_client_settings(options, &settings);
    fault = lubdub_client_settings_check(&settings);
    return fault == NULL || refuse(problem, capacity, fault);
}

const struct lubdub_settings_table options_table = {
    .program = "lubdub-client",
    .section = "client",
    .arguments = "[OPTIONS] [HOST[:PORT]]...",
    .summary = "Sends heartbeats to a server and reports each ack, as ping does; says when the server went down, and why.\n"
               "Several hosts are tried in turn. Without any: localhost:3333.\n",
    .closing = "Exit status: 0 after --count acks; 1 the server went down or cannot be reached, or the last check was\n"
               "critical; 2 usage; 3 cannot start; 128+N by signal N (141: nobody reads standard output).\n",
    .version = LUBDUB_VERSION,
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .positional_max = 64,
    .check = check,
};

void options_init(struct options *options)
{
    struct lubdub_client_settings defaults;

    lubdub_client_settings_init(&defaults);
    memset(options, 0, sizeof *options);
    options->interval = defaults.session.interval;
    options->timeout.length = defaults.session.timeout;
    options->connect_timeout = defaults.connect_timeout;
    options->backoff_min = defaults.backoff_min;
    options->backoff_max = defaults.backoff_max;
    options->check_timeout = 10 * LUBDUB_SECOND;
    options->log_level = LUBDUB_LOG_INFO;
}

void options_clear(struct options *options)
{
    lubdub_secret_file_clear(&options->token);
    free(options->hosts);
    free(options->servers);
    lubdub_settings_clear(&options->loaded);
}

bool options_pursue_goal(struct options *options, char *problem, size_t capacity)
{
    struct goal_means means;

    if (!goal_pursue(&options->goal, &options->servers[0], &means, problem, capacity)) {
        return false;
    }
    options->interval = means.interval;
    options->timeout.length = means.timeout;
    options->expiry = means.expiry;
    return true;
}

void options_client_settings(const struct options *options, struct lubdub_client_settings *settings)
{
    lubdub_client_settings_init(settings);
    settings->session.interval = options->interval;
    settings->session.timeout = options->timeout.length;
    settings->session.adapts = options->timeout.adapts;
    settings->session.expiry = options->expiry;
    settings->session.handshake_timeout = options->connect_timeout;
    settings->session.stays_connected = options->stay;
    settings->session.identity = lubdub_client_text(options->id);
    settings->session.content = lubdub_client_text(options->content);
    if (options->token.count > 0) {
        settings->session.token = options->token.lines[0];
    }
    settings->session.labels = options->labels;
    settings->session.label_count = options->label.count;
    settings->servers = options->servers;
    settings->server_count = options->server_count;
    settings->source = options->source;
    settings->connect_timeout = options->connect_timeout;
    settings->reconnects = options->reconnect;
    settings->backoff_min = options->backoff_min;
    settings->backoff_max = options->backoff_max;
}
