/* Sets up libcurl for each question, and collects what comes. */
#define _GNU_SOURCE
#include "presence/transport.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_SECONDS 5L
#define ANSWER_SECONDS 30L
#define SILENT_SECONDS 10L
#define LONGEST_LINE ((size_t)256 * 1024)

struct transport {
    CURL *curl;
    char *base;   /* "http://localhost" */
    char *socket; /* NULL: none */
    struct curl_slist *headers;
    char error[CURL_ERROR_SIZE];

    char *bytes; /* of an answer, or of a line that is not whole */
    size_t length;
    size_t limit;

    transport_line take; /* NULL: no stream */
    void *user_data;
    bool has_stopped;
};

static bool set_token(struct transport *transport, struct lubdub_slice token)
{
    char *header = NULL;

    if (token.data == NULL) {
        return true;
    }
    if (asprintf(&header, "Authorization: Bearer %.*s", (int)token.length, token.data) < 0) {
        return false;
    }
    transport->headers = curl_slist_append(NULL, header);
    explicit_bzero(header, strlen(header));
    free(header);
    return transport->headers != NULL;
}

struct transport *transport_open(const char *url, struct lubdub_slice token)
{
    struct transport *transport = calloc(1, sizeof *transport);
    bool is_socket = strncmp(url, "unix:", 5) == 0;

    if (transport == NULL) {
        return NULL;
    }
    transport->curl = curl_easy_init();
    transport->base = strdup(is_socket ? "http://localhost" : url);
    transport->socket = is_socket ? strdup(url + 5) : NULL;
    if (transport->curl == NULL || transport->base == NULL || (is_socket && transport->socket == NULL) ||
        !set_token(transport, token)) {
        transport_close(transport);
        return NULL;
    }
    if (transport->base[strlen(transport->base) - 1] == '/') {
        transport->base[strlen(transport->base) - 1] = '\0';
    }
    return transport;
}

void transport_close(struct transport *transport)
{
    if (transport != NULL) {
        curl_easy_cleanup(transport->curl);
        curl_slist_free_all(transport->headers);
        free(transport->base);
        free(transport->socket);
        free(transport->bytes);
        free(transport);
    }
}

char *transport_escape(struct transport *transport, const char *text)
{
    return curl_easy_escape(transport->curl, text, 0);
}

void transport_free(char *escaped)
{
    curl_free(escaped);
}

/* ---- what comes ---- */

static bool append(struct transport *transport, const char *bytes, size_t length)
{
    char *more = transport->length + length < transport->limit
                     ? realloc(transport->bytes, transport->length + length + 1)
                     : NULL;

    if (more == NULL) {
        return false;
    }
    memcpy(more + transport->length, bytes, length);
    transport->bytes = more;
    transport->length += length;
    transport->bytes[transport->length] = '\0';
    return true;
}

static bool give_lines(struct transport *transport)
{
    char *line = transport->bytes;
    char *newline;

    while ((newline = memchr(line, '\n', transport->length - (size_t)(line - transport->bytes))) != NULL) {
        *newline = '\0';
        if (newline > line && newline[-1] == '\r') {
            newline[-1] = '\0';
        }
        if (!transport->take(line, transport->user_data)) {
            transport->has_stopped = true;
            return false;
        }
        line = newline + 1;
    }
    transport->length -= (size_t)(line - transport->bytes);
    memmove(transport->bytes, line, transport->length);
    return true;
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *user_data)
{
    struct transport *transport = user_data;
    long status = 0;

    if (!append(transport, bytes, size * count)) {
        return 0;
    }
    curl_easy_getinfo(transport->curl, CURLINFO_RESPONSE_CODE, &status);
    if (transport->take != NULL && status == 200 && !give_lines(transport)) {
        return 0;
    }
    return size * count;
}

/* ---- questions ---- */

static void set_up(struct transport *transport, const char *url)
{
    CURL *curl = transport->curl;

    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); /* an identity may be ".." */
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transport->error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transport);
    if (transport->socket != NULL) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, transport->socket);
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    }
    transport->error[0] = '\0';
    transport->length = 0;
    transport->has_stopped = false;
}

static long perform(struct transport *transport, struct curl_slist *headers, char problem[TRANSPORT_PROBLEM_SIZE])
{
    CURLcode result;
    long status = 0;

    curl_easy_setopt(transport->curl, CURLOPT_HTTPHEADER, headers);
    result = curl_easy_perform(transport->curl);
    curl_easy_getinfo(transport->curl, CURLINFO_RESPONSE_CODE, &status);
    if (result == CURLE_OK || transport->has_stopped) {
        return status;
    }
    if (result == CURLE_COULDNT_CONNECT && transport->socket != NULL) { /* libcurl would name a port of localhost */
        long error = 0;

        curl_easy_getinfo(transport->curl, CURLINFO_OS_ERRNO, &error);
        snprintf(problem, TRANSPORT_PROBLEM_SIZE, "%s", strerror((int)error));
        return 0;
    }
    snprintf(problem, TRANSPORT_PROBLEM_SIZE, "%s",
             transport->error[0] != '\0' ? transport->error : curl_easy_strerror(result));
    return 0;
}

long transport_get(struct transport *transport, const char *path, const char **body,
                   char problem[TRANSPORT_PROBLEM_SIZE])
{
    char *url = NULL;
    long status;

    *body = "";
    if (asprintf(&url, "%s%s", transport->base, path) < 0) {
        snprintf(problem, TRANSPORT_PROBLEM_SIZE, "no memory is left");
        return 0;
    }
    set_up(transport, url);
    curl_easy_setopt(transport->curl, CURLOPT_TIMEOUT, ANSWER_SECONDS);
    transport->limit = TRANSPORT_LARGEST;
    transport->take = NULL;
    status = perform(transport, transport->headers, problem);
    free(url);
    if (transport->length > 0) {
        *body = transport->bytes;
    }
    return status;
}

static struct curl_slist *stream_headers(const struct transport *transport, const char *last_id)
{
    struct curl_slist *headers = NULL;
    const struct curl_slist *one;
    char line[128];

    for (one = transport->headers; one != NULL; one = one->next) {
        headers = curl_slist_append(headers, one->data);
    }
    if (last_id != NULL && last_id[0] != '\0') {
        snprintf(line, sizeof line, "Last-Event-ID: %s", last_id);
        headers = curl_slist_append(headers, line);
    }
    return headers;
}

long transport_follow(struct transport *transport, const char *path, const char *last_id, transport_line take,
                      void *user_data, char problem[TRANSPORT_PROBLEM_SIZE])
{
    struct curl_slist *headers = stream_headers(transport, last_id);
    char *url = NULL;
    long status;

    if (asprintf(&url, "%s%s", transport->base, path) < 0) {
        curl_slist_free_all(headers);
        snprintf(problem, TRANSPORT_PROBLEM_SIZE, "no memory is left");
        return 0;
    }
    set_up(transport, url);
    curl_easy_setopt(transport->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(transport->curl, CURLOPT_LOW_SPEED_TIME, SILENT_SECONDS);
    transport->limit = LONGEST_LINE;
    transport->take = take;
    transport->user_data = user_data;
    status = perform(transport, headers, problem);
    curl_slist_free_all(headers);
    free(url);
    return status;
}
