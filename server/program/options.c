/* Lists the options of lubdub-server, one row each, and turns them into settings of the library. */
#include "server/program/options.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lubdub/version.h>

#include "ev/address.h"
#include "ev/network.h"
#include "program/events/log.h"
#include "program/process/filter.h"
#include "program/process/privilege.h"
#ifdef LUBDUB_WITH_REDIS
#include "server/presence/claim.h"
#include "server/presence/proof.h"
#endif
#include "server/presence/url_setting.h"
#include "program/settings/gather.h"
#include "server/program/hooks.h"
#include "server/program/web_address.h"

#define MILLISECOND LUBDUB_MILLISECOND
#define DEFAULT_EXPIRY (3 * LUBDUB_SECOND)
#define LONGEST (49 * 24 * LUBDUB_HOUR) /* what 32 bits of milliseconds hold */
#define FIELD(name) offsetof(struct options, name)

static const char *const detect_words[] = {"fixed", "adaptive", NULL};
static const char *const message_words[] = {"echo", "broadcast", "drop", NULL};
static const char *const event_words[] = LUBDUB_EVENT_FORM_WORDS;
static const char *const seccomp_words[] = LUBDUB_FILTER_WORDS;

static const char *judge_network(const char *value, void *field)
{
    struct lubdub_network network;
    (void)field;

    return lubdub_network_parse(&network, value, strlen(value))
               ? NULL
               : "must be a network such as 10.0.0.0/8 or 2001:db8::/32, without bits behind its prefix, or one address";
}

static const char *judge_user(const char *value, void *field)
{
    struct lubdub_user user;
    (void)field;

    return lubdub_user_find(&user, value) == 0 && user.uid != 0
               ? NULL
               : "must be a user of this machine other than root, by name or number";
}

static const struct lubdub_secret_kind redis_password = {"--redis-password-file", "password", 255};
static const struct lubdub_secret_kind sentinel_password = {"--redis-sentinel-password-file", "password", 255};
static const struct lubdub_secret_kind redis_secret = {"--redis-secret-file", "secret", 1024};

