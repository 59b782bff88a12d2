/* Sends and receives whole messages over a stream; both ends are the same program, so a message is its struct. */
#include "swarm/clients/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ev/container_of.h"

/* Messages taken from the socket in one turn. */
#define PIECE 512

/* Room for messages that wait: to begin with, and kept when none does any more. */
#define ROOM_KEPT (64 * sizeof(struct swarm_message))

static void end(struct swarm_channel *channel)
{
    swarm_channel_close(channel);
    channel->on_end(channel->user_data);
}

/* ---- coming ---- */

static void take(struct swarm_channel *channel, const uint8_t *input, size_t length)
{
    while (length > 0 && channel->is_open) {
        size_t missing = sizeof channel->partial - channel->partial_length;
        size_t taken = length < missing ? length : missing;

        memcpy((uint8_t *)&channel->partial + channel->partial_length, input, taken);
        channel->partial_length += taken;
        input += taken;
        length -= taken;
        if (channel->partial_length == sizeof channel->partial) {
            struct swarm_message message = channel->partial;

            channel->partial_length = 0;
            channel->on_message(channel->user_data, &message);
        }
    }
}

static void on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
    struct swarm_channel *channel = container_of(io, struct swarm_channel, input);
    uint8_t piece[PIECE * sizeof(struct swarm_message)];
    ssize_t length = recv(io->fd, piece, sizeof piece, 0);
    (void)loop, (void)revents;

    if (length > 0) {
        take(channel, piece, (size_t)length);
    } else if (length == 0 || (errno != EAGAIN && errno != EINTR)) {
        end(channel);
    }
}

/* ---- going ---- */

/* What a burst of news took, when thousands came up at once. */
static void give_back_room(struct swarm_channel *channel)
{
    if (channel->waiting_capacity > ROOM_KEPT) {
        free(channel->waiting);
        channel->waiting = NULL;
        channel->waiting_capacity = 0;
    }
}

static void flush(struct swarm_channel *channel)
{
    while (channel->waiting_sent < channel->waiting_length) {
        ssize_t sent = send(channel->output.fd, channel->waiting + channel->waiting_sent,
                            channel->waiting_length - channel->waiting_sent, MSG_NOSIGNAL);

        if (sent < 0 && errno == EAGAIN) {
            ev_io_start(channel->loop, &channel->output);
            return;
        }
        if (sent < 0 && errno != EINTR) {
            return; /* its end is read as one */
        }
        channel->waiting_sent += sent > 0 ? (size_t)sent : 0;
    }
    channel->waiting_length = 0;
    channel->waiting_sent = 0;
    ev_io_stop(channel->loop, &channel->output);
    give_back_room(channel);
}

static void on_writable(struct ev_loop *loop, ev_io *io, int revents)
{
    (void)loop, (void)revents;
    flush(container_of(io, struct swarm_channel, output));
}

static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
    struct swarm_channel *channel = container_of(prepare, struct swarm_channel, flush);
    (void)loop, (void)revents;

    if (!ev_is_active(&channel->output)) {
        flush(channel);
    }
}

/* Makes room behind what waits, first from what has gone. */
static bool make_room(struct swarm_channel *channel, size_t length)
{
    size_t capacity = channel->waiting_capacity > 0 ? 2 * channel->waiting_capacity : ROOM_KEPT;
    uint8_t *grown;

    if (channel->waiting_length + length <= channel->waiting_capacity) {
        return true;
    }
    if (channel->waiting_sent >= channel->waiting_capacity / 2 && channel->waiting_sent > 0) {
        channel->waiting_length -= channel->waiting_sent;
        memmove(channel->waiting, channel->waiting + channel->waiting_sent, channel->waiting_length);
        channel->waiting_sent = 0;
        return true;
    }
    grown = realloc(channel->waiting, capacity);
    if (grown == NULL) {
        return false;
    }
    channel->waiting = grown;
    channel->waiting_capacity = capacity;
    return true;
}

void swarm_channel_send(struct swarm_channel *channel, const struct swarm_message *message)
{
    if (!channel->is_open) {
        return;
    }
    if (!make_room(channel, sizeof *message)) {
        end(channel);
        return;
    }
    memcpy(channel->waiting + channel->waiting_length, message, sizeof *message);
    channel->waiting_length += sizeof *message;
}

/* ---- life ---- */

void swarm_channel_open(struct swarm_channel *channel, struct ev_loop *loop, int socket,
                        void (*on_message)(void *user_data, const struct swarm_message *message),
                        void (*on_end)(void *user_data), void *user_data)
{
    memset(channel, 0, sizeof *channel);
    fcntl(socket, F_SETFL, fcntl(socket, F_GETFL) | O_NONBLOCK);
    channel->loop = loop;
    channel->on_message = on_message;
    channel->on_end = on_end;
    channel->user_data = user_data;
    channel->is_open = true;
    ev_io_init(&channel->input, on_readable, socket, EV_READ);
    ev_io_init(&channel->output, on_writable, socket, EV_WRITE);
    ev_prepare_init(&channel->flush, on_prepare);
    ev_set_priority(&channel->flush, EV_MINPRI); /* after whatever else has something to send */
    ev_io_start(loop, &channel->input);
    ev_prepare_start(loop, &channel->flush);
}

void swarm_channel_close(struct swarm_channel *channel)
{
    if (channel->is_open) {
        channel->is_open = false;
        ev_io_stop(channel->loop, &channel->input);
        ev_io_stop(channel->loop, &channel->output);
        ev_prepare_stop(channel->loop, &channel->flush);
        close(channel->input.fd);
        free(channel->waiting);
        channel->waiting = NULL;
    }
}
