/* Makes one JSON object of the report. Times are in milliseconds, with their fractions. */
#include "swarm/report/json.h"

#include <jansson.h>
#include <math.h>

#include <lubdub/version.h>

static json_t *milliseconds(double nanoseconds)
{
    return json_real(nanoseconds / (double)LUBDUB_MILLISECOND);
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *summary(const struct swarm_summary *summary)
{
    if (summary->count == 0) {
        return json_null();
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "min", milliseconds((double)summary->min), "p50",
                     milliseconds((double)summary->p50), "p90", milliseconds((double)summary->p90), "p99",
                     milliseconds((double)summary->p99), "p99_9", milliseconds((double)summary->p999), "max",
                     milliseconds((double)summary->max));
}

/* What is not known is null. */
static json_t *end(double value, bool is_low)
{
    return isinf(value) || (is_low && value <= 0) ? json_null() : json_real(value);
}

static json_t *interval(struct swarm_interval interval, double unit)
{
    return json_pack("{s:o, s:o}", "low", end(interval.low / unit, true), "high", end(interval.high / unit, false));
}

/* {mean, low, high} */
static json_t *with_interval(double mean, struct swarm_interval limits, double unit)
{
    json_t *object = interval(limits, unit);

    json_object_set_new(object, "mean", end(mean / unit, false));
    return object;
}

static json_t *mean(const struct swarm_row *row)
{
    return row->latency.count == 0
               ? json_null()
               : with_interval(row->certainty.mean, row->certainty.mean_interval, (double)LUBDUB_MILLISECOND);
}

static json_t *quantile_intervals(const struct swarm_row *row)
{
    static const char *const names[SWARM_QUANTILE_COUNT] = {"p50", "p90", "p99", "p99_9"};
    json_t *object = json_object();
    int i;

    for (i = 0; i < SWARM_QUANTILE_COUNT; i++) {
        json_object_set_new(object, names[i], interval(row->certainty.quantiles[i], (double)LUBDUB_MILLISECOND));
    }
    return object;
}

static json_t *right_causes(const struct swarm_row *row)
{
    json_t *array = json_array();
    int cause;

    for (cause = 0; cause < SWARM_CAUSE_COUNT; cause++) {
        if (swarm_fault_explains(row->fault, row->side, (enum lubdub_cause)cause)) {
            json_array_append_new(array, json_string(lubdub_cause_word((enum lubdub_cause)cause)));
        }
    }
    return array;
}

static json_t *causes(const struct swarm_row *row)
{
    json_t *object = json_object();
    int cause;

    for (cause = 0; cause < SWARM_CAUSE_COUNT; cause++) {
        if (row->causes[cause] > 0) {
            json_object_set_new(object, lubdub_cause_word((enum lubdub_cause)cause), number(row->causes[cause]));
        }
    }
    return object;
}

static json_t *fault(const struct swarm_row *row)
{
    bool is_measured = row->latency.count > 0;

    return json_pack(
        "{s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "fault",
        swarm_fault_word(row->fault), "side", swarm_side_word(row->side), "observed", row->is_observed, "injected",
        number(row->injected), "detected", number(row->detected), "missed", number(row->missed), "wrong_cause",
        number(row->wrong_cause), "false_alarms", number(row->false_alarms), "undecided", number(row->undecided),
        "latency_ms", summary(&row->latency), "bound_ms",
        row->has_bound ? json_pack("{s:o, s:o}", "low", milliseconds((double)row->bound_low), "high",
                                   milliseconds((double)row->bound_high))
                       : json_null(),
        "over_bound_ms", is_measured ? milliseconds((double)swarm_row_over_bound(row)) : json_null(), "causes",
        causes(row), "right_causes", right_causes(row), "late_ms", summary(&row->lateness), "latency_mean_ms",
        mean(row), "latency_interval_ms", row->latency.count > 0 ? quantile_intervals(row) : json_null());
}

static json_t *faults(const struct swarm_rows *rows)
{
    json_t *array = json_array();
    size_t i;

    for (i = 0; i < rows->count; i++) {
        json_array_append_new(array, fault(&rows->rows[i]));
    }
    return array;
}

static json_t *settings(const struct swarm_options *options)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "clients", number(options->clients),
                     "interval_ms", milliseconds((double)options->interval), "timeout_ms",
                     milliseconds((double)options->timeout), "expiry_ms", milliseconds((double)options->expiry), "ramp",
                     number(options->ramp), "warmup_ms", milliseconds((double)options->warmup), "duration_ms",
                     milliseconds((double)options->duration), "seed", number(options->seed), "processes",
                     number(options->processes), "server_processes", number(options->server_processes),
                     "spawned_server", options->spawn_server != NULL);
}

static json_t *totals(const struct swarm_findings *findings, const struct swarm_sums *sums)
{
    const struct swarm_measures *measures = &findings->measures;
    double window = (double)measures->window / (double)LUBDUB_SECOND;

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "injected",
                     number(sums->injected), "detected", number(sums->detected), "missed", number(sums->missed),
                     "wrong_cause", number(sums->wrong_cause), "false_alarms", number(sums->false_alarms), "undecided",
                     number(sums->undecided), "connected", number(measures->connected_count), "probes_sent",
                     number(measures->sent_count), "probes_acked", number(measures->acked_count), "probes_per_second",
                     json_real(measures->window > 0 ? (double)measures->window_acked_count / window : 0),
                     "round_trip_ms", summary(&measures->round_trip), "late_events", number(measures->late_count),
                     "stale_verdicts", number(findings->ledger.stale_count), "dropped_events",
                     number(measures->dropped_count), "skipped_faults", number(measures->skipped_count));
}

