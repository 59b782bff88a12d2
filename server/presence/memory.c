/* Reads lines of Redis' INFO. */
#include "server/presence/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_line(const redisReply *reply, const char *name, char *value, size_t capacity)
{
    const char *place = reply->type == REDIS_REPLY_STRING ? strstr(reply->str, name) : NULL;

    if (place == NULL) {
        return false;
    }
    place += strlen(name);
    snprintf(value, capacity, "%.*s", (int)strcspn(place, "\r\n"), place);
    return true;
}

/* INFO may be refused: then nothing is said. */
static void on_memory(const redisReply *reply, void *user_data)
{
    struct presence *presence = user_data;
    char limit[32];
    char policy[32];

    if (reply == NULL || !has_line(reply, "\nmaxmemory:", limit, sizeof limit) ||
        !has_line(reply, "\nmaxmemory_policy:", policy, sizeof policy)) {
        return;
    }
    presence->lost.may_evict = strcmp(limit, "0") != 0 && strcmp(policy, "noeviction") != 0;
    if (presence->lost.may_evict) {
        presence_log(presence, true,
                     "redis: it may drop what stands there (maxmemory-policy %s); presence needs noeviction", policy);
    }
}

void presence_ask_for_memory(struct presence *presence)
{
    const char *arguments[] = {"INFO", "memory"};

    (void)presence_redis_command(presence->redis, 2, arguments, NULL, on_memory, presence);
}

static void on_evicted(const redisReply *reply, void *user_data)
{
    struct presence *presence = user_data;
    char number[32];
    uint64_t evicted;

    if (reply == NULL || !has_line(reply, "\nevicted_keys:", number, sizeof number)) {
        return;
    }
    evicted = strtoull(number, NULL, 10);
    if (presence->lost.has_evicted && evicted > presence->lost.evicted) {
        presence->lost.is_called_for = true;
    }
    presence->lost.has_evicted = true;
    presence->lost.evicted = evicted;
}

void presence_ask_for_evicted(struct presence *presence)
{
    const char *arguments[] = {"INFO", "stats"};

    (void)presence_redis_command(presence->redis, 2, arguments, NULL, on_evicted, presence);
}
