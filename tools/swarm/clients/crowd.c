/* Connects many clients, and ends some of them in every way that there is. */
#include "swarm/clients/crowd.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ev/clock.h"
#include "ev/container_of.h"
#include "ev/socket.h"

#include "statistics/random.h"
#include "swarm/orders/identity.h"

#define RAMP_STEP 0.005 /* seconds */

static struct swarm_crowd *crowd_of(const struct lubdub_link *link)
{
    return container_of(lubdub_link_group(link), struct swarm_crowd, group);
}

static uint32_t number_of(const struct swarm_crowd *crowd, const struct lubdub_link *link)
{
    return crowd->settings.part.first + (uint32_t)(link - crowd->links);
}

static struct lubdub_link *link_of(const struct swarm_crowd *crowd, uint32_t number)
{
    return &crowd->links[number - crowd->settings.part.first];
}

static enum swarm_client_state state_of(const struct swarm_crowd *crowd, const struct lubdub_link *link)
{
    return (enum swarm_client_state)crowd->states[link - crowd->links];
}

static void set_state(struct swarm_crowd *crowd, const struct lubdub_link *link, enum swarm_client_state state)
{
    crowd->counts->state_counts[state_of(crowd, link)]--;
    crowd->states[link - crowd->links] = (uint8_t)state;
    crowd->counts->state_counts[state]++;
}

static void note_failure(struct swarm_crowd *crowd, const char *doing, const char *why)
{
    crowd->counts->failure_count++;
    snprintf(crowd->counts->failure, sizeof crowd->counts->failure, "%s: %s", doing, why);
}

static uint64_t sent_count(const struct lubdub_link *link)
{
    struct lubdub_probe_counts counts;

    lubdub_session_probe_counts(&link->session, &counts);
    return counts.sent;
}

/* ---- what the links say ---- */

static void on_event(struct lubdub_link *link, const struct lubdub_event *event, lubdub_time now)
{
    struct swarm_crowd *crowd = crowd_of(link);

    switch (event->kind) {
    case LUBDUB_EVENT_UP:
        crowd->counts->granted_interval = lubdub_session_interval(&link->session);
        crowd->counts->granted_expiry = lubdub_session_expiry(&link->session);
        set_state(crowd, link, SWARM_CLIENT_UP);
        if (crowd->settings.second_path != NULL && !crowd->settings.second_path(link->io.fd, number_of(crowd, link))) {
            crowd->counts->lone_count++;
        }
        crowd->hooks->on_up(crowd->user_data, number_of(crowd, link), event->session_number, now);
        break;
    case LUBDUB_EVENT_ACKED:
        crowd->counts->acked_count++;
        if (crowd->records_round_trips) {
            lubdub_histogram_add(&crowd->page->round_trips, event->round_trip);
        }
        break;
    case LUBDUB_EVENT_DOWN:
        crowd->finished_sent_count += sent_count(link);
        if (state_of(crowd, link) == SWARM_CLIENT_UP) {
            set_state(crowd, link, SWARM_CLIENT_LEAVING);
            crowd->hooks->on_down(crowd->user_data, number_of(crowd, link), event->cause, now, event->deadline);
        } else {
            crowd->counts->is_refused = false;
            note_failure(crowd, "the server did not let a client in",
                         event->has_reason ? lubdub_reason_word(event->reason_code) : lubdub_cause_text(event->cause));
        }
        break;
    case LUBDUB_EVENT_NONE:
    case LUBDUB_EVENT_HELLO:
    case LUBDUB_EVENT_GRANT_CHANGED:
    case LUBDUB_EVENT_LATE_ACK:
    case LUBDUB_EVENT_TIMED_OUT:
    case LUBDUB_EVENT_HEALTH:
    case LUBDUB_EVENT_MESSAGE:
    case LUBDUB_EVENT_LATE:
    case LUBDUB_EVENT_RECOVERED:
    case LUBDUB_EVENT_ROOM:
        break;
    }
}

static void on_closed(struct lubdub_link *link)
{
    set_state(crowd_of(link), link, SWARM_CLIENT_ABSENT);
}

/* ---- connecting ---- */

/* The same seed gives the same phase to the same client on the same ramp, in whatever order they come in. */
static lubdub_duration phase_of(const struct swarm_crowd *crowd, uint32_t number)
{
    uint64_t random = crowd->settings.seed ^ ((uint64_t)crowd->round << 32 | number);

    random_next(&random);
    return 1 + random_below(&random, crowd->settings.interval);
}

