/* Cuts a stream into lines. */
#include "swarm/servers/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ev/container_of.h"

static void hand_out(struct swarm_lines *lines, size_t length)
{
    lines->buffer[length] = '\0';
    lines->on_line(lines->user_data, lines->buffer, length);
}

/* Hands out the whole lines; a line that fills the buffer is as good as whole. */
static void cut(struct swarm_lines *lines)
{
    char *start = lines->buffer;
    char *end = lines->buffer + lines->length;
    char *newline;

    while ((newline = memchr(start, '\n', (size_t)(end - start))) != NULL) {
        *newline = '\0';
        lines->on_line(lines->user_data, start, (size_t)(newline - start));
        start = newline + 1;
    }
    lines->length = (size_t)(end - start);
    if (lines->length == SWARM_LINE_LIMIT) {
        hand_out(lines, lines->length);
        lines->length = 0;
    }
    memmove(lines->buffer, start, lines->length);
}

/* One read. Returns whether there may be more now. */
static bool read_some(struct swarm_lines *lines)
{
    ssize_t length = read(lines->io.fd, lines->buffer + lines->length, SWARM_LINE_LIMIT - lines->length);

    if (length > 0) {
        lines->length += (size_t)length;
        cut(lines);
        return true;
    }
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
        return errno == EINTR;
    }
    ev_io_stop(lines->loop, &lines->io);
    close(lines->io.fd);
    lines->is_open = false;
    if (lines->length > 0) {
        hand_out(lines, lines->length);
        lines->length = 0;
    }
    return false;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
    struct swarm_lines *lines = container_of(io, struct swarm_lines, io);
    (void)loop, (void)revents;

    read_some(lines);
}

void swarm_lines_open(struct swarm_lines *lines, struct ev_loop *loop, int descriptor,
                      void (*on_line)(void *user_data, const char *line, size_t length), void *user_data)
{
    fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
    lines->loop = loop;
    lines->on_line = on_line;
    lines->user_data = user_data;
    lines->length = 0;
    lines->is_open = true;
    ev_io_init(&lines->io, on_readable, descriptor, EV_READ);
    ev_io_start(loop, &lines->io);
}

void swarm_lines_close(struct swarm_lines *lines)
{
    while (lines->is_open && read_some(lines)) {
    }
    if (lines->is_open) {
        ev_io_stop(lines->loop, &lines->io);
        close(lines->io.fd);
        lines->is_open = false;
    }
}
