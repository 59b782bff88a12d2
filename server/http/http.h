/*
 * Serves a page, JSON, metrics and a stream of events over HTTP, from a thread of its own that only reads: no reader,
 * however slow, delays a loop of the server.
 *
 * GET and HEAD only. On a loopback address or a Unix socket anybody may read; elsewhere a token is asked for (but for
 * /healthz and /readyz): as a bearer token, or as the password of HTTP's basic authentication, which a browser asks
 * for. The Host that a request names has to be a numeric address, localhost, or one of the hosts that are set, so that
 * no page of another site reads this one through a name of its own.
 *
 * 64 connections, 32 of them streams of events; a connection that moves nothing for 15 seconds is closed.
 */
#ifndef LUBDUB_SERVER_HTTP_HTTP_H
#define LUBDUB_SERVER_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include <lubdub/option.h>
#include <lubdub/server.h>

#include "program/events/line.h"
#include "server/http/program_figures.h"
#include "server/register/register.h"

#define HTTP_CONNECTIONS 64
#define HTTP_STREAMS 32

struct http;

/* All is borrowed, and has to stay until http_close. */
struct http_settings {
    const char *address;       /* ADDRESS:PORT or unix:PATH, as http_judge_address takes it */
    struct lubdub_slice token; /* data NULL: none is asked for */
    const char *const *hosts;  /* names that this server may be called by */
    size_t host_count;
    const char *node; /* NULL: none */
    const char *version;
    struct lubdub_server *server;
    struct lubdub_register *reg;
    http_fill fill;
    http_list_nodes list_nodes;
    void *user_data;
};

/* Judges an address: NULL, or what is allowed, as a phrase that ends a sentence. For a row of settings. */
const char *http_judge_address(const char *address, void *field);

/* Whether what is sent to this address stays on the machine. It was judged. */
bool http_is_local(const char *address);

/* Listens, and starts the threads. Returns 0 or an errno. */
int http_open(struct http **opened, const struct http_settings *settings);

/* An event for the streams: copied. Any thread; never waits. NULL: does nothing. */
void http_tell(struct http *http, const struct lubdub_event_line *line);

/* Ends the streams and the threads: nobody is answered any more, and the server may go. */
void http_stop(struct http *http);

/* After that, and the last http_tell. */
void http_free(struct http *http);

#endif
