/* Runs libmicrohttpd's daemon in a thread of its own, and leads each request to what answers it. */
#define _GNU_SOURCE
#include "server/http/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ev/clock.h"
#include "program/events/escape.h"
#include "program/events/log.h"
#include "server/http/door.h"
#include "server/http/events.h"
#include "server/http/metrics.h"
#include "server/http/page.h"
#include "server/http/sessions.h"
#include "server/http/summary.h"

#define IDLE_SECONDS 15u
#define SUMMARY_KEPT (200 * LUBDUB_MILLISECOND)

struct http {
    char *address;
    struct lubdub_slice token;
    const char *const *hosts;
    size_t host_count;
    struct source source;
    struct events *events;
    struct MHD_Daemon *daemon;

    struct text summary; /* of a moment ago, for all that ask within it; the daemon's thread's */
    lubdub_time summary_at;
};

/* ---- answers ---- */

struct answer {
    unsigned status;
    const char *type;
    struct text text;   /* handed over */
    const char *policy; /* the content security policy; NULL: nothing is allowed */
};

static const char json_type[] = "application/json; charset=utf-8";
static const char text_type[] = "text/plain; charset=utf-8";

static struct answer words(unsigned status, const char *sentence)
{
    struct answer answer = {.status = status, .type = text_type};

    text_format(&answer.text, "%s\n", sentence);
    return answer;
}

static struct answer json_fault(unsigned status, const char *sentence)
{
    struct answer answer = {.status = status, .type = json_type};

    text_put(&answer.text, "{", 1);
    text_member_word(&answer.text, "error", sentence);
    text_put(&answer.text, "}\n", 2);
    return answer;
}

static void add_headers(struct MHD_Response *response, const char *type, const char *policy)
{
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(response, "X-Frame-Options", "DENY");
    MHD_add_response_header(response, "Content-Security-Policy",
                            policy != NULL ? policy : "default-src 'none'; frame-ancestors 'none'");
}

static enum MHD_Result queue(struct MHD_Connection *connection, unsigned status, struct MHD_Response *response)
{
    enum MHD_Result result;

    if (response == NULL) {
        return MHD_NO; /* the connection is closed */
    }
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, struct answer *answer)
{
    struct MHD_Response *response;

    if (answer->text.has_failed) {
        text_clear(&answer->text);
        *answer = words(MHD_HTTP_SERVICE_UNAVAILABLE, "no memory is left");
    }
    response = MHD_create_response_from_buffer(answer->text.length, answer->text.bytes, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        text_clear(&answer->text);
        return MHD_NO;
    }
    add_headers(response, answer->type, answer->policy);
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    if (answer->status == MHD_HTTP_UNAUTHORIZED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                                "Basic realm=\"lubdub\", charset=\"UTF-8\"");
    }
    if (answer->status == MHD_HTTP_SERVICE_UNAVAILABLE) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "5");
    }
    return queue(connection, answer->status, response);
}

/* ---- what is asked for ---- */

