/* Lists the options of lubdub-client, one row each, and turns them into settings of the library. */
#include "client/program/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lubdub/version.h>

#include "ev/address.h"
#include "program/events/escape.h"
#include "program/events/log.h"
#include "program/process/filter.h"
#include "program/settings/gather.h"
#include "program/settings/parse.h"

#define MILLISECOND LUBDUB_MILLISECOND
#define LONGEST (49 * 24 * LUBDUB_HOUR) /* what 32 bits of milliseconds hold */
#define DEFAULT_TIMEOUT (3 * LUBDUB_SECOND)
#define FIELD(name) offsetof(struct options, name)

static const struct lubdub_secret_kind token = {"--token-file", "token", LUBDUB_TOKEN_LIMIT};
static const char *const event_words[] = LUBDUB_EVENT_FORM_WORDS;
static const char *const seccomp_words[] = LUBDUB_FILTER_WORDS;
static const char *const id_words[] = {"nothing", "host", "machine", NULL};

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

    if (!lubdub_address_parse(&address, value, 0)) {
        return "must be a numeric address";
    }
    return address.ip[0] == 0xfe && (address.ip[1] & 0xc0) == 0x80 && address.scope == 0
               ? "a link-local address needs its scope: fe80::1%eth0"
               : NULL;
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
        return "must be a duration from 1ms to 49 days, such as 250ms, 0.5s or 2m (a bare number is milliseconds), or auto, "
               "or auto:D";
    }
    *(struct timeout *)field = timeout;
    return NULL;
}

static const char *judge_mptcp(const char *value, void *field)
{
    (void)field;
    return value[0] == '\0' || strcmp(value, "yes") == 0 || strcmp(value, "no") == 0 || strcmp(value, "require") == 0
               ? NULL
               : "must be require, yes or no, or stand alone";
}

