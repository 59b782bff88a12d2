/* Reads and writes a socket, or lets liblubdub-tls do it. */
#include "server/presence/wire.h"

#include <errno.h>
#include <string.h>

#include <lubdub/cause.h>

#include "ev/socket.h"

void presence_wire_init(struct presence_wire *wire, struct ev_loop *loop)
{
    memset(wire, 0, sizeof *wire);
    wire->all.loop = loop;
}

bool presence_wire_begin(struct presence_wire *wire, ev_io *io, struct lubdub_tls *tls, const char *name)
{
    wire->io = io;
    wire->tls = tls != NULL ? tls->kind->begin(tls, &wire->all, io, LUBDUB_ROLE_CLIENT, name) : NULL;
    return tls == NULL || wire->tls != NULL;
}

/* ---- as it is ---- */

static ssize_t result_of(ssize_t length, const char **why)
{
    if (length >= 0) {
        return length;
    }
    if (errno == EAGAIN || errno == EINTR) {
        return 0;
    }
    *why = strerror(errno);
    return -1;
}

static ssize_t read_plain(const struct presence_wire *wire, uint8_t *input, size_t capacity, const char **why)
{
    ssize_t length = lubdub_socket_receive(wire->io->fd, input, capacity);

    if (length == 0) {
        *why = "it closed the connection";
        return -1;
    }
    return result_of(length, why);
}

/* ---- over TLS ---- */

static ssize_t result_of_transfer(const struct presence_wire *wire, struct lubdub_transfer transfer, const char **why)
{
    if (transfer.length > 0 || transfer.end == LUBDUB_CAUSE_NONE) {
        return (ssize_t)transfer.length; /* what came before an end counts; the next read tells the end */
    }
    *why = wire->tls->problem != NULL            ? wire->tls->problem
           : transfer.end == LUBDUB_CAUSE_CLOSED ? "it closed the connection"
                                                 : lubdub_cause_text(transfer.end);
    return -1;
}

/* ---- either ---- */

ssize_t presence_wire_read(struct presence_wire *wire, uint8_t *input, size_t capacity, const char **why)
{
    return wire->tls == NULL ? read_plain(wire, input, capacity, why)
                             : result_of_transfer(wire, wire->tls->kind->read(wire->tls, input, capacity), why);
}

ssize_t presence_wire_write(struct presence_wire *wire, const uint8_t *bytes, size_t length, const char **why)
{
    struct lubdub_transfer transfer;

    if (wire->tls == NULL) {
        return length > 0 ? result_of(lubdub_socket_send(wire->io->fd, bytes, length), why) : 0;
    }
    transfer = length > 0 ? wire->tls->kind->write(wire->tls, bytes, length, false) : wire->tls->kind->flush(wire->tls);
    return result_of_transfer(wire, transfer, why);
}

bool presence_wire_is_open(const struct presence_wire *wire)
{
    return wire->tls == NULL || wire->tls->is_open;
}

bool presence_wire_has_input(const struct presence_wire *wire)
{
    return wire->tls != NULL && wire->tls->has_input;
}

int presence_wire_wants(const struct presence_wire *wire, bool has_output)
{
    /* Before the handshake is done our bytes cannot go, and a socket that has room would be told without end. */
    bool may_write = wire->tls == NULL ? has_output : wire->tls->has_output || (has_output && wire->tls->is_open);

    return EV_READ | (may_write ? EV_WRITE : 0);
}

bool presence_wire_rest(struct presence_wire *wire)
{
    return wire->tls == NULL || wire->tls->kind->rest(wire->tls);
}

void presence_wire_end(struct presence_wire *wire)
{
    if (wire->tls != NULL) {
        wire->tls->kind->free(wire->tls);
        wire->tls = NULL;
    }
}

void presence_wire_close(struct presence_wire *wire)
{
    lubdub_transports_clear(&wire->all);
}