static const char *argument(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* The keys of a query, and what is wrong with them. */
struct keys {
    unsigned seen; /* bits of known_keys */
    bool is_twice;
    const char *fault; /* the first key that is wrong; NULL: none */
};

static const char *const known_keys[] = {"limit", "after", "id", "state", "label", "sort"};

static enum MHD_Result judge_key(void *user_data, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct keys *keys = user_data;
    unsigned i;
    (void)kind, (void)value;

    for (i = 0; i < sizeof known_keys / sizeof known_keys[0] && strcmp(known_keys[i], key) != 0; i++) {
    }
    keys->is_twice = (keys->seen & 1u << i) != 0;
    keys->seen |= 1u << i;
    keys->fault = i == sizeof known_keys / sizeof known_keys[0] || keys->is_twice ? key : NULL;
    return keys->fault == NULL ? MHD_YES : MHD_NO;
}

/* A filter with a typing error in its name would list all sessions. */
static bool has_known_keys(struct MHD_Connection *connection, char *fault, size_t capacity)
{
    struct keys keys = {0};

    (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, judge_key, &keys);
    if (keys.fault != NULL && keys.is_twice) {
        snprintf(fault, capacity, "%s: stands there twice", keys.fault);
    } else if (keys.fault != NULL) {
        snprintf(fault, capacity, "%.64s: is no key of this query; there are limit, after, id, state, label and sort",
                 keys.fault);
    }
    return keys.fault == NULL;
}

static struct answer answer_sessions(struct http *http, struct MHD_Connection *connection)
{
    char unknown[256];
    const struct sessions_query query = {
        .limit = argument(connection, "limit"),
        .after = argument(connection, "after"),
        .id = argument(connection, "id"),
        .state = argument(connection, "state"),
        .label = argument(connection, "label"),
        .sort = argument(connection, "sort"),
    };
    struct answer answer = {.status = MHD_HTTP_OK, .type = json_type};
    const char *fault = has_known_keys(connection, unknown, sizeof unknown)
                            ? sessions_write(&http->source, &query, &answer.text)
                            : unknown;

    if (fault != NULL) {
        text_clear(&answer.text);
        return json_fault(MHD_HTTP_BAD_REQUEST, fault);
    }
    text_put(&answer.text, "\n", 1);
    return answer;
}

static struct answer answer_one(struct http *http, const char *name)
{
    struct answer answer = {.status = MHD_HTTP_OK, .type = json_type};

    if (!sessions_write_one(&http->source, name, &answer.text)) {
        text_clear(&answer.text);
        return json_fault(MHD_HTTP_NOT_FOUND, "nothing is known of it");
    }
    text_put(&answer.text, "\n", 1);
    return answer;
}

static struct answer answer_summary(struct http *http)
{
    struct answer answer = {.status = MHD_HTTP_OK, .type = json_type};
    lubdub_time now = lubdub_clock_now();

    if (http->summary.length == 0 || lubdub_time_between(http->summary_at, now) > SUMMARY_KEPT) {
        text_clear(&http->summary);
        summary_write(&http->source, &http->summary);
        text_put(&http->summary, "\n", 1);
        http->summary_at = now;
    }
    text_put(&answer.text, http->summary.bytes, http->summary.length);
    answer.text.has_failed = answer.text.has_failed || http->summary.has_failed;
    return answer;
}

static struct answer answer_metrics(struct http *http)
{
    struct answer answer = {.status = MHD_HTTP_OK, .type = "text/plain; version=0.0.4; charset=utf-8"};

    metrics_write(&http->source, &answer.text);
    return answer;
}

static struct answer answer_ready(struct http *http)
{
    struct lubdub_server_figures figures = {.size = sizeof figures};

    struct http_program_figures program = {0};

    lubdub_server_figures(http->source.server, &figures);
    http->source.fill(&program, http->source.user_data);
    if (figures.is_draining) {
        return words(MHD_HTTP_SERVICE_UNAVAILABLE, "draining");
    }
    /* Heartbeats need no Redis: a balancer must not turn away from all nodes at once. */
    return words(MHD_HTTP_OK, program.has_redis && !program.redis_is_up ? "ready, but Redis is away" : "ready");
}

static struct answer answer_file(const struct page_file *file)
{
    struct answer answer = {.status = MHD_HTTP_OK, .type = file->type, .policy = file->policy};

    text_put(&answer.text, file->bytes, file->length);
    return answer;
}

static struct answer answer_path(struct http *http, struct MHD_Connection *connection, const char *path)
{
    static const char one[] = "/api/sessions/";

    if (strcmp(path, "/") == 0) {
        return answer_file(&page_html);
    }
    if (strcmp(path, "/openapi.json") == 0) {
        return answer_file(&page_openapi);
    }
    if (strcmp(path, "/api/sessions") == 0) {
        return answer_sessions(http, connection);
    }
    if (strncmp(path, one, sizeof one - 1) == 0 && path[sizeof one - 1] != '\0') {
        return answer_one(http, path + sizeof one - 1);
    }
    if (strcmp(path, "/api/summary") == 0) {
        return answer_summary(http);
    }
    if (strcmp(path, "/metrics") == 0) {
        return answer_metrics(http);
    }
    return words(MHD_HTTP_NOT_FOUND, "there is nothing here; / is the page, /openapi.json tells what else there is");
}

static enum MHD_Result answer_stream(struct http *http, struct MHD_Connection *connection, bool is_head)
{
    static const char type[] = "text/event-stream; charset=utf-8";
    const char *last_id = header(connection, "Last-Event-ID");
    struct MHD_Response *response;
    struct answer full;

    if (is_head) {
        struct answer nothing = {.status = MHD_HTTP_OK, .type = type};

        return send_answer(connection, &nothing);
    }
    response = events_stream(http->events, connection,
                             last_id != NULL ? last_id : argument(connection, "last-event-id"), HTTP_STREAMS);
    if (response == NULL) {
        full = words(MHD_HTTP_SERVICE_UNAVAILABLE, "there are 32 streams of events already");
        return send_answer(connection, &full);
    }
    add_headers(response, type, NULL);
    MHD_add_response_header(response, "X-Accel-Buffering", "no"); /* a proxy must not wait for more */
    return queue(connection, MHD_HTTP_OK, response);
}

static bool is_probe(const char *path)
{
    return strcmp(path, "/healthz") == 0 || strcmp(path, "/readyz") == 0;
}

static enum MHD_Result on_request(void *user_data, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *upload, size_t *upload_size,
                                  void **state)
{
    struct http *http = user_data;
    static char seen;
    bool is_head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    struct answer answer;
    (void)version, (void)upload, (void)upload_size;

    if (*state == NULL && (is_head || strcmp(method, MHD_HTTP_METHOD_GET) == 0)) {
        *state = &seen;
        return MHD_YES; /* an answer to the header alone would close the connection */
    }
    if (!is_head && strcmp(method, MHD_HTTP_METHOD_GET) != 0) {
        answer = words(MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD: here one can only read");
    } else if (!door_is_socket(http->address) &&
               !door_admits_host(header(connection, MHD_HTTP_HEADER_HOST), http->hosts, http->host_count)) {
        answer = words(MHD_HTTP_MISDIRECTED_REQUEST, "the Host is none of this server's; --http-host adds one");
    } else if (is_probe(path)) {
        answer = strcmp(path, "/healthz") == 0 ? words(MHD_HTTP_OK, "ok") : answer_ready(http);
    } else if (http->token.data != NULL &&
               !door_admits_token(header(connection, MHD_HTTP_HEADER_AUTHORIZATION), http->token)) {
        answer = words(MHD_HTTP_UNAUTHORIZED, "a token is asked for: as a bearer token, or as the password");
    } else if (strcmp(path, "/api/events") == 0) {
        return answer_stream(http, connection, is_head);
    } else {
        answer = answer_path(http, connection, path);
    }
    return send_answer(connection, &answer);
}

/* ---- for the owner ---- */

const char *http_judge_address(const char *address, void *field)
{
    (void)field;
    return door_judge_address(address);
}

bool http_is_local(const char *address)
{
    return door_is_local(address);
}

__attribute__((format(printf, 2, 0))) static void log_of_daemon(void *user_data, const char *format, va_list arguments)
{
    char line[512];
    char shown[1024];
    int length = vsnprintf(line, sizeof line, format, arguments);
    (void)user_data;

    if (length > 0) {
        length = length < (int)sizeof line ? length : (int)sizeof line - 1;
        while (length > 0 && line[length - 1] == '\n') {
            length--;
        }
        lubdub_escape_value(shown, sizeof shown, line, (size_t)length);
        lubdub_log_peer(LUBDUB_LOG_DEBUG, "http text=%s", shown);
    }
}

static int start_daemon(struct http *http, int socket)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = 0;
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, http,
        MHD_OPTION_EXTERNAL_LOGGER, log_of_daemon, NULL, MHD_OPTION_LISTEN_SOCKET, socket, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)HTTP_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (http->daemon == NULL) {
        close(socket);
        return errno != 0 ? errno : EIO;
    }
    return 0;
}

