/*
 * A writer sends event lines to a descriptor and never keeps the caller waiting: the caller copies its event into a
 * bounded store, and a thread of the writer's own formats and writes it. One writer is one sink in one form.
 *
 * When the reader does not keep up, or the disk is full, lines are dropped and counted, and a line "dropped" with the
 * count stands where they are missing as soon as there is room again. A file gets whole lines only.
 *
 * Any thread may call any function here at any time, except that close must be the last call.
 */
#ifndef LUBDUB_PROGRAM_EVENTS_WRITER_H
#define LUBDUB_PROGRAM_EVENTS_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lubdub/time.h>

#include "program/events/form.h"
#include "program/events/line.h"

struct lubdub_event_writer;

struct lubdub_event_writer_settings {
    int descriptor;             /* written to and left open; or -1 and a path */
    const char *path;           /* opened, made (0640) if need be, appended to. Copied. */
    lubdub_event_format format; /* NULL: JSON */
    void *user_data;            /* for format, on_failed and on_refused */
    /*
     * Called once, in the writer's thread, when nothing will ever read what is written (broken pipe, closed
     * descriptor). May be NULL. It must not block and must not call the writer.
     */
    void (*on_failed)(void *user_data);
    /*
     * Called in the writer's thread when a write is refused for a reason that may pass (the disk is full), with its
     * errno: once, until lines go out again, which is told with 0. May be NULL. As on_failed, it must not block and
     * must not call the writer.
     */
    void (*on_refused)(int error, void *user_data);
    size_t capacity; /* bytes of store in each half; 8 MiB, of which only what a backlog needs is ever touched */
};

/* Makes every field work: standard output, JSON. */
void lubdub_event_writer_settings_init(struct lubdub_event_writer_settings *settings);

/*
 * Opens the path if there is one and starts the thread, with all signals blocked in it. The descriptor's O_NONBLOCK is
 * neither needed nor changed.
 * Returns 0 and the writer, or an errno: ENOENT, EACCES, EISDIR, ENXIO (a FIFO without a reader), ENOMEM, ...
 * lubdub_event_output_error_text (output.h) has the sentence. What root opens is a regular file and no symbolic link.
 */
int lubdub_event_writer_new(struct lubdub_event_writer **writer, const struct lubdub_event_writer_settings *settings);

/* Hands a copy of the line over; never blocks on output. Returns false if it was dropped. A NULL writer takes all. */
bool lubdub_event_writer_put(struct lubdub_event_writer *writer, const struct lubdub_event_line *line);

/*
 * Opens the path again, as after a rotation. Lines put before may go into either file, whole.
 * Returns 0, or an errno: then the old file stays in use. Nothing to do for a writer without a path.
 */
int lubdub_event_writer_reopen(struct lubdub_event_writer *writer);

/* Whether output was given up for good, because nothing can read it any more. */
bool lubdub_event_writer_failed(const struct lubdub_event_writer *writer);

/* How many lines were dropped or lost so far, including lines that are not yet reported. */
uint64_t lubdub_event_writer_lost(const struct lubdub_event_writer *writer);

#define LUBDUB_EVENT_WRITER_PATIENCE (2 * LUBDUB_SECOND)

/* A reader that goes on reading gets so many times the patience. */
#define LUBDUB_EVENT_WRITER_PATIENCES 3

/*
 * Writes what waits, then ends the thread and frees the writer. Gives up when nothing was taken for `patience`, and
 * after three times that in any case. Never hangs: a thread that the kernel does not let go of is left behind and
 * cleans up after itself. Returns how many lines were lost in all (at most, where a thread was left behind).
 */
uint64_t lubdub_event_writer_close(struct lubdub_event_writer *writer, lubdub_duration patience);

#endif
