/* Makes namespaces and cards with system calls and requests of netdevice(7) alone: no library, no program. */
#define _GNU_SOURCE
#include "swarm/network/namespace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CARD "wire"
#define INTERNET_PREFIX 8

/* Packets that a card holds while the wire is away: a tenth of a second of 100,000 a second. */
#define CARD_QUEUE 10000

int swarm_namespace_this(void)
{
    return open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
}

bool swarm_namespace_enter(int namespace)
{
    return setns(namespace, CLONE_NEWNET) == 0;
}

int swarm_namespace_make(void)
{
    int home = swarm_namespace_this();
    int made = -1;
    int error;

    if (home < 0) {
        return -1;
    }
    if (unshare(CLONE_NEWNET) == 0) {
        made = swarm_namespace_this();
        error = errno;
        if (!swarm_namespace_enter(home)) {
            error = errno;
            close(made);
            made = -1;
        }
        errno = error;
    }
    error = errno;
    close(home);
    errno = error;
    return made;
}

static struct ifreq request_for(const char *card)
{
    struct ifreq request;

    memset(&request, 0, sizeof request);
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", card);
    return request;
}

static bool set_address(int socket, const char *card, unsigned long what, uint32_t address)
{
    struct ifreq request = request_for(card);
    struct sockaddr_in value = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};

    memcpy(&request.ifr_addr, &value, sizeof value);
    return ioctl(socket, what, &request) == 0;
}

static bool set_up(int socket, const char *card)
{
    struct ifreq request = request_for(card);

    if (ioctl(socket, SIOCGIFFLAGS, &request) != 0) {
        return false;
    }
    request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
    return ioctl(socket, SIOCSIFFLAGS, &request) == 0;
}

/* The kernel makes the route of the prefix itself: through the card, or to itself where the card is lo. */
static bool configure(const char *card, uint32_t address, unsigned prefix_length, int queue)
{
    int socket_of_namespace = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = request_for(card);
    bool is_done = socket_of_namespace >= 0;
    int error;

    request.ifr_qlen = queue;
    is_done = is_done && (queue == 0 || ioctl(socket_of_namespace, SIOCSIFTXQLEN, &request) == 0) &&
              set_address(socket_of_namespace, card, SIOCSIFADDR, address) &&
              set_address(socket_of_namespace, card, SIOCSIFNETMASK, UINT32_MAX << (32 - prefix_length)) &&
              set_up(socket_of_namespace, card);
    error = errno;
    if (socket_of_namespace >= 0) {
        close(socket_of_namespace);
    }
    errno = error;
    return is_done;
}

int swarm_card_make(uint32_t address)
{
    struct ifreq request = request_for(CARD);
    int card = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    int error;

    if (card < 0) {
        return -1;
    }
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (ioctl(card, TUNSETIFF, &request) == 0 && configure(CARD, address, INTERNET_PREFIX, CARD_QUEUE)) {
        return card;
    }
    error = errno;
    close(card);
    errno = error;
    return -1;
}

bool swarm_namespace_own(uint32_t address, unsigned prefix_length)
{
    return configure("lo", address, prefix_length, 0);
}

static bool set_to(const char *path, const char *value)
{
    int file = open(path, O_WRONLY | O_CLOEXEC);
    bool is_done = file >= 0 && write(file, value, strlen(value)) > 0;
    int error = errno;

    if (file >= 0) {
        close(file);
    }
    errno = error;
    return is_done;
}

bool swarm_namespace_forget_paths(void)
{
    return set_to("/proc/sys/net/ipv4/tcp_no_metrics_save", "1");
}

bool swarm_namespace_choose_paths(void)
{
    return set_to("/proc/sys/net/mptcp/pm_type", "1"); /* userspace */
}

void swarm_namespace_bound_timeouts(void)
{
    (void)(set_to("/proc/sys/net/ipv4/tcp_rto_max_ms", "1000") && set_to("/proc/sys/net/ipv4/tcp_retries2", "255"));
}

int swarm_card_counts(void)
{
    return open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC);
}

uint64_t swarm_card_dropped(int counts)
{
    char text[4096];
    ssize_t length = pread(counts, text, sizeof text - 1, 0);
    const char *line;
    uint64_t dropped = 0;

    text[length > 0 ? length : 0] = '\0';
    line = strstr(text, CARD ":");
    /* received: bytes packets errs drop fifo frame compressed multicast; sent: bytes packets errs drop … */
    if (line != NULL && sscanf(line, CARD ": %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &dropped) != 1) {
        dropped = 0;
    }
    return dropped;
}