static enum lubdub_error begin_session(struct swarm_crowd *crowd, struct lubdub_link *link, int socket,
                                       const struct lubdub_session_settings *opening)
{
    if (crowd->settings.tls == NULL) {
        return lubdub_link_open(link, &crowd->group, socket, LUBDUB_ROLE_CLIENT, opening);
    }
    return lubdub_link_open_tls(link, &crowd->group, socket, LUBDUB_ROLE_CLIENT, opening, crowd->settings.tls,
                                crowd->settings.tls_name);
}

static void open_link(struct swarm_crowd *crowd, struct lubdub_link *link, int socket)
{
    struct lubdub_session_settings opening = crowd->session_settings;
    uint32_t number = number_of(crowd, link);
    char identity[32];
    int length = snprintf(identity, sizeof identity, SWARM_IDENTITY_FORMAT, number);

    opening.identity = (struct lubdub_slice){identity, (size_t)length};
    opening.incarnation = lubdub_clock_realtime();
    opening.phase = phase_of(crowd, number);
    lubdub_socket_tune(socket);
    set_state(crowd, link, SWARM_CLIENT_OPENING);
    if (begin_session(crowd, link, socket, &opening) != LUBDUB_ERROR_OK) {
        set_state(crowd, link, SWARM_CLIENT_ABSENT);
        note_failure(crowd, "a client could not begin", "no memory is left");
    }
}

static void fail_to_connect(struct swarm_crowd *crowd, struct lubdub_link *link, int socket, int error)
{
    crowd->counts->is_refused = error == ECONNREFUSED;
    note_failure(crowd, "a client could not connect", strerror(error));
    if (socket >= 0) {
        close(socket);
    }
    set_state(crowd, link, SWARM_CLIENT_ABSENT);
}

static void on_connected(struct ev_loop *loop, ev_io *io, int revents)
{
    struct lubdub_link *link = container_of(io, struct lubdub_link, io);
    struct swarm_crowd *crowd = io->data;
    int socket = io->fd;
    int error = 0;
    socklen_t length = sizeof error;
    (void)revents;

    ev_io_stop(loop, io);
    if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) != 0) {
        error = errno;
    }
    if (error != 0) {
        fail_to_connect(crowd, link, socket, error);
        return;
    }
    open_link(crowd, link, socket);
}

/* The port is chosen at connect(), when it may be shared with other destinations. */
static int bind_source(const struct swarm_crowd *crowd, int socket, uint32_t number)
{
    const int on = 1;
    struct lubdub_address source;
    struct sockaddr_storage address;
    socklen_t length;

    if (crowd->settings.source_address == NULL) {
        return 0;
    }
    crowd->settings.source_address(&source, number);
    length = lubdub_address_to_socket(&source, &address);
    setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    return bind(socket, (const struct sockaddr *)&address, length);
}

static void start_connecting(struct swarm_crowd *crowd, struct lubdub_link *link)
{
    struct sockaddr_storage address;
    socklen_t length = lubdub_address_to_socket(&crowd->settings.server, &address);
    int socket = lubdub_socket_new(&crowd->settings.server, crowd->settings.multipath);

    if (socket < 0 || bind_source(crowd, socket, number_of(crowd, link)) != 0 ||
        (connect(socket, (const struct sockaddr *)&address, length) != 0 && errno != EINPROGRESS)) {
        fail_to_connect(crowd, link, socket, errno);
        return;
    }
    set_state(crowd, link, SWARM_CLIENT_CONNECTING);
    ev_io_init(&link->io, on_connected, socket, EV_WRITE);
    link->io.data = crowd;
    ev_io_start(crowd->loop, &link->io);
}

static uint32_t attempt_count(const struct swarm_crowd *crowd)
{
    return crowd->counts->state_counts[SWARM_CLIENT_CONNECTING] + crowd->counts->state_counts[SWARM_CLIENT_OPENING];
}

static void on_ramp(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct swarm_crowd *crowd = container_of(timer, struct swarm_crowd, ramp_timer);
    double elapsed = (double)lubdub_time_between(crowd->ramp_began_at, lubdub_clock_now()) / (double)LUBDUB_SECOND;
    uint64_t due = (uint64_t)(elapsed * crowd->settings.ramp) + 1;
    (void)revents;

    while (crowd->counts->ramp_passed < crowd->settings.part.count && crowd->ramp_started < due &&
           attempt_count(crowd) < crowd->settings.attempt_limit) {
        struct lubdub_link *link = &crowd->links[crowd->counts->ramp_passed++];

        if (state_of(crowd, link) == SWARM_CLIENT_ABSENT) {
            crowd->ramp_started++;
            start_connecting(crowd, link);
        }
    }
    if (crowd->counts->ramp_passed == crowd->settings.part.count) {
        ev_timer_stop(loop, timer);
    }
}

