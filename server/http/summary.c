/* Writes sections of one object. */
#include "server/http/summary.h"

#include <inttypes.h>
#include <string.h>

#include "ev/clock.h"
#include "server/http/attention.h"
#include "server/http/process_figures.h"
#include "server/register/copies.h"

struct everything {
    struct lubdub_server_figures figures;
    struct register_summary summary;
    struct http_program_figures program;
};

static void write_now(struct text *text, const struct everything *all)
{
    const struct lubdub_server_figures *figures = &all->figures;

    text_member_number(text, "sessions", figures->up + figures->late);
    text_member_number(text, "up", figures->up);
    text_member_number(text, "late", figures->late);
    text_member_number(text, "away", figures->away + all->summary.restored);
    text_member_number(text, "missing", all->summary.expected_missing);
    text_member_number(text, "flapping", all->summary.flapping);
    text_member_number(text, "critical", figures->by_health[LUBDUB_HEALTH_CRITICAL]);
    text_member_number(text, "warning", figures->by_health[LUBDUB_HEALTH_WARNING]);
    text_member_flag(text, "draining", figures->is_draining != 0);
}

static void write_server(const struct source *source, struct text *text)
{
    uint64_t now = lubdub_clock_realtime();

    text_member_word(text, "version", source->version);
    if (source->node != NULL) {
        text_member_word(text, "node", source->node);
    }
    text_member_time(text, "now", now);
    text_member_time(text, "started", source->started_ns);
    text_member_number(text, "uptime_ms", (now - source->started_ns) / LUBDUB_MILLISECOND);
}

static void open_object(struct text *text, const char *key)
{
    text_member(text, key);
    text_put(text, "{", 1);
}

static void close_object(struct text *text)
{
    text_put(text, "}", 1);
}

static void write_expected(struct text *text, const struct register_summary *summary)
{
    open_object(text, "expected");
    text_member_number(text, "up", summary->expected_up);
    text_member_number(text, "waiting", summary->expected_waiting);
    text_member_number(text, "missing", summary->expected_missing);
    close_object(text);
}

static void write_minute(struct text *text, const struct history_minute *minute)
{
    size_t i;

    text_member_number(text, "connects", minute->connects);
    text_member_number(text, "losses", minute->losses);
    text_member_number(text, "rejected", minute->rejected);
    open_object(text, "ends");
    for (i = 0; i < LUBDUB_CAUSE_CAPACITY; i++) {
        if (minute->ends[i] > 0) {
            text_member_number(text, lubdub_cause_word((enum lubdub_cause)i), minute->ends[i]);
        }
    }
    close_object(text);
}

static void write_history(struct text *text, const struct register_summary *summary)
{
    static const char *const spans[] = {"5m", "1h", "24h"};
    size_t i;

    open_object(text, "recent");
    for (i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        open_object(text, spans[i]);
        write_minute(text, &summary->recent[i]);
        close_object(text);
    }
    close_object(text);
    text_member(text, "timeline");
    text_put(text, "[", 1);
    for (i = HISTORY_SHOWN; i-- > 0;) {
        text_format(text, "[%" PRIu32 ",%" PRIu32 "]%s", summary->timeline[i].connects, summary->timeline[i].losses,
                    i > 0 ? "," : "");
    }
    text_put(text, "]", 1);
    text_member(text, "marks");
    text_put(text, "[", 1);
    for (i = 0; i < summary->mark_count; i++) {
        text_format(text, "%s{", i > 0 ? "," : "");
        text_member_time(text, "at", summary->marks[i].at_ms * LUBDUB_MILLISECOND);
        text_member_word(text, "kind", history_kind_word(summary->marks[i].kind));
        text_member_number(text, "count", summary->marks[i].count);
        text_put(text, "}", 1);
    }
    text_put(text, "]", 1);
}

/* The bound below which this share lies; 0 where nothing was counted, the last bound where it lies above all. */
static uint64_t quantile_us(const struct lubdub_server_histogram *histogram, double share)
{
    double wanted = share * (double)histogram->count;
    size_t i;

    for (i = 0; histogram->count > 0 && i < LUBDUB_SERVER_BOUNDS; i++) {
        if ((double)histogram->within[i] >= wanted) {
            return lubdub_server_bound(i) / LUBDUB_MICROSECOND;
        }
    }
    return histogram->count > 0 ? lubdub_server_bound(LUBDUB_SERVER_BOUNDS - 1) / LUBDUB_MICROSECOND : 0;
}