static const struct lubdub_setting rows[] = {
    {.name = "listen", .letter = 'l', .metavar = "ADDRESS:PORT", .kind = LUBDUB_SETTING_ADDRESSES, .is_fixed = true,
     .offset = FIELD(listen), .help = "accept clients there; repeatable (all addresses, port 3333)"},
    {.name = "tls-listen", .metavar = "ADDRESS:PORT", .kind = LUBDUB_SETTING_ADDRESSES, .is_fixed = true,
     .offset = FIELD(tls_listen), .help = "accept clients over TLS there, and plain ones only by --listen; repeatable"},
    {.name = "tls-cert", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(tls_cert), .minimum = 1,
     .help = "certificate of the server and those up to its authority, PEM"},
    {.name = "tls-key", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(tls_key), .minimum = 1,
     .help = "key of the certificate, PEM, without a passphrase"},
    {.name = "tls-client-ca", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(tls_client_ca),
     .minimum = 1, .help = "ask clients for certificates of these authorities, PEM; their names bound the identities"},
    {.name = "require-cert", .kind = LUBDUB_SETTING_FLAG, .offset = FIELD(require_cert),
     .help = "no sessions without a client's certificate"},
    {.name = "workers", .letter = 'w', .metavar = "N", .kind = LUBDUB_SETTING_COUNT, .is_fixed = true,
     .offset = FIELD(workers), .minimum = 1, .maximum = 256,
     .help = "event loops, each in a thread (the processors it may use)"},
    {.name = "reuse-port", .kind = LUBDUB_SETTING_FLAG, .is_fixed = true, .offset = FIELD(reuse_port),
     .help = "share the port with other server processes"},
    {.name = "mptcp", .kind = LUBDUB_SETTING_FLAG, .is_fixed = true, .offset = FIELD(mptcp),
     .help = "accept Multipath TCP too: a session lives while one of its paths does"},
    {.name = "interval", .letter = 'i', .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(interval),
     .minimum = MILLISECOND, .maximum = LONGEST, .help = "probe interval of clients that ask for none (1s)"},
    {.name = "expiry", .letter = 'e', .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(expiry),
     .minimum = MILLISECOND, .maximum = LONGEST, .help = "silence tolerated of clients that ask for none (3s, at least 3 intervals)"},
    {.name = "interval-min", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(interval_min),
     .minimum = MILLISECOND, .maximum = LONGEST, .help = "shortest interval that a client may get (10ms)"},
    {.name = "interval-max", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(interval_max),
     .minimum = MILLISECOND, .maximum = LONGEST, .help = "longest interval that a client may get (1h)"},
    {.name = "expiry-max", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(expiry_max),
     .minimum = MILLISECOND, .maximum = LONGEST, .help = "longest expiry that a client may get (10m)"},
    {.name = "handshake-timeout", .metavar = "D", .kind = LUBDUB_SETTING_DURATION,
     .offset = FIELD(handshake_timeout), .minimum = MILLISECOND, .maximum = LONGEST,
     .help = "time for the first whole frame (5s)"},
    {.name = "grace", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(grace), .maximum = LONGEST,
     .help = "how long an identity may be away before it is gone (0)"},
    {.name = "detect", .metavar = "fixed|adaptive", .kind = LUBDUB_SETTING_CHOICE, .offset = FIELD(detect),
     .words = detect_words, .help = "how silence is judged: by the expiry, or sooner by evidence (fixed)"},
    {.name = "max-content", .metavar = "SIZE", .kind = LUBDUB_SETTING_SIZE, .offset = FIELD(max_content),
     .maximum = LUBDUB_CONTENT_LIMIT, .help = "largest content of a PROBE or MESSAGE (1024)"},
    {.name = "max-sessions", .metavar = "N", .kind = LUBDUB_SETTING_COUNT, .offset = FIELD(max_sessions),
     .minimum = 1, .help = "sessions at the same time (as many as descriptors)"},
    {.name = "max-per-address", .metavar = "N", .kind = LUBDUB_SETTING_COUNT, .offset = FIELD(max_per_address),
     .help = "connections from one address, 0: no limit (a quarter of the descriptors)"},
    {.name = "max-opening", .metavar = "N", .kind = LUBDUB_SETTING_COUNT, .offset = FIELD(max_opening),
     .help = "connections that have sent no frame; of more the oldest goes, 0: no limit (4096, a quarter of the descriptors)"},
    {.name = "accepts-per-turn", .metavar = "N", .kind = LUBDUB_SETTING_COUNT, .offset = FIELD(accepts_per_turn),
     .minimum = 1, .maximum = 65536, .help = "connections accepted before the sessions of a loop have their turn (64)"},
    {.name = "max-handshakes", .metavar = "N", .kind = LUBDUB_SETTING_COUNT, .offset = FIELD(max_handshakes),
     .minimum = 1, .maximum = 65536, .help = "TLS handshakes that are under way, in all loops together; the others wait (256)"},
    {.name = "handshakes-per-turn", .metavar = "N", .kind = LUBDUB_SETTING_COUNT,
     .offset = FIELD(handshakes_per_turn), .minimum = 1, .maximum = 65536,
     .help = "TLS handshakes begun before the sessions of a loop have their turn (8)"},
    {.name = "handshake-work", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(handshake_work),
     .minimum = MILLISECOND, .maximum = 100 * MILLISECOND,
     .help = "time of a turn that TLS handshakes may take, all together (4ms)"},
    {.name = "max-labels", .metavar = "N", .kind = LUBDUB_SETTING_COUNT, .offset = FIELD(max_labels),
     .maximum = LUBDUB_LABEL_COUNT_LIMIT, .help = "labels of a client; one with more is refused (8)"},
    {.name = "ipv6-prefix", .metavar = "N", .kind = LUBDUB_SETTING_COUNT, .is_fixed = true,
     .offset = FIELD(ipv6_prefix), .minimum = 1, .maximum = 128,
     .help = "so many bits of an IPv6 address make one address (64)"},
    {.name = "output-buffer", .metavar = "SIZE", .kind = LUBDUB_SETTING_SIZE, .offset = FIELD(output_buffer),
     .minimum = 1024, .maximum = UINT32_MAX, .help = "messages that may wait for one client (64k)"},
    {.name = "on-message", .metavar = "echo|broadcast|drop", .kind = LUBDUB_SETTING_CHOICE,
     .offset = FIELD(on_message), .words = message_words, .help = "what becomes of a MESSAGE (echo)"},
    {.name = "message-rate", .metavar = "N", .kind = LUBDUB_SETTING_COUNT, .offset = FIELD(message_rate),
     .maximum = UINT32_MAX, .help = "messages a second that a client may send, 0: any number (100)"},
    {.name = "message-burst", .metavar = "N", .kind = LUBDUB_SETTING_COUNT, .offset = FIELD(message_burst),
     .minimum = 1, .maximum = UINT32_MAX, .help = "messages that a client may send at once (256)"},
    {.name = "gather", .metavar = "D|auto|off", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(gather),
     .take = lubdub_gather_judge, .help = LUBDUB_GATHER_HELP},
    {.name = "require-hello", .kind = LUBDUB_SETTING_FLAG, .offset = FIELD(require_hello),
     .help = "no anonymous sessions"},
    {.name = "require-id", .kind = LUBDUB_SETTING_FLAG, .offset = FIELD(require_id),
     .help = "no sessions without an identity"},
    {.name = "token-file", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .offset = FIELD(token_file), .minimum = 1,
     .help = "let in only clients that know a token; a line is TOKEN [PATTERN of identities]"},
    {.name = "proxy-from", .metavar = "NET", .kind = LUBDUB_SETTING_STRINGS, .offset = FIELD(proxy_from), .minimum = 1,
     .take = judge_network,
     .help = "connections from this network begin with a PROXY header (version 2); repeatable (none)"},
    {.name = "user", .metavar = "NAME", .kind = LUBDUB_SETTING_STRING, .is_fixed = true, .offset = FIELD(user),
     .minimum = 1, .take = judge_user, .help = "become this user when all is opened, before the first client (the user stays)"},
    {.name = "seccomp", .metavar = "auto|on|log|off", .kind = LUBDUB_SETTING_CHOICE, .is_fixed = true,
     .offset = FIELD(seccomp), .words = seccomp_words,
     .help = "give up system calls that are not needed; log: only name them (auto: on where the kernel can)"},
    {.name = "events", .metavar = "text|json|none", .kind = LUBDUB_SETTING_CHOICE, .is_fixed = true,
     .offset = FIELD(events), .words = event_words, .help = "form of the events on standard output (text)"},
    {.name = "events-file", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .is_fixed = true,
     .offset = FIELD(events_file), .minimum = 1, .help = "append the events to this file as JSON lines"},
    {.name = "node", .metavar = "NAME", .kind = LUBDUB_SETTING_STRING, .is_fixed = true, .offset = FIELD(node),
     .minimum = 1, .maximum = 128, .help = "this server's name in its events"},
    {.name = "redis", .metavar = "URL", .kind = LUBDUB_SETTING_STRING, .is_fixed = true, .offset = FIELD(redis),
     .take = presence_url_judge, .help = "tell this Redis who is here: redis://HOST, rediss://HOST, unix:PATH, sentinel://HOST,.../MASTER, rediss-sentinel://...; "
                                  "needs --node"},
    {.name = "redis-password-file", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .is_fixed = true,
     .offset = FIELD(redis_password_file), .minimum = 1, .help = "its first line is the password for Redis"},
    {.name = "redis-sentinel-password-file", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .is_fixed = true,
     .offset = FIELD(redis_sentinel_password_file), .minimum = 1,
     .help = "its first line is the password for the sentinels (none)"},
    {.name = "redis-sentinel-user", .metavar = "NAME", .kind = LUBDUB_SETTING_STRING, .is_fixed = true,
     .offset = FIELD(redis_sentinel_user), .minimum = 1, .maximum = 255,
     .help = "the sentinels know this server by this name (the default user)"},
    {.name = "redis-ca", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .is_fixed = true, .offset = FIELD(redis_ca),
     .minimum = 1, .help = "with rediss://: the authority of Redis' certificate (those of the system)"},
    {.name = "redis-cert", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .is_fixed = true, .offset = FIELD(redis_cert),
     .minimum = 1, .help = "with rediss://: the certificate that this server shows to Redis"},
    {.name = "redis-key", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .is_fixed = true, .offset = FIELD(redis_key),
     .minimum = 1, .help = "its key"},
    {.name = "redis-secret-file", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .is_fixed = true,
     .offset = FIELD(redis_secret_file), .minimum = 1,
     .help = "its first line is a secret of all nodes: readers of Redis cannot test tokens then"},
    {.name = "redis-lease", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .is_fixed = true,
     .offset = FIELD(redis_lease), .minimum = 200 * MILLISECOND, .maximum = LUBDUB_HOUR,
     .help = "other nodes take this one for dead when it says nothing in Redis for so long (3s)"},
    {.name = "redis-rate", .metavar = "N", .kind = LUBDUB_SETTING_COUNT, .is_fixed = true, .offset = FIELD(redis_rate),
     .minimum = 100, .maximum = 10000000, .help = "sessions written a second, when Redis is back too (20000)"},
    {.name = "expect", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .is_fixed = true, .offset = FIELD(expect),
     .minimum = 1, .help = "who is to be there; a line is IDENTITY or PATTERN [COUNT] [grace=D] [KEY=VALUE...]"},
    {.name = "state", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .is_fixed = true, .offset = FIELD(state),
     .minimum = 1, .help = "remember identities and how they ended in this file, over restarts"},
    {.name = "http", .metavar = "ADDRESS:PORT", .kind = LUBDUB_SETTING_STRING, .is_fixed = true, .offset = FIELD(http),
     .minimum = 1, .take = web_judge_address, .help = "serve a page, JSON and metrics there; or on unix:PATH"},
    {.name = "http-token-file", .metavar = "F", .kind = LUBDUB_SETTING_STRING, .is_fixed = true,
     .offset = FIELD(http_token_file), .minimum = 1,
     .help = "ask readers for the token in this file; must be given where the address is not of this machine alone"},
    {.name = "http-host", .metavar = "NAME", .kind = LUBDUB_SETTING_STRINGS, .is_fixed = true,
     .offset = FIELD(http_hosts), .minimum = 1, .maximum = LUBDUB_HOST_LENGTH_MAX,
     .help = "a name that readers may call the server by; repeatable (numeric addresses and localhost)"},
    {.name = "hook", .metavar = "PROGRAM", .kind = LUBDUB_SETTING_STRING, .is_fixed = true, .offset = FIELD(hook),
     .minimum = 1, .help = "run this program for each event, with its fields in the environment and as JSON on its input"},
    {.name = "hook-events", .metavar = "LIST", .kind = LUBDUB_SETTING_STRING, .is_fixed = true,
     .offset = FIELD(hook_events), .minimum = 1, .take = hooks_judge_events,
     .help = "for these events, with commas between, or all (those of a session and of an identity, but message)"},
    {.name = "hook-batch", .kind = LUBDUB_SETTING_FLAG, .is_fixed = true, .offset = FIELD(hook_batch),
     .help = "many events for one run, a line of JSON each"},
    {.name = "hook-timeout", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .is_fixed = true,
     .offset = FIELD(hook_timeout), .minimum = MILLISECOND, .maximum = LONGEST,
     .help = "a run of the hook that takes longer is killed (10s)"},
    {.name = "drain", .metavar = "D", .kind = LUBDUB_SETTING_DURATION, .offset = FIELD(drain), .maximum = LONGEST,
     .help = "on SIGTERM, time for clients to leave (2s)"},
    {.name = "log-rate", .metavar = "N", .kind = LUBDUB_SETTING_COUNT, .offset = FIELD(log_rate), .minimum = 1,
     .maximum = 1000000, .help = "log lines of one reason in a second; the rest is counted (10)"},
    {.name = "log-level", .metavar = "LEVEL", .kind = LUBDUB_SETTING_CHOICE, .offset = FIELD(log_level),
     .words = lubdub_log_level_words, .help = "error, warning, info or debug (info)"},
};

