"""A server with HTTP, and clients of it, for the tests in this folder."""

import contextlib
import http.client
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from waiting import PATIENCE, UnixConnection, free_port, wait_for  # noqa: E402, F401

HELLO, WELCOME, PROBE, ACK, BYE = 1, 2, 3, 4, 6


def frame(kind, sequence=0, content=b"", flags=0):
    return struct.pack(">2sBBHHQ", b"LD", 1, kind, flags, len(content), sequence) + content


def option(tag, value):
    return struct.pack(">BH", tag, len(value)) + value


class Client:
    """Says HELLO and nothing more; its expiry is a minute unless given. Closes as a program that was killed."""

    def __init__(self, server, identity=None, labels=(), interval_ms=30000, expiry_ms=60000):
        self.socket = socket.create_connection(("127.0.0.1", server.port))
        options = option(1, identity.encode()) if identity is not None else b""
        options += option(2, struct.pack(">I", interval_ms)) + option(3, struct.pack(">I", expiry_ms))
        options += b"".join(option(5, label.encode()) for label in labels)
        self.socket.sendall(frame(HELLO, time.time_ns(), options))
        self.socket.settimeout(PATIENCE)
        welcome = self.socket.recv(65536)
        assert welcome[:4] == b"LD\x01\x02", welcome
        self.probes = 0

    def probe(self, content=b"", health=0):
        self.probes += 1
        self.socket.sendall(frame(PROBE, self.probes, content, health))

    def bye(self):
        self.socket.sendall(frame(BYE))
        self.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self.socket.close()


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def text(self):
        return self.body.decode()


class Server:
    """Runs until the end of a `with`. `http` is what stands behind --http; None: 127.0.0.1 and a free port."""

    def __init__(self, *options, http=None, http_port=None):
        self.port = free_port()
        self.http_port = http_port or free_port()
        self.http = http or f"127.0.0.1:{self.http_port}"
        self.options = options
        self.process = None

    def start(self):
        if self.process is not None:
            self.log.close()
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [os.environ["LUBDUB_SERVER"], "--listen", f"127.0.0.1:{self.port}", "--events", "none", "--http", self.http,
             *self.options], stderr=self.log)
        wait_for(self.answers, "the server does not answer")

    def answers(self):
        assert self.process.poll() is None, self.errors()
        try:
            return self.get("/readyz").status == 200
        except OSError:
            return False

    def errors(self):
        self.log.seek(0)
        return self.log.read().decode()

    def stop(self):
        self.process.terminate()
        status = self.process.wait(PATIENCE)
        assert status == 0, f"{status}: {self.errors()}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, error, trace):
        if self.process.poll() is None and kind is None:
            self.stop()
        elif self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        errors = self.errors()
        self.log.close()
        assert "Sanitizer" not in errors, errors

    def connection(self):
        if self.http.startswith("unix:"):
            return UnixConnection(self.http[5:])
        return http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=PATIENCE)

    def get(self, path, method="GET", **headers):
        with contextlib.closing(self.connection()) as connection:
            connection.request(method, path, headers={key.replace("_", "-"): value for key, value in headers.items()})
            return Answer(connection.getresponse())

    def json(self, path):
        answer = self.get(path)
        assert answer.status == 200, answer.body
        return answer.json()

    def wait_for_state(self, identity, state):
        """Of an identity; returns what is told of it."""
        def look():
            answer = self.get(f"/api/sessions/{identity}")
            return answer.status == 200 and answer.json()["state"] == state and answer.json()
        return wait_for(look, f"{identity} is not {state}")

    def join_many(self, count):
        """A swarm of `count` clients, swarm-0 and so on; returns its process when all are there."""
        swarm = subprocess.Popen([os.environ["LUBDUB_SWARM"], "--clients", str(count), "--duration", "1h", "--warmup", "0",
                                  "--interval", "10s", "--timeout", "60s", "--expiry", "120s", "--ramp", "5000",
                                  f"127.0.0.1:{self.port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.json("/api/summary")["sessions"] >= count, "the swarm is not there")
        return swarm


class Stream:
    """Server-sent events, one after the other: (name, id, data)."""

    def __init__(self, server, **headers):
        self.connection = server.connection()
        self.connection.request("GET", "/api/events", headers={key.replace("_", "-"): value for key, value in headers.items()})
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        assert self.response.headers["Content-Type"].startswith("text/event-stream")

    def next(self):
        name, number, data = "message", None, None
        while True:
            line = self.response.readline().decode()
            assert line, "the stream has ended"
            line = line.rstrip("\n")
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("id: "):
                number = line[4:]
            elif line.startswith("data: "):
                data = json.loads(line[6:])
            elif line == "" and data is not None:
                return name, number, data

    def expect(self, name, **fields):
        """The next event like this; others are passed over."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            found, number, data = self.next()
            if found == name and all(data.get(key) == value for key, value in fields.items()):
                return number, data
        raise AssertionError(f"no {name} {fields}")

    def close(self):
        self.response.close()
        self.connection.close()
