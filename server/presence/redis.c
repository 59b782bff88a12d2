/* Connects, introduces itself, and matches replies with commands in their order. */
#define _GNU_SOURCE
#include "server/presence/redis.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ev/clock.h"
#include "ev/container_of.h"
#include "ev/resolver.h"
#include "ev/socket.h"
#include "server/presence/wire.h"

#define INPUT_SIZE 65536

/* No reply to us is longer than this, or has more elements: the nodes and their entries, or a part of a scan. */
#define REPLY_MOST ((size_t)4 * 1024 * 1024)
#define ELEMENTS_MOST 65536
#define WHY_SIZE 320 /* a phrase, and a name of 255 bytes */

/* Checked so often for a command that is not answered. */
#define WATCHES_IN_DEADLINE 4

enum stage {
    RESTING, /* until it is tried again */
    RESOLVING,
    CONNECTING,
    ASKING_SENTINEL,
    INTRODUCING,
    UP,
};

struct pending {
    presence_reply callback;
    void *user_data;
    lubdub_time due;
};

struct presence_redis {
    struct presence_redis_settings settings;
    enum stage stage;
    ev_io io; /* its fd is -1 without a socket */
    struct presence_wire wire;
    ev_timer timer; /* the wait, or the deadline of a stage, or the watch over commands */
    struct lubdub_resolver_request *request;
    size_t host;                 /* the one at hand: of a sentinel, or of Redis */
    size_t address;              /* of a name's addresses; goes round */
    struct presence_host master; /* as a sentinel told it; its port is 0 before */
    redisReader *reader;
    char *output;
    size_t output_length;
    size_t output_sent;
    size_t output_capacity;
    struct pending *pending; /* a ring */
    size_t pending_first;
    size_t pending_count;
    size_t introductions; /* replies of these are still to come */
    lubdub_duration wait;
    unsigned random;
    char why[WHY_SIZE];
    bool is_broken; /* in this callback: it is ended at its end */
    bool is_kept;   /* the reply at hand belongs to the callback */
};

static void begin(struct presence_redis *redis);

/* ---- the end of a connection ---- */

static void set_timer(struct presence_redis *redis, lubdub_duration after)
{
    ev_timer_stop(redis->settings.loop, &redis->timer);
    ev_now_update(redis->settings.loop);
    ev_timer_set(&redis->timer, (ev_tstamp)after / (ev_tstamp)LUBDUB_SECOND, 0);
    ev_timer_start(redis->settings.loop, &redis->timer);
}

static void close_socket(struct presence_redis *redis)
{
    ev_io_stop(redis->settings.loop, &redis->io);
    presence_wire_end(&redis->wire);
    if (redis->io.fd >= 0) {
        close(redis->io.fd);
        ev_io_set(&redis->io, -1, EV_READ);
    }
    if (redis->request != NULL) {
        lubdub_resolver_cancel(redis->request);
        redis->request = NULL;
    }
    redisReaderFree(redis->reader);
    redis->reader = NULL;
    redis->output_length = redis->output_sent = 0;
}

static void drop_pending(struct presence_redis *redis)
{
    while (redis->pending_count > 0) {
        struct pending one = redis->pending[redis->pending_first];

        redis->pending_first = (redis->pending_first + 1) % redis->settings.command_limit;
        redis->pending_count--;
        if (one.callback != NULL) {
            one.callback(NULL, one.user_data);
        }
    }
}

static void note_why(struct presence_redis *redis, const char *what, const char *more)
{
    snprintf(redis->why, sizeof redis->why, "%s%s%s", what, more != NULL ? ": " : "", more != NULL ? more : "");
    redis->is_broken = true;
}

/* The next wait is a random part of a range that doubles. */
static lubdub_duration next_wait(struct presence_redis *redis)
{
    lubdub_duration range = redis->wait;

    redis->random = redis->random * 1664525U + 1013904223U;
    redis->wait = lubdub_duration_shorter(2 * range, redis->settings.wait_most);
    return range / 2 + (lubdub_duration)(redis->random >> 8) * (range / 2) / (1U << 24);
}

