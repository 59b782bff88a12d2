/*
 * Parses where Redis is:
 *
 *     redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]        port 6379, database 0
 *     rediss://…                                              the same over TLS
 *     unix:PATH                                               a socket of this machine
 *     sentinel://HOST[:PORT][,HOST[:PORT]]…/MASTER[/DATABASE] port 26379; the sentinels know where the master is
 *     redis-sentinel://…                                      the same
 *     rediss-sentinel://…                                     the same, with sentinels and Redis over TLS
 *
 * User and password are those of Redis, and may be percent-encoded. Those of sentinels are no part of the URL.
 */
#ifndef LUBDUB_SERVER_PRESENCE_URL_H
#define LUBDUB_SERVER_PRESENCE_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRESENCE_HOSTS 8
#define PRESENCE_NAME_SIZE 256

struct presence_host {
    char name[PRESENCE_NAME_SIZE];
    uint16_t port;
};

struct presence_url {
    bool is_unix;
    bool has_sentinels;
    bool is_tls;
    struct presence_host hosts[PRESENCE_HOSTS]; /* of sentinels several; of Redis itself one */
    size_t host_count;
    char path[PRESENCE_NAME_SIZE];          /* of the socket */
    char master[PRESENCE_NAME_SIZE];        /* the name by which the sentinels know it */
    char user[PRESENCE_NAME_SIZE];          /* "": the default user */
    char password[PRESENCE_NAME_SIZE];      /* "": none */
    char sentinel_user[PRESENCE_NAME_SIZE]; /* these two are the caller's to set */
    char sentinel_password[PRESENCE_NAME_SIZE];
    unsigned database;
};

/* NULL, or what is wrong with it, as a phrase that ends a sentence ("must be …"). Static. */
const char *presence_url_parse(const char *text, struct presence_url *url);

/* What is known of passwords beside the URL, for _judge_. */
struct presence_url_secrets {
    bool has_password;         /* of Redis, from a file */
    const char *sentinel_user; /* NULL: none */
    bool has_sentinel_password;
};

/* NULL, or what is wrong with the options together, as a sentence. Static. */
const char *presence_url_judge_secrets(const struct presence_url *url, const struct presence_url_secrets *secrets);

#endif