/* Whether one of the first `count` of these is the same. */
static bool is_among(const struct lubdub_hostports *all, size_t count, const struct lubdub_hostport *one)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (all->items[i].port == one->port && strcmp(all->items[i].host, one->host) == 0) {
            return true;
        }
    }
    return false;
}

/* others: what another option listens to already. */
static bool listens_on_addresses(const char *name, const struct lubdub_hostports *listen,
                                 const struct lubdub_hostports *others, char *problem, size_t capacity)
{
    struct lubdub_address address;
    size_t i;

    for (i = 0; i < listen->count; i++) {
        const char *host = listen->items[i].host;

        if (strcmp(host, "*") != 0 && !lubdub_address_parse(&address, host, 1)) {
            snprintf(problem, capacity, "%s: %s is not a numeric address (or * for all)", name, host);
            return false;
        }
        if (listen->items[i].port != 0 && (is_among(listen, i, &listen->items[i]) ||
                                           is_among(others, others->count, &listen->items[i]))) {
            snprintf(problem, capacity, "%s: %s port %u is given twice", name, host, (unsigned)listen->items[i].port);
            return false;
        }
    }
    return true;
}

/* What the options of TLS need of each other; NULL: they fit. */
static const char *why_no_tls(const struct options *options)
{
    bool is_asked_for = options->tls_listen.count > 0 || options->tls_cert != NULL || options->tls_key != NULL ||
                        options->tls_client_ca != NULL || options->require_cert || options->is_handed_tls;

    if (!is_asked_for) {
        return NULL;
    }
    if (lubdub_credentials_refuse() != NULL) {
        return lubdub_credentials_refuse();
    }
    if (!options_speak_tls(options) && !options->loaded.is_check_only) {
        return "nothing listens to TLS; add --tls-listen";
    }
    if (options->tls_cert == NULL || options->tls_key == NULL) {
        return options->tls_cert != NULL  ? "needs --tls-key too, the key of --tls-cert"
               : options->tls_key != NULL ? "needs --tls-cert too, the certificate of --tls-key"
                                          : "needs --tls-cert and --tls-key";
    }
    if (options->require_cert && options->tls_client_ca == NULL) {
        return "with --require-cert needs --tls-client-ca, the authorities that issue the clients' certificates";
    }
    return NULL;
}