static const struct lubdub_setting rows[] = {
    {.name = "server", .metavar = "HOST[:PORT]", .kind = LUBDUB_SETTING_STRINGS, .offset = FIELD(server),
     .take = judge_server, .help = "as the arguments, for the configuration file; repeatable"},
    {.name = "source", .metavar = "ADDRESS", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(source),
     .take = judge_source, .help = "connect from this numeric address (the system chooses)"},
    {.name = "mptcp", .metavar = "require", .kind = LUBDUB_SETTING_OPTIONAL_STRING, .offset = FIELD(mptcp),
     .take = judge_mptcp, .help = "Multipath TCP where both ends speak it; =require: no session without it"},
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
    {.name = "stay-limit", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(stay_limit),
     .minimum = MILLISECOND, .maximum = 24 * LUBDUB_HOUR,
     .help = "with --stay and --reconnect: leave a silent server for the next one after this (ten timeouts)"},
    {.name = "require-server-health", .kind = LUBDUB_SETTING_FLAG, .offset = FIELD(require_server_health),
     .help = "a server that calls itself critical counts as down"},
    {.name = "reconnect", .letter = 'r', .kind = LUBDUB_SETTING_FLAG, .offset = FIELD(reconnect),
     .help = "come back after every end, with backoff and jitter"},
    {.name = "all", .kind = LUBDUB_SETTING_FLAG, .offset = FIELD(all), .is_fixed = true,
     .help = "a session with every host at once; exit status 1 if any is down"},
    {.name = "backoff-min", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(backoff_min),
     .minimum = MILLISECOND, .maximum = 24 * LUBDUB_HOUR, .help = "the first wait is a random part of this (500ms)"},
    {.name = "backoff-max", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(backoff_max),
     .minimum = MILLISECOND, .maximum = 24 * LUBDUB_HOUR, .help = "it doubles with every wait up to this (30s)"},
    {.name = "id", .metavar = "NAME", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(id), .take = judge_identity,
     .help = "identity on the server (none)"},
    {.name = "id-from", .metavar = "host|machine", .kind = LUBDUB_SETTING_CHOICE, .offset = FIELD(id_from),
     .words = id_words, .help = "take the host's name, or the machine's id of /etc/machine-id, as the identity (nothing)"},
    {.name = "incarnation", .metavar = "N", .kind = LUBDUB_SETTING_COUNT, .offset = FIELD(incarnation), .minimum = 1,
     .help = "rises with every start, for a machine whose clock does not (the clock)"},
    {.name = "label", .metavar = "KEY=VALUE", .kind = LUBDUB_SETTING_STRINGS, .offset = FIELD(label),
     .take = judge_label, .help = "told to the server; up to 8"},
    {.name = "content", .metavar = "TEXT", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(content),
     .maximum = LUBDUB_CONTENT_LIMIT, .help = "content of every probe (none)"},
    {.name = "token-file", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(token_file),
     .help = "its first line proves who we are"},
    {.name = "tls", .kind = LUBDUB_SETTING_FLAG, .offset = FIELD(with_tls),
     .help = "connect over TLS, and never without"},
    {.name = "tls-ca", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(tls_ca), .minimum = 1,
     .help = "trust servers with certificates of these authorities, PEM (those of the system)"},
    {.name = "tls-cert", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(tls_cert), .minimum = 1,
     .help = "certificate that proves who we are, and those up to its authority, PEM"},
    {.name = "tls-key", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(tls_key), .minimum = 1,
     .help = "key of this certificate, PEM, without a passphrase"},
    {.name = "tls-name", .metavar = "NAME", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(tls_name), .minimum = 1,
     .maximum = 255, .help = "name that the server's certificate must have (the host)"},
    {.name = "message", .letter = 'm', .metavar = "TEXT", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(message),
     .maximum = LUBDUB_CONTENT_LIMIT, .help = "send this whenever the server is up"},
    {.name = "count", .letter = 'c', .metavar = "N", .kind = LUBDUB_SETTING_COUNT, .offset = FIELD(count),
     .minimum = 1, .help = "leave after so many acks (never)"},
    {.name = "deadline", .letter = 'w', .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(deadline),
     .minimum = MILLISECOND, .maximum = LONGEST, .is_fixed = true,
     .help = "leave after this, with 1 if --count is not reached or the server is not up (never)"},
    {.name = "quiet", .letter = 'q', .kind = LUBDUB_SETTING_FLAG, .offset = FIELD(quiet),
     .help = "no line for an ack"},
    {.name = "check", .metavar = "COMMAND", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(check),
     .help = "its exit status is the health of the next probes: 0 passing, 1 warning, else critical; its first line "
             "their content"},
    {.name = "check-interval", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(check_interval),
     .minimum = 10 * MILLISECOND, .maximum = LONGEST, .help = "from check to check (the interval, at least 100ms)"},
    {.name = "check-timeout", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(check_timeout),
     .minimum = 10 * MILLISECOND, .maximum = LONGEST, .help = "a check that takes longer is killed, and critical (10s)"},
    {.name = "on-up", .metavar = "COMMAND", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(on_up),
     .help = "run when the server is up, with the event in LUBDUB_* variables"},
    {.name = "on-down", .metavar = "COMMAND", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(on_down),
     .help = "run once when it went down or was not there, with the event in them"},
    {.name = "on-failed", .metavar = "COMMAND", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(on_failed),
     .help = "run whenever no server could be reached, with the event in them"},
    {.name = "hook-timeout", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(hook_timeout),
     .minimum = 10 * MILLISECOND, .maximum = LUBDUB_HOUR, .is_fixed = true,
     .help = "one of these that takes longer is killed; one runs at a time (30s)"},
    {.name = "gather", .metavar = "D|auto|off", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(gather),
     .take = lubdub_gather_judge, .is_fixed = true, .help = LUBDUB_GATHER_HELP},
    {.name = "events", .metavar = "text|json|none", .kind = LUBDUB_SETTING_CHOICE, .offset = FIELD(events),
     .words = event_words, .is_fixed = true, .help = "form of the events on standard output (text)"},
    {.name = "seccomp", .metavar = "auto|on|log|off", .kind = LUBDUB_SETTING_CHOICE, .is_fixed = true,
     .offset = FIELD(seccomp), .words = seccomp_words,
     .help = "give up system calls that are not needed; log: only name them (auto: on where the kernel can)"},
    {.name = "log-level", .metavar = "LEVEL", .kind = LUBDUB_SETTING_CHOICE, .offset = FIELD(log_level),
     .words = lubdub_log_level_words, .help = "error, warning, info or debug (info)"},
};

/* ---- what no row can judge alone ---- */

static bool refuse(char *problem, size_t capacity, const char *what)
{
    snprintf(problem, capacity, "%s", what);
    return false;
}

