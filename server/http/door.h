/* Opens the listening socket, and judges which requests may be answered. */
#ifndef LUBDUB_SERVER_HTTP_DOOR_H
#define LUBDUB_SERVER_HTTP_DOOR_H

#include <stdbool.h>
#include <stddef.h>

#include <lubdub/option.h>

/* See http.h. */
const char *door_judge_address(const char *address);
bool door_is_local(const char *address);
bool door_is_socket(const char *address); /* unix:PATH */

/* Returns a listening socket, or -1 and errno. A socket that an earlier server left behind gives way. */
int door_listen(const char *address);

/* Removes the file of a Unix socket. */
void door_leave(const char *address);

/* Whether the Host header names this server; NULL: the request has none. */
bool door_admits_host(const char *host, const char *const *names, size_t name_count);

/* Whether the Authorization header has the token; NULL: the request has none. */
bool door_admits_token(const char *authorization, struct lubdub_slice token);

#endif
