/* Reads MPTCP_INFO and the TCP_INFO of each subflow, and sets the socket options that reach subflows. */
#define _GNU_SOURCE
#include "ev/paths.h"

#include <errno.h>
#include <linux/mptcp.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ev/socket.h"

#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif

/* The kernel has 8 subflows for a connection at most, and its first. */
#define MOST_PATHS 9

#define STATE_ESTABLISHED 1

/* A path works until so many segments in a row, or keepalives, were sent in vain. */
#define IN_VAIN 2

#define KEEPALIVE_LEAST LUBDUB_SECOND
#define KEEPALIVE_MOST (30 * LUBDUB_SECOND)
#define KEEPALIVES_IN_VAIN 127 /* the kernel takes no more */

struct lubdub_paths_entry {
    lubdub_time looked_at;
    uint8_t count; /* 0: no such connection */
};

struct subflows {
    unsigned count;
    struct tcp_info infos[MOST_PATHS];
};

const char *lubdub_paths_lack(void)
{
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, LUBDUB_PROTOCOL_MPTCP);

    if (descriptor >= 0) {
        close(descriptor);
        return NULL;
    }
    return errno == ENOPROTOOPT ? "Multipath TCP is switched off here (net.mptcp.enabled is 0)"
                                : "this kernel has no Multipath TCP";
}

static bool read_info(int socket, struct mptcp_info *info)
{
    socklen_t length = sizeof *info;

    memset(info, 0, sizeof *info);
    return getsockopt(socket, SOL_MPTCP, MPTCP_INFO, info, &length) == 0;
}

bool lubdub_paths_fell_back(int socket)
{
    struct mptcp_info info;

    return !read_info(socket, &info) || (info.mptcpi_flags & MPTCP_INFO_FLAG_FALLBACK) != 0;
}

static bool read_subflows(int socket, struct subflows *subflows)
{
    struct {
        struct mptcp_subflow_data head;
        struct tcp_info infos[MOST_PATHS];
    } data;
    socklen_t length = sizeof data;

    memset(&data, 0, sizeof data);
    data.head.size_subflow_data = sizeof data.head;
    data.head.size_user = sizeof data.infos[0];
    if (getsockopt(socket, SOL_MPTCP, MPTCP_TCPINFO, &data, &length) != 0) {
        return false;
    }
    subflows->count = data.head.num_subflows < MOST_PATHS ? data.head.num_subflows : MOST_PATHS;
    memcpy(subflows->infos, data.infos, sizeof subflows->infos);
    return true;
}

static bool works(const struct tcp_info *info)
{
    return info->tcpi_state == STATE_ESTABLISHED && info->tcpi_retransmits < IN_VAIN && info->tcpi_backoff < IN_VAIN &&
           info->tcpi_probes < IN_VAIN;
}

unsigned lubdub_paths_count(int socket)
{
    struct subflows subflows;
    unsigned count = 0;
    unsigned i;

    if (!read_subflows(socket, &subflows)) {
        return 0;
    }
    for (i = 0; i < subflows.count; i++) {
        count += works(&subflows.infos[i]);
    }
    return count;
}

bool lubdub_paths_look(int socket, struct lubdub_evidence *evidence)
{
    struct mptcp_info info;
    struct subflows subflows;
    struct lubdub_evidence all = {.is_known = true, .is_sent_again = true, .has_no_way_out = true};
    bool has_segments = false;
    unsigned i;

    if (!read_info(socket, &info) || !read_subflows(socket, &subflows) || subflows.count == 0) {
        return false;
    }
    all.silent_for = UINT64_MAX;
    for (i = 0; i < subflows.count; i++) {
        struct lubdub_evidence one = {0};

        lubdub_socket_weigh(&subflows.infos[i], &one);
        if (one.unacknowledged > 0) {
            has_segments = true;
            all.is_sent_again = all.is_sent_again && one.is_sent_again;
        }
        all.has_no_way_out = all.has_no_way_out && one.has_no_way_out;
        all.silent_for = lubdub_duration_shorter(all.silent_for, one.silent_for);
        if (works(&subflows.infos[i]) || subflows.count == 1) {
            all.round_trip = lubdub_duration_longer(all.round_trip, one.round_trip);
            all.least_round_trip = lubdub_duration_longer(all.least_round_trip, one.least_round_trip);
            all.ack_delay = lubdub_duration_longer(all.ack_delay, one.ack_delay);
        }
    }
    all.is_sent_again = all.is_sent_again && has_segments;
    all.unacknowledged =
        info.mptcpi_write_seq != info.mptcpi_snd_una; /* of the whole stream; in bytes, so only whether */
    all.has_unread = evidence->has_unread;
    *evidence = all;
    return true;
}

static void set(int socket, int level, int option, int value)
{
    setsockopt(socket, level, option, &value, sizeof value);
}

void lubdub_paths_tune(int socket, lubdub_duration interval)
{
    int seconds = (int)(lubdub_duration_clamp(interval, KEEPALIVE_LEAST, KEEPALIVE_MOST) / LUBDUB_SECOND);

    set(socket, IPPROTO_TCP, TCP_KEEPIDLE, seconds);
    set(socket, IPPROTO_TCP, TCP_KEEPINTVL, seconds);
    set(socket, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVES_IN_VAIN);
    set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
}

/* ---- by descriptor ---- */

void lubdub_paths_clear(struct lubdub_paths *paths)
{
    free(paths->entries);
    *paths = (struct lubdub_paths){0};
}

static bool grow(struct lubdub_paths *paths, size_t wanted)
{
    size_t capacity = paths->capacity > 0 ? paths->capacity : 64;
    struct lubdub_paths_entry *entries;

    while (capacity < wanted) {
        capacity *= 2;
    }
    entries = realloc(paths->entries, capacity * sizeof *entries);
    if (entries == NULL) {
        return false;
    }
    memset(entries + paths->capacity, 0, (capacity - paths->capacity) * sizeof *entries);
    paths->entries = entries;
    paths->capacity = capacity;
    return true;
}

bool lubdub_paths_add(struct lubdub_paths *paths, int socket, lubdub_time now)
{
    size_t place = (size_t)socket;
    unsigned count = lubdub_paths_count(socket);

    if (place >= paths->capacity && !grow(paths, place + 1)) {
        return false;
    }
    paths->entries[place] = (struct lubdub_paths_entry){.looked_at = now, .count = (uint8_t)(count > 0 ? count : 1)};
    return true;
}

void lubdub_paths_remove(struct lubdub_paths *paths, int socket)
{
    if ((size_t)socket < paths->capacity) {
        paths->entries[socket].count = 0;
    }
}

unsigned lubdub_paths_known(const struct lubdub_paths *paths, int socket)
{
    return (size_t)socket < paths->capacity ? paths->entries[socket].count : 0;
}

unsigned lubdub_paths_renew(struct lubdub_paths *paths, int socket, lubdub_time now)
{
    struct lubdub_paths_entry *entry;
    unsigned count;

    if (lubdub_paths_known(paths, socket) == 0) {
        return 0;
    }
    entry = &paths->entries[socket];
    entry->looked_at = now;
    count = lubdub_paths_count(socket);
    if (count > 0) {
        entry->count = (uint8_t)count;
    }
    return entry->count;
}

bool lubdub_paths_have_changed(struct lubdub_paths *paths, int socket, lubdub_time now, unsigned *was)
{
    *was = lubdub_paths_known(paths, socket);
    return *was > 0 && lubdub_time_between(paths->entries[socket].looked_at, now) >= LUBDUB_PATHS_LOOK_GAP &&
           lubdub_paths_renew(paths, socket, now) != *was;
}
