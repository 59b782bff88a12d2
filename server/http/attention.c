/* Collects from the lists that the register keeps of them; looks through all identities only where some are to be
 * found. */
#include "server/http/attention.h"

#include <string.h>

#include "server/register/copies.h"

#define LOOKED_AT_MOST 20000

struct list {
    struct text *text;
    size_t count;
    size_t most;
};

static bool is_full(const struct list *list)
{
    return list->count == list->most;
}

static void put(struct list *list, const char *why, const char *id, size_t length, uint64_t since_ms)
{
    text_format(list->text, "%s{", list->count++ > 0 ? "," : "");
    text_member_word(list->text, "why", why);
    if (length > 0) {
        text_member_json(list->text, "id", id, length);
    }
    if (since_ms > 0) {
        text_member_time(list->text, "since", since_ms * LUBDUB_MILLISECOND);
    }
}

static void put_missing(const struct source *source, const struct register_summary *summary, struct list *list)
{
    struct register_identity found;
    uint64_t cursor = 0;

    if (summary->expected_missing == 0) {
        return;
    }
    while (!is_full(list) && register_next_expected(source->reg, &cursor, &found)) {
        if (found.is_missing) {
            put(list, "missing", found.identity, found.length, found.since_ms);
            text_member_number(list->text, "expected", found.expected);
            text_member_number(list->text, "up", found.up);
            if (found.end_count > 0) {
                text_member_word(list->text, "last_end", lubdub_cause_word((enum lubdub_cause)found.ends[0].cause));
            }
            text_put(list->text, "}", 1);
        }
    }
}

static void put_concerns(const struct source *source, struct list *list, bool late)
{
    static uint64_t sessions[REGISTER_CONCERNS]; /* of the one thread that serves HTTP */
    static struct concern items[REGISTER_CONCERNS];
    size_t count = register_concerns(source->reg, sessions, items);
    size_t i;

    for (i = 0; i < count && !is_full(list); i++) {
        if (items[i].is_late == late) {
            put(list, late ? "late" : lubdub_health_word(items[i].health), items[i].identity, items[i].length,
                items[i].since_ms);
            text_member_number(list->text, "session", sessions[i]);
            text_member_word(list->text, "health", lubdub_health_word(items[i].health));
            text_put(list->text, "}", 1);
        }
    }
}

/* Flapping and away: as many as there are by their counts, so that the search ends. */
static void put_unsteady(const struct source *source, const struct register_summary *summary, struct list *list)
{
    struct lubdub_server_figures figures = {.size = sizeof figures};
    struct register_identity found;
    uint64_t cursor = 0;
    unsigned looked_at = 0;
    uint64_t left;

    lubdub_server_figures(source->server, &figures);
    left = summary->flapping + figures.away + summary->restored;
    while (left > 0 && !is_full(list) && looked_at++ < LOOKED_AT_MOST && register_next(source->reg, &cursor, &found)) {
        bool is_away = !found.is_pattern && found.state == KNOWN_AWAY && found.session == 0 && !found.is_elsewhere;

        if (found.is_missing || (!found.is_flapping && !is_away)) {
            continue;
        }
        put(list, found.is_flapping ? "flapping" : "away", found.identity, found.length, found.since_ms);
        text_member_number(list->text, "losses", found.losses);
        if (found.end_count > 0) {
            text_member_word(list->text, "last_end", lubdub_cause_word((enum lubdub_cause)found.ends[0].cause));
        }
        text_put(list->text, "}", 1);
        left--;
    }
}

void attention_write(const struct source *source, const struct register_summary *summary, size_t most,
                     struct text *text)
{
    struct list list = {.text = text, .most = most};

    text_put(text, "[", 1);
    put_missing(source, summary, &list);
    put_concerns(source, &list, true);
    put_concerns(source, &list, false);
    put_unsteady(source, summary, &list);
    text_put(text, "]", 1);
}
