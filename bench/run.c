/* The order of things, up to the clients' faults, and the end. */
#include "run_internal.h"

#include <inttypes.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

#define START_LIMIT (10 * LUBDUB_SECOND)
#define START_TRIES 3
#define CANNOT_START 3 /* exit status of a server that finds its port taken */
#define CONNECT_PATIENCE (10 * LUBDUB_SECOND)
#define CONNECT_ROUNDS 3
#define LEAVE_PATIENCE (2 * LUBDUB_SECOND)
#define STOP_PATIENCE (5 * LUBDUB_SECOND)

/* ---- what is said ---- */

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int revents)
{
    struct swarm_run *run = watcher->data;
    (void)loop, (void)revents;

    if (run->interrupted_by != 0) {
        swarm_server_signal(&run->server, SIGKILL);
        _exit(128 + watcher->signum); /* the second time: at once */
    }
    run->interrupted_by = watcher->signum;
}

static void on_up(void *user_data, uint32_t client, uint64_t session_number)
{
    struct swarm_run *run = user_data;

    swarm_ledger_up(&run->ledger, client, session_number, lubdub_clock_now());
}

static void on_down(void *user_data, uint32_t client, enum lubdub_cause cause, lubdub_time now, lubdub_time deadline)
{
    struct swarm_run *run = user_data;

    if (run->is_ending) {
        return;
    }
    swarm_ledger_verdict(&run->ledger, &(struct swarm_verdict){.side = SWARM_SIDE_CLIENT,
                                                               .identity = client,
                                                               .at = now,
                                                               .cause = cause,
                                                               .has_deadline = deadline != 0,
                                                               .late_by = deadline != 0 ? (int64_t)(now - deadline) : 0});
    if (!run->has_server && swarm_crowd_up_count(&run->crowd) == 0 && run->ledger.open_count == 0) {
        swarm_run_lose_server(run, run->timing.timeout + run->timing.interval + SWARM_NEWS_OF_DEATH);
        swarm_run_note(run, "every client lost the server (%s): it went away", lubdub_cause_text(cause));
    }
}

static const struct swarm_crowd_hooks crowd_hooks = {.on_up = on_up, .on_down = on_down};

static void on_server_event(void *user_data, const struct swarm_server_event *event)
{
    struct swarm_run *run = user_data;

    if (event->kind == SWARM_SERVER_DROPPED) {
        run->measures.dropped_count += event->count;
    }
    if (run->is_ending) {
        return;
    }
    run->measures.late_count += event->kind == SWARM_SERVER_LATE;
    if (event->kind == SWARM_SERVER_DISCONNECTED && event->has_client) {
        swarm_ledger_verdict(&run->ledger, &(struct swarm_verdict){.side = SWARM_SIDE_SERVER,
                                                                   .identity = event->client,
                                                                   .session = event->session,
                                                                   .at = event->at,
                                                                   .cause = event->cause,
                                                                   .has_deadline = event->has_deadline,
                                                                   .late_by = event->late_by});
    }
}

/* ---- the start ---- */

static bool has_started_or_ended(const struct swarm_run *run)
{
    return run->server.is_listening || !run->server.is_running;
}

bool swarm_run_server_has_ended(const struct swarm_run *run)
{
    return !run->server.is_running;
}

static bool try_to_start(struct swarm_run *run)
{
    char end[96];

    if (!swarm_server_start(&run->server)) {
        snprintf(run->problem, sizeof run->problem, "%s", run->server.problem);
        return false;
    }
    swarm_run_wait(run, lubdub_time_after(lubdub_clock_now(), START_LIMIT), has_started_or_ended);
    if (run->server.is_listening) {
        return true;
    }
    if (run->server.is_running) {
        snprintf(run->problem, sizeof run->problem, "lubdub-server does not listen");
    } else {
        snprintf(run->problem, sizeof run->problem, "lubdub-server did not start: %s",
                 swarm_server_end(&run->server, end, sizeof end));
    }
    return false;
}

bool swarm_run_start_server(struct swarm_run *run)
{
    bool is_listening = false;
    int tries;

    run->server_may_end = true;
    for (tries = 0; tries < START_TRIES && !is_listening && !swarm_run_is_over(run); tries++) {
        is_listening = try_to_start(run);
        if (!is_listening && (run->server.is_running || !WIFEXITED(run->server.status) ||
                              WEXITSTATUS(run->server.status) != CANNOT_START)) {
            break; /* another port would not help */
        }
    }
    run->server_may_end = false;
    run->crowd.settings.server.port = run->server.port;
    return is_listening;
}

