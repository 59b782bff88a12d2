/*
 * Joins two sessions, client and server, in memory under one virtual clock.
 *
 *     client ══ up ══► server        a direction delays, stalls, or loses what is written to it;
 *     client ◄═ down ══ server       it holds at most `window` bytes, as two kernels do
 *
 * Either side, or both, can be stopped as by SIGSTOP; when it goes on it forgives as the reactor does.
 */
#ifndef LUBDUB_TESTS_SUPPORT_PAIR_H
#define LUBDUB_TESTS_SUPPORT_PAIR_H

#include "endpoint.h"

struct segment {
    lubdub_time arrives_at;
    size_t length;
};

struct direction {
    lubdub_duration delay; /* changing it reorders nothing */
    bool is_stalled;       /* what is written waits, and arrives when the stall ends */
    bool loses;            /* what is written never arrives, nor does the end */
    size_t window;         /* KERNEL_TAKES_ALL */

    struct wire_bytes bytes; /* under way, or arrived and not read */
    struct segment *segments;
    size_t segment_count;
    bool has_ended;
    enum lubdub_cause ended_how;
    lubdub_time end_arrives_at;
    lubdub_time last_arrival;
};

enum side {
    SIDE_CLIENT = 1,
    SIDE_SERVER = 2,
    SIDE_BOTH = 3,
};

struct pair {
    struct endpoint client;
    struct endpoint server;
    struct direction up;
    struct direction down;
    lubdub_time now;
    unsigned stopped; /* sides */
    lubdub_time client_stopped_at;
    lubdub_time server_stopped_at;
    bool client_is_gone; /* its process was killed; its socket with it, unless the path lost the FIN */
    bool server_is_gone;
};

void pair_init(struct pair *pair);
void pair_clear(struct pair *pair);

/* Both begin; the client has written HELLO. */
void pair_open(struct pair *pair);

/* Lets time pass and everything happen that happens in it. */
void pair_run(struct pair *pair, lubdub_duration length);
void pair_run_to(struct pair *pair, lubdub_time until);

/* When something happens next; LUBDUB_TIME_NEVER if nothing does. */
lubdub_time pair_next(const struct pair *pair);

/* After the test did something to an endpoint: takes what it wrote. pair_run does so too. */
void pair_collect(struct pair *pair);

/* SIGSTOP and SIGCONT. What arrives meanwhile lies in the socket. */
void pair_stop(struct pair *pair, unsigned sides);
void pair_go_on(struct pair *pair, unsigned sides);

/* The process dies: its kernel sends FIN (or RST), as far as the path lets it. */
void pair_kill(struct pair *pair, enum side side, enum lubdub_cause how);

/* The cable is cut, both ways; nothing arrives any more, not even an end. The kernel's acknowledgements stop too. */
void pair_cut(struct pair *pair);

/* The stall of a direction begins and ends. */
void pair_stall(struct pair *pair, struct direction *direction);
void pair_unstall(struct pair *pair, struct direction *direction);

/* Prints the state of both, for the message of a failing test. */
void pair_print(const struct pair *pair);

#endif