static void free_memory(struct http *http)
{
    text_clear(&http->summary);
    free(http->address);
    free(http);
}

/*
 * What this thread starts now inherits SCHED_BATCH (sched(7)): a request that wakes one of our threads does not take
 * the processor from a loop in the middle of a turn. It is no lower priority, as they hold locks for which loops may
 * have to wait for a moment. Returns whether the thread is to come back from it; a sandbox may forbid it, and that does
 * no harm.
 */
static bool begin_to_give_way(void)
{
    const struct sched_param none = {0};

    return sched_getscheduler(0) == SCHED_OTHER && sched_setscheduler(0, SCHED_BATCH, &none) == 0;
}

static void end_giving_way(bool has_begun)
{
    const struct sched_param none = {0};

    if (has_begun) {
        (void)sched_setscheduler(0, SCHED_OTHER, &none);
    }
}

static int open_all(struct http *http)
{
    int socket = door_listen(http->address);
    int error;

    if (socket < 0) {
        return errno;
    }
    error = events_open(&http->events, &http->source);
    if (error != 0) {
        close(socket);
        return error;
    }
    error = start_daemon(http, socket);
    if (error != 0) {
        events_end(http->events);
        events_free(http->events);
    }
    return error;
}

int http_open(struct http **opened, const struct http_settings *settings)
{
    struct http *http = calloc(1, sizeof *http);
    bool gives_way;
    int error;

    if (http == NULL) {
        return ENOMEM;
    }
    http->address = strdup(settings->address);
    http->token = settings->token;
    http->hosts = settings->hosts;
    http->host_count = settings->host_count;
    http->source.server = settings->server;
    http->source.reg = settings->reg;
    http->source.fill = settings->fill;
    http->source.list_nodes = settings->list_nodes;
    http->source.user_data = settings->user_data;
    http->source.node = settings->node;
    http->source.version = settings->version;
    http->source.started_ns = lubdub_clock_realtime();
    gives_way = begin_to_give_way();
    error = http->address == NULL ? ENOMEM : open_all(http);
    end_giving_way(gives_way);
    if (error != 0) {
        free_memory(http);
        return error;
    }
    *opened = http;
    return 0;
}

void http_tell(struct http *http, const struct lubdub_event_line *line)
{
    if (http != NULL) {
        events_tell(http->events, line);
    }
}

void http_stop(struct http *http)
{
    events_end(http->events);
    MHD_stop_daemon(http->daemon);
    door_leave(http->address);
}

void http_free(struct http *http)
{
    events_free(http->events);
    free_memory(http);
}