static void end(struct presence_redis *redis)
{
    close_socket(redis);
    redis->stage = RESTING;
    redis->is_broken = false;
    drop_pending(redis);
    redis->address++;
    redis->host = (redis->host + 1) % (redis->settings.url->host_count > 0 ? redis->settings.url->host_count : 1);
    redis->master.port = 0;
    /* Of several sentinels the next one is asked at once; the wait is for when all were asked. */
    set_timer(redis, redis->host != 0 ? 0 : next_wait(redis));
    redis->settings.on_down(redis->why, redis->settings.user_data);
}

/* ---- commands ---- */

static bool is_open(const struct presence_redis *redis)
{
    return redis->stage >= ASKING_SENTINEL && !redis->is_broken;
}

static void watch(struct presence_redis *redis)
{
    int wanted = presence_wire_wants(&redis->wire, redis->output_sent < redis->output_length);

    if (redis->io.fd >= 0 && (redis->io.events & (EV_READ | EV_WRITE)) != wanted) {
        ev_io_stop(redis->settings.loop, &redis->io);
        ev_io_set(&redis->io, redis->io.fd, wanted);
        ev_io_start(redis->settings.loop, &redis->io);
    }
}

static bool reserve(struct presence_redis *redis, size_t length)
{
    if (redis->output_sent > 0) {
        memmove(redis->output, redis->output + redis->output_sent, redis->output_length - redis->output_sent);
        redis->output_length -= redis->output_sent;
        redis->output_sent = 0;
    }
    if (redis->output_length + length > redis->output_capacity) {
        size_t capacity = 2 * (redis->output_length + length);
        char *grown = realloc(redis->output, capacity);

        if (grown == NULL) {
            return false;
        }
        redis->output = grown;
        redis->output_capacity = capacity;
    }
    return true;
}

static bool put(struct presence_redis *redis, int count, const char **arguments, const size_t *lengths,
                presence_reply callback, void *user_data)
{
    char *bytes;
    int length;
    struct pending *one;

    if (redis->pending_count == redis->settings.command_limit) {
        return false;
    }
    length = redisFormatCommandArgv(&bytes, count, arguments, lengths);
    if (length < 0) {
        return false;
    }
    if (!reserve(redis, (size_t)length)) {
        redisFreeCommand(bytes);
        return false;
    }
    memcpy(redis->output + redis->output_length, bytes, (size_t)length);
    redis->output_length += (size_t)length;
    redisFreeCommand(bytes);
    one = &redis->pending[(redis->pending_first + redis->pending_count++) % redis->settings.command_limit];
    *one = (struct pending){callback, user_data, lubdub_time_after(lubdub_clock_now(), redis->settings.deadline)};
    watch(redis);
    return true;
}

bool presence_redis_command(struct presence_redis *redis, int count, const char **arguments, const size_t *lengths,
                            presence_reply callback, void *user_data)
{
    if (redis->stage != UP || redis->is_broken || presence_redis_waiting(redis) >= redis->settings.output_limit) {
        return false;
    }
    return put(redis, count, arguments, lengths, callback, user_data);
}

/* ---- the introduction ---- */

static void take_introduction(const redisReply *reply, void *user_data)
{
    struct presence_redis *redis = user_data;

    if (reply == NULL || redis->is_broken) {
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        note_why(redis, "Redis refuses us", reply->str);
        return;
    }
    /* ROLE: what a failover left behind must not be written to. */
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 && reply->element[0]->type == REDIS_REPLY_STRING &&
        strcmp(reply->element[0]->str, "master") != 0 &&
        !(redis->settings.takes_replica && strcmp(reply->element[0]->str, "slave") == 0)) {
        note_why(redis, "it is no master, but a", reply->element[0]->str);
        return;
    }
    if (--redis->introductions == 0) {
        redis->stage = UP;
        redis->wait = redis->settings.wait_least;
        redis->settings.on_up(redis->settings.user_data);
    }
}

/* AUTH, where there is a password. Returns how many replies come of it. */
static unsigned authenticate(struct presence_redis *redis, const char *user, const char *password,
                             presence_reply callback)
{
    bool has_user = user[0] != '\0';
    const char *auth[] = {"AUTH", has_user ? user : password, password};

    return password[0] != '\0' && put(redis, has_user ? 3 : 2, auth, NULL, callback, redis);
}

