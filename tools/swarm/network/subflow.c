/* Speaks generic netlink with the kernel's path manager: two messages, and their answers. */
#define _GNU_SOURCE
#include "swarm/network/subflow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/mptcp.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif

#define SECOND_PATH 2 /* its identity in the connection; any but the first path's 0 */

/* As NLA_HDRLEN and NLA_ALIGN, without a sign. */
#define ATTRIBUTE_HEAD sizeof(struct nlattr)
#define ALIGNED(length) (((size_t)(length) + 3) & ~(size_t)3)

struct message {
    struct nlmsghdr head;
    struct genlmsghdr generic;
    char attributes[240];
};

static void *put(struct message *message, uint16_t type, const void *value, size_t length)
{
    struct nlattr *attribute = (struct nlattr *)(void *)((char *)message + message->head.nlmsg_len);

    attribute->nla_type = type;
    attribute->nla_len = (uint16_t)(ATTRIBUTE_HEAD + length);
    if (length > 0) {
        memcpy((char *)attribute + ATTRIBUTE_HEAD, value, length);
    }
    message->head.nlmsg_len += (uint32_t)ALIGNED(attribute->nla_len);
    return attribute;
}

static void close_nest(struct message *message, struct nlattr *nest)
{
    nest->nla_len = (uint16_t)((char *)message + message->head.nlmsg_len - (char *)nest);
}

static void begin(struct message *message, uint16_t family, uint8_t command, uint8_t version)
{
    memset(message, 0, sizeof *message);
    message->head.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
    message->head.nlmsg_type = family;
    message->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    message->generic.cmd = command;
    message->generic.version = version;
}

/* The kernel answers before send() returns. Copies the first answer; false: errno, which may be what it said. */
static bool ask(int socket, const struct message *message, char *answer, size_t capacity, size_t *length)
{
    const struct nlmsghdr *head = (const struct nlmsghdr *)(void *)answer;
    ssize_t got;

    if (send(socket, message, message->head.nlmsg_len, 0) < 0) {
        return false;
    }
    got = recv(socket, answer, capacity, 0);
    if (got < (ssize_t)sizeof *head) {
        errno = got < 0 ? errno : EPROTO;
        return false;
    }
    *length = (size_t)got;
    if (head->nlmsg_type == NLMSG_ERROR) {
        errno = -((const struct nlmsgerr *)NLMSG_DATA(head))->error;
        return errno == 0;
    }
    return true;
}

/* The number that generic netlink gave to the path manager. */
static bool find_family(struct swarm_subflows *subflows)
{
    _Alignas(8) char answer[4096];
    struct message message;
    size_t length;
    size_t at = NLMSG_HDRLEN + GENL_HDRLEN;

    begin(&message, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1);
    message.head.nlmsg_flags = NLM_F_REQUEST;
    put(&message, CTRL_ATTR_FAMILY_NAME, MPTCP_PM_NAME, sizeof MPTCP_PM_NAME);
    if (!ask(subflows->socket, &message, answer, sizeof answer, &length)) {
        return false;
    }
    while (at + ATTRIBUTE_HEAD <= length) {
        const struct nlattr *attribute = (const struct nlattr *)(void *)(answer + at);

        if (attribute->nla_type == CTRL_ATTR_FAMILY_ID) {
            memcpy(&subflows->family, answer + at + ATTRIBUTE_HEAD, sizeof subflows->family);
            return true;
        }
        at += attribute->nla_len > 0 ? ALIGNED(attribute->nla_len) : length;
    }
    errno = ENOENT;
    return false;
}

bool swarm_subflows_init(struct swarm_subflows *subflows)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    int error;

    subflows->socket = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
    if (subflows->socket >= 0 && connect(subflows->socket, (const struct sockaddr *)&kernel, sizeof kernel) == 0 &&
        find_family(subflows)) {
        return true;
    }
    error = errno;
    swarm_subflows_clear(subflows);
    errno = error;
    return false;
}

void swarm_subflows_clear(struct swarm_subflows *subflows)
{
    if (subflows->socket >= 0) {
        close(subflows->socket);
    }
    subflows->socket = -1;
}

static void put_address(struct message *message, uint16_t type, uint32_t address, const uint8_t *identity,
                        const uint16_t *port)
{
    struct nlattr *nest = put(message, (uint16_t)(type | NLA_F_NESTED), NULL, 0);
    uint16_t family = AF_INET;

    if (identity != NULL) {
        put(message, MPTCP_PM_ADDR_ATTR_ID, identity, sizeof *identity);
    }
    put(message, MPTCP_PM_ADDR_ATTR_FAMILY, &family, sizeof family);
    put(message, MPTCP_PM_ADDR_ATTR_ADDR4, &address, sizeof address);
    if (port != NULL) {
        put(message, MPTCP_PM_ADDR_ATTR_PORT, port, sizeof *port);
    }
    close_nest(message, nest);
}

bool swarm_subflows_open(const struct swarm_subflows *subflows, int connection, uint32_t address)
{
    const uint8_t identity = SECOND_PATH;
    _Alignas(8) char answer[1024];
    struct mptcp_info info = {0};
    socklen_t info_length = sizeof info;
    struct sockaddr_in peer;
    socklen_t peer_length = sizeof peer;
    struct message message;
    uint16_t port;
    size_t length;

    if (getsockopt(connection, SOL_MPTCP, MPTCP_INFO, &info, &info_length) != 0 ||
        getpeername(connection, (struct sockaddr *)&peer, &peer_length) != 0) {
        return false;
    }
    port = ntohs(peer.sin_port);
    begin(&message, subflows->family, MPTCP_PM_CMD_SUBFLOW_CREATE, MPTCP_PM_VER);
    put_address(&message, MPTCP_PM_ATTR_ADDR, htonl(address), &identity, NULL);
    put(&message, MPTCP_PM_ATTR_TOKEN, &info.mptcpi_token, sizeof info.mptcpi_token);
    put_address(&message, MPTCP_PM_ATTR_ADDR_REMOTE, peer.sin_addr.s_addr, NULL, &port);
    return ask(subflows->socket, &message, answer, sizeof answer, &length);
}
