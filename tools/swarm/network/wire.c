/* Reads packets from two cards and writes each to the other one when it is due. */
#include "swarm/network/wire.h"

#include <ev.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "ev/clock.h"

#include "swarm/network/schedule.h"

#define PACKET_SIZE 65536

/* Packets from one card before the other one and the schedule have their turn. */
#define BATCH 64

/* All that may be under way: 100 KiB a second for 10 s from each of 64 clients, or a heartbeat's 200 bytes from
 * 100,000. */
#define BYTES_UNDER_WAY ((size_t)64 * 1024 * 1024)

/* How often it looks how late it is, beside each delayed packet. */
#define LAG_SAMPLE_EVERY (10 * LUBDUB_MILLISECOND)

struct card {
    ev_io io;
    enum swarm_way way; /* of the packets that are read here */
    int other;          /* where they are written */
};

struct wire {
    const struct swarm_wire_settings *settings;
    struct swarm_wire_shared *shared;
    struct swarm_lane *lanes; /* SWARM_WAY_COUNT for each path */
    struct swarm_schedule schedule;
    uint64_t random;
    struct card cards[SWARM_WAY_COUNT];
    ev_io alarm; /* a timerfd: libev's own timers count in milliseconds */
    ev_prepare prepare;
    lubdub_time armed_for;
    lubdub_time next_sample;
};

/* There is one to a process, and it is the loop's. */
static struct wire *wire_of(struct ev_loop *loop)
{
    return ev_userdata(loop);
}

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static struct swarm_lane *lane_of(const struct wire *wire, uint32_t path, enum swarm_way way)
{
    return &wire->lanes[(size_t)path * SWARM_WAY_COUNT + way];
}

static void deliver(struct wire *wire, enum swarm_way way, const uint8_t *packet, size_t length)
{
    bool is_delivered = write(wire->cards[way].other, packet, length) == (ssize_t)length;

    count(is_delivered ? &wire->shared->carried_count : &wire->shared->no_room_count);
}

static bool is_open_for_all(const struct wire *wire, uint32_t path, enum swarm_way way)
{
    uint32_t closed = atomic_load_explicit(&wire->shared->closed_ways, memory_order_acquire);

    if (path % SWARM_CABLES == 0) {
        closed |= atomic_load_explicit(&wire->shared->closed_ways_of_one, memory_order_acquire);
    }
    return (closed & SWARM_WAY_BIT(way)) == 0;
}

static void delay(struct wire *wire, uint32_t path, enum swarm_way way, lubdub_time due, const uint8_t *packet,
                  size_t length)
{
    if (swarm_schedule_add(&wire->schedule, due, path, (uint8_t)way, packet, (uint16_t)length)) {
        lane_of(wire, path, way)->waiting_count++;
    } else {
        count(&wire->shared->no_room_count);
    }
}

static void take(struct wire *wire, enum swarm_way way, const uint8_t *packet, size_t length)
{
    struct swarm_wire_shared *shared = wire->shared;
    lubdub_time due;
    uint32_t client;
    unsigned cable;
    uint32_t path;

    if (!swarm_packet_client(packet, length, way, wire->settings->client_count, &client, &cable)) {
        return; /* what a kernel says to its neighbours when a card comes up */
    }
    path = swarm_path_number(client, cable);
    if (!is_open_for_all(wire, path, way)) {
        count(&shared->cut_count);
        return;
    }
    switch (swarm_lane_take(lane_of(wire, path, way), &shared->paths[path], way, length, lubdub_clock_now(),
                            &wire->random, &due)) {
    case SWARM_FATE_DELIVERED:
        deliver(wire, way, packet, length);
        break;
    case SWARM_FATE_DELAYED:
        delay(wire, path, way, due, packet, length);
        break;
    case SWARM_FATE_CUT:
        count(&shared->cut_count);
        break;
    case SWARM_FATE_LOST:
        count(&shared->lost_count);
        break;
    case SWARM_FATE_OVERFLOW:
        count(&shared->overflow_count);
        break;
    }
}

static void on_card(struct ev_loop *loop, ev_io *io, int revents)
{
    static uint8_t packet[PACKET_SIZE];
    const struct card *card = io->data;
    ssize_t length;
    int i;
    (void)revents;

    for (i = 0; i < BATCH && (length = read(io->fd, packet, sizeof packet)) > 0; i++) {
        take(wire_of(loop), card->way, packet, (size_t)length);
    }
}

