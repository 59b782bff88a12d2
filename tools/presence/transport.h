/* Asks a server over HTTP: one answer at a time, or a stream of lines without end. By libcurl. */
#ifndef LUBDUB_PRESENCE_TRANSPORT_H
#define LUBDUB_PRESENCE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

#include <lubdub/option.h>

#define TRANSPORT_PROBLEM_SIZE 512
#define TRANSPORT_LARGEST ((size_t)64 * 1024 * 1024) /* of an answer */

struct transport;

/* url: http://…, https://… or unix:PATH; token with data NULL: none. NULL without memory. */
struct transport *transport_open(const char *url, struct lubdub_slice token);
void transport_close(struct transport *transport);

/* Writes text as a part of a path or query, escaped, for the caller to transport_free(). NULL without memory. */
char *transport_escape(struct transport *transport, const char *text);
void transport_free(char *escaped);

/*
 * Returns the status of the answer and its body, which ends with NUL and lives until the next call; or 0 and a sentence
 * in problem, where there is no answer.
 */
long transport_get(struct transport *transport, const char *path, const char **body,
                   char problem[TRANSPORT_PROBLEM_SIZE]);

/* A line of the stream, without its end. Returns whether to go on. */
typedef bool (*transport_line)(const char *line, void *user_data);

/*
 * Follows a stream until it ends, or the callback wants no more. last_id NULL: none. Returns its status, or 0 and a
 * sentence. A stream of which nothing comes for ten seconds has ended.
 */
long transport_follow(struct transport *transport, const char *path, const char *last_id, transport_line take,
                      void *user_data, char problem[TRANSPORT_PROBLEM_SIZE]);

#endif
