/* Prints each measure of quality in words, with its limits. */
#include "swarm/report/quality_table.h"

#include <math.h>
#include <string.h>

#include "swarm/report/cell.h"

/* "1.23 h" */
static const char *span(double seconds, char text[SWARM_CELL_SIZE])
{
    static const struct {
        double length;
        const char *word;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}, {1e-3, "ms"}};
    size_t i;

    for (i = 0; i < 4 && seconds < 2 * units[i].length; i++) {
    }
    if (seconds > 0) {
        snprintf(text, SWARM_CELL_SIZE, seconds < 1000 * units[i].length ? "%.3g %s" : "%.0f %s",
                 seconds / units[i].length, units[i].word);
    } else {
        snprintf(text, SWARM_CELL_SIZE, "0 s");
    }
    return text;
}

#define QUALITY_WIDTH 64 /* bytes; what is shown fits 32 columns */

static void put_watched(const struct swarm_quality *quality, char text[QUALITY_WIDTH])
{
    char length[SWARM_CELL_SIZE];

    snprintf(text, QUALITY_WIDTH, "%s", span(quality->watched, length));
}

static void put_mistakes(const struct swarm_quality *quality, char text[QUALITY_WIDTH])
{
    if (quality->uncorrected_count > 0) {
        snprintf(text, QUALITY_WIDTH, "%zu, %zu to the end", quality->mistake_count, quality->uncorrected_count);
    } else {
        snprintf(text, QUALITY_WIDTH, "%zu", quality->mistake_count);
    }
}

static void put_with_limits(double mean, struct swarm_interval limits, char text[QUALITY_WIDTH])
{
    char lengths[3][SWARM_CELL_SIZE];

    if (isinf(mean)) {
        snprintf(text, QUALITY_WIDTH, "> %.20s", span(limits.low, lengths[0]));
    } else if (isinf(limits.high)) {
        snprintf(text, QUALITY_WIDTH, "%.20s", span(mean, lengths[0]));
    } else {
        snprintf(text, QUALITY_WIDTH, "%.8s (%.8s to %.8s)", span(mean, lengths[0]), span(limits.low, lengths[1]),
                 span(limits.high, lengths[2]));
    }
}

static void put_recurrence(const struct swarm_quality *quality, char text[QUALITY_WIDTH])
{
    put_with_limits(quality->recurrence, quality->recurrence_interval, text);
}

static void put_duration(const struct swarm_quality *quality, char text[QUALITY_WIDTH])
{
    if (quality->mistake_count > 0) {
        put_with_limits(quality->duration, quality->duration_interval, text);
    } else {
        snprintf(text, QUALITY_WIDTH, "-");
    }
}

static void put_accuracy(const struct swarm_quality *quality, char text[QUALITY_WIDTH])
{
    if (quality->mistake_count == 0) {
        snprintf(text, QUALITY_WIDTH, "1");
    } else if (quality->accuracy_interval.low <= 0) {
        snprintf(text, QUALITY_WIDTH, "%.6f", quality->accuracy);
    } else {
        snprintf(text, QUALITY_WIDTH, "%.6f (%.6f to %.6f)", quality->accuracy, quality->accuracy_interval.low,
                 quality->accuracy_interval.high);
    }
}

void swarm_report_quality(FILE *file, const struct swarm_quality quality[SWARM_SIDE_COUNT])
{
    static const struct {
        const char *name;
        void (*put)(const struct swarm_quality *quality, char text[QUALITY_WIDTH]);
    } lines[] = {
        {"sessions watched, in all", put_watched},
        {"mistakes (false alarms)", put_mistakes},
        {"recurrence T_MR", put_recurrence},
        {"duration T_M", put_duration},
        {"accuracy P_A", put_accuracy},
    };
    const struct swarm_quality *sides[] = {&quality[SWARM_SIDE_SERVER], &quality[SWARM_SIDE_CLIENT]};
    size_t i;
    size_t k;

    fprintf(file, "\n%-28s%-34s%s\n", "quality (limits of 95 %)", "of the server, which watches", "of the clients");
    for (i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char texts[2][QUALITY_WIDTH];

        for (k = 0; k < 2; k++) {
            snprintf(texts[k], QUALITY_WIDTH, "not observed");
            if (sides[k]->is_observed) {
                lines[i].put(sides[k], texts[k]);
            }
        }
        fprintf(file, "%-28s%-34s%s\n", lines[i].name, texts[0], texts[1]);
    }
}