/* The option that the sentence is about. */
static const char *option_of_tls(const struct options *options)
{
    return options->tls_listen.count > 0   ? "--tls-listen"
           : options->is_handed_tls         ? "the service manager's socket for TLS"
           : options->tls_cert != NULL      ? "--tls-cert"
           : options->tls_key != NULL       ? "--tls-key"
           : options->tls_client_ca != NULL ? "--tls-client-ca"
                                            : "--require-cert";
}

/* Elsewhere than on this machine, readers need a token. */
static bool may_be_read(struct options *options, char *problem, size_t capacity)
{
    const struct lubdub_secret_kind kind = {"--http-token-file", "token", LUBDUB_TOKEN_LIMIT};

    if (options->http == NULL) {
        if (options->http_token_file != NULL || options->http_hosts.count > 0) {
            snprintf(problem, capacity, "%s: there is no --http that it could be about",
                     options->http_token_file != NULL ? "--http-token-file" : "--http-host");
            return false;
        }
        return true;
    }
    if (options->http_token_file == NULL && !web_is_local(options->http)) {
        snprintf(problem, capacity, "--http: at an address that other machines can reach, --http-token-file must be given");
        return false;
    }
    return options->http_token_file == NULL ||
           lubdub_secret_file_read_first(&options->http_token, options->http_token_file, &kind, problem, capacity);
}

