/* Writes one family of metrics after the other; labels have closed sets of values, of which all are written. */
#include "server/http/metrics.h"

#include <inttypes.h>
#include <string.h>

#include <lubdub/frame.h>

#include "server/http/process_figures.h"
#include "server/register/copies.h"

static void begin(struct text *text, const char *name, const char *type, const char *help)
{
    text_format(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void counter(struct text *text, const char *name, const char *help, uint64_t value)
{
    begin(text, name, "counter", help);
    text_format(text, "%s %" PRIu64 "\n", name, value);
}

static void gauge(struct text *text, const char *name, const char *help, uint64_t value)
{
    begin(text, name, "gauge", help);
    text_format(text, "%s %" PRIu64 "\n", name, value);
}

static void row(struct text *text, const char *name, const char *label, const char *word, uint64_t value)
{
    text_format(text, "%s{%s=\"", name, label);
    for (; *word != '\0'; word++) {
        text_put(text, *word == ' ' || *word == '-' ? "_" : word, 1);
    }
    text_format(text, "\"} %" PRIu64 "\n", value);
}

/* A value of a label, which a person wrote. */
static void put_label_value(struct text *text, const char *bytes, size_t length)
{
    size_t i;

    for (i = 0; i < length; i++) {
        if (bytes[i] == '"' || bytes[i] == '\\') {
            text_put(text, "\\", 1);
        }
        text_put(text, bytes + i, 1);
    }
}

static double seconds(lubdub_duration duration)
{
    return (double)duration / (double)LUBDUB_SECOND;
}

static void histogram(struct text *text, const char *name, const char *help,
                      const struct lubdub_server_histogram *histogram_of)
{
    size_t i;

    begin(text, name, "histogram", help);
    for (i = 0; i < LUBDUB_SERVER_BOUNDS; i++) {
        text_format(text, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, seconds(lubdub_server_bound(i)),
                    histogram_of->within[i]);
    }
    text_format(text, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.9g\n%s_count %" PRIu64 "\n", name,
                histogram_of->count, name, seconds(histogram_of->sum), name, histogram_of->count);
}

/* ---- what is now ---- */

static void write_sessions(struct text *text, const struct lubdub_server_figures *figures)
{
    uint64_t sessions = figures->up + figures->late;
    int health;

    begin(text, "lubdub_sessions", "gauge", "Sessions, by whether they are on time.");
    row(text, "lubdub_sessions", "state", "up", figures->up);
    row(text, "lubdub_sessions", "state", "late", figures->late);
    begin(text, "lubdub_sessions_health", "gauge", "Sessions, by the health that their clients told.");
    for (health = LUBDUB_HEALTH_PASSING; health <= LUBDUB_HEALTH_CRITICAL; health++) {
        row(text, "lubdub_sessions_health", "health", lubdub_health_word((enum lubdub_health)health),
            figures->by_health[health]);
    }
    gauge(text, "lubdub_handshakes", "Connections that are no session: they open, or leave.",
          figures->connections > sessions ? figures->connections - sessions : 0);
    gauge(text, "lubdub_descriptors_limit", "Descriptors that the server may have.", figures->descriptors);
    gauge(text, "lubdub_draining", "Whether the server sends its clients away.", figures->is_draining);
}

static void write_expected_names(const struct source *source, struct text *text)
{
    struct register_identity found;
    uint64_t cursor = 0;
    unsigned count;

    begin(text, "lubdub_expected_up", "gauge", "Whether an expected identity is there, or enough of a pattern.");
    for (count = 0; count < METRICS_NAMES && register_next_expected(source->reg, &cursor, &found); count++) {
        text_format(text, "lubdub_expected_up{id=\"");
        put_label_value(text, found.identity, found.length);
        text_format(text, "\"} %d\n", found.up >= found.expected);
    }
}

static void write_identities(const struct source *source, struct text *text,
                             const struct lubdub_server_figures *figures, const struct register_summary *summary)
{
    gauge(text, "lubdub_identities_away", "Identities without a session, in their grace time.",
          figures->away + summary->restored);
    begin(text, "lubdub_identities_expected", "gauge", "Lines of the list of the expected.");
    row(text, "lubdub_identities_expected", "state", "up", summary->expected_up);
    row(text, "lubdub_identities_expected", "state", "waiting", summary->expected_waiting);
    row(text, "lubdub_identities_expected", "state", "missing", summary->expected_missing);
    write_expected_names(source, text);
    counter(text, "lubdub_identities_gone_total", "Identities that did not come back within their grace time.",
            figures->gone + summary->gone_restored);
}

static void write_settings(const struct source *source, struct text *text, const struct http_program_figures *program)
{
    begin(text, "lubdub_build_info", "gauge", "The version of the server; always 1.");
    text_format(text, "lubdub_build_info{version=\"%s\"} 1\n", source->version);
    gauge(text, "lubdub_config_last_reload_successful", "Whether the settings could be read the last time.",
          program->last_reload_is_good);
    gauge(text, "lubdub_config_last_reload_success_timestamp_seconds", "When the settings were read the last time.",
          program->last_good_reload_s);
    gauge(text, "lubdub_http_streams", "Readers of the stream of events.", atomic_load(&source->streams));
}

/* ---- what happened ---- */

static void write_rejections(struct text *text, const struct register_summary *summary)
{
    static const char name[] = "lubdub_connections_rejected_total";

    begin(text, name, "counter",
          "Connections that became no session, by the reason of their BYE, or by how they ended.");
#define REASON_ROW(code, number, word) row(text, name, "reason", word, summary->rejected_by_reason[number]);
    LUBDUB_REASONS(REASON_ROW)
#undef REASON_ROW
    row(text, name, "reason", "other", summary->rejected_by_reason[REGISTER_REASONS]);
#define CAUSE_ROW(code, number, word, sentence)                              \
    if (number != LUBDUB_CAUSE_REPLACED) { /* a reason has this word */      \
        row(text, name, "reason", word, summary->rejected_by_cause[number]); \
    }
    LUBDUB_CAUSES(CAUSE_ROW)
#undef CAUSE_ROW
}

static void write_connections(struct text *text, const struct lubdub_server_figures *figures,
                              const struct register_summary *summary)
{
    size_t i;

    begin(text, "lubdub_connections_accepted_total", "counter", "Connections that were accepted.");
    row(text, "lubdub_connections_accepted_total", "transport", "tcp",
        figures->accepted > figures->tls_accepted ? figures->accepted - figures->tls_accepted : 0);
    row(text, "lubdub_connections_accepted_total", "transport", "tls", figures->tls_accepted);
    write_rejections(text, summary);
    counter(text, "lubdub_connections_empty_total", "Connections that closed before their first byte.", figures->empty);
    begin(text, "lubdub_limits_reached_total", "counter", "How often clients reached a limit of this server.");
    for (i = 0; lubdub_server_limit_word(i) != NULL; i++) {
        row(text, "lubdub_limits_reached_total", "limit", lubdub_server_limit_word(i), figures->by_limit[i]);
    }
    begin(text, "lubdub_accept_pauses_total", "counter", "How often accepting stopped for a moment.");
    row(text, "lubdub_accept_pauses_total", "reason", "descriptors", summary->pauses[REGISTER_PAUSE_DESCRIPTORS]);
    row(text, "lubdub_accept_pauses_total", "reason", "memory", summary->pauses[REGISTER_PAUSE_MEMORY]);
    row(text, "lubdub_accept_pauses_total", "reason", "other", summary->pauses[REGISTER_PAUSE_OTHER]);
}

static void write_ends(struct text *text, const struct lubdub_server_figures *figures)
{
    begin(text, "lubdub_sessions_started_total", "counter", "Sessions that began.");
    row(text, "lubdub_sessions_started_total", "resumed", "false", figures->started - figures->resumed);
    row(text, "lubdub_sessions_started_total", "resumed", "true", figures->resumed);
    begin(text, "lubdub_sessions_ended_total", "counter", "Sessions that ended, by cause.");
#define CAUSE_ROW(code, number, word, sentence) \
    row(text, "lubdub_sessions_ended_total", "cause", word, figures->ended_by_cause[number]);
    LUBDUB_CAUSES(CAUSE_ROW)
#undef CAUSE_ROW
}

static void write_frames(struct text *text, const char *name, const char *help, const uint64_t *frames)
{
    static const char *const types[] = {NULL, "hello", "welcome", "probe", "ack", "message", "bye"};
    unsigned type;

    begin(text, name, "counter", help);
    for (type = LUBDUB_FRAME_HELLO; type <= LUBDUB_FRAME_BYE; type++) {
        row(text, name, "type", types[type], frames[type]);
    }
}

static void write_traffic(struct text *text, const struct lubdub_server_figures *figures)
{
    write_frames(text, "lubdub_frames_received_total", "Whole frames of sessions that were taken.",
                 figures->frames_received);
    write_frames(text, "lubdub_frames_sent_total", "Frames that were written for clients.", figures->frames_sent);
    counter(text, "lubdub_received_bytes_total", "Bytes of the frames that were taken.", figures->bytes_received);
    counter(text, "lubdub_sent_bytes_total", "Bytes of the frames that were written.", figures->bytes_sent);
}

static void write_tls(struct text *text, const struct lubdub_server_figures *figures,
                      const struct http_program_figures *program)
{
    static const char name[] = "lubdub_tls_handshakes_total";
    static const char *const versions[] = {"1.2", "1.3"};
    size_t i;

    begin(text, name, "counter", "Handshakes of TLS; one that failed has no version.");
    for (i = 0; i < 2; i++) {
        text_format(text, "%s{result=\"ok\",version=\"%s\",resumed=\"false\"} %" PRIu64 "\n", name, versions[i],
                    figures->tls_done[i] - figures->tls_resumed[i]);
        text_format(text, "%s{result=\"ok\",version=\"%s\",resumed=\"true\"} %" PRIu64 "\n", name, versions[i],
                    figures->tls_resumed[i]);
    }
    text_format(text, "%s{result=\"failed\",version=\"\",resumed=\"false\"} %" PRIu64 "\n", name, figures->tls_failed);
    begin(text, "lubdub_tls_connecting", "gauge", "Connections within their handshake of TLS, or that wait for it.");
    row(text, "lubdub_tls_connecting", "state", "under_way", figures->tls_under_way);
    row(text, "lubdub_tls_connecting", "state", "waiting", figures->tls_waiting);
    histogram(text, "lubdub_tls_handshake_seconds", "Handshakes of TLS that were finished.", &figures->tls_handshake);
    if (program->certificate_not_after_s != 0) {
        begin(text, "lubdub_tls_certificate_not_after_timestamp_seconds", "gauge", "When the certificate ends.");
        text_format(text, "lubdub_tls_certificate_not_after_timestamp_seconds %" PRId64 "\n",
                    program->certificate_not_after_s);
    }
}

static void write_lateness(struct text *text, const struct lubdub_server_figures *figures)
{
    counter(text, "lubdub_late_total", "How often a session became late.", figures->became_late);
    counter(text, "lubdub_recovered_total", "How often a late session was heard again.", figures->recovered);
    counter(text, "lubdub_near_misses_total", "Sessions that were heard only after three quarters of their expiry.",
            figures->near_misses);
    counter(text, "lubdub_early_verdicts_total", "Sessions that were found silent by their adaptive timeout.",
            figures->early_verdicts);
    write_traffic(text, figures);
    counter(text, "lubdub_messages_dropped_total", "Messages that could not be delivered.", figures->messages_dropped);
    counter(text, "lubdub_stalls_total", "How often a loop of the server was away, which its sessions were forgiven.",
            figures->stalls);
    begin(text, "lubdub_stall_seconds_total", "counter", "How long the loops were away.");
    text_format(text, "lubdub_stall_seconds_total %.9g\n", seconds(figures->stalled_for));
    counter(text, "lubdub_suspicions_total", "How often most sessions of a loop were late at once.",
            figures->suspicions);
}

static void write_program(const struct source *source, struct text *text, const struct http_program_figures *program)
{
    size_t i;

    begin(text, "lubdub_events_lost_total", "counter", "Events that a reader did not take in time.");
    row(text, "lubdub_events_lost_total", "sink", "stdout", program->events_lost_output);
    row(text, "lubdub_events_lost_total", "sink", "file", program->events_lost_file);
    row(text, "lubdub_events_lost_total", "sink", "http", atomic_load(&source->events_lost));
    row(text, "lubdub_events_lost_total", "sink", "redis", program->events_lost_redis);
    counter(text, "lubdub_log_suppressed_total", "Lines of the log that its rate left out.", program->log_suppressed);
    begin(text, "lubdub_hooks_total", "counter", "Runs of the hook by their result, and events that were left out.");
    for (i = 0; i < HTTP_HOOK_RESULTS; i++) {
        row(text, "lubdub_hooks_total", "result", program->hook_words[i], program->hook_counts[i]);
    }
}

static void write_redis(struct text *text, const struct http_program_figures *program)
{
    gauge(text, "lubdub_redis_up", "Whether Redis answers and knows this node; 0 without --redis, too.",
          program->redis_is_up);
    gauge(text, "lubdub_redis_queued", "Identities that are still to be written to Redis.", program->redis_queued);
    begin(text, "lubdub_redis_commands_total", "counter", "Commands to Redis by what became of them.");
    row(text, "lubdub_redis_commands_total", "result", "answered", program->redis_answered);
    row(text, "lubdub_redis_commands_total", "result", "refused", program->redis_refused);
    row(text, "lubdub_redis_commands_total", "result", "unanswered", program->redis_unanswered);
    counter(text, "lubdub_redis_conflicts_total",
            "How often another node, or another proof, held what this node wanted.", program->redis_conflicts);
    counter(text, "lubdub_redis_buried_total", "How often other nodes took this one for dead while it lived.",
            program->redis_buried);
    counter(text, "lubdub_redis_moved_total", "Sessions that ended here because their identity is another node's.",
            program->redis_moved);
}

static void write_process(struct text *text)
{
    struct process_figures process;

    process_figures_read(&process);
    begin(text, "process_cpu_seconds_total", "counter", "Processor time of the process.");
    text_format(text, "process_cpu_seconds_total %.6f\n", process.cpu_seconds);
    gauge(text, "process_resident_memory_bytes", "Resident memory.", process.resident);
    gauge(text, "process_virtual_memory_bytes", "Address space.", process.virtual_memory);
    gauge(text, "process_open_fds", "Descriptors that are open.", process.open_descriptors);
    gauge(text, "process_max_fds", "Descriptors that may be open.", process.descriptor_limit);
    gauge(text, "process_threads", "Threads.", process.threads);
    begin(text, "process_start_time_seconds", "gauge", "When the process started.");
    text_format(text, "process_start_time_seconds %.2f\n", process.started_at);
}

void metrics_write(const struct source *source, struct text *text)
{
    struct lubdub_server_figures figures = {.size = sizeof figures};
    struct http_program_figures program = {0};
    struct register_summary summary;

    lubdub_server_figures(source->server, &figures);
    register_summary(source->reg, &summary);
    source->fill(&program, source->user_data);

    write_settings(source, text, &program);
    write_sessions(text, &figures);
    write_identities(source, text, &figures, &summary);
    write_connections(text, &figures, &summary);
    write_ends(text, &figures);
    write_lateness(text, &figures);
    write_tls(text, &figures, &program);
    write_program(source, text, &program);
    write_redis(text, &program);
    histogram(text, "lubdub_verdict_lateness_seconds", "How long after its deadline a session was found silent.",
              &figures.verdict_lateness);
    histogram(text, "lubdub_round_trip_seconds", "Round trips as the kernel estimates them, of a sample.",
              &figures.round_trip);
    histogram(text, "lubdub_loop_turn_seconds", "Turns of the loops, from waking until sleeping again.", &figures.turn);
    histogram(text, "lubdub_session_seconds", "How long sessions lasted that ended.", &figures.session);
    write_process(text);
}