void swarm_crowd_return(struct swarm_crowd *crowd, uint32_t number)
{
    struct lubdub_link *link = link_of(crowd, number);

    if (state_of(crowd, link) == SWARM_CLIENT_ABSENT) {
        start_connecting(crowd, link);
    }
}

bool swarm_crowd_is_settled(const struct swarm_crowd *crowd)
{
    return crowd->counts->ramp_passed == crowd->settings.part.count && attempt_count(crowd) == 0;
}

/* Takes an open link out of the loop; its socket is ours. */
static int take_socket(struct swarm_crowd *crowd, struct lubdub_link *link)
{
    crowd->finished_sent_count += sent_count(link);
    return lubdub_link_detach(link);
}

/* ---- faults: what a client's process does, each under the fault's name ---- */

/* Its kernel goes on acknowledging what comes. */
static void freeze(struct swarm_crowd *crowd, struct lubdub_link *link)
{
    link->io.fd = take_socket(crowd, link);
    set_state(crowd, link, SWARM_CLIENT_FROZEN);
}

/* What the kernel does for a process that dies: a FIN, or a RST where bytes lie unread. */
static void die(struct swarm_crowd *crowd, struct lubdub_link *link)
{
    close(take_socket(crowd, link));
    set_state(crowd, link, SWARM_CLIENT_ABSENT);
}

static void reset(struct swarm_crowd *crowd, struct lubdub_link *link)
{
    lubdub_socket_reset(take_socket(crowd, link));
    set_state(crowd, link, SWARM_CLIENT_ABSENT);
}

static void say_bye(struct swarm_crowd *crowd, struct lubdub_link *link)
{
    crowd->finished_sent_count += sent_count(link);
    set_state(crowd, link, SWARM_CLIENT_LEAVING);
    lubdub_link_leave(link, LUBDUB_REASON_NORMAL, NULL, false, 0);
}

/* The kernel is to say nothing about the socket any more, neither FIN nor RST. */
static void lose_power(struct swarm_crowd *crowd, struct lubdub_link *link)
{
    const int on = 1;
    int socket = take_socket(crowd, link);

    setsockopt(socket, IPPROTO_TCP, TCP_REPAIR, &on, sizeof on);
    close(socket);
    set_state(crowd, link, SWARM_CLIENT_ABSENT);
}

static void (*const strikes[SWARM_FAULT_COUNT])(struct swarm_crowd *crowd, struct lubdub_link *link) = {
    [SWARM_FAULT_FREEZE] = freeze, [SWARM_FAULT_KILL] = die,         [SWARM_FAULT_RESET] = reset,
    [SWARM_FAULT_BYE] = say_bye,   [SWARM_FAULT_POWER] = lose_power,
};

bool swarm_crowd_strike(struct swarm_crowd *crowd, uint32_t number, enum swarm_fault fault, lubdub_time *at)
{
    struct lubdub_link *link = link_of(crowd, number);

    assert(strikes[fault] != NULL);
    if (state_of(crowd, link) != SWARM_CLIENT_UP) {
        return false;
    }
    *at = lubdub_clock_now();
    strikes[fault](crowd, link);
    return true;
}

/* ---- ends ---- */

static void drop(struct swarm_crowd *crowd, struct lubdub_link *link)
{
    switch (state_of(crowd, link)) {
    case SWARM_CLIENT_CONNECTING:
        ev_io_stop(crowd->loop, &link->io);
        close(link->io.fd);
        break;
    case SWARM_CLIENT_OPENING:
    case SWARM_CLIENT_UP:
        close(take_socket(crowd, link));
        break;
    case SWARM_CLIENT_LEAVING:
        lubdub_link_abort(link); /* its probes are counted already */
        break;
    case SWARM_CLIENT_FROZEN:
        close(link->io.fd);
        break;
    case SWARM_CLIENT_ABSENT:
    case SWARM_CLIENT_STATE_COUNT:
        break;
    }
    set_state(crowd, link, SWARM_CLIENT_ABSENT);
}

void swarm_crowd_connect(struct swarm_crowd *crowd)
{
    uint32_t i;

    for (i = 0; i < crowd->settings.part.count; i++) {
        if (crowd->states[i] == SWARM_CLIENT_FROZEN) {
            drop(crowd, &crowd->links[i]);
        }
    }
    crowd->counts->ramp_passed = 0;
    crowd->ramp_started = 0;
    crowd->round++;
    crowd->ramp_began_at = lubdub_clock_now();
    ev_timer_stop(crowd->loop, &crowd->ramp_timer);
    ev_timer_set(&crowd->ramp_timer, 0, RAMP_STEP);
    ev_timer_start(crowd->loop, &crowd->ramp_timer);
}

