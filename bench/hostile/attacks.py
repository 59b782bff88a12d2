"""What one bad client does. Each attack runs in processes of its own, from one address, until it is killed or time is up.

A function gets a Target: where to connect, what kind of server it is, and where to count what was sent.
"""

import dataclasses
import errno
import itertools
import select
import socket
import struct
import time
import typing

import frames

SOURCE = "127.66.0.1"
SYN = 60  # bytes that a connection costs an attacker at least
LINGER_RESET = struct.pack("ii", 1, 0)


@dataclasses.dataclass
class Target:
    address: tuple
    wire: type
    token: bytes
    counters: memoryview  # bytes, connections
    until: float
    is_quick: bool
    http: tuple = ()  # the address of --http, where the server has it

    def goes_on(self):
        return time.monotonic() < self.until

    def sent(self, count):
        self.counters[0] += count

    def connect(self, address=None):
        """A connection that is being made, or None: no port is free for a moment."""
        connection = socket.socket()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        connection.bind((SOURCE, 0))
        if connection.connect_ex(address or self.address) not in (0, errno.EINPROGRESS):
            connection.close()
            time.sleep(0.002)
            return None
        self.counters[1] += 1
        self.sent(SYN)
        return connection

    def enter(self, opening, address=None):
        """Connects, says it, and does not wait for the answer. None: it could not."""
        connection = self.connect(address)
        if connection is None:
            return None
        poll = select.poll()
        poll.register(connection, select.POLLOUT)
        ready = poll.poll(1000)
        try:
            if not ready:
                raise OSError
            self.sent(connection.send(opening))
            return connection
        except OSError:
            connection.close()
            time.sleep(0.002)
            return None

    def opening(self, identity, **settings):
        if self.wire is frames.Lubdub:
            return frames.hello(identity, self.token, **settings)
        return self.wire(identity).opening()


def _reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
    connection.close()


def _pour(target, opening, chunks, reads=True):
    """Enters, and sends what `chunks` yields as fast as the socket takes it (b"": nothing for now); again when thrown out."""
    while target.goes_on():
        connection = target.enter(opening())
        if connection is None:
            continue
        poll = select.poll()
        source, waiting = chunks(), b""
        try:
            while target.goes_on():
                waiting = waiting or next(source)
                poll.register(connection, (select.POLLIN if reads else 0) | (select.POLLOUT if waiting else 0))
                for _, events in poll.poll(5):
                    if events & select.POLLIN and not connection.recv(1 << 18):
                        raise OSError
                    if events & (select.POLLERR | select.POLLHUP):
                        raise OSError
                    if waiting and events & select.POLLOUT:
                        count = connection.send(waiting)
                        target.sent(count)
                        waiting = waiting[count:]
        except OSError:
            pass
        connection.close()


def _paced(rate, make):
    """Frames number 1, 2, 3 … at so many a second."""
    began = time.monotonic()
    for number in itertools.count(1):
        while began + number / rate > time.monotonic():
            yield b""
        yield make(number)


def _in_batches(make, size):
    for number in itertools.count(1, size):
        yield b"".join(make(one) for one in range(number, number + size))


def message_flood(target, number):
    wire = target.wire(f"bad-{number}", target.token, True)

    def opening():
        return target.opening(f"bad-{number}") if target.wire is frames.Lubdub else wire.opening()
    _pour(target, opening, lambda: _in_batches(lambda one: wire.message(one, 1024), 64))


def _broadcast(target, number):
    """Just below what the server takes: twice of 100 a second."""
    _pour(target, lambda: target.opening(f"bad-{number}"),
          lambda: _paced(195, lambda one: frames.frame(frames.MESSAGE, one, b"x" * 1024)))


def broadcast_flood(target, number):
    _broadcast(target, number)


def broadcast_deaf(target, number):
    if number == 0:
        _broadcast(target, number)
    else:
        _hold(target, 1 if number == 1 else 20, lambda one: target.opening(f"deaf-{number}-{one}"), probes=True, reads=False)


def _hold(target, count, opening, probes=False, reads=True, burst=None, every=3.0):
    """So many connections; new ones for those that end. Bursts: what all send at once, every so often."""
    poll, held = select.epoll(), {}
    free = list(range(count))
    next_probe, next_burst = time.monotonic() + 1, time.monotonic() + 0.5
    while target.goes_on():
        while free:
            connection = target.enter(opening(free[-1]))
            if connection is None:
                break
            held[connection.fileno()] = [connection, free.pop(), 0, 0]
            poll.register(connection, (select.EPOLLIN if reads else 0) | select.EPOLLRDHUP)
        now = time.monotonic()
        due = []
        if probes and now >= next_probe:
            next_probe += 1
            due.append(2)
        if burst and now >= next_burst:
            next_burst += every
            due.append(3)
        for number, one in list(held.items()):
            for what in due:
                try:
                    if what == 2:
                        one[2] += 1
                        data = (frames.frame(frames.PROBE, one[2]) if target.wire is frames.Lubdub
                                else target.wire("").probe())
                    else:
                        data = b"".join(burst(one[3] + each) for each in range(1, 17))
                        one[3] += 16
                    target.sent(one[0].send(data))
                except OSError:
                    pass
        for number, events in poll.poll(0.005):
            one = held.get(number)
            try:
                gone = events & (select.EPOLLERR | select.EPOLLHUP) or (reads and not one[0].recv(1 << 18))
                gone = gone or (events & select.EPOLLRDHUP and not reads)
            except OSError:
                gone = True
            if gone:
                free.append(one[1])
                del held[number]
                one[0].close()


