/*
 * Many raw clients in a child process of their own, so that they can be stopped and killed. Each says HELLO as
 * PREFIX-NUMBER and probes at its interval from a phase of its own, whatever comes back; after a stop it goes on at its
 * interval and does not make up for what it missed. It answers challenges.
 */
#ifndef LUBDUB_TESTS_SYSTEM_CROWD_H
#define LUBDUB_TESTS_SYSTEM_CROWD_H

#include <stdint.h>
#include <sys/types.h>

struct crowd {
    /* for the test to set */
    uint16_t port;
    const char *prefix;
    uint32_t count;
    uint32_t interval_ms;
    uint32_t expiry_ms;

    pid_t pid;
    int reports;
};

struct crowd_report {
    uint32_t living;   /* connections that are still there */
    uint32_t byes[16]; /* ends by BYE, by reason */
    uint32_t ended;    /* ends without one */
    uint64_t probes;
    uint64_t acks;
    uint32_t longest_gap_ms; /* that they were kept from probing by the machine; not by crowd_stop() */
};

/* Returns when all have their WELCOME. */
void crowd_start(struct crowd *crowd);

void crowd_stop(struct crowd *crowd);
void crowd_go_on(struct crowd *crowd);

/* How it is with them right now. */
void crowd_ask(struct crowd *crowd, struct crowd_report *report);

/* SIGKILL. Twice does no harm. */
void crowd_kill(struct crowd *crowd);

#endif