void swarm_crowd_drop(struct swarm_crowd *crowd)
{
    uint32_t i;

    ev_timer_stop(crowd->loop, &crowd->ramp_timer);
    crowd->counts->ramp_passed = crowd->settings.part.count;
    for (i = 0; i < crowd->settings.part.count; i++) {
        drop(crowd, &crowd->links[i]);
    }
}

void swarm_crowd_leave(struct swarm_crowd *crowd)
{
    lubdub_time at;
    uint32_t i;

    ev_timer_stop(crowd->loop, &crowd->ramp_timer);
    crowd->counts->ramp_passed = crowd->settings.part.count;
    for (i = 0; i < crowd->settings.part.count; i++) {
        struct lubdub_link *link = &crowd->links[i];

        if (!swarm_crowd_strike(crowd, number_of(crowd, link), SWARM_FAULT_BYE, &at) &&
            state_of(crowd, link) != SWARM_CLIENT_LEAVING) {
            drop(crowd, link);
        }
    }
}

/* ---- looking ---- */

bool swarm_crowd_is_gone(const struct swarm_crowd *crowd)
{
    return crowd->counts->state_counts[SWARM_CLIENT_ABSENT] == crowd->settings.part.count;
}

void swarm_crowd_count(struct swarm_crowd *crowd)
{
    struct swarm_crowd_counts *counts = crowd->counts;
    uint32_t i;

    counts->answered_count = counts->acked_count;
    counts->sent_count = crowd->finished_sent_count;
    for (i = 0; i < crowd->settings.part.count; i++) {
        if (crowd->states[i] == SWARM_CLIENT_UP) {
            counts->sent_count += sent_count(&crowd->links[i]);
        }
    }
    counts->absence_count = crowd->group.reactor->absence_count;
    counts->absence_total = crowd->group.reactor->absence_total;
}

/* ---- life ---- */

static void free_clients(struct swarm_crowd *crowd)
{
    free(crowd->links);
    free(crowd->states);
    crowd->links = NULL;
    crowd->states = NULL;
}

bool swarm_crowd_init(struct swarm_crowd *crowd, struct ev_loop *loop, const struct swarm_crowd_settings *settings,
                      struct swarm_crowd_page *page, const struct swarm_crowd_hooks *hooks, void *user_data)
{
    const char *wrong;

    memset(crowd, 0, sizeof *crowd);
    memset(page, 0, sizeof *page);
    crowd->page = page;
    crowd->counts = &page->counts;
    crowd->settings = *settings;
    crowd->hooks = hooks;
    crowd->user_data = user_data;
    crowd->loop = loop;
    crowd->counts->ramp_passed = settings->part.count;
    crowd->counts->state_counts[SWARM_CLIENT_ABSENT] = settings->part.count;
    ev_timer_init(&crowd->ramp_timer, on_ramp, 0, 0);

    lubdub_session_settings_init(&crowd->session_settings);
    crowd->session_settings.interval = settings->interval;
    crowd->session_settings.timeout = settings->timeout;
    crowd->session_settings.expiry = settings->expiry;
    crowd->session_settings.adapts = settings->adapts;
    wrong = lubdub_session_settings_check(&crowd->session_settings, LUBDUB_ROLE_CLIENT);
    if (wrong != NULL) {
        note_failure(crowd, "the clients' settings do not work", wrong);
        return false;
    }

    crowd->links = calloc(settings->part.count, sizeof *crowd->links);
    crowd->states = calloc(settings->part.count, sizeof *crowd->states);
    if (crowd->links == NULL || crowd->states == NULL ||
        lubdub_link_group_init(&crowd->group, loop) != LUBDUB_ERROR_OK) {
        free_clients(crowd);
        note_failure(crowd, "the clients found no room", "no memory is left");
        return false;
    }
    crowd->group.settings = &crowd->session_settings;
    crowd->group.on_event = on_event;
    crowd->group.on_closed = on_closed;
    lubdub_link_group_gather(&crowd->group, settings->gather);
    crowd->group.may_have_paths = settings->multipath;
    return true;
}

void swarm_crowd_clear(struct swarm_crowd *crowd)
{
    if (crowd->links != NULL) {
        swarm_crowd_drop(crowd);
        lubdub_link_group_clear(&crowd->group);
        free_clients(crowd);
    }
}
