/* Lists the options of lubdub-presence, one row each, and reads its command. */
#include "presence/options.h"

#include <stdio.h>
#include <string.h>

#include <lubdub/version.h>

#include "server/presence/url_setting.h"

#define FIELD(name) offsetof(struct presence_options, name)

static const char *judge_url(const char *value, void *field)
{
    (void)field;
    if (strncmp(value, "http://", 7) == 0 || strncmp(value, "https://", 8) == 0 ||
        (strncmp(value, "unix:", 5) == 0 && value[5] != '\0')) {
        return NULL;
    }
    return "must be http://HOST:PORT, https://HOST:PORT or unix:PATH";
}

static const struct lubdub_setting rows[] = {
    {.name = "http",
     .metavar = "URL",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(http),
     .minimum = 1,
     .take = judge_url,
     .help = "the server: http://HOST:PORT, https://… or unix:PATH (" PRESENCE_SOCKET ", or http://localhost)"},
    {.name = "redis",
     .metavar = "URL",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(redis),
     .take = presence_url_judge,
     .help = "the servers' Redis instead: redis://HOST, rediss://HOST, unix:PATH, sentinel://HOST,.../MASTER or "
             "rediss-sentinel://..."},
    {.name = "redis-sentinel-password-file",
     .metavar = "F",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(redis_sentinel_password_file),
     .minimum = 1,
     .help = "a file whose first line is the password of the sentinels (none)"},
    {.name = "redis-sentinel-user",
     .metavar = "NAME",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(redis_sentinel_user),
     .minimum = 1,
     .maximum = 255,
     .help = "the name by which the sentinels know the reader (the default user)"},
    {.name = "redis-ca",
     .metavar = "F",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(redis_ca),
     .minimum = 1,
     .help = "with rediss://: the authority of Redis' certificate (those of the system)"},
    {.name = "redis-cert",
     .metavar = "F",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(redis_cert),
     .minimum = 1,
     .help = "with rediss://: the certificate that is shown to Redis"},
    {.name = "redis-key",
     .metavar = "F",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(redis_key),
     .minimum = 1,
     .help = "its key"},
    {.name = "token-file",
     .metavar = "F",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(token_file),
     .minimum = 1,
     .help = "a file whose first line is the token that the server asks for, or the password of Redis"},
    {.name = "json",
     .letter = 'j',
     .kind = LUBDUB_SETTING_FLAG,
     .offset = FIELD(is_json),
     .help = "one JSON object a line, as the server tells it"},
    {.name = "id",
     .metavar = "TEXT",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(id),
     .help = "list: identities that begin with this"},
    {.name = "state",
     .metavar = "LIST",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(state),
     .help = "list: in these states: up, late, away, gone, missing, and over Redis unknown, with commas between (all)"},
    {.name = "label",
     .metavar = "KEY[=VALUE]",
     .kind = LUBDUB_SETTING_STRING,
     .offset = FIELD(label),
     .help = "list: with this label"},
};

static const char *const words[] = {"list", "get", "watch", "missing"};

static bool take_command(struct presence_options *options, const char *word)
{
    size_t i;

    for (i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], word) == 0) {
            options->command = (enum presence_command)i;
            return true;
        }
    }
    return false;
}

struct lubdub_credentials presence_options_credentials(const struct presence_options *options)
{
    return (struct lubdub_credentials){
        .certificate = options->redis_cert,
        .key = options->redis_key,
        .authority = options->redis_ca,
    };
}

/* What the options of passwords and TLS towards Redis lack; NULL: nothing. */
static const char *why_no_redis(const struct presence_options *options)
{
    const struct lubdub_credentials files = presence_options_credentials(options);
#ifdef LUBDUB_WITH_REDIS
    const struct presence_url_secrets secrets = {options->token_file != NULL, options->redis_sentinel_user,
                                                 options->redis_sentinel_password_file != NULL};
    struct presence_url url = {0};
    const char *fault;

    if (options->redis != NULL) {
        (void)presence_url_parse(options->redis, &url);
    }
    fault = presence_url_judge_secrets(&url, &secrets);
    return fault != NULL ? fault : lubdub_credentials_judge_redis(url.is_tls, &files);
#else
    return lubdub_credentials_judge_redis(false, &files);
#endif
}

