/* Prints the tables with a head, totals, notes and a verdict. */
#include "swarm/report/text.h"

#include <inttypes.h>
#include <string.h>

#include "program/settings/parse.h"

#include "swarm/report/cell.h"
#include "swarm/report/quality_table.h"
#include "swarm/report/table.h"

#define NOTE_WIDTH 88

static void print_head(FILE *file, const struct swarm_report *report)
{
    const struct swarm_options *options = report->options;
    const struct swarm_findings *findings = report->findings;
    char interval[LUBDUB_DURATION_TEXT_SIZE];
    char timeout[LUBDUB_DURATION_TEXT_SIZE];
    char expiry[LUBDUB_DURATION_TEXT_SIZE];

    fprintf(file, "%" PRIu64 " clients, interval %s, timeout %s, expiry %s, seed %" PRIu64 ", %.1f s%s\n",
            options->clients, lubdub_format_duration(options->interval, interval),
            lubdub_format_duration(options->timeout, timeout), lubdub_format_duration(options->expiry, expiry),
            options->seed, (double)findings->measures.lasted / (double)LUBDUB_SECOND,
            findings->interrupted_by != 0 ? ", interrupted: what was measured so far" : "");
}

static void print_totals(FILE *file, const struct swarm_findings *findings)
{
    const struct swarm_measures *measures = &findings->measures;
    const struct swarm_summary *round_trip = &measures->round_trip;
    double window = (double)measures->window / (double)LUBDUB_SECOND;
    char texts[5][SWARM_CELL_SIZE];

    fprintf(file, "\nprobes      %" PRIu64 " sent, %" PRIu64 " acked", measures->sent_count, measures->acked_count);
    if (measures->window > 0) {
        fprintf(file, ", %.0f a second", (double)measures->window_acked_count / window);
    }
    fputc('\n', file);
    if (round_trip->count > 0) {
        fprintf(file, "round trip  p50 %s ms, p90 %s ms, p99 %s ms, p99.9 %s ms, max %s ms\n",
                swarm_milliseconds_text((int64_t)round_trip->p50, texts[0]),
                swarm_milliseconds_text((int64_t)round_trip->p90, texts[1]),
                swarm_milliseconds_text((int64_t)round_trip->p99, texts[2]),
                swarm_milliseconds_text((int64_t)round_trip->p999, texts[3]),
                swarm_milliseconds_text((int64_t)round_trip->max, texts[4]));
    }
    if (measures->has_server_usage && measures->window_acked_count > 0 && measures->connected_count > 0) {
        fprintf(file, "server      %.1f us of processor a probe, %.0f bytes of memory a session\n",
                (double)measures->server_processor / 1e3 / (double)measures->window_acked_count,
                (double)measures->server_memory / measures->connected_count);
    }
    if (measures->connected_count > 0) {
        fprintf(file, "swarm       %.0f bytes of memory a client\n",
                (double)measures->own_memory / measures->connected_count);
    }
}

static void print_network(FILE *file, const struct swarm_measures *measures)
{
    const struct swarm_network_measures *network = &measures->network;
    char p99[SWARM_CELL_SIZE];
    char max[SWARM_CELL_SIZE];

    if (measures->has_network) {
        fprintf(file,
                "network     %" PRIu64 " packets carried, %" PRIu64 " cut off, %" PRIu64
                " lost by order; late by p99 %s ms, max %s ms\n",
                network->carried_count, network->cut_count, network->lost_count + network->overflow_count,
                swarm_milliseconds_text((int64_t)network->lag.p99, p99),
                swarm_milliseconds_text((int64_t)network->lag.max, max));
    }
}

/* Broken between words, so that no line is longer than a terminal. */
static void print_note(FILE *file, const char *note)
{
    const char *margin = "note        ";

    while (*note != '\0') {
        size_t length = strlen(note);

        if (length > NOTE_WIDTH) {
            for (length = NOTE_WIDTH; length > 1 && note[length] != ' '; length--) {
            }
        }
        fprintf(file, "%s%.*s\n", margin, (int)length, note);
        note += length;
        note += strspn(note, " ");
        margin = "            ";
    }
}

static void print_verdict(FILE *file, const struct swarm_report *report)
{
    const struct swarm_findings *findings = report->findings;
    const struct swarm_sums *sums = &report->sums;
    const char *lost = findings->is_server_lost   ? ", and the server was lost"
                       : findings->is_worker_lost ? ", and a part of the swarm was lost"
                       : findings->is_overloaded  ? ", and the machine could not carry the load"
                                                  : "";
    const char *word = !swarm_report_has_passed(report) ? "FAILED"
                       : findings->interrupted_by != 0  ? "so far"
                       : findings->has_server           ? "passed"
                                                        : "clients passed";

    if (!findings->has_server) {
        fprintf(file, "\n%s: %zu false alarms; what the server noticed of %zu faults was not observed%s\n", word,
                sums->false_alarms, sums->injected, lost);
        return;
    }
    fprintf(file, "\n%s: %zu faults, %zu missed, %zu false alarms, %zu wrong causes%s\n", word, sums->injected,
            sums->missed, sums->false_alarms, sums->wrong_cause, lost);
}

void swarm_report_text(FILE *file, const struct swarm_report *report)
{
    const struct swarm_findings *findings = report->findings;
    char delay[SWARM_CELL_SIZE];
    size_t i;

    print_head(file, report);
    if (report->options->order_count > 0 || report->sums.false_alarms > 0) {
        fprintf(file,
                "Times in ms. Bound: docs/protocol.md, section 8; d is %s, %s ms.\n"
                "Late: behind a verdict's own deadline. +-, p99 <: 95 %% limits of the mean, of p99. *: right cause.\n",
                findings->has_bad_paths ? "that of the worst paths" : "half of the median round trip",
                swarm_milliseconds_text((int64_t)findings->timing.delay, delay));
        swarm_report_tables(file, &report->rows);
    }
    swarm_report_quality(file, report->quality);
    print_totals(file, findings);
    print_network(file, &findings->measures);
    for (i = 0; i < findings->note_count; i++) {
        print_note(file, findings->notes[i]);
    }
    print_verdict(file, report);
}
