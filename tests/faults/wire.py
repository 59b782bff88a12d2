"""The protocol for a peer that does what no client or server of ours does: frames, raw clients, fake servers, and a relay between."""

import socket
import struct
import threading
import time

PATIENCE = 30
HELLO, WELCOME, PROBE, ACK, MESSAGE, BYE = range(1, 7)
REPLACED, PROTOCOL, UNAUTHORIZED, OVERLOADED, TOO_MANY, VERSION = 2, 4, 6, 7, 8, 9


def frame(kind, sequence, content=b"", flags=0):
    return struct.pack(">2sBBHHQ", b"LD", 1, kind, flags, len(content), sequence) + content


def option(tag, value):
    return struct.pack(">BH", tag, len(value)) + value


def hello(identity=None, interval_ms=100, expiry_ms=10000, incarnation=1, token=None):
    content = option(1, identity.encode()) if identity else b""
    content += option(2, struct.pack(">I", interval_ms)) + option(3, struct.pack(">I", expiry_ms))
    return frame(HELLO, incarnation, content + (option(4, token) if token else b""))


def welcome(number=7, interval_ms=100, expiry_ms=10000):
    return frame(WELCOME, number, option(2, struct.pack(">I", interval_ms)) + option(3, struct.pack(">I", expiry_ms)))


class Wire:
    """One connection of our own, read frame by frame; every wait has a limit."""

    def __init__(self, connection):
        self.socket, self.bytes = connection, b""
        connection.settimeout(PATIENCE)

    @classmethod
    def to(cls, port, source=None, host="127.0.0.1", receive_buffer=None):
        connection = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        connection.settimeout(PATIENCE)
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            connection.bind(source)
        connection.connect((host, port))
        return cls(connection)

    def send(self, data):
        self.socket.sendall(data)

    def read(self):
        """(type, sequence, content, flags); None at the end of the stream, however it ended."""
        while len(self.bytes) < 16 or len(self.bytes) < 16 + struct.unpack(">H", self.bytes[6:8])[0]:
            try:
                more = self.socket.recv(65536)
            except ConnectionError:
                more = b""
            if not more:
                return None
            self.bytes += more
        _, _, kind, flags, length, sequence = struct.unpack(">2sBBHHQ", self.bytes[:16])
        content, self.bytes = self.bytes[16:16 + length], self.bytes[16 + length:]
        return kind, sequence, content, flags

    def next(self, kind):
        """The next frame of this kind; those before it, challenges of the server among them, are left aside."""
        while (got := self.read()) is not None:
            if got[0] == kind:
                return got
        raise AssertionError(f"the connection ended before a frame of type {kind}")

    def reason(self):
        """The reason of BYE; None where the stream ends without one."""
        while (got := self.read()) is not None:
            if got[0] == BYE:
                return got[1]
        return None

    def open(self, *arguments, **named):
        self.send(hello(*arguments, **named))
        self.next(WELCOME)
        return self

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def vanish(self):
        """Leaves without a word, as a machine does that loses its power. Needs the right to administer the network."""
        self.socket.setsockopt(socket.IPPROTO_TCP, 19, 1)  # TCP_REPAIR
        self.socket.close()

    def close(self):
        self.socket.close()


class FakeServer:
    """Runs `serve(wire, number)` for each connection, in a thread of its own."""

    def __init__(self, serve):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.serve, self.count, self.wires = self.listener.getsockname()[1], serve, 0, []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self.one, args=(Wire(connection), self.count), daemon=True).start()

    def one(self, wire, number):
        self.wires.append(wire)
        try:
            self.serve(wire, number)
        except (OSError, AssertionError):
            pass  # the client went away

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for wire in self.wires:
            wire.close()


class Relay:
    """Stands between clients and a server. Each of these may be set while it runs."""

    def __init__(self, port):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port, self.target = self.listener.getsockname()[1], port
        self.holds = threading.Event()  # not set: what comes is kept until it is set again, both ways
        self.holds.set()
        self.delay = 0.0  # seconds, for each piece
        self.piece = 65536  # bytes, at most
        self.change = None  # (is_from_client, bytes) → bytes
        self.ends = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target), PATIENCE)
            except OSError:
                return
            for end in (client, server):
                end.settimeout(None)
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.ends += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(source, sink, source is client), daemon=True).start()

    def pump(self, source, sink, is_from_client):
        try:
            while True:
                data = source.recv(self.piece)
                if not data:
                    break
                self.holds.wait()
                if self.delay:
                    time.sleep(self.delay)
                if self.change:
                    data = self.change(is_from_client, data)
                while data:  # a length of one byte is a segment of its own
                    sink.sendall(data[:self.piece])
                    data = data[self.piece:]
        except OSError:
            pass
        self.holds.wait()
        try:
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.holds.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for end in self.ends:
            end.close()
