/*
 * A load of heartbeats on one server, measured: connects, greets, then goes through a plan of phases.
 *
 *     speed-load --port 3333 --connections 10000 --server PID --plan idle:1,paced:4,closed:3
 *
 * connect  opens the connections, one after the other
 * greet    each says HELLO (--hello NAME) or sends its first probe, and is answered
 * idle:S   nothing is sent
 * paced:S  each connection sends a probe every --interval milliseconds, at a moment of its own
 * closed:S each connection sends a probe as soon as the one before is answered
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ev/clock.h"
#include "program/process/startup.h"
#include "speed/measure.h"

/* Greeted before their answers are looked at. */
#define GREETED_PER_TURN 64

/* Closed loop: not counted, until the rhythm has settled. */
#define WARM_UP (500 * LUBDUB_MILLISECOND)

/* For answers still under way after a phase. */
#define SETTLE (300 * LUBDUB_MILLISECOND)

struct load {
    struct speed_connections connections;
    struct speed_processes processes;
    struct speed_usage empty; /* before the first connection */
    struct speed_pacing pacing;
    uint16_t port;
    uint32_t count;
    lubdub_duration interval;
    const char *identity;
    const char *plan;
    bool is_echo;
};

static void run_until(struct load *load, lubdub_time until)
{
    while (lubdub_clock_now() < until) {
        speed_connections_wait(&load->connections, until);
    }
}

static void connect_all(struct load *load)
{
    struct speed_measure measure;
    uint32_t i;

    speed_measure_begin(&measure, "connect", &load->processes);
    for (i = 0; i < load->count; i++) {
        speed_connections_open(&load->connections, i, load->port);
    }
    measure.ended = lubdub_clock_now();
    speed_processes_rest(&load->processes); /* it accepts what is left in the queue */
    speed_measure_end(&measure);
    speed_measure_print(&measure, load->connections.alive_count, &load->connections, &load->empty, NULL);
}

static void greet_all(struct load *load)
{
    struct speed_measure measure;
    uint32_t i;

    speed_connections_reset(&load->connections);
    speed_measure_begin(&measure, "greet", &load->processes);
    for (i = 0; i < load->count; i++) {
        speed_connections_greet(&load->connections, i, load->identity);
        if (i % GREETED_PER_TURN == 0) {
            speed_connections_wait(&load->connections, 0);
        }
    }
    while (load->connections.greeted_count < load->connections.alive_count) {
        speed_connections_wait(&load->connections, LUBDUB_TIME_NEVER);
    }
    speed_measure_end(&measure);
    speed_measure_print(&measure, load->connections.greeted_count, &load->connections, &load->empty, NULL);
}

static void idle(struct load *load, lubdub_duration length)
{
    struct speed_measure measure;

    speed_processes_rest(&load->processes);
    speed_connections_reset(&load->connections);
    speed_measure_begin(&measure, "idle", &load->processes);
    run_until(load, lubdub_clock_now() + length);
    speed_measure_end(&measure);
    speed_measure_print(&measure, 0, &load->connections, &load->empty, NULL);
}

static void paced(struct load *load, lubdub_duration length)
{
    struct speed_connections *connections = &load->connections;
    struct speed_measure measure;

    speed_pacing_start(&load->pacing);
    speed_pacing_run(&load->pacing, connections, lubdub_clock_now() + load->interval);
    memset(&load->pacing.behind, 0, sizeof load->pacing.behind);
    speed_connections_reset(connections);
    speed_measure_begin(&measure, "paced", &load->processes);
    speed_pacing_run(&load->pacing, connections, lubdub_clock_now() + length);
    speed_measure_end(&measure);
    speed_measure_print(&measure, connections->counts.answers, connections, &load->empty, &load->pacing.behind);
    run_until(load, lubdub_clock_now() + SETTLE);
}

static void closed(struct load *load, lubdub_duration length)
{
    struct speed_connections *connections = &load->connections;
    struct speed_measure measure;
    uint32_t i;

    connections->answers_at_once = true;
    for (i = 0; i < load->count; i++) {
        speed_connections_probe(connections, i);
    }
    run_until(load, lubdub_clock_now() + WARM_UP);
    speed_connections_reset(connections);
    speed_measure_begin(&measure, "closed", &load->processes);
    run_until(load, lubdub_clock_now() + length);
    speed_measure_end(&measure);
    speed_measure_print(&measure, connections->counts.answers, connections, &load->empty, NULL);
    connections->answers_at_once = false;
    run_until(load, lubdub_clock_now() + SETTLE);
}