/* ---- what is due ---- */

/* A cable that is cut loses what is on its way too. */
static void arrive(struct wire *wire, const struct swarm_parcel *parcel)
{
    enum swarm_way way = (enum swarm_way)parcel->way;

    lane_of(wire, parcel->path, way)->waiting_count--;
    if (is_open_for_all(wire, parcel->path, way) && swarm_path_is_open(&wire->shared->paths[parcel->path], way)) {
        deliver(wire, way, parcel->bytes, parcel->length);
    } else {
        count(&wire->shared->cut_count);
    }
}

static void on_alarm(struct ev_loop *loop, ev_io *io, int revents)
{
    struct wire *wire = wire_of(loop);
    struct swarm_parcel *parcel;
    uint64_t expirations;
    lubdub_time now = lubdub_clock_now();
    (void)revents;

    (void)!read(io->fd, &expirations, sizeof expirations);
    wire->armed_for = LUBDUB_TIME_NEVER;
    if (now >= wire->next_sample) {
        if (atomic_exchange_explicit(&wire->shared->forgets_lag, false, memory_order_relaxed)) {
            memset(&wire->shared->lag, 0, sizeof wire->shared->lag);
        }
        lubdub_histogram_add(&wire->shared->lag, now - wire->next_sample);
        wire->next_sample = lubdub_time_after(now, LAG_SAMPLE_EVERY);
    }
    while ((parcel = swarm_schedule_take(&wire->schedule, lubdub_clock_now())) != NULL) {
        lubdub_histogram_add(&wire->shared->lag, lubdub_time_between(parcel->due, lubdub_clock_now()));
        arrive(wire, parcel);
        free(parcel);
    }
}

/* Before the loop waits. */
static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
    struct wire *wire = wire_of(loop);
    lubdub_time due = lubdub_time_earlier(wire->next_sample, swarm_schedule_next(&wire->schedule));
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(due / LUBDUB_SECOND), .tv_nsec = (long)(due % LUBDUB_SECOND)}};
    (void)prepare, (void)revents;

    if (due != wire->armed_for) {
        timerfd_settime(wire->alarm.fd, TFD_TIMER_ABSTIME, &when, NULL);
        wire->armed_for = due;
    }
}

/* ---- life ---- */

static void start_card(struct wire *wire, struct ev_loop *loop, enum swarm_way way, int from, int to)
{
    struct card *card = &wire->cards[way];

    card->way = way;
    card->other = to;
    ev_io_init(&card->io, on_card, from, EV_READ);
    card->io.data = card;
    ev_io_start(loop, &card->io);
}

static void carry(struct wire *wire, struct ev_loop *loop, int timer)
{
    const struct swarm_wire_settings *settings = wire->settings;

    ev_set_userdata(loop, wire);
    start_card(wire, loop, SWARM_WAY_TO_SERVER, settings->clients_card, settings->servers_card);
    start_card(wire, loop, SWARM_WAY_TO_CLIENT, settings->servers_card, settings->clients_card);
    ev_io_init(&wire->alarm, on_alarm, timer, EV_READ);
    ev_set_priority(&wire->alarm, EV_MAXPRI); /* what was sent before goes before */
    ev_io_start(loop, &wire->alarm);
    ev_prepare_init(&wire->prepare, on_prepare);
    ev_prepare_start(loop, &wire->prepare);
    wire->armed_for = LUBDUB_TIME_NEVER;
    wire->next_sample = lubdub_time_after(lubdub_clock_now(), LAG_SAMPLE_EVERY);
    ev_run(loop, 0);
}

void swarm_wire_run(const struct swarm_wire_settings *settings)
{
    struct wire wire = {.settings = settings, .shared = settings->shared, .random = settings->seed};
    struct ev_loop *loop = ev_loop_new(EVFLAG_NOENV);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

    wire.lanes = calloc((size_t)settings->client_count * SWARM_CABLES * SWARM_WAY_COUNT, sizeof *wire.lanes);
    swarm_schedule_init(&wire.schedule, BYTES_UNDER_WAY);
    if (loop != NULL && timer >= 0 && wire.lanes != NULL) {
        carry(&wire, loop, timer);
    }
    swarm_schedule_clear(&wire.schedule);
    free(wire.lanes);
    if (timer >= 0) {
        close(timer);
    }
    if (loop != NULL) {
        ev_loop_destroy(loop);
    }
}
