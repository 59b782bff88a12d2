"""Redis, servers and clients as processes of one test, and what stands in Redis. Every wait has a limit."""

import concurrent.futures
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import needed  # noqa: E402
from waiting import PATIENCE, free_port, wait_for  # noqa: E402, F401

AT_ONCE = 3
LEASE = 2


class Reply(Exception):
    """An error that Redis answered."""


class Stage:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="lubdub-presence-")
        self.path = os.path.join(self.folder, "redis.sock")
        self.program = os.path.join(self.folder, "redis-server")
        # Debian's redis-check-rdb is the server, started under its own name.
        os.symlink(shutil.which("redis-check-rdb"), self.program)
        self.redis = None
        self.processes = []
        self.logs = {}

    # ---- processes ----

    def start(self, name, *command, environment=None):
        log = open(os.path.join(self.folder, name + ".log"), "ab")
        out = open(os.path.join(self.folder, name + ".out"), "wb")
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=log, env=environment)
        process.name = name
        self.processes.append(process)
        return process

    def start_redis(self, *options, environment=None):
        self.redis = self.start("redis", self.program, "--port", "0", "--unixsocket", self.path, "--save", "",
                                "--appendonly", "no", "--dir", self.folder, *options, environment=environment)
        wait_for(lambda: os.path.exists(self.path) and self.ping(), "Redis does not answer")

    def start_redis_with_tls(self, authority, certificate, key, *options):
        """On a port as well, over TLS; it asks for a certificate. Returns the port."""
        port = free_port()
        self.start_redis("--tls-port", str(port), "--tls-ca-cert-file", authority.certificate, "--tls-cert-file", certificate,
                         "--tls-key-file", key, "--bind", "127.0.0.1", *options)
        return port

    def ping(self):
        try:
            self.ask("PING")
        except Reply:
            return True  # it wants a password, and so it is there
        except OSError:
            return False
        return True

    def server(self, node, *options, url=None):
        port = free_port()
        process = self.start(node, os.environ["LUBDUB_SERVER"], "--listen", f"127.0.0.1:{port}", "--redis",
                             url or f"unix:{self.path}", "--node", node, "--redis-lease", f"{LEASE}s", "--events", "json",
                             *options)
        process.port = port
        wait_for(lambda: "listening" in self.output(process), f"{node} does not listen")
        return process

    def client(self, identity, server, *options):
        name = f"client-{len(self.processes)}"
        return self.start(name, os.environ["LUBDUB_CLIENT"], "-i", "200ms", "-t", "5s", "--expiry", "5s", "--id", identity,
                          "--events", "json", *options, f"127.0.0.1:{server.port}")

    def output(self, process):
        """Its whole lines: the last one may be half written."""
        with open(os.path.join(self.folder, process.name + ".out"), "rb") as file:
            text = file.read()
        return text[:text.rfind(b"\n") + 1].decode()

    def log(self, process):
        with open(os.path.join(self.folder, process.name + ".log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def events(self, process, name, **fields):
        found = []
        for line in self.output(process).splitlines():
            event = json.loads(line)
            if event["event"] == name and all(event.get(key) == value for key, value in fields.items()):
                found.append(event)
        return found

    def write(self, name, text):
        """A file with this text; its path."""
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    # ---- Redis ----

    def ask(self, *words, limit=PATIENCE):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(limit)
            connection.connect(self.path)
            parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
            connection.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
            return read_reply(connection.makefile("rb"))

    def claim(self, identity):
        """(node, state) of an identity; None: nothing stands there."""
        text = self.ask("GET", f"lubdub:id:{identity}")
        if text is None:
            return None
        fields = text.decode().split(" ")
        assert len(fields) == 10, text
        return fields[0], fields[5]

    def nodes(self):
        """name → state"""
        flat = self.ask("HGETALL", "lubdub:nodes")
        return {flat[i].decode(): flat[i + 1].decode().split(" ")[2] for i in range(0, len(flat), 2)}

    def wait_for_claim(self, identity, node, state):
        wait_for(lambda: self.claim(identity) == (node, state),
                 lambda: f"{identity} is {self.claim(identity)}, not {node} {state}")

    # ---- the end ----

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait()

    def words(self):
        """The ends of all logs."""
        return "".join(f"---- {process.name}: {process.returncode}\n{self.log(process)[-3000:]}\n"
                       for process in self.processes)

    def remove(self):
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def leaves_cleanly(self, server):
        """SIGTERM: it ends with 0, and its sanitizers have nothing to say."""
        server.terminate()
        assert server.wait(PATIENCE) == 0, self.log(server)
        assert "ERROR: " not in self.log(server), self.log(server)


def read_reply(file):
    line = file.readline()
    if not line.endswith(b"\r\n"):
        raise OSError("Redis closed the connection")
    kind, rest = line[:1], line[1:-2]
    if kind == b"-":
        raise Reply(rest.decode())
    if kind == b":":
        return int(rest)
    if kind == b"$":
        if int(rest) < 0:
            return None
        return file.read(int(rest) + 2)[:-2]
    if kind == b"*":
        return None if int(rest) < 0 else [read_reply(file) for _ in range(int(rest))]
    return rest


def run_one(test):
    """What went wrong, with the processes' own words; None: nothing."""
    stage = Stage()
    try:
        test(stage)
    except Exception:  # pylint: disable=broad-except
        return f"{traceback.format_exc()}\n{stage.words()}"
    finally:
        stage.remove()
    return None


def run(*tests):
    """Some at a time, each with a stage of its own: mostly they wait."""
    needed.need("redis-check-rdb")
    has_failed = False
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for test, wrong in zip(tests, pool.map(run_one, tests)):
            print(f"{test.__name__}{'' if wrong is None else ': failed'}", flush=True)
            if wrong is not None:
                has_failed = True
                print(wrong, flush=True)
    sys.exit(has_failed)