/* With no secret the key is one that everybody knows (server/presence/proof.h). */
static bool take_secret_of_nodes(struct options *options, char *problem, size_t capacity)
{
#ifdef LUBDUB_WITH_REDIS
    struct lubdub_slice secret = {NULL, 0};

    if (options->redis_secret_file != NULL) {
        if (!lubdub_secret_file_read_first(&options->redis_secret, options->redis_secret_file, &redis_secret, problem,
                                           capacity)) {
            return false;
        }
        secret = options->redis_secret.lines[0];
        if (secret.length < PRESENCE_SECRET_LEAST) {
            snprintf(problem, capacity, "--redis-secret-file: the secret must have at least %d characters",
                     PRESENCE_SECRET_LEAST);
            return false;
        }
    }
    presence_proof_key(secret, options->proof_key);
#else
    (void)options, (void)problem, (void)capacity, (void)redis_secret;
#endif
    return true;
}

/* The first option that says how to speak to Redis, beside --redis itself; NULL: there is none. */
static const char *option_of_redis(const struct options *options)
{
    return options->redis_password_file != NULL            ? "--redis-password-file"
           : options->redis_sentinel_password_file != NULL ? "--redis-sentinel-password-file"
           : options->redis_sentinel_user != NULL          ? "--redis-sentinel-user"
           : options->redis_secret_file != NULL            ? "--redis-secret-file"
           : options->redis_ca != NULL                     ? "--redis-ca"
           : options->redis_cert != NULL                   ? "--redis-cert"
           : options->redis_key != NULL                    ? "--redis-key"
                                                           : NULL;
}

struct lubdub_credentials options_redis_credentials(const struct options *options)
{
    return (struct lubdub_credentials){
        .certificate = options->redis_cert,
        .key = options->redis_key,
        .authority = options->redis_ca,
    };
}

