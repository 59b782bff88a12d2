#!/usr/bin/env python3
"""A Lubdub client in Python's standard library: keeps a session with a server, and comes back when it is lost.

    heartbeat.py [--id NAME] [--interval MS] [--timeout MS] [--token TOKEN] [HOST[:PORT]]

Prints a line for what happens. Ends with a BYE on SIGTERM and SIGINT.
"""

import argparse
import random
import select
import signal
import socket
import struct
import sys
import time

from lubdub_session import Session, Settings

DEFAULT_PORT = 3333
CONNECT_TIMEOUT = 5  # seconds
SHORTEST_RANGE, LONGEST_RANGE = 100, 30_000  # ms from which a wait is drawn
RETRY_AFTER_LIMIT = 3_600_000  # ms: a server that asks for more is not believed
TCPI_UNACKED = 24  # where struct tcp_info has the number of segments that the peer's kernel has not acknowledged


def now_ms():
    return time.monotonic_ns() / 1e6


def say(text):
    print(text, flush=True)


def printable(text):
    """Text of the server's must not steer a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


class Backoff:
    """Draws each wait from the whole of a range that doubles: clients that lost one server do not come back together."""

    def __init__(self):
        self.range = SHORTEST_RANGE

    def next(self, at_least, was_replaced):
        if was_replaced:  # two clients under one name must not throw each other out as fast as they can
            self._grow(8)
            return self.range / 2 + random.uniform(0, self.range / 2)
        at_least = min(at_least, RETRY_AFTER_LIMIT)
        wait = at_least + random.uniform(0, max(self.range, at_least / 2))
        self._grow(2)
        return wait

    def note_session(self, lasted, expiry, was_replaced):
        if lasted >= 2 * LONGEST_RANGE or (lasted >= max(3 * expiry, 2 * SHORTEST_RANGE) and not was_replaced):
            self.range = SHORTEST_RANGE

    def _grow(self, factor):
        self.range = min(self.range * factor, LONGEST_RANGE)


class Leaving:
    """Turns SIGTERM and SIGINT into a socket that can be read, so that no wait outlasts them."""

    def __init__(self):
        self.readable, self._writable = socket.socketpair()
        self._writable.setblocking(False)
        signal.set_wakeup_fd(self._writable.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)

    def is_asked(self, within=0.0):
        return bool(select.select([self.readable], [], [], within)[0])


def silence_of(connection):
    """A missing ack: the machine and the path live if its kernel acknowledged all that we sent."""
    if not hasattr(socket, "TCP_INFO"):
        return "hung"
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCPI_UNACKED + 4)
    return "unreachable" if struct.unpack_from("=I", info, TCPI_UNACKED)[0] > 0 else "hung"


class Connection:
    """One session on one socket, until it is closed."""

    def __init__(self, connection, settings, leaving):
        self.socket, self.leaving = connection, leaving
        self.session = Session(settings, now_ms())
        self.down = None
        self._unwritten = b""
        self._has_shut = False

    def run(self):
        """Returns the event that tells why it is over."""
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            self._settle()
            if self.session.state == "CLOSED":
                return self.down
            self._wait()
            self._read()  # before any verdict: what has arrived counts
            self.session.tick(now_ms(), silence_of(self.socket))

    def _wait(self):
        due = self.session.deadline()
        reads = [] if self._unwritten else [self.socket]  # no queue of answers for a peer that does not take them
        if self.session.state != "LEAVING":
            reads.append(self.leaving.readable)
        readable, _, _ = select.select(reads, [self.socket] if self._unwritten else [], [],
                                       max(0, due - now_ms()) / 1000)
        late = now_ms() - due
        if late > self.session.settings.timeout_ms / 4:
            self.session.forgive(late)
        if self.leaving.readable in readable:
            self.session.leave(now_ms())

    def _read(self):
        while self.session.state != "CLOSED" and not self._unwritten:
            try:
                data = self.socket.recv(65536)
            except BlockingIOError:
                return
            except ConnectionResetError:
                return self.session.end("reset", now_ms())
            except OSError:
                return self.session.end("unreachable", now_ms())
            if not data:
                return self.session.end("closed", now_ms())
            self.session.receive(data, now_ms())
            self._write()

    def _write(self):
        self._unwritten += self.session.take_output()
        while self._unwritten:
            try:
                self._unwritten = self._unwritten[self.socket.send(self._unwritten):]
            except BlockingIOError:
                return
            except OSError:
                self._unwritten = b""
                return self.session.end("reset", now_ms())

    def _settle(self):
        self._write()
        if self.session.state == "LEAVING" and not self._unwritten and not self._has_shut:
            self._has_shut = True
            self.socket.shutdown(socket.SHUT_WR)
        for event in self.session.take_events():
            self._tell(event)

    def _tell(self, event):
        if event.kind == "UP":
            say(f"up: session {event.sequence}, a probe every {self.session.interval_ms} ms")
        elif event.kind == "ACKED":
            say(f"ack {event.sequence}: {event.round_trip_ms:.3f} ms")
        elif event.kind == "MESSAGE":
            say(f"message: {printable(event.content.decode(errors='replace'))}")
        elif event.kind == "DOWN":
            self.down = event
            why = "" if event.reason is None else f" reason {event.reason}"
            say(f"down: {event.cause}{why}{' ' * bool(event.text)}{printable(event.text)}")


def connect(host, port):
    """Returns a socket, or the cause by which there is none."""
    try:
        return socket.create_connection((host, port), CONNECT_TIMEOUT), None
    except socket.gaierror:
        return None, "resolve"
    except ConnectionRefusedError:
        return None, "refused"
    except TimeoutError:
        return None, "timeout"
    except OSError:
        return None, "unreachable"


def one_session(host, port, settings, leaving, backoff):
    """Returns how long to wait before the next, in ms."""
    connection, cause = connect(host, port)
    if connection is None:
        say(f"down: {cause}")
        return backoff.next(0, False)
    began = now_ms()
    settings.incarnation = time.time_ns()
    with connection:
        running = Connection(connection, settings, leaving)
        down = running.run()
    was_replaced = down.cause == "replaced"
    backoff.note_session(now_ms() - began, running.session.expiry_ms, was_replaced)
    return backoff.next(down.retry_after_ms, was_replaced)


def split_address(text):
    """HOST, HOST:PORT, or [IPV6]:PORT."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.lstrip(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, ""
    return host, int(port or DEFAULT_PORT)


def main():
    parser = argparse.ArgumentParser(description="Keeps a heartbeat with a Lubdub server.")
    parser.add_argument("address", nargs="?", default="localhost", metavar="HOST[:PORT]", type=split_address)
    parser.add_argument("--id", default="", help="the identity, at most 128 bytes")
    parser.add_argument("--interval", type=int, default=1000, metavar="MS")
    parser.add_argument("--timeout", type=int, default=3000, metavar="MS")
    parser.add_argument("--token", default="")
    wanted = parser.parse_args()

    leaving, backoff = Leaving(), Backoff()
    settings = Settings(identity=wanted.id, interval_ms=wanted.interval, timeout_ms=wanted.timeout, token=wanted.token)
    while True:
        wait = one_session(*wanted.address, settings, leaving, backoff)
        if leaving.is_asked():
            return 0
        say(f"again in {wait:.0f} ms")
        if leaving.is_asked(wait / 1000):
            return 0


if __name__ == "__main__":
    sys.exit(main())
