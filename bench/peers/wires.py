"""The least of a client that each server takes for a live one, as bytes in and out.

    opening(identity)   what to send first
    probe()             what to send every interval; nothing where the server does the asking
    take(bytes)         (beats completed, what to answer)
"""

import struct


class Mqtt:
    def __init__(self, keepalive):
        self._keepalive = keepalive

    def opening(self, identity):
        rest = b"\x00\x04MQTT\x04\x02" + struct.pack(">HH", self._keepalive, len(identity)) + identity.encode()
        return bytes([0x10, len(rest)]) + rest

    def probe(self):
        return b"\xc0\x00"  # PINGREQ

    def take(self, data):
        return data.count(b"\xd0"), b""  # PINGRESP; in the only other answer, CONNACK, there is no such byte


class Nats:
    def __init__(self):
        self._rest = b""

    def opening(self, identity):
        return b'CONNECT {"verbose":false,"pedantic":false,"name":"' + identity.encode() + b'"}\r\n'

    def probe(self):
        return b""

    def take(self, data):
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        asked = lines.count(b"PING")
        return asked, b"PONG\r\n" * asked


class Redis:
    def opening(self, identity):
        return b""

    def probe(self):
        return b"PING\r\n"

    def take(self, data):
        return data.count(b"+"), b""


class Zmtp:
    """ZMTP 3.1 without security; the server asks (PING), we answer (PONG)."""

    def __init__(self):
        self._input = b""
        self._is_greeted = False

    def opening(self, identity):
        ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER"
        greeting = b"\xff" + bytes(7) + b"\x01\x7f\x03\x01" + b"NULL".ljust(20, b"\x00") + bytes(32)
        return greeting + bytes([0x04, len(ready)]) + ready

    def probe(self):
        return b""

    def take(self, data):
        self._input += data
        if not self._is_greeted:
            if len(self._input) < 64:
                return 0, b""
            self._input = self._input[64:]
            self._is_greeted = True
        beats, answer = 0, b""
        while len(self._input) >= 2 and len(self._input) >= 2 + self._input[1]:
            body = self._input[2:2 + self._input[1]]
            self._input = self._input[2 + len(body):]
            if body.startswith(b"\x04PING"):
                pong = b"\x04PONG" + body[7:]
                answer += bytes([0x04, len(pong)]) + pong
                beats += 1
        return beats, answer


class Lubdub:
    _HEADER = struct.Struct(">HBBHHQ")
    _MAGIC, _VERSION = 0x4C44, 1
    _HELLO, _PROBE, _ACK = 1, 3, 4

    def __init__(self, interval, expiry):
        self._interval_ms, self._expiry_ms = round(interval * 1000), round(expiry * 1000)
        self._input = b""
        self._probes = 0

    def _frame(self, kind, sequence, content=b"", flags=0):
        return self._HEADER.pack(self._MAGIC, self._VERSION, kind, flags, len(content), sequence) + content

    def opening(self, identity):
        options = (struct.pack(">BH", 1, len(identity)) + identity.encode()
                   + struct.pack(">BHI", 2, 4, self._interval_ms) + struct.pack(">BHI", 3, 4, self._expiry_ms))
        return self._frame(self._HELLO, 1, options)

    def probe(self):
        self._probes += 1
        return self._frame(self._PROBE, self._probes)

    def take(self, data):
        self._input += data
        beats, answer = 0, b""
        while len(self._input) >= 16:
            _, _, kind, flags, length, sequence = self._HEADER.unpack_from(self._input)
            if len(self._input) < 16 + length:
                break
            content = self._input[16:16 + length]
            self._input = self._input[16 + length:]
            if kind == self._ACK:
                beats += 1
            elif kind == self._PROBE:
                answer += self._frame(self._ACK, sequence, content, flags)
        return beats, answer


class Listener:
    """Says nothing; every piece that arrives is a beat."""

    def opening(self, identity):
        return b""

    def probe(self):
        return b""

    def take(self, data):
        return 1, b""