static const char *why_no_redis(const struct options *options)
{
#ifdef LUBDUB_WITH_REDIS
    const struct lubdub_credentials files = options_redis_credentials(options);
    const struct presence_url_secrets secrets = {options->redis_password_file != NULL, options->redis_sentinel_user,
                                                 options->redis_sentinel_password_file != NULL};
    const char *fault;
    struct presence_url url;

    if (options->node == NULL || !presence_node_is_valid(options->node)) {
        return "--redis needs --node, a name of 1 to 64 of A-Z a-z 0-9 . _ - that no other node has";
    }
    (void)presence_url_parse(options->redis, &url);
    fault = presence_url_judge_secrets(&url, &secrets);
    return fault != NULL ? fault : lubdub_credentials_judge_redis(url.is_tls, &files);
#else
    (void)options;
    return NULL;
#endif
}

static bool has_redis_that_can_be_told(struct options *options, char *problem, size_t capacity)
{
    const char *fault;

    if (options->redis == NULL) {
        if (option_of_redis(options) != NULL) {
            snprintf(problem, capacity, "%s: there is no --redis that it could be about", option_of_redis(options));
            return false;
        }
        return true;
    }
    fault = why_no_redis(options);
    if (fault != NULL) {
        snprintf(problem, capacity, "%s", fault);
        return false;
    }
    return (options->redis_password_file == NULL ||
            lubdub_secret_file_read_first(&options->redis_password, options->redis_password_file, &redis_password,
                                          problem, capacity)) &&
           (options->redis_sentinel_password_file == NULL ||
            lubdub_secret_file_read_first(&options->redis_sentinel_password, options->redis_sentinel_password_file,
                                          &sentinel_password, problem, capacity)) &&
           take_secret_of_nodes(options, problem, capacity);
}