static bool resolve(struct swarm_run *run, struct lubdub_address *address)
{
    const struct lubdub_hostport *server = &run->options->server;
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int error = getaddrinfo(server->host, NULL, &hints, &found);

    if (error != 0) {
        hints.ai_family = AF_INET6;
        error = getaddrinfo(server->host, NULL, &hints, &found);
    }
    if (error != 0) {
        snprintf(run->problem, sizeof run->problem, "%s: %s", server->host, gai_strerror(error));
        return false;
    }
    lubdub_address_from_socket(address, found->ai_addr);
    address->port = server->port;
    freeaddrinfo(found);
    return true;
}

/* Or it is plain that nobody listens. */
static bool everybody_has_tried(const struct swarm_run *run)
{
    return swarm_crowd_is_settled(&run->crowd) || (run->crowd.is_refused && swarm_crowd_up_count(&run->crowd) == 0);
}

/* How long it takes is the machine's affair; that nothing moves any more is the end. */
static void wait_for_ramp(struct swarm_run *run)
{
    uint64_t before;
    uint64_t now = 0;

    do {
        before = now;
        swarm_run_wait(run, lubdub_time_after(lubdub_clock_now(), CONNECT_PATIENCE), everybody_has_tried);
        now = (uint64_t)run->crowd.ramp_next + swarm_crowd_up_count(&run->crowd);
    } while (now > before && !everybody_has_tried(run) && !swarm_run_is_over(run));
}

bool swarm_run_connect(struct swarm_run *run)
{
    uint64_t failed_before = run->crowd.failure_count;
    int round;

    /* One who is lost again while the others still come is given another chance; one who is refused is not. */
    for (round = 0; round < CONNECT_ROUNDS && swarm_crowd_up_count(&run->crowd) < run->options->clients &&
                    run->crowd.failure_count == failed_before && !swarm_run_is_over(run);
         round++) {
        swarm_crowd_connect(&run->crowd);
        wait_for_ramp(run);
    }
    return swarm_crowd_up_count(&run->crowd) > 0;
}

static bool begin(struct swarm_run *run)
{
    const struct swarm_options *options = run->options;
    struct swarm_crowd_settings settings = {
        .client_count = (uint32_t)options->clients,
        .interval = options->interval,
        .timeout = options->timeout,
        .expiry = options->expiry,
        .ramp = options->ramp,
        .seed = options->seed,
    };
    struct swarm_server_settings server = {options->spawn_server, options->interval, options->expiry};

    if (!run->has_server && !resolve(run, &settings.server)) {
        return false;
    }
    if (run->has_server) {
        lubdub_address_parse(&settings.server, "127.0.0.1", 0);
    } else if (options->order_count > 0) {
        swarm_run_note(run, "this server does not tell us what it notices; --spawn-server starts one that does");
    }
    swarm_usage_read(&run->own_before, getpid());
    if (!swarm_crowd_init(&run->crowd, run->loop, &settings, &crowd_hooks, run)) {
        snprintf(run->problem, sizeof run->problem, "%s", run->crowd.failure);
        return false;
    }
    if (!swarm_ledger_init(&run->ledger, settings.client_count) ||
        !swarm_plan_make(&run->plan, options->orders, options->order_count, settings.client_count, options->duration,
                         &run->random)) {
        snprintf(run->problem, sizeof run->problem, "no memory is left");
        return false;
    }
    if (run->has_server) {
        if (!swarm_server_init(&run->server, run->loop, &server, on_server_event, run)) {
            snprintf(run->problem, sizeof run->problem, "%s", run->server.problem);
            return false;
        }
        if (!swarm_run_start_server(run)) {
            return false;
        }
        swarm_usage_read(&run->server_before, run->server.process);
    }
    return true;
}

/* All or none: a swarm that is smaller than was asked for would measure something else. */
static bool connect_first(struct swarm_run *run)
{
    char server[LUBDUB_ADDRESS_TEXT_SIZE];
    char waiting[112];

    lubdub_address_format(&run->crowd.settings.server, server);
    swarm_run_connect(run);
    if (swarm_run_is_over(run) || swarm_crowd_up_count(&run->crowd) == run->options->clients) {
        return true;
    }
    snprintf(waiting, sizeof waiting,
             "%" PRIu32 " still wait for the connection, %" PRIu32 " for WELCOME, and %zu were lost again",
             run->crowd.state_counts[SWARM_CLIENT_CONNECTING], run->crowd.state_counts[SWARM_CLIENT_OPENING],
             run->ledger.false_count);
    snprintf(run->problem, sizeof run->problem, "%" PRIu32 " of %" PRIu64 " clients could connect to %s; %s",
             swarm_crowd_up_count(&run->crowd), run->options->clients, server,
             run->crowd.failure_count > 0 ? run->crowd.failure : waiting);
    return false;
}

