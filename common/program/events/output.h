/*
 * Writes whole lines to a descriptor, for a thread that may wait: a pipe gets pieces that the kernel takes whole or not
 * at all, a file that filled up in the middle of a line is cut back to the line before. The wait can be ended from
 * other threads.
 */
#ifndef LUBDUB_PROGRAM_EVENTS_OUTPUT_H
#define LUBDUB_PROGRAM_EVENTS_OUTPUT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

struct lubdub_event_output {
    int descriptor; /* a duplicate or a description of its own, never the caller's */
    bool is_regular;
    bool is_socket;
    bool may_block;             /* a write could: it is asked for room first */
    bool is_torn;               /* the last line is incomplete: the next one needs a newline before it */
    int error;                  /* the last errno of a write */
    int kick;                   /* eventfd: look at the two below */
    atomic_int next_descriptor; /* to be used from now on, or -1 */
    _Atomic lubdub_time give_up_at;
    _Atomic uint64_t taken; /* bytes that the descriptor took, in all */
};

enum lubdub_event_output_result {
    LUBDUB_EVENT_OUTPUT_DONE,
    LUBDUB_EVENT_OUTPUT_REFUSED, /* an error that may pass: disk full, input/output error */
    LUBDUB_EVENT_OUTPUT_DEAD,    /* an error that will not pass: nothing reads */
    LUBDUB_EVENT_OUTPUT_TIME_UP, /* give_up_at has come */
};

/*
 * Makes a descriptor of the output's own from the caller's, where possible with an O_NONBLOCK of its own: set on the
 * caller's, it would reach every program that shares the terminal. Returns it, or -1 and errno.
 */
int lubdub_event_output_adopt(int descriptor);

/*
 * Opens a file to append to, making it (0640) if need be. A process of root's writes to regular files only, and follows
 * no symbolic link at the end of the path: in a folder of another user it would write wherever that one likes. Returns
 * the descriptor, or -1 and errno: EMEDIUMTYPE for root's file that is not regular.
 */
int lubdub_event_output_open(const char *path);

/* The sentence for such an errno. */
const char *lubdub_event_output_error_text(int error);

/* Takes the descriptor over. Returns 0 or an errno; the descriptor is then closed. */
int lubdub_event_output_init(struct lubdub_event_output *output, int descriptor);
void lubdub_event_output_clear(struct lubdub_event_output *output);

/* Any thread: goes on with another descriptor (taken over), soon, whole lines in each. */
void lubdub_event_output_replace(struct lubdub_event_output *output, int descriptor);

/* Any thread: no write waits beyond this point (CLOCK_MONOTONIC). */
void lubdub_event_output_limit(struct lubdub_event_output *output, lubdub_time give_up_at);

/* The writer's thread: does what was asked for by replace. Returns whether there was anything. */
bool lubdub_event_output_switch(struct lubdub_event_output *output);

/* Writes whole lines. *written is how many bytes of them went out as whole lines. */
enum lubdub_event_output_result lubdub_event_output_write(struct lubdub_event_output *output, const char *lines,
                                                          size_t length, size_t *written);

#endif
