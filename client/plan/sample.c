/* Reads measured round trips from files of two forms. */
#include "client/plan/sample.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#define LINE_SIZE 65536
#define LONGEST 86400.0

void lubdub_plan_sample_add(struct plan_sample *sample, double round_trip)
{
    double off = round_trip - sample->mean;

    sample->count++;
    sample->mean += off / (double)sample->count;
    sample->squares += off * (round_trip - sample->mean);
    sample->most = round_trip > sample->most ? round_trip : sample->most;
}

void lubdub_plan_sample_network(const struct plan_sample *sample, struct plan_network *network)
{
    network->delay = sample->mean;
    network->variance = sample->count > 1 ? sample->squares / (double)(sample->count - 1) : 0;
    network->loss = (double)sample->lost / (double)(sample->count + sample->lost);
}

/* ---- what lubdub-client prints ---- */

static bool take_event(struct plan_sample *sample, const char *line)
{
    json_t *event = json_loads(line, 0, NULL);
    const char *kind = json_string_value(json_object_get(event, "event"));
    const json_t *round_trip = json_object_get(event, "rtt_us");
    const json_t *lost = json_object_get(event, "lost");
    bool is_taken = kind != NULL;

    if (kind != NULL && (strcmp(kind, "ack") == 0 || strcmp(kind, "late-ack") == 0)) {
        double value = json_number_value(round_trip) / 1e6;

        is_taken = json_is_number(round_trip) && value >= 0 && value <= LONGEST;
        if (is_taken) {
            lubdub_plan_sample_add(sample, value);
        }
    } else if (kind != NULL && strcmp(kind, "summary") == 0 && json_is_integer(lost)) {
        sample->lost += (uint64_t)json_integer_value(lost);
    }
    json_decref(event);
    return is_taken;
}

/* ---- values with commas ---- */

struct column {
    unsigned place;
    bool is_alone;         /* there is no other */
    double unit;           /* in seconds */
    const char *separator; /* of the file's cells: , or ; */
};

/* A cell as spreadsheets write it: blanks around it, quotes around that. */
static char *cell(char *text)
{
    size_t length;

    text += strspn(text, " \t");
    length = strlen(text);
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t')) {
        text[--length] = '\0';
    }
    if (length >= 2 && text[0] == '"' && text[length - 1] == '"') {
        text[length - 1] = '\0';
        text++;
    }
    return text;
}

static bool find_column(char *header, struct column *column)
{
    static const struct {
        const char *name;
        double unit;
    } known[] = {{"rtt_us", 1e-6},   {"rtt_ms", 1e-3},   {"rtt_s", 1},
                 {"delay_us", 1e-6}, {"delay_ms", 1e-3}, {"delay_s", 1}};
    char *rest = header;
    char *name;
    size_t i;

    if (strncmp(rest, "\xEF\xBB\xBF", 3) == 0) {
        rest += 3; /* the byte order mark of UTF-8 */
    }
    column->separator = strchr(rest, ';') != NULL ? ";" : ",";
    for (column->place = 0; (name = strsep(&rest, column->separator)) != NULL; column->place++) {
        name = cell(name);
        for (i = 0; i < sizeof known / sizeof known[0]; i++) {
            if (strcasecmp(name, known[i].name) == 0) {
                column->unit = known[i].unit;
                column->is_alone = column->place == 0 && rest == NULL;
                return true;
            }
        }
    }
    return false;
}

static bool is_empty(const char *line)
{
    return line[strspn(line, " \t,;")] == '\0';
}

static bool take_row(struct plan_sample *sample, const struct column *column, char *line)
{
    char *rest = line;
    char *value = NULL;
    char *end;
    double round_trip;
    unsigned i;

    for (i = 0; i <= column->place; i++) {
        value = strsep(&rest, column->separator);
        if (value == NULL) {
            return false;
        }
    }
    value = cell(value);
    if (*value == '\0') {
        sample->lost++;
        return true;
    }
    errno = 0;
    round_trip = strtod(value, &end) * column->unit;
    if (end == value || *end != '\0' || errno != 0 || !(round_trip >= 0 && round_trip <= LONGEST)) {
        return false;
    }
    lubdub_plan_sample_add(sample, round_trip);
    return true;
}

/* ---- either ---- */

static bool is_enough(const struct plan_sample *sample, char problem[PLAN_PROBLEM_SIZE])
{
    if (sample->count >= 2) {
        return true;
    }
    snprintf(problem, PLAN_PROBLEM_SIZE, "has %llu round trips; two at least are needed",
             (unsigned long long)sample->count);
    return false;
}

bool lubdub_plan_sample_read(struct plan_sample *sample, FILE *file, char problem[PLAN_PROBLEM_SIZE])
{
    static char line[LINE_SIZE];
    struct column column = {0};
    unsigned long number = 0;
    uint64_t empty = 0; /* lines since the last row */
    bool is_json = false;

    while (fgets(line, sizeof line, file) != NULL) {
        bool is_taken;

        number++;
        line[strcspn(line, "\r\n")] = '\0';
        if (number == 1) {
            is_json = line[0] == '{';
            if (!is_json) {
                if (!find_column(line, &column)) {
                    snprintf(
                        problem, PLAN_PROBLEM_SIZE,
                        "line 1 names no column rtt_us, rtt_ms, rtt_s or delay_…, and is no event of lubdub-client");
                    return false;
                }
                continue;
            }
        }
        if (is_empty(line)) {
            empty++;
            continue;
        }
        sample->lost += column.is_alone ? empty : 0;
        empty = 0;
        is_taken = is_json ? take_event(sample, line) : take_row(sample, &column, line);
        if (!is_taken) {
            snprintf(problem, PLAN_PROBLEM_SIZE, "line %lu is not %s", number,
                     is_json ? "an event of lubdub-client" : "a row with a round trip");
            return false;
        }
    }
    if (ferror(file) != 0) {
        snprintf(problem, PLAN_PROBLEM_SIZE, "cannot be read: %s", strerror(errno));
        return false;
    }
    return is_enough(sample, problem);
}
