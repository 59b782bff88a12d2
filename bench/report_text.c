/* The table. Times are in milliseconds. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "program/parse.h"

#include "report.h"

#define CELL_SIZE 24
#define NOTE_WIDTH 88

bool swarm_report_has_passed(const struct swarm_run *run, const struct swarm_sums *sums)
{
    return sums->missed == 0 && sums->false_alarms == 0 && sums->wrong_cause == 0 && !run->is_server_lost &&
           !run->is_worker_lost && run->ledger.unrecorded_count == 0;
}

/* Three digits that matter, more where there are more before the point. */
static const char *milliseconds(int64_t nanoseconds, char text[CELL_SIZE])
{
    double value = (double)nanoseconds / (double)LUBDUB_MILLISECOND;
    double size = value < 0 ? -value : value;

    snprintf(text, CELL_SIZE, "%.*f", size < 10 ? 2 : size < 1000 ? 1 : 0, value);
    return text;
}

static void cell(FILE *file, bool is_there, int64_t nanoseconds, const char *sign)
{
    char text[CELL_SIZE];
    char signed_text[CELL_SIZE + 2];

    milliseconds(nanoseconds, text);
    snprintf(signed_text, sizeof signed_text, "%s%s", nanoseconds > 0 ? sign : "", text);
    fprintf(file, "%8s", is_there ? signed_text : "-");
}

static void count(FILE *file, int width, bool is_there, size_t number)
{
    if (is_there) {
        fprintf(file, "%*zu", width, number);
    } else {
        fprintf(file, "%*s", width, "-");
    }
}

/* Without a fault there is a row only if something was noticed all the same. */
static bool is_shown(const struct swarm_row *row)
{
    return row->fault != SWARM_FAULT_NONE || row->false_alarms > 0;
}

static void print_row(FILE *file, const struct swarm_row *row)
{
    bool is_measured = row->latency.count > 0;
    bool must_be_noticed = row->is_observed && row->has_bound && (!swarm_fault_passes(row->fault) || row->detected > 0);

    fprintf(file, "%-13s %-6s", swarm_fault_word(row->fault), swarm_side_word(row->side));
    count(file, 9, row->fault != SWARM_FAULT_NONE, row->injected);
    count(file, 9, must_be_noticed, row->detected);
    count(file, 7, must_be_noticed, row->missed);
    count(file, 6, row->is_observed, row->false_alarms);
    cell(file, is_measured, (int64_t)row->latency.min, "");
    cell(file, is_measured, (int64_t)row->latency.p50, "");
    cell(file, is_measured, (int64_t)row->latency.p99, "");
    cell(file, is_measured, (int64_t)row->latency.max, "");
    cell(file, must_be_noticed, (int64_t)row->bound_high, "");
    cell(file, is_measured, swarm_row_over_bound(row), "+");
    fputc('\n', file);
}

static void print_causes(FILE *file, const struct swarm_row *row)
{
    const char *separator = "  ";
    int cause;

    fprintf(file, "%-13s %-6s", swarm_fault_word(row->fault), swarm_side_word(row->side));
    for (cause = 0; cause < SWARM_CAUSE_COUNT; cause++) {
        if (row->causes[cause] > 0) {
            fprintf(file, "%s%s %zu", separator, lubdub_cause_word((enum lubdub_cause)cause), row->causes[cause]);
            separator = ", ";
        }
    }
    if (row->detected + row->false_alarms + row->undecided == 0) {
        fputs("  none", file);
    }
    if (row->wrong_cause > 0) {
        fprintf(file, "  (wrong: %zu)", row->wrong_cause);
    }
    if (row->undecided > 0) {
        fprintf(file, "  (not waited for: %zu)", row->undecided);
    }
    fputc('\n', file);
}

static void print_table(FILE *file, const struct swarm_rows *rows)
{
    size_t i;

    fprintf(file, "\n%-13s %-6s%9s%9s%7s%6s%8s%8s%8s%8s%8s%8s\n", "fault", "side", "injected", "detected", "missed",
            "false", "min", "p50", "p99", "max", "bound", "over");
    for (i = 0; i < rows->count; i++) {
        if (is_shown(&rows->rows[i])) {
            print_row(file, &rows->rows[i]);
        }
    }
    fprintf(file, "\n%-13s %-6s  causes reported\n", "fault", "side");
    for (i = 0; i < rows->count; i++) {
        if (is_shown(&rows->rows[i])) {
            print_causes(file, &rows->rows[i]);
        }
    }
}

static void print_head(FILE *file, const struct swarm_run *run)
{
    const struct swarm_options *options = run->options;
    char interval[LUBDUB_DURATION_TEXT_SIZE];
    char timeout[LUBDUB_DURATION_TEXT_SIZE];
    char expiry[LUBDUB_DURATION_TEXT_SIZE];

    fprintf(file, "%" PRIu64 " clients, interval %s, timeout %s, expiry %s, seed %" PRIu64 ", %.1f s%s\n",
            options->clients, lubdub_format_duration(options->interval, interval),
            lubdub_format_duration(options->timeout, timeout), lubdub_format_duration(options->expiry, expiry),
            options->seed, (double)run->measures.lasted / (double)LUBDUB_SECOND,
            run->interrupted_by != 0 ? ", interrupted: what was measured so far" : "");
}

static void print_totals(FILE *file, const struct swarm_run *run)
{
    const struct swarm_measures *measures = &run->measures;
    const struct swarm_summary *round_trip = &measures->round_trip;
    double window = (double)measures->window / (double)LUBDUB_SECOND;
    char p50[CELL_SIZE];
    char p99[CELL_SIZE];
    char max[CELL_SIZE];

    fprintf(file, "\nprobes      %" PRIu64 " sent, %" PRIu64 " acked", measures->sent_count, measures->acked_count);
    if (measures->window > 0) {
        fprintf(file, ", %.0f a second", (double)measures->window_acked_count / window);
    }
    fputc('\n', file);
    if (round_trip->count > 0) {
        fprintf(file, "round trip  p50 %s ms, p99 %s ms, max %s ms\n", milliseconds((int64_t)round_trip->p50, p50),
                milliseconds((int64_t)round_trip->p99, p99), milliseconds((int64_t)round_trip->max, max));
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

static void print_verdict(FILE *file, const struct swarm_run *run, const struct swarm_sums *sums)
{
    fprintf(file, "\n%s: %zu faults, %zu missed, %zu false alarms, %zu wrong causes%s\n",
            !swarm_report_has_passed(run, sums) ? "FAILED"
            : run->interrupted_by != 0          ? "so far"
                                                : "passed",
            sums->injected, sums->missed, sums->false_alarms, sums->wrong_cause,
            run->is_server_lost ? ", and the server was lost" : "");
}

void swarm_report_text(FILE *file, const struct swarm_run *run, const struct swarm_rows *rows,
                       const struct swarm_sums *sums)
{
    char delay[CELL_SIZE];
    size_t i;

    print_head(file, run);
    if (run->options->order_count > 0 || sums->false_alarms > 0) {
        fprintf(file, "Times in ms. Bound: docs/protocol.md, section 8; d is half of the median round trip, %s ms.\n",
                milliseconds((int64_t)run->timing.delay, delay));
        print_table(file, rows);
    }
    print_totals(file, run);
    for (i = 0; i < run->note_count; i++) {
        print_note(file, run->notes[i]);
    }
    print_verdict(file, run, sums);
}
