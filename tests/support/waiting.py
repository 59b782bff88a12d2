"""What tests in Python wait with, and where: a condition with a limit, a free port, HTTP over a socket of the file system."""

import http.client
import random
import socket
import time

PATIENCE = 30  # seconds for anything that is to come at once, on a busy machine under sanitizers


LOWEST_PORT, PORT_COUNT = 12000, 20000  # below those that the kernel gives to sockets that connect
_notes = []


def free_port():
    """A port that nobody has, and that stays this process's: a UDP socket on it is the note to the other tests."""
    while True:
        port = random.randrange(LOWEST_PORT, LOWEST_PORT + PORT_COUNT)
        note = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            note.bind(("127.0.0.1", port))
            with socket.socket() as probe:
                probe.bind(("", port))
        except OSError:
            note.close()
            continue
        _notes.append(note)
        return port


def wait_for(condition, otherwise, limit=PATIENCE):
    """Waits until it is true and returns what it came to; `otherwise` says, or tells, what is wrong."""
    end = time.monotonic() + limit
    while not (got := condition()):
        if time.monotonic() > end:
            raise AssertionError(otherwise() if callable(otherwise) else otherwise)
        time.sleep(0.01)
    return got


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, patience=PATIENCE):
        super().__init__("localhost", timeout=patience)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))
