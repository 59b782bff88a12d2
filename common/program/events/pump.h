/*
 * The work of the writer's thread: it takes lines from a half of the store, gives them their form, writes them in
 * batches, and says how many are missing.
 */
#ifndef LUBDUB_PROGRAM_EVENTS_PUMP_H
#define LUBDUB_PROGRAM_EVENTS_PUMP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "program/events/form.h"
#include "program/events/output.h"
#include "program/events/store.h"

/* Lines that are missing in the output and have not been told of there. */
struct lubdub_event_gap {
    uint64_t count;
    lubdub_time mono; /* the first of them */
    uint64_t real;
    int error; /* why the last of them; 0: the reader is slow */
};

struct lubdub_event_pump {
    struct lubdub_event_output output;
    lubdub_event_format format;
    void (*on_failed)(void *user_data);
    void (*on_refused)(int error, void *user_data);
    void *user_data;
    bool is_refused; /* on_refused was told of an error, and not yet of its end */

    struct lubdub_event_gap gap; /* comes after the lines in the buffer */
    char *buffer;
    size_t buffered;
    uint64_t buffered_lines;
    struct lubdub_event_line line; /* the line at hand */

    _Atomic uint64_t lost;  /* lines taken from the store that did not get out */
    _Atomic uint64_t kept;  /* lines that did, or that have no form here */
    atomic_bool has_failed; /* nothing will ever read this */
};

/*
 * Takes the descriptor over. format (NULL: JSON), on_failed and on_refused (each may be NULL) are as
 * lubdub_event_writer_settings has them. Returns 0 or an errno.
 */
int lubdub_event_pump_init(struct lubdub_event_pump *pump, int descriptor, lubdub_event_format format,
                           void (*on_failed)(void *user_data), void (*on_refused)(int error, void *user_data),
                           void *user_data);
void lubdub_event_pump_clear(struct lubdub_event_pump *pump);

/* Everything below is for the thread alone. */

/* Has done all allocations that the first line would do. */
void lubdub_event_pump_warm_up(struct lubdub_event_pump *pump);

/* Goes over to another file, if that was asked for. */
void lubdub_event_pump_switch(struct lubdub_event_pump *pump);

void lubdub_event_pump_write(struct lubdub_event_pump *pump, struct lubdub_event_half *half);

/* Tells of the gap where it is. Returns whether there is none left. */
bool lubdub_event_pump_report_gap(struct lubdub_event_pump *pump);

/* When to try that again: now and then while the disk is full, never if there is no gap. */
lubdub_time lubdub_event_pump_retry_at(const struct lubdub_event_pump *pump);

#endif