def bursts(target, number):
    wire = target.wire("", target.token, True)

    def opening(one):
        if target.wire is frames.Lubdub:
            return target.opening(f"bad-{one}")
        return target.wire(f"bad-{one}", None, True).opening()
    _hold(target, 25 if target.is_quick else 250, opening, probes=True, burst=lambda one: wire.message(one, 100))


def health_toggle(target, number):
    def probe(one):
        return frames.frame(frames.PROBE, one, b"%08d" % one * 32, 2 * (one % 2))
    _pour(target, lambda: target.opening("bad", interval_ms=10, expiry_ms=3000), lambda: _paced(190, probe))


def probe_flood(target, number):
    _pour(target, lambda: target.opening(f"bad-{number}", interval_ms=10, expiry_ms=3000),
          lambda: _in_batches(lambda one: frames.frame(frames.PROBE, one), 256))


def never_probing(target, number):
    _hold(target, 20 if target.is_quick else 200,
          lambda one: target.opening(f"bad-{number}-{one}", interval_ms=10, expiry_ms=20))


def _mill(target, opening, parallel, resets=False):
    """Connections that say one thing, wait for an answer or an end, and make room for the next one."""
    poll, held, numbers = select.epoll(), {}, itertools.count()
    while target.goes_on():
        while len(held) < parallel:
            connection = target.connect()
            if connection is None:
                break
            held[connection.fileno()] = [connection, False]
            poll.register(connection, select.EPOLLOUT | select.EPOLLIN)
        for number, events in poll.poll(0.01):
            one = held[number]
            try:
                if not one[1] and events & select.EPOLLOUT and not events & (select.EPOLLERR | select.EPOLLHUP):
                    target.sent(one[0].send(opening(next(numbers))))
                    one[1] = True
                    poll.modify(number, select.EPOLLIN)
                    continue
                if events & select.EPOLLIN:
                    one[0].recv(4096)
            except OSError:
                pass
            del held[number]
            (_reset if resets else socket.socket.close)(one[0])


def reconnect_churn(target, number):
    _mill(target, lambda one: target.opening(f"bad-{number}-{one % 100}"), 16)


def identities(target, number):
    _mill(target, lambda one: target.opening(f"bad-{number}-{one}"), 32, resets=True)


def wrong_tokens(target, number):
    _mill(target, lambda one: frames.hello(f"bad-{number}", b"%024d" % one + b"w" * 1000), 32, resets=True)


def takeover_fight(target, number):
    """Two clients that want the same identity: each comes in anew as soon as it was answered, and only then lets go."""
    before = None
    while target.goes_on():
        connection = target.enter(target.opening("contested"))
        if connection is None:
            continue
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        poll.poll(200)
        if before is not None:
            _reset(before)
        before = connection


def half_open(target, number):
    """Connections that never finish their first frame: a byte a second each."""
    wanted, said = (300 if target.is_quick else 3000), target.opening("half-open")
    poll, held = select.epoll(), {}
    turn = iter(())
    while target.goes_on():
        for _ in range(200):
            if len(held) >= wanted:
                break
            connection = target.connect()
            if connection is None:
                break
            held[connection.fileno()] = [connection, 0, time.monotonic()]
            poll.register(connection, select.EPOLLIN | select.EPOLLRDHUP)
        now = time.monotonic()
        for one in held.values():
            if now >= one[2]:
                try:
                    target.sent(one[0].send(said[one[1]:one[1] + 1]))
                    one[1] = min(one[1] + 1, len(said) - 2)
                except OSError:
                    pass
                one[2] = now + 1
        for number, events in poll.poll(0.01):
            if events & (select.EPOLLERR | select.EPOLLHUP | select.EPOLLRDHUP):
                held.pop(number)[0].close()
            else:
                held[number][0].recv(4096)


def rst_storm(target, number):
    while target.goes_on():
        connection = target.enter(target.opening(f"bad-{number}"))
        if connection is not None:
            _reset(connection)


# ---- over HTTP

def _request(path):
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode("ascii")


_LONG_LIST = "/api/sessions?limit=1000"
_PATHS = "/metrics", _LONG_LIST, "/api/summary", _LONG_LIST + "&sort=-silent", "/"