static bool is_file_to_run(const char *path)
{
    struct stat status;

    return access(path, X_OK) == 0 && stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* A name without a slash is looked for in PATH, as at each start. */
static bool is_program(const char *name)
{
    const char *place = getenv("PATH");
    char path[PATH_MAX];

    if (strchr(name, '/') != NULL) {
        return is_file_to_run(name);
    }
    for (place = place != NULL ? place : "/bin:/usr/bin";; place += strcspn(place, ":") + 1) {
        int length = (int)strcspn(place, ":");

        snprintf(path, sizeof path, "%.*s%s%s", length, place, length > 0 ? "/" : "", name);
        if (is_file_to_run(path)) {
            return true;
        }
        if (place[length] == '\0') {
            return false;
        }
    }
}

static bool has_hook_that_can_run(const struct options *options, char *problem, size_t capacity)
{
    char shown[LUBDUB_SETTINGS_SHOWN_SIZE];

    if (options->hook == NULL) {
        if (options->hook_events != NULL || options->hook_batch) {
            snprintf(problem, capacity, "%s: there is no --hook that it could be about",
                     options->hook_batch ? "--hook-batch" : "--hook-events");
            return false;
        }
        return true;
    }
    if (!is_program(options->hook)) {
        snprintf(problem, capacity, "--hook %s: must be a program that can be run%s", lubdub_settings_show(options->hook, shown),
                 strchr(options->hook, '/') == NULL ? ", or its path: there is none of this name in PATH" : "");
        return false;
    }
    return true;
}

static bool take_proxies(struct options *options)
{
    const struct lubdub_strings *networks = &options->proxy_from;
    size_t i;

    if (networks->count == 0) {
        return true;
    }
    options->proxies = lubdub_settings_allocate(&options->loaded, networks->count * sizeof *options->proxies);
    for (i = 0; options->proxies != NULL && i < networks->count; i++) {
        options->proxies[i] = (struct lubdub_slice){networks->items[i], strlen(networks->items[i])};
    }
    return options->proxies != NULL;
}

/* Read when the server starts; --check-config reads them, too, and keeps nothing. */
static bool has_files_of_tls(const struct options *options, char *problem, size_t capacity)
{
    const struct lubdub_credentials files = options_credentials(options);
    struct lubdub_tls *tls = NULL;
    bool is_right = !options->loaded.is_check_only || files.certificate == NULL ||
                    lubdub_credentials_load(&tls, LUBDUB_ROLE_SERVER, &files, problem, capacity);

    lubdub_credentials_free(tls);
    return is_right;
}

static bool check(void *target, const struct lubdub_strings *positionals, char *problem, size_t capacity)
{
    struct options *options = target;
    struct lubdub_server_settings settings;
    const char *fault;
    (void)positionals;

    if (options->expiry == 0) {
        options->expiry = DEFAULT_EXPIRY > 3 * options->interval ? DEFAULT_EXPIRY : 3 * options->interval;
    }
    if (options->expiry < 2 * options->interval) {
        snprintf(problem, capacity, "--expiry must be at least twice --interval");
        return false;
    }
    if (options->interval_max < options->interval_min) {
        snprintf(problem, capacity, "--interval-max must not be less than --interval-min");
        return false;
    }
    if (options->expiry_max < 2 * options->interval_min) {
        snprintf(problem, capacity, "--expiry-max must be at least twice --interval-min");
        return false;
    }
    fault = why_no_tls(options);
    if (fault != NULL) {
        snprintf(problem, capacity, "%s: %s", option_of_tls(options), fault);
        return false;
    }
    if (!has_files_of_tls(options, problem, capacity)) {
        return false;
    }
    if (!listens_on_addresses("--listen", &options->listen, &(struct lubdub_hostports){0}, problem, capacity) ||
        !listens_on_addresses("--tls-listen", &options->tls_listen, &options->listen, problem, capacity)) {
        return false;
    }
    if (!has_hook_that_can_run(options, problem, capacity) ||
        !has_redis_that_can_be_told(options, problem, capacity)) {
        return false;
    }
    if (!may_be_read(options, problem, capacity)) {
        return false;
    }
    if (options->expect != NULL && !expect_file_read(&options->expected, options->expect, problem, capacity)) {
        return false;
    }
    if (options->token_file != NULL &&
        !lubdub_token_file_read(&options->tokens, options->token_file, "--token-file", problem, capacity)) {
        return false;
    }
    if (!take_proxies(options)) {
        snprintf(problem, capacity, LUBDUB_SETTINGS_NO_MEMORY);
        return false;
    }
    options_server_settings(options, &settings);
    fault = lubdub_server_settings_check(&settings);
    if (fault != NULL) {
        snprintf(problem, capacity, "%s", fault);
    }
    return fault == NULL;
}

const struct lubdub_settings_table options_table = {
    .program = "lubdub-server",
    .section = "server",
    .arguments = "[OPTIONS]",
    .summary = "Accepts heartbeat clients, answers their probes, expires the silent, and reports who left and why.\n",
    .closing = "Signals: TERM and INT drain and stop; HUP reads configuration, tokens and certificates again and reopens\n"
               "files; USR1 writes one line of counters to the log.\n",
    .version = LUBDUB_VERSION,
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .positional_max = 0,
    .check = check,
};

/* One address can keep so many of the others out; 0: no limit. */
static uint64_t quarter_of_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return 0;
    }
    return limit.rlim_cur / 4 > 0 ? limit.rlim_cur / 4 : 1;
}

void options_init(struct options *options)
{
    struct lubdub_server_settings defaults;

    lubdub_server_settings_init(&defaults);
    memset(options, 0, sizeof *options);
    options->interval = defaults.session.interval;
    options->expiry = 0; /* 3 s, or three times the interval where that is more */
    options->interval_min = defaults.interval_min;
    options->interval_max = defaults.interval_max;
    options->expiry_max = defaults.expiry_max;
    options->handshake_timeout = defaults.session.handshake_timeout;
    options->max_content = defaults.session.max_content;
    options->max_per_address = quarter_of_descriptors();
    options->max_opening = defaults.max_opening;
    if (options->max_per_address > 0 && options->max_per_address < options->max_opening) {
        options->max_opening = options->max_per_address;
    }
    options->accepts_per_turn = defaults.accepts_per_turn;
    options->max_labels = defaults.max_labels;
    options->max_handshakes = defaults.max_handshakes;
    options->handshakes_per_turn = defaults.handshakes_per_turn;
    options->handshake_work = defaults.handshake_work;
    options->log_rate = LUBDUB_LOG_RATE;
    options->ipv6_prefix = defaults.ipv6_prefix;
    options->message_rate = defaults.session.message_rate;
    options->message_burst = defaults.session.message_burst;
    options->output_buffer = defaults.session.output_limit;
    options->hook_timeout = HOOKS_TIMEOUT;
    options->drain = 2 * LUBDUB_SECOND;
    options->redis_lease = 3 * LUBDUB_SECOND;
    options->redis_rate = 20000;
    options->log_level = LUBDUB_LOG_INFO;
}

