"""The least that a client has to say to each server: bytes out, and what counts of the bytes that come in.

The content of all messages of an attack is `x`, so that a header can be found by searching for it.
"""

import re
import struct
import time

HELLO, WELCOME, PROBE, ACK, MESSAGE, BYE = 1, 2, 3, 4, 5, 6
_NOTABLE = re.compile(rb"LD\x01([\x02\x03\x04\x06])(..)(..)(.{8})", re.DOTALL)


def frame(kind, sequence, content=b"", flags=0):
    return struct.pack(">2sBBHHQ", b"LD", 1, kind, flags, len(content), sequence) + content


def option(tag, value):
    return struct.pack(">BH", tag, len(value)) + value


def hello(identity, token, interval_ms=1000, expiry_ms=3000):
    options = option(1, identity.encode()) + option(2, struct.pack(">I", interval_ms)) + option(3, struct.pack(">I", expiry_ms))
    return frame(HELLO, time.time_ns(), options + (option(4, token) if token else b""))


class Lubdub:
    """is_open: there was a WELCOME. reason: why the server took leave, of a BYE."""

    def __init__(self, identity, token, hears_all=False):
        self.identity, self.token = identity, token
        self.is_open, self.reason = False, None
        self._rest, self._sent = b"", 0

    def opening(self):
        return hello(self.identity, self.token)

    def probe(self):
        self._sent += 1
        return frame(PROBE, self._sent)

    def goodbye(self):
        return frame(BYE, 0)

    def message(self, number, size):
        return frame(MESSAGE, number, b"x" * size)

    def take(self, data):
        """Returns how many probes were acknowledged, and what to answer."""
        data = self._rest + data
        acks, answer, end = 0, b"", 0
        for found in _NOTABLE.finditer(data):
            kind, end = found[1][0], found.end()
            if kind == ACK:
                acks += 1
            elif kind == PROBE:
                answer += b"LD\x01\x04" + found[2] + b"\0\0" + found[4]  # a challenge has no content
            elif kind == WELCOME:
                self.is_open = True
            else:
                self.reason = struct.unpack(">Q", found[4])[0]
        self._rest = data[max(end, len(data) - 15):]  # a header that is not whole yet
        return acks, answer


class Mqtt:
    reason = None

    def __init__(self, identity, token=None, hears_all=False):
        self.identity, self._hears_all, self.is_open = identity, hears_all, False

    @staticmethod
    def _packet(kind, rest):
        length, size = b"", len(rest)
        while True:
            length += bytes([size % 128 | (128 if size > 127 else 0)])
            size //= 128
            if not size:
                return bytes([kind]) + length + rest

    def opening(self):
        name = self.identity.encode()
        connect = self._packet(0x10, b"\x00\x04MQTT\x04\x02" + struct.pack(">HH", 2, len(name)) + name)
        return connect + (self._packet(0x82, b"\x00\x01\x00\x03all\x00") if self._hears_all else b"")

    def probe(self):
        return b"\xc0\x00"

    def goodbye(self):
        return b"\xe0\x00"

    def message(self, number, size):
        return self._packet(0x30, b"\x00\x03all" + b"x" * size)

    def take(self, data):
        self.is_open = self.is_open or b"\x20" in data
        return data.count(b"\xd0"), b""  # PINGRESP; there is no such byte in the others


class Nats:
    reason = None

    def __init__(self, identity, token=None, hears_all=False):
        self.identity, self._hears_all, self.is_open = identity, hears_all, False
        self._rest = b""

    def opening(self):
        connect = b'CONNECT {"verbose":false,"pedantic":false,"name":"' + self.identity.encode() + b'"}\r\n'
        return connect + (b"SUB all 1\r\n" if self._hears_all else b"")

    def probe(self):
        return b"PING\r\n"

    def goodbye(self):
        return b""

    def message(self, number, size):
        return b"PUB all %d\r\n" % size + b"x" * size + b"\r\n"

    def take(self, data):
        data = self._rest + data
        self.is_open = self.is_open or b"INFO " in data
        cut = data.rfind(b"\n") + 1
        lines, self._rest = data[:cut], data[cut:]
        return lines.count(b"PONG\r\n"), b"PONG\r\n" * lines.count(b"PING\r\n")