static void introduce(struct presence_redis *redis)
{
    const struct presence_url *url = redis->settings.url;
    const char *role[] = {"ROLE"};

    redis->stage = INTRODUCING;
    redis->introductions = authenticate(redis, url->user, url->password, take_introduction);
    if (url->database != 0) {
        char number[16];
        const char *select[] = {"SELECT", number};

        snprintf(number, sizeof number, "%u", url->database);
        redis->introductions += put(redis, 2, select, NULL, take_introduction, redis);
    }
    redis->introductions += put(redis, 1, role, NULL, take_introduction, redis);
}

static bool take_master(struct presence_redis *redis, const redisReply *reply)
{
    unsigned long port;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 || reply->element[0]->type != REDIS_REPLY_STRING ||
        reply->element[1]->type != REDIS_REPLY_STRING || strlen(reply->element[0]->str) >= PRESENCE_NAME_SIZE) {
        return false;
    }
    port = strtoul(reply->element[1]->str, NULL, 10);
    if (port == 0 || port > UINT16_MAX) {
        return false;
    }
    strcpy(redis->master.name, reply->element[0]->str);
    redis->master.port = (uint16_t)port;
    return true;
}

static void take_address(const redisReply *reply, void *user_data)
{
    struct presence_redis *redis = user_data;

    if (reply == NULL || redis->is_broken) {
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        note_why(redis, "the sentinel refuses us", reply->str);
    } else if (!take_master(redis, reply)) {
        note_why(redis, "the sentinel knows no such master", redis->settings.url->master);
    }
}

/* A sentinel has a password of its own, or none: that of Redis is not told to it. */
static void take_admission(const redisReply *reply, void *user_data)
{
    struct presence_redis *redis = user_data;

    if (reply != NULL && !redis->is_broken && reply->type == REDIS_REPLY_ERROR) {
        note_why(redis, "the sentinel refuses us", reply->str);
    }
}

static void ask_sentinel(struct presence_redis *redis)
{
    const struct presence_url *url = redis->settings.url;
    const char *question[] = {"SENTINEL", "get-master-addr-by-name", url->master};

    redis->stage = ASKING_SENTINEL;
    (void)authenticate(redis, url->sentinel_user, url->sentinel_password, take_admission);
    (void)put(redis, 3, question, NULL, take_address, redis);
}

/* ---- bytes ---- */

static void take_reply(struct presence_redis *redis, const redisReply *reply)
{
    bool is_push = redis->settings.on_push != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
                   reply->element[0]->type == REDIS_REPLY_STRING && strcmp(reply->element[0]->str, "message") == 0;
    struct pending one;

    if (is_push) {
        redis->settings.on_push(reply, redis->settings.user_data);
        return;
    }
    if (redis->pending_count == 0) {
        note_why(redis, "it answers what nobody asked", NULL);
        return;
    }
    one = redis->pending[redis->pending_first];
    redis->pending_first = (redis->pending_first + 1) % redis->settings.command_limit;
    redis->pending_count--;
    if (one.callback != NULL) {
        one.callback(reply, one.user_data);
    }
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "READONLY", 8) == 0) {
        note_why(redis, "it is no master any more, but a replica", NULL); /* a sentinel may know the new one */
    }
}

static void take_replies(struct presence_redis *redis)
{
    while (!redis->is_broken) {
        void *reply = NULL;

        if (redisReaderGetReply(redis->reader, &reply) != REDIS_OK) {
            note_why(redis, "it does not speak Redis' protocol", redis->reader->errstr);
            return;
        }
        if (reply == NULL) {
            return;
        }
        redis->is_kept = false;
        take_reply(redis, reply);
        if (!redis->is_kept) {
            freeReplyObject(reply);
        }
    }
}

static void read_input(struct presence_redis *redis)
{
    uint8_t input[INPUT_SIZE];
    const char *why = NULL;
    ssize_t length = presence_wire_read(&redis->wire, input, sizeof input, &why);

    if (length < 0) {
        note_why(redis, why, NULL);
        return;
    }
    if (length == 0) {
        return;
    }
    if (redis->reader->len > REPLY_MOST) {
        note_why(redis, "a reply is longer than any should be", NULL);
        return;
    }
    if (redisReaderFeed(redis->reader, (const char *)input, (size_t)length) != REDIS_OK) {
        note_why(redis, "no memory is left", NULL);
        return;
    }
    take_replies(redis);
}

