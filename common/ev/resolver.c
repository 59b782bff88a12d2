/*
 * Hands requests to a few threads, through one queue under one lock. A request belongs to the loop, but a thread that is
 * busy with it keeps a hold on it too: the side that lets go last frees it.
 */
#define _GNU_SOURCE
#include "ev/resolver.h"

#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ev/container_of.h"
#include "ev/thread.h"

#define THREADS_LIMIT 8

enum request_state {
    REQUEST_WAITS,
    REQUEST_RUNS,
    REQUEST_DONE,
    REQUEST_ABANDONED, /* cancelled while it runs: the thread frees it */
};

struct lubdub_resolver_request {
    ev_async done; /* the loop's */
    struct ev_loop *loop;
    lubdub_resolver_callback callback;
    void *user_data;
    uint16_t port;

    enum request_state state; /* this and all below: under the lock, or the thread's while it runs */
    struct lubdub_resolver_request *next;
    const char *text;
    size_t count;
    struct lubdub_address addresses[LUBDUB_RESOLVED_LIMIT];
    char host[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct lubdub_resolver_request *first;
static struct lubdub_resolver_request **last = &first;
static unsigned thread_count;

/* ---- in a thread ---- */

static bool is_known(const struct lubdub_resolver_request *request, const struct lubdub_address *address)
{
    size_t i;

    for (i = 0; i < request->count; i++) {
        const struct lubdub_address *known = &request->addresses[i];

        if (memcmp(known->ip, address->ip, sizeof known->ip) == 0 && known->scope == address->scope) {
            return true;
        }
    }
    return false;
}

/* From here on, the next new one of this family; NULL if there is none. */
static const struct addrinfo *next_of_family(const struct lubdub_resolver_request *request,
                                             const struct addrinfo *found, int family, struct lubdub_address *address)
{
    for (; found != NULL; found = found->ai_next) {
        if (found->ai_family == family && lubdub_address_from_socket(address, found->ai_addr) &&
            !is_known(request, address)) {
            break;
        }
    }
    return found;
}

/* By turns, so that a family that leads nowhere does not keep the client for long (RFC 8305, section 4). */
static void collect(struct lubdub_resolver_request *request, const struct addrinfo *found)
{
    int family = found->ai_family == AF_INET ? AF_INET : AF_INET6;
    const struct addrinfo *rest[2] = {found, found};
    size_t dry = 0;
    size_t turn;

    for (turn = 0; request->count < LUBDUB_RESOLVED_LIMIT && dry < 2; turn ^= 1) {
        int wanted = turn == 0 ? family : AF_INET + AF_INET6 - family;
        struct lubdub_address address;

        rest[turn] = next_of_family(request, rest[turn], wanted, &address);
        dry = rest[turn] == NULL ? dry + 1 : 0;
        if (rest[turn] != NULL) {
            address.port = request->port;
            request->addresses[request->count++] = address;
        }
    }
}

static void look_up(struct lubdub_resolver_request *request)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int error = getaddrinfo(request->host, NULL, &hints, &found);

    if (error != 0) {
        request->text = gai_strerror(error);
        return;
    }
    if (found != NULL) {
        collect(request, found);
        freeaddrinfo(found);
    }
    request->text = request->count == 0 ? "the name has no address" : NULL;
}

static struct lubdub_resolver_request *take_first(void)
{
    struct lubdub_resolver_request *request = first;

    if (request != NULL) {
        first = request->next;
        if (first == NULL) {
            last = &first;
        }
        request->state = REQUEST_RUNS;
    }
    return request;
}

static void *work(void *unused)
{
    struct lubdub_resolver_request *request;

    pthread_mutex_lock(&lock);
    while ((request = take_first()) != NULL) {
        pthread_mutex_unlock(&lock);
        look_up(request);
        pthread_mutex_lock(&lock);
        if (request->state == REQUEST_ABANDONED) {
            free(request);
        } else {
            request->state = REQUEST_DONE;
            ev_async_send(request->loop, &request->done); /* under the lock, so that the loop is still there */
        }
    }
    thread_count--;
    pthread_mutex_unlock(&lock);
    return unused;
}

/* ---- in the loop ---- */

static bool start_thread(void)
{
    pthread_t thread;

    if (lubdub_thread_start(&thread, work, NULL, NULL) != 0) {
        return false;
    }
    pthread_detach(thread);
    return true;
}

static void enqueue(struct lubdub_resolver_request *request)
{
    *last = request;
    last = &request->next;
}

static void dequeue(struct lubdub_resolver_request *request)
{
    struct lubdub_resolver_request **link = &first;

    while (*link != request) {
        link = &(*link)->next;
    }
    *link = request->next;
    if (*link == NULL) {
        last = link;
    }
}

static void hand_over(struct lubdub_resolver_request *request)
{
    const struct lubdub_resolution resolution = {
        .addresses = request->addresses, .count = request->count, .text = request->text};

    ev_async_stop(request->loop, &request->done);
    request->callback(&resolution, request->user_data);
    free(request);
}

static enum request_state state_of(const struct lubdub_resolver_request *request)
{
    enum request_state state;

    pthread_mutex_lock(&lock);
    state = request->state;
    pthread_mutex_unlock(&lock);
    return state;
}

static void on_done(struct ev_loop *loop, ev_async *async, int revents)
{
    struct lubdub_resolver_request *request = container_of(async, struct lubdub_resolver_request, done);
    (void)loop, (void)revents;

    if (state_of(request) == REQUEST_DONE) {
        hand_over(request);
    }
}

bool lubdub_resolver_hurry(struct lubdub_resolver_request *request)
{
    if (state_of(request) != REQUEST_DONE) {
        return false;
    }
    hand_over(request);
    return true;
}

struct lubdub_resolver_request *lubdub_resolver_start(struct ev_loop *loop, const char *host, uint16_t port,
                                                      lubdub_resolver_callback callback, void *user_data)
{
    size_t host_size = strlen(host) + 1;
    struct lubdub_resolver_request *request = calloc(1, sizeof *request + host_size);
    bool has_thread;

    if (request == NULL) {
        return NULL;
    }
    request->loop = loop;
    request->callback = callback;
    request->user_data = user_data;
    request->port = port;
    memcpy(request->host, host, host_size);
    ev_async_init(&request->done, on_done);
    ev_async_start(loop, &request->done);

    pthread_mutex_lock(&lock);
    enqueue(request);
    if (thread_count < THREADS_LIMIT && start_thread()) {
        thread_count++;
    }
    has_thread = thread_count > 0; /* a thread that cannot be had is not missed as long as there are others */
    if (!has_thread) {
        dequeue(request);
    }
    pthread_mutex_unlock(&lock);
    if (!has_thread) {
        ev_async_stop(loop, &request->done);
        free(request);
        return NULL;
    }
    return request;
}

void lubdub_resolver_cancel(struct lubdub_resolver_request *request)
{
    bool is_ours = true;

    ev_async_stop(request->loop, &request->done);
    pthread_mutex_lock(&lock);
    switch (request->state) {
    case REQUEST_WAITS:
        dequeue(request);
        break;
    case REQUEST_RUNS:
        request->state = REQUEST_ABANDONED;
        is_ours = false;
        break;
    case REQUEST_DONE:
    case REQUEST_ABANDONED:
        break;
    }
    pthread_mutex_unlock(&lock);
    if (is_ours) {
        free(request);
    }
}
