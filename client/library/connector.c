/* Tries the addresses of a name until a socket is connected. */
#define _GNU_SOURCE
#include "client/library/connector.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ev/resolver.h"
#include "ev/clock.h"
#include "ev/container_of.h"
#include "ev/paths.h"
#include "ev/socket.h"

struct lubdub_connector {
    struct ev_loop *loop;
    ev_io io;       /* the socket that connects; its fd is -1 without one */
    ev_timer timer; /* the limit; before anything else, the start */
    struct lubdub_resolver_request *request;
    struct lubdub_address *addresses;
    size_t count;
    size_t tried;
    const struct lubdub_address *source;
    lubdub_duration timeout;
    enum lubdub_multipath multipath;
    lubdub_connector_callback callback;
    void *user_data;
    enum lubdub_cause cause; /* of the last failure */
    const char *text;
    bool is_busy; /* on the stack: frees itself at the end */
    bool is_freed;
    bool goes_on; /* what the timer is set for */
    struct lubdub_server_entry *entry;
};

/* ---- telling ---- */

static const struct lubdub_address *current_address(const struct lubdub_connector *connector)
{
    return connector->tried > 0 ? &connector->addresses[connector->tried - 1] : NULL;
}

static void tell(struct lubdub_connector *connector, enum lubdub_connector_event_kind kind, int socket)
{
    const struct lubdub_connector_event event = {
        .kind = kind,
        .address = current_address(connector),
        .socket = socket,
        .cause = connector->cause,
        .text = connector->text,
    };

    connector->callback(&event, connector->user_data);
}

static void fail(struct lubdub_connector *connector, enum lubdub_cause cause, const char *text)
{
    connector->cause = cause;
    connector->text = text;
}

/* ---- one address ---- */

static void arm(struct lubdub_connector *connector, lubdub_duration limit)
{
    ev_timer_stop(connector->loop, &connector->timer);
    ev_now_update(connector->loop); /* libev counts from its own idea of now, which may be old */
    ev_timer_set(&connector->timer, (ev_tstamp)limit / (ev_tstamp)LUBDUB_SECOND, 0);
    ev_timer_start(connector->loop, &connector->timer);
}

static void close_socket(struct lubdub_connector *connector)
{
    ev_io_stop(connector->loop, &connector->io);
    if (connector->io.fd >= 0) {
        close(connector->io.fd);
        ev_io_set(&connector->io, -1, EV_WRITE);
    }
}

/* Of an attempt to connect; it was no connection yet, so a reset is a refusal too. */
static enum lubdub_cause cause_of(int error)
{
    if (error == ETIMEDOUT) {
        return LUBDUB_CAUSE_TIMEOUT;
    }
    return lubdub_socket_cause(error) == LUBDUB_CAUSE_RESET ? LUBDUB_CAUSE_REFUSED : lubdub_socket_cause(error);
}

/* The port is chosen when the far end is known, so that there are as many connections as ports to each far end. */
static bool bind_source(int socket, const struct lubdub_address *source)
{
    struct sockaddr_storage address;
    socklen_t length = lubdub_address_to_socket(source, &address);
    const int on = 1;

    setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    return bind(socket, (const struct sockaddr *)&address, length) == 0;
}

/* Begins to connect. False: failed at once. */
static bool try_address(struct lubdub_connector *connector, const struct lubdub_address *address)
{
    struct sockaddr_storage target;
    socklen_t length = lubdub_address_to_socket(address, &target);
    int socket;

    if (connector->source != NULL && lubdub_address_is_ipv4(connector->source) != lubdub_address_is_ipv4(address)) {
        fail(connector, LUBDUB_CAUSE_UNREACHABLE, "the source address is of another family");
        return false;
    }
    socket = lubdub_socket_new(address, connector->multipath != LUBDUB_MULTIPATH_OFF);
    if (socket < 0) {
        fail(connector, LUBDUB_CAUSE_UNREACHABLE, strerror(errno));
        return false;
    }
    ev_io_set(&connector->io, socket, EV_WRITE);
    if (connector->source != NULL && !bind_source(socket, connector->source)) {
        fail(connector, LUBDUB_CAUSE_UNREACHABLE, strerror(errno));
        return false;
    }
    lubdub_socket_tune(socket);
    if (connect(socket, (const struct sockaddr *)&target, length) != 0 && errno != EINPROGRESS && errno != EINTR) {
        fail(connector, cause_of(errno), strerror(errno));
        return false;
    }
    return true;
}

