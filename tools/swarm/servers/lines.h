/* Lines out of a pipe: one bounded read in each turn of the loop, whatever waits in the pipe. */
#ifndef LUBDUB_SWARM_SERVERS_LINES_H
#define LUBDUB_SWARM_SERVERS_LINES_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

/* Longer lines are cut to this. */
#define SWARM_LINE_LIMIT 8192

struct swarm_lines {
    struct ev_loop *loop;
    ev_io io;
    /* A line without its newline, terminated; lives for the call. */
    void (*on_line)(void *user_data, const char *line, size_t length);
    void *user_data;
    bool is_open; /* false after the end of the pipe */
    size_t length;
    char buffer[SWARM_LINE_LIMIT + 1];
};

/* Takes the descriptor over and makes it non-blocking. */
void swarm_lines_open(struct swarm_lines *lines, struct ev_loop *loop, int descriptor,
                      void (*on_line)(void *user_data, const char *line, size_t length), void *user_data);

/* Reads what is left, up to the end or what would block, and closes. What was not ended by a newline is a line too. */
void swarm_lines_close(struct swarm_lines *lines);

#endif
