"""Good clients: they probe every second, wait three for an answer, and come back when they were lost.

Every twentieth leaves now and then with a goodbye and comes back at once, so that there are events to lose. Round trips are
counted to the moment at which the kernel had the answer, so that a busy crowd does not count itself.
"""

import collections
import heapq
import json
import mmap
import random
import resource
import select
import socket
import struct
import time

import processes

STATE, OPEN, WELCOMED, ROUND_TRIPS = range(4)
CONNECTING, MEASURED, DRAINING, OVER = range(4)
INTERVAL, TIMEOUT, PATIENCE = 1.0, 3.0, 10.0
COMER = 20         # every so many leaves and comes back
ROOM = 1 << 17     # round trips
SO_TIMESTAMPNS = 35
SOURCE = "127.0.1.1"


class Crowd:
    """In a process of its own. `report` is there after `end()`."""

    def __init__(self, place, address, make_wire, count, file):
        self._shared = memoryview(mmap.mmap(-1, 8 * (8 + ROOM))).cast("q")
        self._file = file
        self.number = processes.branch(_live, place, self._shared, address, make_wire, count, file)

    def __getitem__(self, what):
        return self._shared[what]

    def enter(self, state):
        self._shared[STATE] = state

    def round_trips(self):
        return sorted(self._shared[8:8 + min(self._shared[ROUND_TRIPS], ROOM)])

    def end(self):
        self.enter(OVER)
        limit = time.monotonic() + 10
        while processes.runs(self.number) and time.monotonic() < limit:
            time.sleep(0.01)
        processes.end([self.number])
        return json.loads(self._file.read_text(encoding="utf-8"))


class _Client:
    def __init__(self, identity):
        self.identity, self.connection, self.sent = identity, None, collections.deque()
        self.began = 0.0


def _live(shared, address, make_wire, count, file):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    poll, by_number, due, lost = select.epoll(), {}, [], {}
    order = iter(range(1 << 60))

    def later(at, action, client):
        heapq.heappush(due, (at, next(order), action, client))

    def connect(client, now):
        if shared[STATE] >= DRAINING:
            return
        client.wire = make_wire(client.identity)
        client.connection = socket.socket()
        client.connection.setblocking(False)
        client.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.connection.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        client.connection.bind((SOURCE, 0))
        client.connection.connect_ex(address)
        client.sent.clear()
        client.began, client.is_greeted, client.is_counted = now, False, False
        by_number[client.connection.fileno()] = client
        poll.register(client.connection, select.EPOLLIN | select.EPOLLOUT)
        later(now + PATIENCE, give_up, client)

    def close(client):
        if client.connection:
            by_number.pop(client.connection.fileno(), None)
            client.connection.close()
            client.connection = None
            shared[OPEN] -= client.is_counted

    def lose(client, cause, now):
        close(client)
        if shared[STATE] < DRAINING:
            lost.setdefault(client.identity, cause)
            later(now + random.uniform(0.1, 0.5), connect, client)

    def give_up(client, now):
        if client.connection and not client.is_counted and now - client.began >= PATIENCE:
            lose(client, "not let in", now)

    def send(client, data, now):
        try:
            client.connection.send(data)
        except BlockingIOError:
            pass
        except OSError as failure:
            lose(client, failure.strerror, now)

    def probe(client, now):
        if not client.connection or not client.is_counted:
            return
        if client.sent and now - client.sent[0][1] >= TIMEOUT:
            keep(round(TIMEOUT * 1e6))
            lose(client, "silent", now)
            return
        client.sent.append((time.time_ns(), now))
        later(max(now, client.due + INTERVAL), probe, client)
        client.due += INTERVAL
        send(client, client.wire.probe(), now)

    def leave(client, now):
        if client.connection and client.is_counted and shared[STATE] == MEASURED:
            send(client, client.wire.goodbye(), now)
            close(client)
            later(now + 0.1, connect, client)
        later(now + random.uniform(0.5, 3), leave, client)

    def keep(microseconds):
        if shared[STATE] == MEASURED and shared[ROUND_TRIPS] < ROOM:
            shared[8 + shared[ROUND_TRIPS]] = microseconds
            shared[ROUND_TRIPS] += 1

    def read(client, now):
        try:
            data, notes, _, _ = client.connection.recvmsg(1 << 17, 64)
        except BlockingIOError:
            return
        except OSError as failure:
            lose(client, failure.strerror, now)
            return
        acks, answer = client.wire.take(data)
        if acks:
            seconds, rest = struct.unpack("qq", notes[0][2]) if notes else divmod(time.time_ns(), 10**9)
            for _ in range(min(acks, len(client.sent))):
                keep((seconds * 10**9 + rest - client.sent.popleft()[0]) // 1000)
        if client.wire.is_open and not client.is_counted:
            client.is_counted = True
            shared[OPEN] += 1
            shared[WELCOMED] += 1
            client.due = now + random.uniform(0, INTERVAL)
            later(client.due, probe, client)
        if client.wire.reason is not None:
            lose(client, f"bye {client.wire.reason}", now)
        elif not data:
            lose(client, "closed", now)
        elif answer:
            send(client, answer, now)

    start = time.monotonic()
    for number in range(count):
        client = _Client(f"good-{number}")
        later(start + number / 1000, connect, client)
        if number % COMER == 0:
            later(start + random.uniform(0.5, 3), leave, client)
    while shared[STATE] != OVER:
        wait = min(max(due[0][0] - time.monotonic(), 0), 0.05) if due else 0.05
        for number, events in poll.poll(wait, 512):
            client = by_number.get(number)
            if client is None:
                continue
            now = time.monotonic()
            if not client.is_greeted and events & select.EPOLLOUT and not events & (select.EPOLLERR | select.EPOLLHUP):
                client.is_greeted = True
                poll.modify(client.connection, select.EPOLLIN)
                send(client, client.wire.opening(), now)
            elif events & ~select.EPOLLOUT:
                read(client, now)
        # What has come is read before anybody is given up.
        now = time.monotonic()
        while due and due[0][0] <= now and not poll.poll(0, 1):
            _, _, action, client = heapq.heappop(due)
            action(client, now)
    file.write_text(json.dumps({"lost": lost, "welcomed": shared[WELCOMED]}), encoding="utf-8")