/* ---- the clients' faults ---- */

static void arm_strike(struct swarm_run *run)
{
    lubdub_time due;

    ev_timer_stop(run->loop, &run->strike_timer);
    if (run->next_strike < run->plan.count) {
        due = lubdub_time_after(run->strikes_began_at, run->plan.strikes[run->next_strike].at);
        ev_now_update(run->loop);
        ev_timer_set(&run->strike_timer,
                     (ev_tstamp)lubdub_time_between(lubdub_clock_now(), due) / (ev_tstamp)LUBDUB_SECOND, 0);
        ev_timer_start(run->loop, &run->strike_timer);
    }
}

static void strike(struct swarm_run *run, const struct swarm_strike *strike)
{
    lubdub_time at;

    if (!swarm_crowd_strike(&run->crowd, strike->client, strike->fault, &at)) {
        run->measures.skipped_count++;
        return;
    }
    swarm_ledger_inject(&run->ledger, strike->fault, strike->client, at,
                        run->has_server ? SWARM_MUST_NOTICE : SWARM_MAY_NOTICE);
}

static void on_strike(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct swarm_run *run = timer->data;
    (void)loop, (void)revents;

    while (run->next_strike < run->plan.count &&
           lubdub_time_after(run->strikes_began_at, run->plan.strikes[run->next_strike].at) <= lubdub_clock_now()) {
        strike(run, &run->plan.strikes[run->next_strike++]);
    }
    arm_strike(run);
}

bool swarm_run_all_verdicts_are_in(const struct swarm_run *run)
{
    return run->ledger.open_count == 0;
}

static void note_connected(struct swarm_run *run)
{
    struct swarm_measures *measures = &run->measures;
    struct swarm_usage now;

    measures->connected_count = swarm_crowd_up_count(&run->crowd);
    if (swarm_usage_read(&now, getpid())) {
        measures->own_memory = (int64_t)now.resident - (int64_t)run->own_before.resident;
    }
    if (run->has_server && swarm_usage_read(&now, run->server.process)) {
        measures->server_memory = (int64_t)now.resident - (int64_t)run->server_before.resident;
    }
    run->timing.interval = run->crowd.granted_interval;
    run->timing.timeout = run->options->timeout;
    run->timing.expiry = run->crowd.granted_expiry;
    if (measures->connected_count == 0) {
        return;
    }
    if (run->timing.interval != run->options->interval || run->timing.expiry != run->options->expiry) {
        swarm_run_note(run,
                       "the server granted an interval of %.0f ms and an expiry of %.0f ms, for which the bounds are",
                       (double)run->timing.interval / 1e6, (double)run->timing.expiry / 1e6);
    }
}

/* Rates are taken while nothing but the clients' faults goes on. */
static void clients_faults(struct swarm_run *run)
{
    struct swarm_measures *measures = &run->measures;
    struct swarm_usage before = {0};
    struct swarm_usage after = {0};
    uint64_t acked_before = run->crowd.acked_count;

    run->strikes_began_at = lubdub_clock_now();
    if (run->has_server) {
        swarm_usage_read(&before, run->server.process);
    }
    arm_strike(run);
    swarm_run_wait(run, lubdub_time_after(run->strikes_began_at, run->options->duration), NULL);
    ev_timer_stop(run->loop, &run->strike_timer);

    measures->window = lubdub_time_between(run->strikes_began_at, lubdub_clock_now());
    measures->window_acked_count = run->crowd.acked_count - acked_before;
    measures->has_server_usage =
        run->has_server && run->server.is_running && swarm_usage_read(&after, run->server.process);
    measures->server_processor = lubdub_time_between(before.processor, after.processor);
    swarm_run_wait(run, lubdub_time_after(lubdub_clock_now(), run->timing.expiry + SWARM_PATIENCE),
                   swarm_run_all_verdicts_are_in);
    if (!swarm_run_is_over(run)) {
        swarm_ledger_settle(&run->ledger, LUBDUB_TIME_NEVER);
    }
}

/* ---- the end ---- */

static bool everybody_is_gone(const struct swarm_run *run)
{
    return run->crowd.state_counts[SWARM_CLIENT_ABSENT] == run->options->clients;
}

