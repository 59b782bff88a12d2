/* Parses a goal, measures the server, and finds the settings by Chen's procedure (plan/chen.h). */
#include "client/program/goal.h"

#include <stdio.h>
#include <string.h>

#include "client/plan/chen.h"
#include "client/plan/measure.h"
#include "client/plan/number.h"
#include "program/events/log.h"
#include "program/settings/parse.h"

#define MEASURE_DEFAULT (5 * LUBDUB_SECOND)
#define MEASURE_INTERVAL (50 * LUBDUB_MILLISECOND)
#define INTERVAL_LEAST 0.01 /* seconds; what servers grant unless told otherwise */

static const char sentence[] =
    "must be detect=D, perhaps with false-alarms=N/UNIT and measure=D, such as detect=2s,false-alarms=1/month";

static bool take_detect(struct goal *goal, const char *value)
{
    return lubdub_parse_duration(value, &goal->detect) == LUBDUB_PARSE_OK && goal->detect >= 10 * LUBDUB_MILLISECOND &&
           goal->detect <= 24 * LUBDUB_HOUR;
}

static bool take_part(struct goal *goal, const char *part)
{
    if (strncmp(part, "detect=", 7) == 0) {
        return take_detect(goal, part + 7);
    }
    if (strncmp(part, "false-alarms=", 13) == 0) {
        return lubdub_plan_take_rate(part + 13, &goal->gap) == NULL;
    }
    if (strncmp(part, "measure=", 8) == 0) {
        return lubdub_parse_duration(part + 8, &goal->measure) == LUBDUB_PARSE_OK &&
               goal->measure >= 200 * LUBDUB_MILLISECOND && goal->measure <= LUBDUB_HOUR;
    }
    if (strchr(part, '=') != NULL) {
        return false;
    }
    /* Without their names they are told apart by their form. */
    return strchr(part, '/') != NULL ? lubdub_plan_take_rate(part, &goal->gap) == NULL : take_detect(goal, part);
}

const char *goal_take(const char *value, void *field)
{
    struct goal goal = {.measure = MEASURE_DEFAULT, .gap = LUBDUB_PLAN_MONTH};

    while (*value != '\0') {
        size_t length = strcspn(value, ",");
        char part[64];

        if (length >= sizeof part) {
            return sentence;
        }
        memcpy(part, value, length);
        part[length] = '\0';
        if (!take_part(&goal, part)) {
            return sentence;
        }
        value += length;
        if (value[0] == ',' && *++value == '\0') {
            return sentence;
        }
    }
    if (goal.detect == 0) {
        return sentence;
    }
    *(struct goal *)field = goal;
    return NULL;
}

/* Whole milliseconds, never more than planned, as lubdub-plan prints them. */
static lubdub_duration from_seconds(double seconds)
{
    return (lubdub_duration)(seconds * 1e3 + 1e-6) * LUBDUB_MILLISECOND;
}

static bool measure(const struct goal *goal, struct ev_loop *loop, const struct lubdub_client_settings *settings,
                    struct plan_network *network, char *problem, size_t capacity)
{
    struct lubdub_client_settings first = *settings;
    const struct lubdub_client_server *server = &settings->servers[0];
    struct plan_sample sample = {0};
    char why[PLAN_PROBLEM_SIZE] = "";

    lubdub_log_peer(LUBDUB_LOG_INFO, "measuring for the goal server=%s for_ms=%llu", server->host,
                    (unsigned long long)(goal->measure / LUBDUB_MILLISECOND));
    first.server_count = 1;
    if (!lubdub_plan_measure_by(&sample, loop, &first, MEASURE_INTERVAL, goal->measure, why)) {
        snprintf(problem, capacity, "--goal: %s %s", server->host, why);
        return false;
    }
    lubdub_plan_sample_network(&sample, network);
    network->paths = sample.paths;
    network->shared = LUBDUB_PLAN_SHARED;
    return true;
}

enum goal_result goal_pursue(const struct goal *goal, struct ev_loop *loop,
                             const struct lubdub_client_settings *settings, struct goal_means *means, char *problem,
                             size_t capacity)
{
    struct plan_wish wish = {.detect = (double)goal->detect / (double)LUBDUB_SECOND, .mistake_gap = goal->gap};
    /* The server's expiry is detect - delay, and at least twice the interval. */
    const struct plan_limits limits = {.interval_least = INTERVAL_LEAST, .interval_share = 0.5, .step = 1e-3};
    struct plan_network network;
    struct plan_answer answer;

    if (!measure(goal, loop, settings, &network, problem, capacity)) {
        return GOAL_NOT_MEASURED;
    }
    wish.mistake_length = wish.detect;
    answer = lubdub_plan_configure(&wish, &network, &limits);
    if (!answer.is_possible) {
        snprintf(problem, capacity,
                 "--goal cannot be reached with a round trip of %.3f ms and a loss of %.3g%%; lubdub-plan says what "
                 "would make it possible",
                 network.delay * 1e3, network.loss * 100);
        return GOAL_NOT_POSSIBLE;
    }
    means->interval = from_seconds(answer.interval);
    means->timeout = from_seconds(answer.timeout);
    means->expiry = from_seconds(wish.detect - network.delay);
    if (means->expiry < 2 * means->interval) {
        means->expiry = 2 * means->interval;
    }
    lubdub_log_info("settings for the goal interval_ms=%llu timeout_ms=%llu expiry_ms=%llu rtt_us=%.0f paths=%u",
                    (unsigned long long)(means->interval / LUBDUB_MILLISECOND),
                    (unsigned long long)(means->timeout / LUBDUB_MILLISECOND),
                    (unsigned long long)(means->expiry / LUBDUB_MILLISECOND), network.delay * 1e6,
                    network.paths > 0 ? network.paths : 1);
    return GOAL_REACHED;
}