/* Goes on with the next address, or gives up. */
static void advance(struct lubdub_connector *connector)
{
    while (connector->tried < connector->count) {
        bool is_last = ++connector->tried == connector->count;

        tell(connector, LUBDUB_CONNECTOR_TRYING, -1);
        if (connector->is_freed) {
            return;
        }
        if (try_address(connector, current_address(connector))) {
            ev_io_start(connector->loop, &connector->io);
            arm(connector,
                is_last || connector->timeout < LUBDUB_CONNECT_TURN ? connector->timeout : LUBDUB_CONNECT_TURN);
            return;
        }
        close_socket(connector);
        if (!is_last) {
            tell(connector, LUBDUB_CONNECTOR_FAILED, -1);
            if (connector->is_freed) {
                return;
            }
        }
    }
    tell(connector, LUBDUB_CONNECTOR_GAVE_UP, -1);
}

static void fail_address(struct lubdub_connector *connector, enum lubdub_cause cause, const char *text)
{
    ev_timer_stop(connector->loop, &connector->timer);
    close_socket(connector);
    fail(connector, cause, text);
    if (connector->tried < connector->count) {
        tell(connector, LUBDUB_CONNECTOR_FAILED, -1);
    }
    if (!connector->is_freed) {
        advance(connector);
    }
}

/* The socket has something to say of its attempt. */
static void finish_address(struct lubdub_connector *connector)
{
    int socket = connector->io.fd;
    int error = 0;
    socklen_t length = sizeof error;

    if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) != 0) {
        error = errno;
    }
    if (error != 0) {
        fail_address(connector, cause_of(error), strerror(error));
        return;
    }
    if (lubdub_connector_met_itself(socket)) {
        fail_address(connector, LUBDUB_CAUSE_REFUSED, "nobody listens there; the connection met itself");
        return;
    }
    if (connector->multipath == LUBDUB_MULTIPATH_REQUIRED &&
        (!lubdub_socket_may_have_paths(socket) || lubdub_paths_fell_back(socket))) {
        const char *lack = lubdub_paths_lack();

        fail_address(connector, LUBDUB_CAUSE_PROTOCOL,
                     lack != NULL ? lack
                                  : "Multipath TCP is required, and the server, or a box on the way, does not speak it");
        return;
    }
    ev_timer_stop(connector->loop, &connector->timer);
    ev_io_stop(connector->loop, &connector->io);
    ev_io_set(&connector->io, -1, EV_WRITE);
    tell(connector, LUBDUB_CONNECTOR_CONNECTED, socket);
}

/* ---- the name ---- */

static bool is_same(const struct lubdub_address *one, const struct lubdub_address *other)
{
    return memcmp(one->ip, other->ip, sizeof one->ip) == 0 && one->scope == other->scope;
}

/* Puts the addresses behind that of the last session first, and that address last. */
static size_t where_to_begin(const struct lubdub_connector *connector, const struct lubdub_address *addresses,
                             size_t count)
{
    const struct lubdub_address *behind = &connector->entry->behind;
    size_t i;

    for (i = 0; i < count; i++) {
        if (behind->port != 0 && is_same(&addresses[i], behind)) {
            return (i + 1) % count;
        }
    }
    return 0;
}

/* False: no memory. */
static bool take_addresses(struct lubdub_connector *connector, const struct lubdub_address *addresses, size_t count)
{
    size_t first = where_to_begin(connector, addresses, count);
    lubdub_time now = lubdub_clock_now();
    size_t i;

    connector->addresses = malloc(count * sizeof *addresses);
    if (connector->addresses == NULL) {
        return false;
    }
    connector->entry->address_count = count;
    connector->entry->not_before = LUBDUB_TIME_NEVER;
    for (i = 0; i < count; i++) {
        const struct lubdub_address *address = &addresses[(first + i) % count];
        lubdub_time until = lubdub_server_entry_rests_until(connector->entry, address, now);

        connector->entry->not_before = lubdub_time_earlier(connector->entry->not_before, until);
        if (until == 0) {
            connector->addresses[connector->count++] = *address;
        }
    }
    if (connector->count == 0) {
        fail(connector, LUBDUB_CAUSE_REJECTED, "all of its addresses asked to be left alone for a while");
    }
    return true;
}

/* Without a name that means something, the address that was good before may still be. */
static void name_failed(struct lubdub_connector *connector, const char *text)
{
    fail(connector, LUBDUB_CAUSE_RESOLVE, text);
    if (connector->entry->last_good.port != 0) {
        take_addresses(connector, &connector->entry->last_good, 1);
    }
    advance(connector);
}

static void enter(struct lubdub_connector *connector)
{
    connector->is_busy = true;
}

static void leave(struct lubdub_connector *connector)
{
    connector->is_busy = false;
    if (connector->is_freed) {
        lubdub_connector_free(connector);
    }
}

