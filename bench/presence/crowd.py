"""Clients that hold sessions with an identity and do nothing else: a process of its own, which does what it is told, a line each.

    crowd.py PORT PREFIX INTERVAL_MS EXPIRY_MS

    connect COUNT     so many more, each with an identity of its own; "done" when the server has welcomed the last
    beat              from now on each sends a probe in each interval
    end COUNT GAP_MS  so many die, one after the other: their sockets are closed without a BYE
    (the end of the input ends it, and with it all its clients)
"""

import pathlib
import resource
import select
import socket
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "hostile"))

import frames  # noqa: E402

AT_ONCE = 256  # connections that are opened before the last of them is waited for
PARTS = 10     # of an interval, in each of which a part of the clients probes
PATIENCE = 60


class Crowd:
    def __init__(self, port, prefix, interval_ms, expiry_ms):
        self.address, self.prefix = ("127.0.0.1", port), prefix
        self.interval_ms, self.expiry_ms = interval_ms, expiry_ms
        self.sockets, self.made, self.part = [], 0, None

    def connect(self, count):
        for number in range(count):
            connection = socket.create_connection(self.address, PATIENCE)
            connection.sendall(frames.hello(f"{self.prefix}{self.made:06d}", None, self.interval_ms, self.expiry_ms))
            self.made += 1
            self.sockets.append([connection, 0])  # and how many probes it has sent
            if number % AT_ONCE == AT_ONCE - 1 or number == count - 1:
                connection.recv(1)  # of the WELCOME; what else comes stays in the kernel

    def beat(self):
        """A part of them; called PARTS times in an interval."""
        for client in self.sockets[self.part::PARTS]:
            client[1] += 1
            client[0].send(frames.frame(frames.PROBE, client[1]))
        self.part = (self.part + 1) % PARTS

    def end(self, count, gap_ms):
        for _ in range(count):
            self.sockets.pop()[0].close()
            time.sleep(gap_ms / 1000)

    def obey(self, words):
        if words[0] == "connect":
            self.connect(int(words[1]))
        elif words[0] == "beat":
            self.part = 0
        elif words[0] == "end":
            self.end(int(words[1]), float(words[2]))
        print("done", flush=True)

    def run(self):
        due = time.monotonic()
        while True:
            wait = max(0, due - time.monotonic()) if self.part is not None else None
            if select.select([sys.stdin], [], [], wait)[0]:
                line = sys.stdin.readline()
                if not line:
                    return
                self.obey(line.split())
            elif self.part is not None:
                self.beat()
            if time.monotonic() >= due:
                due = max(due + self.interval_ms / 1000 / PARTS, time.monotonic())


def main():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    Crowd(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])).run()


main()
