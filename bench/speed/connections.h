/*
 * Many connections to one server from one thread. They probe when they are told, take the answers, and count.
 *
 * The server is ours, or a yardstick that sends back what it gets: an answer is an ACK there and the PROBE itself here,
 * 16 bytes both. A connection that ends is counted and stays away.
 */
#ifndef LUBDUB_BENCH_SPEED_CONNECTIONS_H
#define LUBDUB_BENCH_SPEED_CONNECTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <lubdub/frame.h>
#include <lubdub/time.h>

#include "statistics/summary.h"

struct speed_connection {
    lubdub_time sent_at; /* of the probe whose answer is awaited; 0: there is none */
    uint32_t probe_count;
    int socket; /* -1: it ended */
    /* of the frame that is coming in */
    uint16_t content_left;
    uint8_t header_length;
    uint8_t header[LUBDUB_HEADER_LENGTH];
    bool is_greeted; /* the server answered it once */
};

/* Since speed_connections_reset(). */
struct speed_counts {
    uint64_t probes;
    uint64_t answers;
    uint64_t overdue;    /* probes left out: the one before had no answer yet */
    uint64_t challenges; /* of the server, answered */
    struct lubdub_histogram round_trips;
};

struct speed_connections {
    struct speed_connection *all;
    uint32_t count;
    uint32_t alive_count;
    uint32_t greeted_count;
    int epoll;
    bool is_echo;         /* the server is a yardstick */
    bool answers_at_once; /* closed loop: an answer is followed by the next probe */
    struct speed_counts counts;
};

/* Makes room for that many. Ends the program where the system lacks something. */
void speed_connections_init(struct speed_connections *connections, uint32_t count, bool is_echo);
void speed_connections_clear(struct speed_connections *connections);

/* Connects until it succeeds once, and closes again; false: nobody listened for ten seconds. */
bool speed_await_server(uint16_t port);

/* Opens the index-th connection to 127.0.0.1, from one of 250 addresses so that ports suffice. */
void speed_connections_open(struct speed_connections *connections, uint32_t index, uint16_t port);

/* Says HELLO with an identity that begins so, or, where identity is NULL, sends the first probe. */
void speed_connections_greet(struct speed_connections *connections, uint32_t index, const char *identity);

void speed_connections_probe(struct speed_connections *connections, uint32_t index);

/* Waits until something comes, at most until then, and handles it. */
void speed_connections_wait(struct speed_connections *connections, lubdub_time until);

/* Counts from zero. */
void speed_connections_reset(struct speed_connections *connections);

#endif