static lubdub_duration longest_bound(const struct swarm_timing *timing)
{
    lubdub_duration client = timing->timeout + timing->interval;

    return client > timing->expiry ? client : timing->expiry;
}

static void finish(struct swarm_run *run)
{
    struct swarm_measures *measures = &run->measures;
    lubdub_time now = lubdub_clock_now();

    run->is_ending = true;
    run->server_may_end = true;
    swarm_ledger_settle(&run->ledger, lubdub_time_between(longest_bound(&run->timing) + SWARM_PATIENCE, now));
    if (measures->dropped_count > 0) {
        swarm_run_note(run, "the server could not tell %" PRIu64 " of its events: its verdicts are incomplete",
                       measures->dropped_count);
    }
    if (run->ledger.unrecorded_count > 0) {
        swarm_run_note(run, "%zu observations could not be kept: no memory was left", run->ledger.unrecorded_count);
    }
    if (measures->skipped_count > 0) {
        swarm_run_note(run, "%" PRIu64 " faults met clients that were lost already", measures->skipped_count);
    }
    measures->lasted = lubdub_time_between(run->began_at, now);
    measures->sent_count = swarm_crowd_sent_count(&run->crowd);
    measures->acked_count = run->crowd.acked_count;
    swarm_histogram_summarize(&measures->round_trip, &run->crowd.round_trips);
    run->timing.delay = measures->round_trip.p50 / 2;
    if (run->crowd.group.reactor->absence_count > 0) {
        swarm_run_note(run,
                       "this machine kept the swarm from running for a good part of a deadline (%" PRIu64
                       " times): figures may be too high, and live clients lost",
                       run->crowd.group.reactor->absence_count);
    }
    measures->absence_count = run->crowd.group.reactor->absence_count;
    measures->absence_total = run->crowd.group.reactor->absence_total;
}

/* Politely, and with a limit. */
static void leave(struct swarm_run *run)
{
    swarm_server_signal(&run->server, SIGCONT);
    if (run->crowd.clients != NULL) {
        if (run->server.is_running || !run->has_server) {
            swarm_crowd_leave(&run->crowd);
            swarm_run_wait_anyway(run, lubdub_time_after(lubdub_clock_now(), LEAVE_PATIENCE), everybody_is_gone);
        }
        swarm_crowd_drop(&run->crowd);
    }
    if (run->has_server) {
        swarm_server_signal(&run->server, SIGTERM);
        swarm_run_wait_anyway(run, lubdub_time_after(lubdub_clock_now(), STOP_PATIENCE), swarm_run_server_has_ended);
        swarm_server_clear(&run->server);
    }
}

static void init(struct swarm_run *run, struct ev_loop *loop, const struct swarm_options *options)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    size_t i;

    memset(run, 0, sizeof *run);
    run->loop = loop;
    run->options = options;
    run->random.state = options->seed;
    run->has_server = options->spawn_server != NULL;
    run->began_at = lubdub_clock_now();
    swarm_run_wait_init(run);
    ev_timer_init(&run->strike_timer, on_strike, 0, 0);
    run->strike_timer.data = run;
    for (i = 0; i < 2; i++) {
        ev_signal_init(&run->signals[i], on_signal, numbers[i]);
        run->signals[i].data = run;
        ev_signal_start(loop, &run->signals[i]);
    }
}

enum swarm_run_end swarm_run(struct swarm_run *run, struct ev_loop *loop, const struct swarm_options *options)
{
    enum swarm_run_end end = SWARM_RUN_CANNOT_START;

    init(run, loop, options);
    if (begin(run)) {
        swarm_progress_start(run);
        run->began_at = lubdub_clock_now();
        if (connect_first(run)) {
            end = SWARM_RUN_DONE;
            note_connected(run);
            run->crowd.records_round_trips = true;
            swarm_run_wait(run, lubdub_time_after(lubdub_clock_now(), options->warmup), NULL);
            if (!swarm_run_is_over(run)) {
                clients_faults(run);
            }
            run->crowd.records_round_trips = false;
            swarm_run_server_faults(run);
            finish(run);
        }
        swarm_progress_stop(run);
    }
    if (run->interrupted_by != 0) {
        end = SWARM_RUN_DONE;
    }
    run->is_ending = true;
    run->server_may_end = true;
    leave(run);
    ev_signal_stop(loop, &run->signals[0]);
    ev_signal_stop(loop, &run->signals[1]);
    return end;
}

void swarm_run_clear(struct swarm_run *run)
{
    swarm_crowd_clear(&run->crowd);
    swarm_ledger_clear(&run->ledger);
    swarm_plan_clear(&run->plan);
}