static void on_resolved(const struct lubdub_resolution *resolution, void *user_data)
{
    struct lubdub_connector *connector = user_data;

    enter(connector);
    connector->request = NULL;
    ev_timer_stop(connector->loop, &connector->timer);
    if (resolution->count == 0) {
        name_failed(connector, resolution->text);
    } else if (take_addresses(connector, resolution->addresses, resolution->count)) {
        advance(connector);
    } else {
        name_failed(connector, "no memory is left");
    }
    leave(connector);
}

static void begin(struct lubdub_connector *connector)
{
    const struct lubdub_client_server *server = &connector->entry->server;
    struct lubdub_address address;

    if (lubdub_address_parse(&address, server->host, server->port)) {
        if (!take_addresses(connector, &address, 1)) {
            fail(connector, LUBDUB_CAUSE_RESOLVE, "no memory is left");
        }
        advance(connector);
        return;
    }
    connector->request = lubdub_resolver_start(connector->loop, server->host, server->port, on_resolved, connector);
    if (connector->request == NULL) {
        name_failed(connector, "no memory or thread is left to look it up");
        return;
    }
    arm(connector, connector->timeout);
}

/* ---- callbacks of the loop ---- */

static void on_io(struct ev_loop *loop, ev_io *io, int revents)
{
    struct lubdub_connector *connector = container_of(io, struct lubdub_connector, io);
    (void)loop;

    enter(connector);
    if ((revents & EV_ERROR) != 0) {
        fail_address(connector, LUBDUB_CAUSE_UNREACHABLE, "the loop cannot watch this socket");
    } else {
        finish_address(connector);
    }
    leave(connector);
}

static bool has_news(int socket)
{
    struct pollfd poll_for = {.fd = socket, .events = POLLOUT};

    return poll(&poll_for, 1, 0) > 0;
}

/* The loop itself may have been away: an answer that is there counts before the limit does. */
static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents)
{
    struct lubdub_connector *connector = container_of(timer, struct lubdub_connector, timer);
    (void)loop, (void)revents;

    if (connector->request != NULL && lubdub_resolver_hurry(connector->request)) {
        return; /* on_resolved has done it all, and the connector may be gone */
    }
    enter(connector);
    if (connector->request != NULL) {
        lubdub_resolver_cancel(connector->request);
        connector->request = NULL;
        name_failed(connector, "the name was not looked up in time");
    } else if (connector->goes_on) {
        connector->goes_on = false;
        advance(connector);
    } else if (connector->tried == 0) {
        begin(connector);
    } else if (has_news(connector->io.fd)) {
        finish_address(connector);
    } else {
        fail_address(connector, LUBDUB_CAUSE_TIMEOUT, "nobody answered in time");
    }
    leave(connector);
}

/* ---- for the owner ---- */

bool lubdub_connector_met_itself(int socket)
{
    struct sockaddr_storage ends[2];
    struct lubdub_address near_end;
    struct lubdub_address far_end;
    socklen_t lengths[2] = {sizeof ends[0], sizeof ends[1]};

    return getsockname(socket, (struct sockaddr *)&ends[0], &lengths[0]) == 0 &&
           getpeername(socket, (struct sockaddr *)&ends[1], &lengths[1]) == 0 &&
           lubdub_address_from_socket(&near_end, (const struct sockaddr *)&ends[0]) &&
           lubdub_address_from_socket(&far_end, (const struct sockaddr *)&ends[1]) && near_end.port == far_end.port &&
           memcmp(near_end.ip, far_end.ip, sizeof near_end.ip) == 0;
}

struct lubdub_connector *lubdub_connector_start(const struct lubdub_connector_settings *settings)
{
    struct lubdub_connector *connector = calloc(1, sizeof *connector);

    if (connector == NULL) {
        return NULL;
    }
    connector->loop = settings->loop;
    connector->source = settings->source;
    connector->timeout = settings->timeout;
    connector->multipath = settings->multipath;
    connector->callback = settings->callback;
    connector->user_data = settings->user_data;
    connector->entry = settings->entry;
    ev_io_init(&connector->io, on_io, -1, EV_WRITE);
    ev_timer_init(&connector->timer, on_timer, 0, 0);
    arm(connector, 0);
    return connector;
}

bool lubdub_connector_has_more(const struct lubdub_connector *connector)
{
    return connector->tried < connector->count;
}

void lubdub_connector_go_on(struct lubdub_connector *connector)
{
    connector->goes_on = true;
    arm(connector, 0);
}

void lubdub_connector_free(struct lubdub_connector *connector)
{
    if (connector == NULL) {
        return;
    }
    if (connector->is_busy) {
        connector->is_freed = true;
        return;
    }
    if (connector->request != NULL) {
        lubdub_resolver_cancel(connector->request);
    }
    ev_timer_stop(connector->loop, &connector->timer);
    close_socket(connector);
    free(connector->addresses);
    free(connector);
}