/* ---- the plan ---- */

static const struct {
    const char *name;
    void (*run)(struct load *load, lubdub_duration length);
} phases[] = {{"idle", idle}, {"paced", paced}, {"closed", closed}};

static void run_phase(struct load *load, const char *name, lubdub_duration length)
{
    size_t i;

    for (i = 0; i < sizeof phases / sizeof *phases; i++) {
        if (strcmp(name, phases[i].name) == 0) {
            phases[i].run(load, length);
            return;
        }
    }
    errx(2, "no such phase: %s", name);
}

static void run_plan(struct load *load)
{
    char *plan = strdup(load->plan);
    char *rest = NULL;
    char *phase;

    if (plan == NULL) {
        err(EXIT_FAILURE, "strdup");
    }
    for (phase = strtok_r(plan, ",", &rest); phase != NULL; phase = strtok_r(NULL, ",", &rest)) {
        char *colon = strchr(phase, ':');

        if (colon == NULL) {
            errx(2, "a phase without its seconds: %s", phase);
        }
        *colon = '\0';
        run_phase(load, phase, (lubdub_duration)(strtod(colon + 1, NULL) * (double)LUBDUB_SECOND));
    }
    free(plan);
}

/* ---- arguments ---- */

static const char usage[] = "usage: speed-load --port PORT --connections N [--server PID]… [--plan PHASE:SECONDS,…]\n"
                            "                  [--interval MILLISECONDS] [--hello NAME] [--echo]\n";

static const struct option options[] = {
    {"port", required_argument, NULL, 'p'},     {"connections", required_argument, NULL, 'n'},
    {"server", required_argument, NULL, 's'},   {"plan", required_argument, NULL, 'l'},
    {"interval", required_argument, NULL, 'i'}, {"hello", required_argument, NULL, 'h'},
    {"echo", no_argument, NULL, 'e'},           {NULL, 0, NULL, 0},
};

static unsigned long number(const char *text, unsigned long most)
{
    char *text_end;
    unsigned long value = strtoul(text, &text_end, 10);

    if (text_end == text || *text_end != '\0' || value == 0 || value > most) {
        errx(2, "not a number from 1 to %lu: %s", most, text);
    }
    return value;
}

static void read_arguments(struct load *load, int argument_count, char **arguments)
{
    int option;

    while ((option = getopt_long(argument_count, arguments, "", options, NULL)) != -1) {
        switch (option) {
        case 'p':
            load->port = (uint16_t)number(optarg, UINT16_MAX);
            break;
        case 'n':
            load->count = (uint32_t)number(optarg, 1000000);
            break;
        case 's':
            if (load->processes.count == SPEED_PROCESSES_LIMIT) {
                errx(2, "more than %u servers", SPEED_PROCESSES_LIMIT);
            }
            load->processes.ids[load->processes.count++] = (pid_t)number(optarg, INT32_MAX);
            break;
        case 'l':
            load->plan = optarg;
            break;
        case 'i':
            load->interval = number(optarg, 3600000) * LUBDUB_MILLISECOND;
            break;
        case 'h':
            load->identity = optarg;
            break;
        case 'e':
            load->is_echo = true;
            break;
        default:
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (load->port == 0 || load->count == 0 || optind < argument_count) {
        fputs(usage, stderr);
        exit(2);
    }
}

int main(int argument_count, char **arguments)
{
    static struct load load = {.interval = LUBDUB_SECOND, .plan = "idle:1,paced:4,closed:3"};

    if (lubdub_standard_streams_prepare() != 0) {
        return EXIT_FAILURE;
    }
    read_arguments(&load, argument_count, arguments);
    speed_connections_init(&load.connections, load.count, load.is_echo);
    speed_pacing_init(&load.pacing, load.count, load.interval, lubdub_clock_now());
    if (!speed_await_server(load.port)) {
        errx(EXIT_FAILURE, "nobody listens on port %u", load.port);
    }
    speed_processes_rest(&load.processes);
    speed_usage_read(&load.empty, &load.processes);
    connect_all(&load);
    greet_all(&load);
    run_plan(&load);
    speed_pacing_clear(&load.pacing);
    speed_connections_clear(&load.connections);
    return EXIT_SUCCESS;
}