/* All that is there but not to be seen on the socket, too. */
static void read_all(struct presence_redis *redis)
{
    do {
        read_input(redis);
    } while (!redis->is_broken && presence_wire_has_input(&redis->wire));
}

static void write_output(struct presence_redis *redis)
{
    const char *why = NULL;
    ssize_t sent;

    do {
        sent = presence_wire_write(&redis->wire, (const uint8_t *)redis->output + redis->output_sent,
                                   redis->output_length - redis->output_sent, &why);
        redis->output_sent += sent > 0 ? (size_t)sent : 0;
    } while (sent > 0 && redis->output_sent < redis->output_length);
    if (sent < 0) {
        note_why(redis, why, NULL);
    }
}

/* The end of a callback that read or wrote. */
static void settle(struct presence_redis *redis)
{
    if (!redis->is_broken && is_open(redis)) {
        write_output(redis);
        if (!redis->is_broken && !presence_wire_rest(&redis->wire)) {
            note_why(redis, "no memory is left", NULL);
        }
        watch(redis);
    }
    if (redis->is_broken) {
        end(redis);
    }
}

/* The name that the certificate of the other side is for. */
static const char *name_of_peer(const struct presence_redis *redis)
{
    return redis->master.port != 0 ? redis->master.name : redis->settings.url->hosts[redis->host].name;
}

static void take_connection(struct presence_redis *redis)
{
    struct lubdub_tls *tls = redis->settings.url->is_tls ? redis->settings.tls : NULL;
    int error = 0;
    socklen_t length = sizeof error;

    if (getsockopt(redis->io.fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0) {
        note_why(redis, strerror(error != 0 ? error : errno), NULL);
        return;
    }
    if (!presence_wire_begin(&redis->wire, &redis->io, tls, name_of_peer(redis))) {
        note_why(redis, "no memory is left for TLS", NULL);
        return;
    }
    set_timer(redis, redis->settings.deadline / WATCHES_IN_DEADLINE);
    if (redis->settings.url->has_sentinels && redis->master.port == 0) {
        ask_sentinel(redis);
    } else {
        introduce(redis);
    }
}

/* The sentinel's answer is here: on to the master. */
static void turn_to_master(struct presence_redis *redis)
{
    close_socket(redis);
    redis->pending_count = 0;
    begin(redis);
}

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
    struct presence_redis *redis = container_of(io, struct presence_redis, io);
    (void)loop;

    if (redis->stage == CONNECTING) {
        take_connection(redis);
    } else if ((revents & EV_READ) != 0) {
        read_all(redis);
    }
    if (!redis->is_broken && redis->stage == ASKING_SENTINEL && redis->master.port != 0) {
        turn_to_master(redis);
    }
    settle(redis);
}

/* ---- connecting ---- */

static redisReplyObjectFunctions bounded;
static void *(*create_array)(const redisReadTask *task, int count);

/* hiredis would take memory for as many elements as a reply announces. */
static void *create_bounded_array(const redisReadTask *task, int count)
{
    return count <= ELEMENTS_MOST ? create_array(task, count) : NULL;
}

static redisReader *new_reader(void)
{
    redisReader *reader = redisReaderCreate();

    if (reader != NULL) {
        create_array = reader->fn->createArray;
        bounded = *reader->fn;
        bounded.createArray = create_bounded_array;
        reader->fn = &bounded;
    }
    return reader;
}

static bool connect_to(struct presence_redis *redis, int socket, const struct sockaddr *address, socklen_t length)
{
    redis->reader = new_reader();
    if (redis->reader == NULL) {
        close(socket);
        return false;
    }
    ev_io_set(&redis->io, socket, EV_WRITE);
    if (connect(socket, address, length) != 0 && errno != EINPROGRESS && errno != EAGAIN) {
        return false;
    }
    redis->stage = CONNECTING;
    ev_io_start(redis->settings.loop, &redis->io);
    set_timer(redis, redis->settings.deadline);
    return true;
}

static void connect_to_path(struct presence_redis *redis)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int made = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (strlen(redis->settings.url->path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
    } else {
        strcpy(address.sun_path, redis->settings.url->path);
        if (made >= 0 && connect_to(redis, made, (const struct sockaddr *)&address, sizeof address)) {
            return;
        }
        made = -1;
    }
    if (made >= 0) {
        close(made);
    }
    note_why(redis, strerror(errno), NULL);
}