/* The servers of the arguments, else the servers of the file, else this machine. */
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

static bool take_machine_id(char id[LUBDUB_IDENTITY_LIMIT + 1])
{
    FILE *file = fopen("/etc/machine-id", "re");
    bool is_read = file != NULL && fgets(id, LUBDUB_IDENTITY_LIMIT + 1, file) != NULL;

    if (file != NULL) {
        fclose(file);
    }
    id[is_read ? strcspn(id, "\n") : 0] = '\0';
    return is_read;
}

static bool take_identity(struct options *options, char *problem, size_t capacity)
{
    bool is_found;

    if (options->id_from == ID_FROM_NOTHING) {
        return true;
    }
    if (options->id != NULL) {
        return refuse(problem, capacity, "--id and --id-from exclude each other");
    }
    is_found = options->id_from == ID_FROM_HOST ? gethostname(options->found_id, sizeof options->found_id - 1) == 0
                                                : take_machine_id(options->found_id);
    if (!is_found || !lubdub_identity_is_valid(options->found_id, strlen(options->found_id))) {
        return refuse(problem, capacity, "--id-from: this system has no such name");
    }
    return true;
}

static lubdub_duration shorter(lubdub_duration one, lubdub_duration other)
{
    return one < other ? one : other;
}

/* Where only one of them is set, the default of the other gives way. */
static bool take_backoff(struct options *options, char *problem, size_t capacity)
{
    struct lubdub_client_settings defaults;

    lubdub_client_settings_init(&defaults);
    if (options->backoff_min == 0) {
        options->backoff_min =
            options->backoff_max > 0 ? shorter(defaults.backoff_min, options->backoff_max) : defaults.backoff_min;
    }
    if (options->backoff_max == 0) {
        options->backoff_max = lubdub_duration_longer(defaults.backoff_max, options->backoff_min);
    }
    return options->backoff_max >= options->backoff_min ||
           refuse(problem, capacity, "--backoff-max must not be less than --backoff-min");
}

bool options_read_token(struct options *options, char *problem, size_t capacity)
{
    struct lubdub_secret_file fresh = {0};

    if (options->token_file == NULL) {
        return true;
    }
    if (!lubdub_secret_file_read_first(&fresh, options->token_file, &token, problem, capacity)) {
        return false;
    }
    lubdub_secret_file_clear(&options->token);
    options->token = fresh;
    return true;
}

struct lubdub_credentials options_credentials(const struct options *options)
{
    return (struct lubdub_credentials){
        .certificate = options->tls_cert,
        .key = options->tls_key,
        .authority = options->tls_ca,
    };
}

bool options_make_tls(struct options *options, char *problem, size_t capacity)
{
    const struct lubdub_credentials files = options_credentials(options);

    return !options->with_tls ||
           lubdub_credentials_load(&options->tls, LUBDUB_ROLE_CLIENT, &files, problem, capacity);
}

/* Read when the client starts; --check-config reads them, too, and keeps nothing. */
static bool has_files_of_tls(const struct options *options, char *problem, size_t capacity)
{
    const struct lubdub_credentials files = options_credentials(options);
    struct lubdub_tls *tls = NULL;
    bool is_right = !options->loaded.is_check_only || !options->with_tls ||
                    lubdub_credentials_load(&tls, LUBDUB_ROLE_CLIENT, &files, problem, capacity);

    lubdub_credentials_free(tls);
    return is_right;
}

