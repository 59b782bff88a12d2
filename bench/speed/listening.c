/* Sockets of the yardsticks, with the same options as a server of ours sets. */
#define _GNU_SOURCE
#include "speed/listening.h"

#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#define BACKLOG 4096

int echo_listen(const char *port)
{
    const int on = 1;
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(listening, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* inherited by what is accepted */
    if (bind(listening, (const struct sockaddr *)&local, sizeof local) != 0 || listen(listening, BACKLOG) != 0) {
        err(EXIT_FAILURE, "port %s", port);
    }
    return listening;
}

int echo_accept(int listening)
{
    return accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
