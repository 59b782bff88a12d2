/* The same with names. Times are in milliseconds, with their fractions. */
#include <jansson.h>

#include <lubdub/version.h>

#include "report.h"

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

    return json_pack("{s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "fault",
                     swarm_fault_word(row->fault), "side", swarm_side_word(row->side), "observed", row->is_observed,
                     "injected", number(row->injected), "detected", number(row->detected), "missed",
                     number(row->missed), "wrong_cause", number(row->wrong_cause), "false_alarms",
                     number(row->false_alarms), "undecided", number(row->undecided), "latency_ms",
                     summary(&row->latency), "bound_ms",
                     row->has_bound ? json_pack("{s:o, s:o}", "low", milliseconds((double)row->bound_low), "high",
                                                milliseconds((double)row->bound_high))
                                    : json_null(),
                     "over_bound_ms", is_measured ? milliseconds((double)swarm_row_over_bound(row)) : json_null(),
                     "causes", causes(row));
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
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "clients", number(options->clients),
                     "interval_ms", milliseconds((double)options->interval), "timeout_ms",
                     milliseconds((double)options->timeout), "expiry_ms", milliseconds((double)options->expiry), "ramp",
                     number(options->ramp), "warmup_ms", milliseconds((double)options->warmup), "duration_ms",
                     milliseconds((double)options->duration), "seed", number(options->seed), "spawned_server",
                     options->spawn_server != NULL);
}

static json_t *totals(const struct swarm_run *run, const struct swarm_sums *sums)
{
    const struct swarm_measures *measures = &run->measures;
    double window = (double)measures->window / (double)LUBDUB_SECOND;

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "injected",
                     number(sums->injected), "detected", number(sums->detected), "missed", number(sums->missed),
                     "wrong_cause", number(sums->wrong_cause), "false_alarms", number(sums->false_alarms), "undecided",
                     number(sums->undecided), "connected", number(measures->connected_count), "probes_sent",
                     number(measures->sent_count), "probes_acked", number(measures->acked_count), "probes_per_second",
                     json_real(measures->window > 0 ? (double)measures->window_acked_count / window : 0),
                     "round_trip_ms", summary(&measures->round_trip), "late_events", number(measures->late_count),
                     "stale_verdicts", number(run->ledger.stale_count), "dropped_events",
                     number(measures->dropped_count), "skipped_faults", number(measures->skipped_count));
}

static json_t *costs(const struct swarm_run *run)
{
    const struct swarm_measures *measures = &run->measures;
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

static json_t *notes(const struct swarm_run *run)
{
    json_t *array = json_array();
    size_t i;

    for (i = 0; i < run->note_count; i++) {
        json_array_append_new(array, json_string(run->notes[i]));
    }
    return array;
}

bool swarm_report_json(FILE *file, const struct swarm_run *run, const struct swarm_rows *rows,
                       const struct swarm_sums *sums)
{
    json_t *report =
        json_pack("{s:s, s:s, s:b, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "program", "lubdub-swarm", "version",
                  LUBDUB_VERSION, "passed", swarm_report_has_passed(run, sums), "interrupted", run->interrupted_by != 0,
                  "server_lost", run->is_server_lost, "lasted_ms", milliseconds((double)run->measures.lasted),
                  "delay_ms", milliseconds((double)run->timing.delay), "settings", settings(run->options), "faults",
                  faults(rows), "totals", totals(run, sums), "costs", costs(run), "notes", notes(run));
    bool is_made = report != NULL;

    if (is_made) {
        json_dumpf(report, file, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        fputc('\n', file);
    }
    json_decref(report);
    return is_made;
}
