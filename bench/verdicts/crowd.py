"""Clients in a process of their own, behind a cable: they probe, answer challenges, read, and one of them may talk.

Stopping the process freezes them all; its kernel goes on acknowledging.
"""

import mmap
import select
import socket
import time

import frames
import processes

OPEN = 0


class Crowd:
    def __init__(self, cable, server, prefix, count, interval, expiry, talk=None):
        """talk: (messages a second, bytes of each), said by the first of them."""
        self._shared = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("q")
        self.number = processes.branch(_live, cable.namespace, self._shared, cable, server, prefix, count, interval, expiry,
                                       talk)

    @property
    def open(self):
        return self._shared[OPEN]


def _live(shared, cable, server, prefix, count, interval, expiry, talk):
    poll, clients, due = select.epoll(), {}, []
    for number in range(count):
        client = frames.Lubdub(f"{prefix}-{number}", None)
        connection = socket.socket()
        connection.bind((cable.address(number + 1), 0))
        connection.connect(server)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        connection.send(frames.hello(client.identity, None, round(interval * 1000), round(expiry * 1000)))
        clients[connection.fileno()] = client, connection
        poll.register(connection, select.EPOLLIN)
        due.append([time.monotonic() + interval * (number + 1) / count, client, connection])
    talks_at, said = time.monotonic() + interval, 0
    while clients:
        now = time.monotonic()
        for one in due:
            if one[0] <= now:
                one[0] += interval
                _send(one[2], one[1].probe())
        if talk and talk[0] and talks_at <= now:
            talks_at, said = talks_at + 1 / talk[0], said + 1
            _send(due[0][2], due[0][1].message(said, talk[1]))
        next_at = min([one[0] for one in due] + ([talks_at] if talk and talk[0] else []))
        for number, _ in poll.poll(max(0, next_at - time.monotonic())):
            client, connection = clients[number]
            try:
                data = connection.recv(1 << 16)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                del clients[number]
                due = [one for one in due if one[2] is not connection]
                connection.close()
                continue
            was_open = client.is_open
            _, answer = client.take(data)
            shared[OPEN] += client.is_open and not was_open
            if answer:
                _send(connection, answer)


def _send(connection, data):
    try:
        connection.send(data)
    except OSError:
        pass  # it is full, or over: the verdict is the server's
