"""Asks the kernel for the state of TCP connections, by sock_diag: a hash lookup for each, no walk through a table."""

import errno
import socket
import struct

_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST, _NLM_F_DUMP = 0x001, 0x300
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_ESTABLISHED, _CLOSE_WAIT = 1, 8
_NO_COOKIE = b"\xff" * 8
_REPLY_LIMIT = 65536


class Sockets:
    """The connections of one namespace. A connection is (local address, local port, remote address, remote port)."""

    def __init__(self, namespace):
        with namespace.inside():
            self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)
        self._netlink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._netlink.settimeout(5)

    def established(self, port):
        """All connections that are open and have that port on either side."""
        request = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, 1 << _ESTABLISHED) + bytes(48)
        self._netlink.send(_header(request, _NLM_F_REQUEST | _NLM_F_DUMP, 0) + request)
        found = []
        while True:
            for kind, _, body in _messages(self._netlink.recv(_REPLY_LIMIT)):
                if kind == _NLMSG_DONE:
                    return found
                local_port, remote_port = struct.unpack_from(">HH", body, 4)
                if port in (local_port, remote_port):
                    found.append((socket.inet_ntoa(body[8:12]), local_port, socket.inet_ntoa(body[24:28]), remote_port))

    def gone(self, connections):
        """Those of the connections that this side has given up.

        One whose peer has closed is not gone before the program here has noticed and closes too.
        """
        if not connections:
            return []
        requests = []
        for number, (local, local_port, remote, remote_port) in enumerate(connections):
            body = (struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0xFFFFFFFF)
                    + struct.pack(">HH4s12x4s12xI", local_port, remote_port, socket.inet_aton(local),
                                  socket.inet_aton(remote), 0) + _NO_COOKIE)
            requests.append(_header(body, _NLM_F_REQUEST, number) + body)
        self._netlink.send(b"".join(requests))

        gone = []
        waiting = len(connections)
        while waiting:
            for kind, number, body in _messages(self._netlink.recv(_REPLY_LIMIT)):
                waiting -= 1
                if kind == _NLMSG_ERROR:
                    code = -struct.unpack_from("=i", body)[0]
                    if code != errno.ENOENT:
                        raise OSError(code, "sock_diag")
                    gone.append(connections[number])
                elif body[1] not in (_ESTABLISHED, _CLOSE_WAIT):  # the listener stands in for one that is no more
                    gone.append(connections[number])
        return gone


def _header(body, flags, number):
    return struct.pack("=IHHII", 16 + len(body), _SOCK_DIAG_BY_FAMILY, flags, number, 0)


def _messages(block):
    offset = 0
    while offset + 16 <= len(block):
        length, kind, _, number, _ = struct.unpack_from("=IHHII", block, offset)
        yield kind, number, block[offset + 16:offset + length]
        offset += (length + 3) & ~3