static bool check(void *target, const struct lubdub_strings *positionals, char *problem, size_t capacity)
{
    struct options *options = target;
    struct lubdub_client_settings settings;
    struct lubdub_credentials files;
    const char *fault;

    if (options->expiry != 0 && options->expiry < 2 * options->interval) {
        return refuse(problem, capacity, "--expiry must be at least twice --interval");
    }
    if (!take_backoff(options, problem, capacity) || !take_identity(options, problem, capacity)) {
        return false;
    }
    if (options->timeout.length == 0) {
        options->timeout.length = 3 * options->interval > DEFAULT_TIMEOUT ? 3 * options->interval : DEFAULT_TIMEOUT;
    }
    if (!take_servers(options, positionals, problem, capacity) || !take_labels(options, problem, capacity)) {
        return false;
    }
    if (!options_read_token(options, problem, capacity)) {
        return false;
    }
    files = options_credentials(options);
    fault = lubdub_credentials_judge_client(options->with_tls, &files, options->tls_name);
    if (fault != NULL) {
        return refuse(problem, capacity, fault);
    }
    if (!has_files_of_tls(options, problem, capacity)) {
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
               "Several hosts are tried in turn, or with --all at once. Without any: localhost:3333.\n",
    .closing = "Exit status: 0 after --count acks; 1 the server went down or cannot be reached, the last check was critical\n"
               "or has no result, or the deadline came first; 2 usage; 3 cannot start; 128+N by signal N (141: nobody\n"
               "reads standard output). SIGHUP reads configuration, token and certificates again.\n",
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
    options->check_timeout = 10 * LUBDUB_SECOND;
    options->hook_timeout = 30 * LUBDUB_SECOND;
    options->log_level = LUBDUB_LOG_INFO;
}

void options_clear(struct options *options)
{
    lubdub_secret_file_clear(&options->token);
    lubdub_credentials_free(options->tls);
    free(options->hosts);
    free(options->servers);
    lubdub_settings_clear(&options->loaded);
}

enum goal_result options_pursue_goal(struct options *options, struct ev_loop *loop, char *problem, size_t capacity)
{
    struct lubdub_client_settings settings;
    struct goal_means means;
    enum goal_result result;

    options_client_settings(options, &settings);
    result = goal_pursue(&options->goal, loop, &settings, &means, problem, capacity);
    if (result == GOAL_REACHED) {
        options->interval = means.interval;
        options->timeout.length = means.timeout;
        options->expiry = means.expiry;
    }
    return result;
}

/* ---- read again ---- */

static void add_name(char *names, const char *name)
{
    size_t used = strlen(names);

    snprintf(names + used, OPTIONS_CHANGES_SIZE - used, "%s%s", used > 0 ? "," : "", name);
}

/* What the running sessions need not be told. */
static bool is_of_the_program(const char *name, size_t length)
{
    static const char *const names[] = {"token-file", "message", "count",  "check",   "check-interval", "check-timeout",
                                        "on-up",      "on-down", "on-failed", "quiet", "log-level"};
    size_t i;

    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_same_goal(const struct goal *one, const struct goal *other)
{
    return one->detect == other->detect && one->measure == other->measure && !(one->gap < other->gap) &&
           !(one->gap > other->gap);
}

void options_compare(const struct options *old, const struct options *fresh, struct options_changes *changes)
{
    const char *name;

    lubdub_settings_changes(&options_table, old, fresh, true, changes->fixed, sizeof changes->fixed);
    lubdub_settings_changes(&options_table, old, fresh, false, changes->names, sizeof changes->names);
    if (!is_same_goal(&old->goal, &fresh->goal)) {
        add_name(changes->fixed, "goal");
    }
    if (old->timeout.length != fresh->timeout.length || old->timeout.adapts != fresh->timeout.adapts) {
        add_name(changes->names, "timeout");
    }
    changes->needs_session = false;
    for (name = changes->names; *name != '\0'; name += name[strcspn(name, ",")] != '\0' ? strcspn(name, ",") + 1
                                                                                        : strcspn(name, ",")) {
        changes->needs_session = changes->needs_session || !is_of_the_program(name, strcspn(name, ","));
    }
}

/* ---- for the library ---- */

const char *options_identity(const struct options *options)
{
    return options->id_from != ID_FROM_NOTHING ? options->found_id : options->id;
}

enum lubdub_multipath options_multipath(const struct options *options)
{
    if (options->mptcp == NULL || strcmp(options->mptcp, "no") == 0) {
        return LUBDUB_MULTIPATH_OFF;
    }
    return strcmp(options->mptcp, "require") == 0 ? LUBDUB_MULTIPATH_REQUIRED : LUBDUB_MULTIPATH_IF_POSSIBLE;
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
    settings->session.identity = lubdub_client_text(options_identity(options));
    settings->session.incarnation = options->incarnation;
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
    settings->gather = lubdub_gather_value(options->gather);
    settings->multipath = options_multipath(options);
    settings->backoff_min = options->backoff_min;
    settings->backoff_max = options->backoff_max;
    settings->tls = options->tls;
    settings->tls_name = options->tls_name;
    settings->stay_limit =
        options->stay_limit > 0 ? options->stay_limit : shorter(10 * options->timeout.length, 24 * LUBDUB_HOUR);
}
