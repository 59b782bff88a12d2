/* Runs scripts by their hashes, and minds what Redis refuses. */
#include "server/presence/state.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "ev/clock.h"
#include "server/presence/scripts.h"

/* After a refusal (no memory, read-only) nothing is written for so long. */
#define REFUSED_FOR LUBDUB_SECOND

static const char *const scripts[PRESENCE_SCRIPTS] = {
    [PRESENCE_SCRIPT_CLAIM] = presence_script_claim,     [PRESENCE_SCRIPT_RELEASE] = presence_script_release,
    [PRESENCE_SCRIPT_JOIN] = presence_script_join,       [PRESENCE_SCRIPT_BEAT] = presence_script_beat,
    [PRESENCE_SCRIPT_BURY] = presence_script_bury,       [PRESENCE_SCRIPT_SETTLE] = presence_script_settle,
    [PRESENCE_SCRIPT_MISSING] = presence_script_missing,
};

void presence_log(struct presence *presence, bool is_warning, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    presence->settings.log(is_warning, text, presence->settings.user_data);
}

bool presence_is_news(struct presence *presence, const char *why)
{
    unsigned i;

    for (i = 0; i < presence->trouble_count; i++) {
        if (strncmp(presence->troubles[i], why, PRESENCE_TROUBLE_SIZE - 1) == 0) {
            return false;
        }
    }
    if (presence->trouble_count == PRESENCE_TROUBLES) {
        return false;
    }
    snprintf(presence->troubles[presence->trouble_count], PRESENCE_TROUBLE_SIZE, "%s", why);
    presence->trouble_count++;
    return true;
}

lubdub_duration presence_patience(const struct presence *presence)
{
    return lubdub_duration_longer(presence->settings.grace, presence->settings.lease);
}

bool presence_draw_boot(struct presence *presence)
{
    uint64_t random;

    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) {
        return false;
    }
    snprintf(presence->boot, sizeof presence->boot, "%016" PRIx64, random);
    return true;
}

static void beat_now(struct presence *presence)
{
    ev_feed_event(presence->loop, &presence->beat, EV_TIMER);
}

/* ---- scripts ---- */

bool presence_take_result(struct presence *presence, const redisReply *reply)
{
    if (reply == NULL) {
        atomic_fetch_add(&presence->unanswered, 1);
        return false;
    }
    if (reply->type != REDIS_REPLY_ERROR) {
        atomic_fetch_add(&presence->answered, 1);
        presence_observer_note_reply(&presence->observer, lubdub_clock_now());
        return true;
    }
    atomic_fetch_add(&presence->refused, 1);
    if (strncmp(reply->str, "READONLY", 8) == 0) {
        return false; /* the connection ends (redis.c), and that is told */
    }
    if (strncmp(reply->str, "NOSCRIPT", 8) == 0) {
        if (presence->scripts_missing == 0) {
            presence_load_scripts(presence);
        }
        return false;
    }
    presence->refused_until = lubdub_time_after(lubdub_clock_now(), REFUSED_FOR);
    atomic_store(&presence->is_up, false);
    if (presence_is_news(presence, reply->str)) {
        presence_log(presence, true, "redis: it refuses to write reason=\"%s\"", reply->str);
    }
    return false;
}

#define ARGUMENTS_MOST 80

bool presence_run(struct presence *presence, enum presence_script script, int key_count, int count,
                  const char **arguments, const size_t *lengths, presence_reply callback, void *user_data)
{
    const char *all[3 + ARGUMENTS_MOST] = {"EVALSHA", presence->hashes[script]};
    size_t all_lengths[3 + ARGUMENTS_MOST] = {7, PRESENCE_HASH_SIZE - 1};
    char keys[8];
    int i;

    if (presence->scripts_missing > 0) {
        return false;
    }
    snprintf(keys, sizeof keys, "%d", key_count);
    all[2] = keys;
    all_lengths[2] = strlen(keys);
    for (i = 0; i < count; i++) {
        all[3 + i] = arguments[i];
        all_lengths[3 + i] = lengths != NULL ? lengths[i] : strlen(arguments[i]);
    }
    return presence_redis_command(presence->redis, 3 + count, all, all_lengths, callback, user_data);
}

static void on_loaded(const redisReply *reply, void *user_data)
{
    struct presence *presence = user_data;
    enum presence_script script = (enum presence_script)(PRESENCE_SCRIPTS - presence->scripts_missing);

    if (!presence_take_result(presence, reply) || reply->type != REDIS_REPLY_STRING ||
        reply->len != PRESENCE_HASH_SIZE - 1) {
        return; /* the connection ends, or the beat finds nothing to run */
    }
    memcpy(presence->hashes[script], reply->str, PRESENCE_HASH_SIZE);
    if (--presence->scripts_missing == 0 && !presence->is_joined) {
        beat_now(presence);
    }
}

/* They are answered in their order. */
void presence_load_scripts(struct presence *presence)
{
    size_t i;

    presence->scripts_missing = PRESENCE_SCRIPTS;
    for (i = 0; i < PRESENCE_SCRIPTS; i++) {
        const char *arguments[] = {"SCRIPT", "LOAD", scripts[i]};

        (void)presence_redis_command(presence->redis, 3, arguments, NULL, on_loaded, presence);
    }
}

void presence_reboot(struct presence *presence)
{
    if (!presence->is_joined) {
        return; /* it is on its way */
    }
    atomic_fetch_add(&presence->buried, 1);
    presence->is_joined = false;
    (void)presence_draw_boot(presence);
    presence->counter = 0;
    beat_now(presence);
}
