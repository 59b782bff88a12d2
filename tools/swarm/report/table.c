/* Prints the cells, rows and columns of the three tables. Times are in milliseconds. */
#include "swarm/report/table.h"

#include <math.h>
#include <string.h>

#include "swarm/report/cell.h"

#define LINE_WIDTH 100

/* ---- cells ---- */

static void cell(FILE *file, int width, bool is_there, int64_t nanoseconds, const char *sign)
{
    char text[SWARM_CELL_SIZE];
    char signed_text[SWARM_CELL_SIZE + 2];

    swarm_milliseconds_text(nanoseconds, text);
    snprintf(signed_text, sizeof signed_text, "%s%s", nanoseconds > 0 ? sign : "", text);
    fprintf(file, "%*s", width, is_there ? signed_text : "-");
}

static void count(FILE *file, int width, bool is_there, size_t number)
{
    if (is_there) {
        fprintf(file, "%*zu", width, number);
    } else {
        fprintf(file, "%*s", width, "-");
    }
}

static void print_name(FILE *file, const struct swarm_row *row)
{
    fprintf(file, "%-13s %-6s", swarm_fault_word(row->fault), swarm_side_word(row->side));
}

/* ---- which rows and cells there are ---- */

/* Without a fault there is a row only if something was noticed all the same. */
static bool is_shown(const struct swarm_row *row)
{
    return row->fault != SWARM_FAULT_NONE || row->false_alarms > 0;
}

/* One that passes is noticed at most. */
static bool must_be_noticed(const struct swarm_row *row)
{
    return row->is_observed && row->has_bound && (!swarm_fault_passes(row->fault) || row->detected > 0);
}

/* What has no bound and no verdict has nothing to be set beside either. */
static bool has_deadlines(const struct swarm_row *row)
{
    return is_shown(row) && (must_be_noticed(row) || row->lateness.count > 0);
}

/* ---- the tables ---- */

static void print_times(FILE *file, const struct swarm_row *row)
{
    bool is_measured = row->latency.count > 0;

    print_name(file, row);
    count(file, 9, row->fault != SWARM_FAULT_NONE, row->injected);
    count(file, 9, must_be_noticed(row), row->detected);
    count(file, 7, must_be_noticed(row), row->missed);
    count(file, 6, row->is_observed, row->false_alarms);
    cell(file, 9, is_measured, (int64_t)row->latency.min, "");
    cell(file, 8, is_measured, (int64_t)row->latency.p50, "");
    cell(file, 8, is_measured, (int64_t)row->latency.p90, "");
    cell(file, 8, is_measured, (int64_t)row->latency.p99, "");
    cell(file, 8, is_measured, (int64_t)row->latency.p999, "");
    cell(file, 8, is_measured, (int64_t)row->latency.max, "");
    fputc('\n', file);
}

static void print_deadlines(FILE *file, const struct swarm_row *row)
{
    const struct swarm_certainty *certainty = &row->certainty;
    bool is_measured = row->latency.count > 0;
    bool has_deadline = row->lateness.count > 0;
    bool has_limits = is_measured && !isinf(certainty->mean_interval.high);
    bool has_p99 = is_measured && !isinf(certainty->quantiles[SWARM_P99].high);

    print_name(file, row);
    cell(file, 9, must_be_noticed(row), (int64_t)row->bound_low, "");
    cell(file, 9, must_be_noticed(row), (int64_t)row->bound_high, "");
    cell(file, 9, is_measured && row->has_bound, swarm_row_over_bound(row), "+");
    cell(file, 11, has_deadline, (int64_t)row->lateness.p50, "");
    cell(file, 8, has_deadline, (int64_t)row->lateness.p99, "");
    cell(file, 8, has_deadline, (int64_t)row->lateness.max, "");
    cell(file, 10, is_measured, (int64_t)certainty->mean, "");
    cell(file, 8, has_limits, has_limits ? (int64_t)(certainty->mean_interval.high - certainty->mean) : 0, "");
    cell(file, 8, has_p99, has_p99 ? (int64_t)certainty->quantiles[SWARM_P99].high : 0, "");
    fputc('\n', file);
}

