/* Prints the results of the checks as text, and as JSON with the same numbers. */
#include "simulate/report.h"

#include <jansson.h>

#define REPLAY_SIZE 512

static double seconds(lubdub_duration duration)
{
    return (double)duration / (double)LUBDUB_SECOND;
}

static void report_text(FILE *file, const struct sim_options *options, const struct sim_sum *sum)
{
    const struct sim_result *total = &sum->total;
    size_t i;

    fprintf(file, "%llu seeds of %.0f s with %llu clients: %llu failed\n\n", (unsigned long long)sum->seeds,
            seconds(options->length), (unsigned long long)options->clients, (unsigned long long)sum->failed);
    fprintf(file, "  digest            %016llx\n", (unsigned long long)total->digest);
    fprintf(file, "  sessions          %llu, %.1f days of them\n", (unsigned long long)total->sessions,
            seconds(total->session_time) / 86400);
    fprintf(file, "  probes, acks      %llu, %llu; messages %llu\n", (unsigned long long)total->probes,
            (unsigned long long)total->acks, (unsigned long long)total->messages);
    fprintf(file, "  segments          %llu, of which sent again %llu\n", (unsigned long long)total->segments,
            (unsigned long long)total->retransmissions);
    fprintf(file, "  faults, absences  %llu, %llu\n", (unsigned long long)total->faults,
            (unsigned long long)total->absences);
    fprintf(file, "  verdicts          %llu, of which on peers that lived behind an outage %llu\n",
            (unsigned long long)total->verdicts,
            (unsigned long long)(total->false_alarms[SIM_OBSERVER_CLIENT] + total->false_alarms[SIM_OBSERVER_SERVER]));
    fprintf(file,
            "  causes            %llu verdicts whose true cause is known, all of them told so; %llu slow readers\n",
            (unsigned long long)total->causes, (unsigned long long)total->slow_readers);
    if (total->trickles > 0) {
        fprintf(file, "  too many frames   %llu sessions cut behind a path that trickled\n",
                (unsigned long long)total->trickles);
    }
    for (i = 0; i < sum->failure_count; i++) {
        char replay[REPLAY_SIZE];

        sim_options_replay(options, sum->failures[i].seed, replay, sizeof replay);
        fprintf(file, "\nseed %llu, at %.6f s: %s\n  %s\n", (unsigned long long)sum->failures[i].seed,
                seconds(sum->failures[i].at), sum->failures[i].problem, replay);
    }
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static void report_json(FILE *file, const struct sim_options *options, const struct sim_sum *sum)
{
    const struct sim_result *total = &sum->total;
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {
        {"seeds", sum->seeds},
        {"failed", sum->failed},
        {"clients", options->clients},
        {"sessions", total->sessions},
        {"probes", total->probes},
        {"acks", total->acks},
        {"messages", total->messages},
        {"segments", total->segments},
        {"retransmissions", total->retransmissions},
        {"faults", total->faults},
        {"absences", total->absences},
        {"verdicts", total->verdicts},
        {"causes", total->causes},
        {"slow_readers", total->slow_readers},
        {"trickles", total->trickles},
        {"false_alarms_client", total->false_alarms[SIM_OBSERVER_CLIENT]},
        {"false_alarms_server", total->false_alarms[SIM_OBSERVER_SERVER]},
    };
    json_t *failures = json_array();
    json_t *root;
    char digest[17];
    size_t i;

    snprintf(digest, sizeof digest, "%016llx", (unsigned long long)total->digest);
    for (i = 0; i < sum->failure_count; i++) {
        char replay[REPLAY_SIZE];

        sim_options_replay(options, sum->failures[i].seed, replay, sizeof replay);
        json_array_append_new(failures, json_pack("{s:o, s:f, s:s, s:s}", "seed", number(sum->failures[i].seed), "at_s",
                                                  seconds(sum->failures[i].at), "problem", sum->failures[i].problem,
                                                  "replay", replay));
    }
    root = json_pack("{s:f, s:s, s:f, s:o}", "length_s", seconds(options->length), "digest", digest, "session_days",
                     seconds(total->session_time) / 86400, "failures", failures);
    for (i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        json_object_set_new(root, counts[i].name, json_integer((json_int_t)counts[i].value));
    }
    json_dumpf(root, file, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    fputc('\n', file);
    json_decref(root);
}

void sim_report(FILE *file, const struct sim_options *options, const struct sim_sum *sum)
{
    if (options->report == SIM_REPORT_JSON) {
        report_json(file, options, sum);
    } else {
        report_text(file, options, sum);
    }
}

void sim_report_speed(FILE *file, const struct sim_options *options, const struct sim_sum *sum, double took)
{
    if (took > 0) {
        fprintf(file, "lubdub-simulate: %.0f times real time, %.2f million happenings a second\n",
                (double)sum->seeds * seconds(options->length) / took, (double)sum->total.happenings / took / 1e6);
    }
}