def _read_slowly(target, count, opening, slowly=False, says=b"", reads=True):
    """So many connections to HTTP that each say `opening`, and then a byte of `says` a second. They read: all; slowly, a byte a
    second; not at all. New ones come for those that end."""
    poll, held, step = select.epoll(), {}, 0.1
    wanted = count // 4 if target.is_quick else count
    while target.goes_on():
        while len(held) < wanted:
            connection = target.connect(target.http)
            if connection is None:
                break
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            held[connection.fileno()] = [connection, opening, 0, time.monotonic()]
            poll.register(connection, select.EPOLLRDHUP | select.EPOLLOUT | (select.EPOLLIN if reads and not slowly else 0))
        now, gone = time.monotonic(), set()
        for number, events in poll.poll(step):
            one = held[number]
            try:
                if events & (select.EPOLLERR | select.EPOLLHUP | select.EPOLLRDHUP):
                    raise OSError
                if events & select.EPOLLOUT:
                    target.sent(one[0].send(one[1]) if one[1] else 0)
                    poll.modify(number, select.EPOLLRDHUP | (select.EPOLLIN if reads and not slowly else 0))
                if events & select.EPOLLIN and not one[0].recv(1 << 16):
                    raise OSError
            except OSError:
                gone.add(number)
        for number, one in held.items():
            if now >= one[3] + 1 and (says or slowly) and number not in gone:
                one[3] = now
                try:
                    if says:
                        target.sent(one[0].send(says[one[2] % len(says):][:1]))
                        one[2] += 1
                    elif not one[0].recv(1):
                        raise OSError
                except BlockingIOError:
                    pass
                except OSError:
                    gone.add(number)
        for number in gone:
            held.pop(number)[0].close()
        if gone:
            time.sleep(0.01)  # refused again and again, where HTTP is full


def http_silent(target, number):
    _read_slowly(target, 64, b"")


def http_half(target, number):
    """A header that never ends: half a request, and then a byte of it a second."""
    _read_slowly(target, 64, _request("/api/summary")[:-2] + b"X-Long: ", says=b"x")


def http_slow(target, number):
    _read_slowly(target, 32, _request("/api/events" if number == 0 else _LONG_LIST), slowly=True)


def http_deaf(target, number):
    """32 streams of events and 32 long lists that nobody reads; and, so that there are events, clients that come and go."""
    if number == 2:
        reconnect_churn(target, number)
    else:
        _read_slowly(target, 32, _request("/api/events" if number == 0 else _LONG_LIST), reads=False)


def http_flood(target, number):
    """The dearest questions again and again, on 32 connections."""
    poll, held, numbers = select.epoll(), {}, itertools.count(number)
    while target.goes_on():
        while len(held) < 32:
            connection = target.connect(target.http)
            if connection is None:
                break
            held[connection.fileno()] = [connection, False]
            poll.register(connection, select.EPOLLOUT | select.EPOLLIN)
        for number, events in poll.poll(0.1):
            one = held[number]
            try:
                if not one[1] and events & select.EPOLLOUT:
                    request = _request(_PATHS[next(numbers) % len(_PATHS)]).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
                    target.sent(one[0].send(request))
                    one[1] = True
                    poll.modify(number, select.EPOLLIN)
                elif one[0].recv(1 << 18):
                    continue
                else:
                    raise OSError
            except OSError:
                held.pop(number)[0].close()


def nothing(target, number):
    while target.goes_on():
        time.sleep(0.1)


@dataclasses.dataclass
class Attack:
    name: str
    function: typing.Callable
    processes: int = 1
    options: tuple = ()          # of lubdub-server
    peers: tuple = ()            # the other systems that can be attacked so
    hears_all: bool = False      # the good clients of a peer subscribe to what is said
    many_tokens: bool = False
    over_http: bool = False


_BOTH = "mosquitto", "nats-server"
_BROADCAST = "--on-message", "broadcast"
ATTACKS = {one.name: one for one in (
    Attack("nothing", nothing, peers=_BOTH),
    Attack("message-flood", message_flood, peers=_BOTH),
    Attack("broadcast-flood", broadcast_flood, options=_BROADCAST),
    Attack("broadcast-deaf", broadcast_deaf, 3, _BROADCAST),
    Attack("bursts", bursts, options=_BROADCAST, peers=_BOTH, hears_all=True),
    Attack("health-toggle", health_toggle),
    Attack("probe-flood", probe_flood),
    Attack("never-probing", never_probing),
    Attack("reconnect-churn", reconnect_churn, 2, peers=_BOTH),
    Attack("takeover-fight", takeover_fight, 2, peers=("mosquitto",)),
    Attack("half-open", half_open, peers=_BOTH),
    Attack("identities", identities, 2, ("--grace", "1h")),
    Attack("wrong-tokens", wrong_tokens, 2, many_tokens=True),
    Attack("rst-storm", rst_storm, 2, peers=_BOTH),
    Attack("http-silent", http_silent, over_http=True),
    Attack("http-half", http_half, over_http=True),
    Attack("http-slow", http_slow, 2, over_http=True),
    Attack("http-deaf", http_deaf, 3, over_http=True),
    Attack("http-flood", http_flood, 2, over_http=True),
)}