static void on_address(const struct lubdub_resolution *resolution, void *user_data)
{
    struct presence_redis *redis = user_data;
    const struct lubdub_address *chosen;
    struct sockaddr_storage address;
    socklen_t length;
    int made;

    redis->request = NULL;
    if (resolution->count == 0) {
        note_why(redis, "its name is not known", resolution->text);
        end(redis);
        return;
    }
    chosen = &resolution->addresses[redis->address % resolution->count]; /* after a failure the next one */
    length = lubdub_address_to_socket(chosen, &address);
    made = lubdub_socket_new(chosen, false);
    if (made < 0 || !connect_to(redis, made, (const struct sockaddr *)&address, length)) {
        note_why(redis, strerror(errno), NULL);
        end(redis);
    }
}

static void begin(struct presence_redis *redis)
{
    const struct presence_host *host =
        redis->master.port != 0 ? &redis->master : &redis->settings.url->hosts[redis->host];

    if (redis->settings.url->is_unix) {
        connect_to_path(redis);
    } else {
        redis->stage = RESOLVING;
        set_timer(redis, redis->settings.deadline);
        redis->request = lubdub_resolver_start(redis->settings.loop, host->name, host->port, on_address, redis);
        if (redis->request == NULL) {
            note_why(redis, "no memory is left", NULL);
        }
    }
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct presence_redis *redis = container_of(timer, struct presence_redis, timer);
    (void)loop, (void)revents;

    switch (redis->stage) {
    case RESTING:
        begin(redis);
        break;
    case RESOLVING:
        note_why(redis, "its name could not be looked up in time", NULL);
        break;
    case CONNECTING:
        note_why(redis, "it could not be reached in time", NULL);
        break;
    case ASKING_SENTINEL:
    case INTRODUCING:
    case UP:
        if (redis->pending_count > 0 && redis->pending[redis->pending_first].due <= lubdub_clock_now()) {
            read_all(redis); /* we may be the ones that were away: what lies there counts */
            if (redis->pending_count > 0 && redis->pending[redis->pending_first].due <= lubdub_clock_now() &&
                !redis->is_broken) {
                note_why(redis,
                         presence_wire_is_open(&redis->wire)
                             ? "a command was not answered in time"
                             : "the TLS handshake was not answered in time; does it speak TLS on this port?",
                         NULL);
            }
        }
        set_timer(redis, redis->settings.deadline / WATCHES_IN_DEADLINE);
        break;
    }
    settle(redis);
}

/* ---- life ---- */

struct presence_redis *presence_redis_new(const struct presence_redis_settings *settings)
{
    struct presence_redis *redis = calloc(1, sizeof *redis);

    if (redis == NULL) {
        return NULL;
    }
    redis->settings = *settings;
    redis->pending = calloc(settings->command_limit, sizeof *redis->pending);
    if (redis->pending == NULL) {
        free(redis);
        return NULL;
    }
    redis->random = (unsigned)lubdub_clock_now();
    redis->wait = settings->wait_least;
    presence_wire_init(&redis->wire, settings->loop);
    ev_io_init(&redis->io, on_io, -1, EV_READ);
    ev_timer_init(&redis->timer, on_timer, 0, 0);
    set_timer(redis, 0);
    return redis;
}

void presence_redis_free(struct presence_redis *redis)
{
    if (redis == NULL) {
        return;
    }
    close_socket(redis);
    redis->stage = RESTING;
    drop_pending(redis);
    ev_timer_stop(redis->settings.loop, &redis->timer);
    presence_wire_close(&redis->wire);
    free(redis->output);
    free(redis->pending);
    free(redis);
}

bool presence_redis_is_up(const struct presence_redis *redis)
{
    return redis->stage == UP && !redis->is_broken;
}

size_t presence_redis_waiting(const struct presence_redis *redis)
{
    return redis->output_length - redis->output_sent;
}

void presence_redis_keep(struct presence_redis *redis)
{
    redis->is_kept = true;
}

void presence_redis_drop(struct presence_redis *redis, const char *why)
{
    if (redis->stage != RESTING) {
        note_why(redis, why, NULL);
        end(redis);
    }
}

bool presence_redis_has_same_master(const struct presence_redis *one, const struct presence_redis *other)
{
    return one->master.port == other->master.port && strcmp(one->master.name, other->master.name) == 0;
}
