/* Sets socket options, moves bytes, and reads the kernel's evidence. */
#define _GNU_SOURCE
#include "ev/socket.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One byte unsent is enough to make the kernel ask us to wait. */
#define UNSENT_LIMIT 1

/* Multipath TCP takes no more bytes at once than this, and makes a segment of each part: with 1 a probe became 16
   segments of one byte. */
#define UNSENT_LIMIT_MULTIPATH 4096

/* Linux answers a segment after 40 ms at the latest once a connection is interactive (TCP_DELACK_MIN), and a tick or
 * two. */
#define DELAYED_ACK (50 * LUBDUB_MILLISECOND)

bool lubdub_socket_may_have_paths(int socket)
{
    int protocol = 0;
    socklen_t length = sizeof protocol;

    return getsockopt(socket, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0 && protocol == LUBDUB_PROTOCOL_MPTCP;
}

void lubdub_socket_tune(int socket)
{
    const int on = 1;
    const int unsent = lubdub_socket_may_have_paths(socket) ? UNSENT_LIMIT_MULTIPATH : UNSENT_LIMIT;

    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
}

int lubdub_socket_new(const struct lubdub_address *address, bool wants_multipath)
{
    int family = lubdub_address_is_ipv4(address) ? AF_INET : AF_INET6;
    int made = -1;

    if (wants_multipath) {
        made = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, LUBDUB_PROTOCOL_MPTCP);
    }
    return made >= 0 ? made : socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/*
 * In a process of several threads glibc marks a call that may be a point of cancellation, before and after it: four
 * locked instructions, a tenth of what a probe takes outside the kernel. Sanitizers need to see the calls that they
 * know.
 */
#if defined(SYS_recvfrom) && defined(SYS_sendto) && !defined(LUBDUB_SANITIZED)

ssize_t lubdub_socket_receive(int socket, void *bytes, size_t capacity)
{
    return syscall(SYS_recvfrom, socket, bytes, capacity, 0, NULL, NULL);
}

static ssize_t send_with(int socket, const void *bytes, size_t length, int flags)
{
    return syscall(SYS_sendto, socket, bytes, length, flags, NULL, 0);
}

#else

ssize_t lubdub_socket_receive(int socket, void *bytes, size_t capacity)
{
    return recv(socket, bytes, capacity, 0);
}

static ssize_t send_with(int socket, const void *bytes, size_t length, int flags)
{
    return send(socket, bytes, length, flags);
}

#endif

ssize_t lubdub_socket_send(int socket, const void *bytes, size_t length)
{
    return send_with(socket, bytes, length, MSG_NOSIGNAL);
}

ssize_t lubdub_socket_send_last(int socket, const void *bytes, size_t length)
{
    return send_with(socket, bytes, length, MSG_NOSIGNAL | MSG_MORE);
}

enum lubdub_cause lubdub_socket_cause(int error)
{
    switch (error) {
    case ECONNREFUSED:
        return LUBDUB_CAUSE_REFUSED;
    case ECONNRESET:
    case ECONNABORTED:
        return LUBDUB_CAUSE_RESET;
    case EPIPE:
        return LUBDUB_CAUSE_CLOSED; /* its end of file came first, and only then the RST that answered our bytes */
    default:
        return LUBDUB_CAUSE_UNREACHABLE; /* ETIMEDOUT of the connection, EHOSTUNREACH, ENETUNREACH, … */
    }
}

/*
 * No segment is on its way, and yet bytes wait: for the peer's window, which its kernel keeps shut; or for a way out,
 * where our own end of the cable is down. The two differ in whether the window would take a whole segment, and where
 * the window is shut, in whether its probes are answered (an answer sets their count back to 0).
 */
static bool finds_no_way_out(const struct tcp_info *info)
{
    bool is_window_open = info->tcpi_snd_wnd > 0 && info->tcpi_snd_wnd >= info->tcpi_snd_mss;

    return info->tcpi_notsent_bytes > 0 && (is_window_open || info->tcpi_probes > 1);
}

/* Bytes, or an end: a peek finds either. */
static bool has_unread(int socket)
{
    uint8_t byte;

    return recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

void lubdub_socket_weigh(const struct tcp_info *info, struct lubdub_evidence *evidence)
{
    evidence->unacknowledged = info->tcpi_unacked;
    evidence->is_sent_again = info->tcpi_retransmits > 0 || info->tcpi_backoff > 0;
    evidence->has_no_way_out = finds_no_way_out(info);
    evidence->silent_for = info->tcpi_last_ack_recv * LUBDUB_MILLISECOND;
    evidence->round_trip = (lubdub_duration)info->tcpi_rtt * LUBDUB_MICROSECOND;
    evidence->least_round_trip =
        info->tcpi_min_rtt != UINT32_MAX ? (lubdub_duration)info->tcpi_min_rtt * LUBDUB_MICROSECOND : 0;
    evidence->ack_delay =
        DELAYED_ACK + ((lubdub_duration)info->tcpi_rtt + 4 * (lubdub_duration)info->tcpi_rttvar) * LUBDUB_MICROSECOND;
}

void lubdub_socket_look(int socket, struct lubdub_evidence *evidence)
{
    struct tcp_info info;
    socklen_t length = sizeof info;

    memset(&info, 0, sizeof info);
    evidence->is_known = getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) == 0;
    evidence->has_unread = has_unread(socket);
    lubdub_socket_weigh(&info, evidence);
}

bool lubdub_socket_is_tcp(int socket)
{
    int protocol = 0;
    socklen_t length = sizeof protocol;

    return getsockopt(socket, SOL_SOCKET, SO_PROTOCOL, &protocol, &length) == 0 &&
           (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP);
}

bool lubdub_socket_is_connected(int socket)
{
    struct sockaddr_storage remote;
    socklen_t length = sizeof remote;

    return getpeername(socket, (struct sockaddr *)&remote, &length) == 0;
}

lubdub_duration lubdub_socket_round_trip(int socket)
{
    struct tcp_info info;
    socklen_t length = sizeof info;

    memset(&info, 0, sizeof info);
    return getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) == 0
               ? (lubdub_duration)info.tcpi_rtt * LUBDUB_MICROSECOND
               : 0;
}

/* Of tcpi_state; <netinet/tcp.h>, which names them, does not go together with <linux/tcp.h>. */
#define STATE_CLOSE 7
#define STATE_CLOSE_WAIT 8

/*
 * TCP_INFO of a Multipath TCP socket is that of its first path, which may be over while the connection lives, and lives
 * on for a moment after the connection's end.
 */
static bool has_hung_up(int socket)
{
    struct pollfd watched = {.fd = socket, .events = POLLRDHUP};

    return poll(&watched, 1, 0) > 0 && (watched.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

bool lubdub_socket_has_ended(int socket)
{
    struct tcp_info info;
    socklen_t length = sizeof info;

    if (lubdub_socket_may_have_paths(socket)) {
        return has_hung_up(socket);
    }
    memset(&info, 0, sizeof info);
    return getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
           (info.tcpi_state == STATE_CLOSE || info.tcpi_state == STATE_CLOSE_WAIT);
}

void lubdub_socket_reset(int socket)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(socket);
}