void options_clear(struct options *options)
{
    lubdub_token_file_clear(&options->tokens);
    lubdub_secret_file_clear(&options->redis_password);
    lubdub_secret_file_clear(&options->redis_sentinel_password);
    lubdub_secret_file_clear(&options->redis_secret);
    expect_file_clear(&options->expected);
    lubdub_credentials_free(options->tls);
    options->tls = NULL;
    lubdub_secret_file_clear(&options->http_token);
    lubdub_settings_clear(&options->loaded);
}

bool options_speak_tls(const struct options *options)
{
    return options->tls_listen.count > 0 || options->is_handed_tls;
}

bool options_listens_plainly_everywhere(const struct options *options)
{
    return options->listen.count == 0 && options->tls_listen.count == 0;
}

bool options_show_tokens(const struct options *options)
{
    struct lubdub_address address;
    size_t i;

    for (i = 0; i < options->listen.count; i++) {
        const char *host = options->listen.items[i].host;

        if (strcmp(host, "*") == 0 ||
            !(lubdub_address_parse(&address, host, 1) && lubdub_address_is_loopback(&address))) {
            return options->tokens.count > 0;
        }
    }
    return options->tokens.count > 0 && options_listens_plainly_everywhere(options);
}

struct lubdub_credentials options_credentials(const struct options *options)
{
    return (struct lubdub_credentials){
        .certificate = options->tls_cert,
        .key = options->tls_key,
        .authority = options->tls_client_ca,
        .requires_certificate = options->require_cert,
    };
}

bool options_make_tls(struct options *options, char *problem, size_t capacity)
{
    const struct lubdub_credentials files = options_credentials(options);

    return !options_speak_tls(options) ||
           lubdub_credentials_load(&options->tls, LUBDUB_ROLE_SERVER, &files, problem, capacity);
}

void options_server_settings(const struct options *options, struct lubdub_server_settings *settings)
{
    static const enum lubdub_on_message on_message[] = {LUBDUB_ON_MESSAGE_ECHO, LUBDUB_ON_MESSAGE_BROADCAST,
                                                        LUBDUB_ON_MESSAGE_DROP};

    lubdub_server_settings_init(settings);
    settings->session.interval = options->interval;
    settings->session.expiry = options->expiry;
    settings->session.handshake_timeout = options->handshake_timeout;
    settings->session.max_content = options->max_content;
    settings->session.output_limit = options->output_buffer;
    settings->session.requires_hello = options->require_hello;
    settings->session.adapts = options->detect != 0;
    settings->workers = (unsigned)options->workers;
    settings->interval_min = options->interval_min;
    settings->interval_max = options->interval_max;
    settings->expiry_max = options->expiry_max;
    settings->grace = options->grace;
    settings->max_sessions = options->max_sessions;
    settings->max_per_address = options->max_per_address;
    settings->max_opening = options->max_opening;
    settings->accepts_per_turn = options->accepts_per_turn;
    settings->max_labels = options->max_labels;
    settings->max_handshakes = options->max_handshakes;
    settings->handshakes_per_turn = options->handshakes_per_turn;
    settings->handshake_work = options->handshake_work;
    settings->on_message = on_message[options->on_message];
    settings->tokens = options->tokens.tokens;
    settings->token_identities = options->tokens.patterns;
    settings->token_count = options->tokens.count;
    settings->proxies = options->proxies;
    settings->proxy_count = options->proxy_from.count;
    settings->shares_port = options->reuse_port;
    settings->requires_identity = options->require_id;
    settings->multipath = options->mptcp ? LUBDUB_MULTIPATH_IF_POSSIBLE : LUBDUB_MULTIPATH_OFF;
    settings->tls = options->tls;
    settings->requires_certificate = options->require_cert;
    settings->proof_key = options->redis != NULL ? options->proof_key : NULL;
    settings->ipv6_prefix = options->ipv6_prefix;
    settings->gather = lubdub_gather_value(options->gather);
    settings->session.message_rate = (uint32_t)options->message_rate;
    settings->session.message_burst = options->message_rate > 0 ? (uint32_t)options->message_burst : 0;
}