static void print_table(FILE *file, const struct swarm_rows *rows, const char *head,
                        bool (*has_row)(const struct swarm_row *row),
                        void (*print_row)(FILE *file, const struct swarm_row *row))
{
    size_t i;

    fputs(head, file);
    for (i = 0; i < rows->count; i++) {
        if (has_row(&rows->rows[i])) {
            print_row(file, &rows->rows[i]);
        }
    }
}

/* ---- injected fault by reported cause ---- */

struct cause_column {
    int cause;
    int width;
};

/* A fault that passes need not be noticed, under whatever name. */
static bool is_right(const struct swarm_row *row, int cause)
{
    return swarm_fault_explains(row->fault, row->side, (enum lubdub_cause)cause) &&
           (!swarm_fault_passes(row->fault) || row->detected > 0);
}

/* The causes that a side reported, or should have. */
static int list_causes(const struct swarm_rows *rows, struct cause_column columns[SWARM_CAUSE_COUNT])
{
    int column_count = 0;
    int cause;
    size_t i;

    for (cause = 0; cause < SWARM_CAUSE_COUNT; cause++) {
        int length = (int)strlen(lubdub_cause_word((enum lubdub_cause)cause));

        for (i = 0; i < rows->count; i++) {
            if (is_shown(&rows->rows[i]) && (rows->rows[i].causes[cause] > 0 || is_right(&rows->rows[i], cause))) {
                columns[column_count++] = (struct cause_column){cause, (length > 6 ? length : 6) + 3};
                break;
            }
        }
    }
    return column_count;
}

static void print_causes(FILE *file, const struct swarm_row *row, const struct cause_column *columns, int column_count)
{
    int i;

    print_name(file, row);
    count(file, 9, must_be_noticed(row), row->missed);
    count(file, 12, must_be_noticed(row), row->undecided);
    for (i = 0; i < column_count; i++) {
        size_t reported = row->causes[columns[i].cause];
        bool is_marked = is_right(row, columns[i].cause);
        char text[SWARM_CELL_SIZE];

        snprintf(text, sizeof text, "%s%zu", is_marked ? "*" : "", reported);
        fprintf(file, "%*s", columns[i].width, row->is_observed && (reported > 0 || is_marked) ? text : "-");
    }
    fputs(row->is_observed ? "\n" : "  not observed\n", file);
}

/* As many columns as a line holds, then the others below. */
static void print_confusion(FILE *file, const struct swarm_rows *rows)
{
    struct cause_column columns[SWARM_CAUSE_COUNT];
    int column_count = list_causes(rows, columns);
    int first = 0;
    size_t i;

    do {
        int width = 20 + 9 + 12;
        int last = first;

        fprintf(file, "\n%-13s %-6s%9s%12s", "fault", "side", "missed", "not waited");
        while (last < column_count && width + columns[last].width <= LINE_WIDTH) {
            width += columns[last].width;
            fprintf(file, "%*s", columns[last].width, lubdub_cause_word((enum lubdub_cause)columns[last].cause));
            last++;
        }
        fputc('\n', file);
        for (i = 0; i < rows->count; i++) {
            if (is_shown(&rows->rows[i])) {
                print_causes(file, &rows->rows[i], columns + first, last - first);
            }
        }
        first = last;
    } while (first < column_count);
}

void swarm_report_tables(FILE *file, const struct swarm_rows *rows)
{
    char head[3][2 * LINE_WIDTH];

    snprintf(head[0], sizeof head[0], "\n%-13s %-6s%9s%9s%7s%6s%9s%8s%8s%8s%8s%8s\n", "fault", "side", "injected",
             "detected", "missed", "false", "min", "p50", "p90", "p99", "p99.9", "max");
    print_table(file, rows, head[0], is_shown, print_times);
    snprintf(head[1], sizeof head[1], "\n%-13s %-6s%9s%9s%9s%11s%8s%8s%10s%8s%8s\n", "fault", "side", "earliest",
             "bound", "over", "late p50", "p99", "max", "mean", "+-", "p99 <");
    print_table(file, rows, head[1], has_deadlines, print_deadlines);
    print_confusion(file, rows);
}
