"""Many quiet clients in one process: they beat, and count the beats and the connections they lose."""

import heapq
import mmap
import random
import resource
import select
import socket
import time

import processes

_WANTED, _OPEN, _BEATS, _LOST = range(4)


class Crowd:
    """In a process of its own, so that what it does to pass the time costs the measuring nothing."""

    def __init__(self, cable, server, make_wire, interval):
        self._shared = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("q")
        self.number = processes.branch(_live, cable.namespace, self._shared, cable.address(1), server, make_wire, interval)

    def grow(self, wanted, limit):
        """Has so many connections after at most `limit` seconds, or raises."""
        self._shared[_WANTED] = wanted
        end = time.monotonic() + limit
        while self._shared[_OPEN] < wanted:
            if time.monotonic() > end or not processes.runs(self.number):
                raise RuntimeError(f"only {self._shared[_OPEN]} of {wanted} clients could connect")
            time.sleep(0.02)

    @property
    def beats(self):
        return self._shared[_BEATS]

    @property
    def lost(self):
        return self._shared[_LOST]


def _live(shared, source, server, make_wire, interval):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    poll = select.epoll()
    clients, due = {}, []

    def drop(number):
        clients.pop(number)[0].close()
        shared[_LOST] += 1

    def send(number, data):
        try:
            clients[number][0].send(data)
        except BlockingIOError:
            pass
        except OSError:
            drop(number)

    opened = 0
    next_opening = time.monotonic()
    while True:
        now = time.monotonic()
        while opened < shared[_WANTED] and next_opening <= now:
            connection = socket.create_connection(server, timeout=10, source_address=(source, 0))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setblocking(False)
            wire = make_wire()
            clients[connection.fileno()] = connection, wire
            poll.register(connection, select.EPOLLIN)
            opened += 1
            opening = wire.opening(f"crowd-{opened}")
            if opening:
                send(connection.fileno(), opening)
            if wire.probe():  # the first one is only looked at: the next has to be number 1
                clients[connection.fileno()] = connection, make_wire()
                heapq.heappush(due, (now + random.uniform(0, interval), connection.fileno()))
            shared[_OPEN] += 1
            next_opening = max(next_opening, now - 0.01) + 1 / 1500
        while due and due[0][0] <= now:
            at, number = heapq.heappop(due)
            if number in clients:
                send(number, clients[number][1].probe())
                heapq.heappush(due, (max(at + interval, now - interval), number))

        wait = min(due[0][0] if due else now + 0.05, next_opening if opened < shared[_WANTED] else now + 0.05)
        for number, _ in poll.poll(max(0.0, wait - time.monotonic()), 512):
            try:
                data = clients[number][0].recv(65536)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                drop(number)
                continue
            beats, answer = clients[number][1].take(data)
            shared[_BEATS] += beats
            if answer:
                send(number, answer)
