"""A Redis of our own on a socket of the file system, and what it says; and the naive design that writes to it."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time

import harness

AT_ONCE = 1000


def program():
    """redis-server; where only Debian's redis-tools are there, redis-check-rdb is the same program under another name."""
    return shutil.which("redis-server") or shutil.which("redis-check-rdb")


class Redis:
    def __init__(self, folder, is_ahead):
        self.folder, self.path, self.is_ahead = folder, str(folder / "redis.sock"), is_ahead
        self.name = folder / "redis-server"
        if not self.name.exists():
            os.symlink(program(), self.name)
        self.process = None
        self.start()

    def start(self):
        pathlib.Path(self.path).unlink(missing_ok=True)
        self.process = subprocess.Popen([str(self.name), "--port", "0", "--unixsocket", self.path, "--save", "",
                                         "--appendonly", "no", "--dir", str(self.folder), "--latency-tracking", "no"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        harness.await_that(self.answers, "Redis answers")
        if self.is_ahead:
            harness.put_ahead(self.process.pid)

    def answers(self):
        try:
            return self.ask("PING") == b"PONG"
        except OSError:
            return False

    def connect(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(harness.PATIENCE)
        connection.connect(self.path)
        return connection

    def ask(self, *words):
        return self.ask_all([words])[0]

    def ask_all(self, commands):
        """The replies to all of them, which are sent at once."""
        with self.connect() as connection:
            file = connection.makefile("rb")
            replies = []
            for first in range(0, len(commands), AT_ONCE):
                some = commands[first:first + AT_ONCE]
                connection.sendall(b"".join(encoded(command) for command in some))
                replies += [read_reply(file) for _ in some]
            return replies

    def info(self):
        text = self.ask("INFO", "everything").decode()
        return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line and not line.startswith("#"))

    def claims(self):
        """identity → (node, boot, state)"""
        keys, cursor = [], b"0"
        while True:
            cursor, some = self.ask("SCAN", cursor, "MATCH", "lubdub:id:*", "COUNT", "5000")
            keys += some
            if cursor == b"0":
                break
        values = self.ask_all([("MGET", *keys[first:first + AT_ONCE]) for first in range(0, len(keys), AT_ONCE)])
        found = {}
        for key, value in zip(keys, (one for some in values for one in some)):
            if value is not None:
                fields = value.split(b" ")
                found[key] = fields[0], fields[1], fields[5]
        return found

    def boots(self):
        """node → boot, of those that are live"""
        flat = self.ask("HGETALL", "lubdub:nodes")
        entries = {flat[at]: flat[at + 1].split(b" ") for at in range(0, len(flat), 2)}
        return {node: fields[0] for node, fields in entries.items() if fields[2] == b"live"}

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def encoded(words):
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def read_reply(file):
    line = file.readline()
    if not line.endswith(b"\r\n"):
        raise OSError("Redis closed the connection")
    kind, rest = line[:1], line[1:-2]
    if kind == b"-":
        raise RuntimeError(f"Redis says {rest.decode()}")
    if kind == b":":
        return int(rest)
    if kind == b"$":
        return None if int(rest) < 0 else file.read(int(rest) + 2)[:-2]
    if kind == b"*":
        return None if int(rest) < 0 else [read_reply(file) for _ in range(int(rest))]
    return rest


def calls(info, *names):
    """How often these commands were called by clients."""
    return sum(int(info[f"cmdstat_{name}"].split("calls=")[1].split(",")[0]) for name in names if f"cmdstat_{name}" in info)


def processor(info):
    return float(info["used_cpu_sys"]) + float(info["used_cpu_user"])


class Naive:
    """What many do: a key for each client, written again with each beat, which Redis drops when it was not written for long."""

    PARTS = 10

    def __init__(self, redis, clients, interval_s, kept_s):
        self.redis, self.interval_s = redis, interval_s
        self.keys = [f"naive:{number:06d}" for number in range(clients)]
        commands = [encoded(("SET", key, "node-1", "PX", int(1000 * kept_s))) for key in self.keys]
        self.parts = [b"".join(commands[part::self.PARTS]) for part in range(self.PARTS)]
        self.ends = threading.Event()
        self.writer = threading.Thread(target=self._write)
        self.writer.start()

    def _write(self):
        with self.redis.connect() as connection:
            threading.Thread(target=self._forget, args=(connection,), daemon=True).start()
            due, part = time.monotonic(), 0
            while not self.ends.wait(max(0, due - time.monotonic())):
                connection.sendall(self.parts[part])
                part = (part + 1) % self.PARTS
                due = max(due + self.interval_s / self.PARTS, time.monotonic())

    @staticmethod
    def _forget(connection):
        """The replies."""
        try:
            while connection.recv(1 << 16):
                pass
        except OSError:
            pass

    def absent(self):
        """Clients that a reader finds absent now; in truth none is."""
        return len(self.keys) - self.redis.ask("EXISTS", *self.keys)

    def most_absent(self, seconds):
        """At most, in the time that follows."""
        end, most = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            most = max(most, self.absent())
        return most

    def end(self):
        self.ends.set()
        self.writer.join()