/* Whether each is one of the states that there are; over HTTP none is unknown, as one server knows its own. */
static bool are_states(const char *list, bool is_over_redis)
{
    static const char *const states[] = {"up", "late", "away", "gone", "missing", "unknown"};
    size_t count = sizeof states / sizeof states[0] - (is_over_redis ? 0 : 1);

    while (true) {
        size_t length = strcspn(list, ",");
        size_t i = 0;

        while (i < count && (strlen(states[i]) != length || memcmp(states[i], list, length) != 0)) {
            i++;
        }
        if (i == count) {
            return false;
        }
        if (list[length] == '\0') {
            return true;
        }
        list += length + 1;
    }
}

static bool check(void *target, const struct lubdub_strings *positionals, char *problem, size_t capacity)
{
    const struct lubdub_secret_kind kind = {"--token-file", "token", LUBDUB_TOKEN_LIMIT};
    const struct lubdub_secret_kind of_sentinels = {"--redis-sentinel-password-file", "password", 255};
    struct presence_options *options = target;
    const char *fault;

    if (positionals->count == 0 || !take_command(options, positionals->items[0])) {
        snprintf(problem, capacity, "say what to do: list, get ID, watch [ID] or missing");
        return false;
    }
    if (options->redis != NULL && options->http != NULL) {
        snprintf(problem, capacity, "--redis and --http exclude each other");
        return false;
    }
    fault = why_no_redis(options);
    if (fault != NULL) {
        snprintf(problem, capacity, "%s", fault);
        return false;
    }
    options->name = positionals->count > 1 ? positionals->items[1] : NULL;
    if (options->command == PRESENCE_GET && options->name == NULL) {
        snprintf(problem, capacity, "get: the identity must be given");
        return false;
    }
    if (options->name != NULL && options->command != PRESENCE_GET && options->command != PRESENCE_WATCH) {
        snprintf(problem, capacity, "%s: takes no identity; get and watch do", positionals->items[0]);
        return false;
    }
    if (options->command != PRESENCE_LIST &&
        (options->id != NULL || options->state != NULL || options->label != NULL)) {
        snprintf(problem, capacity, "%s: belongs to list",
                 options->id != NULL      ? "--id"
                 : options->state != NULL ? "--state"
                                          : "--label");
        return false;
    }
    if (options->state != NULL && !are_states(options->state, options->redis != NULL)) {
        snprintf(problem, capacity, "--state: must be up, late, away, gone%s, or some of them with commas between",
                 options->redis != NULL ? ", missing or unknown" : " or missing");
        return false;
    }
    return (options->token_file == NULL ||
            lubdub_secret_file_read_first(&options->token, options->token_file, &kind, problem, capacity)) &&
           (options->redis_sentinel_password_file == NULL ||
            lubdub_secret_file_read_first(&options->sentinel_password, options->redis_sentinel_password_file,
                                          &of_sentinels, problem, capacity));
}

const struct lubdub_settings_table presence_options_table = {
    .program = "lubdub-presence",
    .section = "presence",
    .arguments = "[OPTIONS] list | get ID | watch [ID] | missing",
    .summary = "Asks a lubdub-server who is there and who is not, over HTTP (lubdub-server --http).\n",
    .closing =
        "Exit status: 0 done, and of get: it is up (or late), of missing: nobody is; 1 it is not, or somebody is;\n"
        "2 usage; 3 the server cannot be asked.\n",
    .version = LUBDUB_VERSION,
    .rows = rows,
    .row_count = sizeof rows / sizeof rows[0],
    .positional_max = 2,
    .check = check,
};

void presence_options_init(struct presence_options *options)
{
    memset(options, 0, sizeof *options);
}

void presence_options_clear(struct presence_options *options)
{
    lubdub_secret_file_clear(&options->token);
    lubdub_secret_file_clear(&options->sentinel_password);
    lubdub_settings_clear(&options->loaded);
}