static json_t *costs(const struct swarm_findings *findings)
{
    const struct swarm_measures *measures = &findings->measures;
    bool is_known = measures->has_server_usage && measures->window_acked_count > 0 && measures->connected_count > 0;
    double clients = measures->connected_count > 0 ? measures->connected_count : 1;

    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o}", "server_processor_us_per_probe",
        is_known ? json_real((double)measures->server_processor / 1e3 / (double)measures->window_acked_count)
                 : json_null(),
        "server_bytes_per_session", is_known ? json_real((double)measures->server_memory / clients) : json_null(),
        "swarm_bytes_per_client", json_real((double)measures->own_memory / clients), "swarm_absences",
        number(measures->absence_count), "swarm_absent_ms", milliseconds((double)measures->absence_total));
}

/* null: it was the machine's own */
static json_t *network(const struct swarm_measures *measures)
{
    const struct swarm_network_measures *network = &measures->network;

    return !measures->has_network
               ? json_null()
               : json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "carried", number(network->carried_count), "cut",
                           number(network->cut_count), "lost", number(network->lost_count), "overflowed",
                           number(network->overflow_count), "failed", number(network->failed_count), "late_ms",
                           summary(&network->lag));
}

static json_t *notes(const struct swarm_findings *findings)
{
    json_t *array = json_array();
    size_t i;

    for (i = 0; i < findings->note_count; i++) {
        json_array_append_new(array, json_string(findings->notes[i]));
    }
    return array;
}

static json_t *quality_of(const struct swarm_quality *quality, enum swarm_side side)
{
    return json_pack(
        "{s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "side", swarm_side_word(side), "observed", quality->is_observed,
        "watched_s", json_real(quality->watched), "mistakes", number(quality->mistake_count), "uncorrected",
        number(quality->uncorrected_count), "recurrence_s",
        quality->is_observed ? with_interval(quality->recurrence, quality->recurrence_interval, 1) : json_null(),
        "duration_s",
        quality->mistake_count > 0 ? with_interval(quality->duration, quality->duration_interval, 1) : json_null(),
        "accuracy",
        quality->is_observed ? with_interval(quality->accuracy, quality->accuracy_interval, 1) : json_null());
}

static json_t *quality(const struct swarm_report *report)
{
    json_t *array = json_array();
    int side;

    for (side = 0; side < SWARM_SIDE_COUNT; side++) {
        json_array_append_new(array, quality_of(&report->quality[side], (enum swarm_side)side));
    }
    return array;
}

static void append_bin(json_t *columns, const struct swarm_timeline_bin *bin)
{
    struct swarm_summary round_trip;

    swarm_histogram_summarize(&round_trip, &bin->round_trips);
    json_array_append_new(json_object_get(columns, "client_up"),
                          bin->is_sampled ? number(bin->up[SWARM_SIDE_CLIENT]) : json_null());
    json_array_append_new(json_object_get(columns, "server_up"),
                          bin->is_sampled ? number(bin->up[SWARM_SIDE_SERVER]) : json_null());
    json_array_append_new(json_object_get(columns, "injected"), number(bin->injected));
    json_array_append_new(json_object_get(columns, "detected"),
                          number(bin->noticed[SWARM_SIDE_CLIENT] + bin->noticed[SWARM_SIDE_SERVER]));
    json_array_append_new(json_object_get(columns, "false_alarms"),
                          number(bin->false_alarms[SWARM_SIDE_CLIENT] + bin->false_alarms[SWARM_SIDE_SERVER]));
    json_array_append_new(json_object_get(columns, "round_trip_p50_ms"),
                          round_trip.count > 0 ? milliseconds((double)round_trip.p50) : json_null());
    json_array_append_new(json_object_get(columns, "round_trip_p99_ms"),
                          round_trip.count > 0 ? milliseconds((double)round_trip.p99) : json_null());
}

static json_t *timeline(const struct swarm_timeline *timeline)
{
    json_t *columns = json_pack("{s:[], s:[], s:[], s:[], s:[], s:[], s:[]}", "client_up", "server_up", "injected",
                                "detected", "false_alarms", "round_trip_p50_ms", "round_trip_p99_ms");
    size_t i;

    for (i = 0; i < timeline->count; i++) {
        append_bin(columns, &timeline->bins[i]);
    }
    json_object_set_new(columns, "bin_ms", milliseconds((double)timeline->width));
    return columns;
}

bool swarm_report_json(FILE *file, const struct swarm_report *report)
{
    const struct swarm_findings *findings = report->findings;
    json_t *object = json_pack(
        "{s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "program",
        "lubdub-swarm", "version", LUBDUB_VERSION, "passed", swarm_report_has_passed(report), "interrupted",
        findings->interrupted_by != 0, "server_lost", findings->is_server_lost, "swarm_lost", findings->is_worker_lost,
        "overloaded", findings->is_overloaded, "server_observed", findings->has_server, "lasted_ms",
        milliseconds((double)findings->measures.lasted), "delay_ms", milliseconds((double)findings->timing.delay),
        "settings", settings(report->options), "faults", faults(&report->rows), "totals",
        totals(findings, &report->sums), "costs", costs(findings), "network", network(&findings->measures), "quality",
        quality(report), "timeline", timeline(&findings->timeline), "notes", notes(findings));
    bool is_made = object != NULL;

    if (is_made) {
        json_dumpf(object, file, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        fputc('\n', file);
    }
    json_decref(object);
    return is_made;
}