static void write_quantiles(struct text *text, const char *key, const struct lubdub_server_histogram *histogram)
{
    open_object(text, key);
    text_member_number(text, "count", histogram->count);
    text_member_number(text, "p50_us", quantile_us(histogram, 0.5));
    text_member_number(text, "p99_us", quantile_us(histogram, 0.99));
    text_member_number(text, "max_us", quantile_us(histogram, 1.));
    close_object(text);
}

static void write_quality(struct text *text, const struct everything *all)
{
    uint64_t sessions = all->figures.up + all->figures.late;
    struct process_figures process;

    process_figures_read(&process);
    write_quantiles(text, "lateness", &all->figures.verdict_lateness);
    write_quantiles(text, "rtt", &all->figures.round_trip);
    write_quantiles(text, "turn", &all->figures.turn);
    text_member_number(text, "memory_bytes", process.resident);
    text_member_number(text, "memory_per_session_bytes", sessions > 0 ? process.resident / sessions : 0);
    open_object(text, "descriptors");
    text_member_number(text, "open", process.open_descriptors);
    text_member_number(text, "limit", process.descriptor_limit);
    close_object(text);
    text_member_number(text, "near_misses", all->figures.near_misses);
    text_member_number(text, "stalls", all->figures.stalls);
    text_member_number(text, "stalled_ms", all->figures.stalled_for / LUBDUB_MILLISECOND);
    text_member_number(text, "outages", all->summary.outages);
    text_member_number(text, "events_lost",
                       all->program.events_lost_output + all->program.events_lost_file +
                           all->program.events_lost_redis);
    if (all->program.certificate_not_after_s != 0) {
        int64_t left = all->program.certificate_not_after_s - (int64_t)(lubdub_clock_realtime() / LUBDUB_SECOND);

        text_member_number(text, "certificate_days_left", left > 0 ? (uint64_t)left / 86400 : 0);
    }
    text_member_flag(text, "last_reload_successful", all->program.last_reload_is_good);
}

/* Only where there is one. How many sessions a node has is left out where nothing is known of it. */
static void write_cluster(const struct source *source, struct text *text, const struct everything *all)
{
    static struct http_node nodes[HTTP_NODES]; /* of the one thread that serves HTTP */
    size_t count;
    size_t i;

    if (!all->program.has_redis) {
        return;
    }
    count = source->list_nodes(nodes, HTTP_NODES, source->user_data);
    open_object(text, "cluster");
    text_member_word(text, "redis", all->program.redis_is_up ? "up" : "away");
    text_member_number(text, "queued", all->program.redis_queued);
    text_member(text, "nodes");
    text_put(text, "[", 1);
    for (i = 0; i < count; i++) {
        text_put(text, i > 0 ? ",{" : "{", i > 0 ? 2 : 1);
        text_member_word(text, "node", nodes[i].name);
        text_member_word(text, "state", nodes[i].state);
        if (strcmp(nodes[i].state, "unknown") != 0) {
            text_member_number(text, "sessions", nodes[i].sessions);
        }
        text_member_flag(text, "is_self", nodes[i].is_self);
        text_put(text, "}", 1);
    }
    text_put(text, "]", 1);
    close_object(text);
}

static void ask(const struct source *source, struct everything *all)
{
    *all = (struct everything){.figures = {.size = sizeof all->figures}};
    lubdub_server_figures(source->server, &all->figures);
    register_summary(source->reg, &all->summary);
    source->fill(&all->program, source->user_data);
}

void summary_write(const struct source *source, struct text *text)
{
    struct everything all;

    ask(source, &all);
    text_put(text, "{", 1);
    write_server(source, text);
    write_now(text, &all);
    write_expected(text, &all.summary);
    write_history(text, &all.summary);
    write_quality(text, &all);
    write_cluster(source, text, &all);
    text_member(text, "attention");
    attention_write(source, &all.summary, SUMMARY_ATTENTION, text);
    text_put(text, "}", 1);
}

void summary_write_tick(const struct source *source, struct text *text)
{
    struct everything all;

    ask(source, &all);
    text_put(text, "{", 1);
    text_member_time(text, "now", lubdub_clock_realtime());
    write_now(text, &all);
    text_put(text, "}", 1);
}
