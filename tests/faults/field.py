"""The field on which faults are done: a server of ours with witnesses, the victims of a fault, and what must hold after each."""

import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys

from wire import PATIENCE, Relay, Wire

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from waiting import UnixConnection, free_port, wait_for  # noqa: E402

REPORTS = ("Sanitizer", "runtime error", "Assertion", "assert")
WITNESSES = 3
MEMORY = 24 << 20  # what a server may have grown by when all is over; the allocator of the sanitizer keeps some
ENVIRONMENT = {
    # What is freed is kept for use after free to be seen, but not so much that growth is not seen.
    "ASAN_OPTIONS": "detect_leaks=1:halt_on_error=1:quarantine_size_mb=1:thread_local_quarantine_size_kb=64",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1",
}


class CannotBeInjected(Exception):
    """This machine does not let us; the sentence says what is missing."""


class Process:
    """A program of ours; its events and its log go into files of the field's folder."""

    def __init__(self, field, name, command, stdout=None, env=None, before=None):
        self.name = name
        self.out, self.err = field.folder / f"{name}.out", field.folder / f"{name}.err"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=stdout or out, stderr=err,
                                            env={**os.environ, **ENVIRONMENT, **(env or {})}, preexec_fn=before)
        self.pid = self.process.pid

    def whole_lines(self):
        """The last line may be half written."""
        text = self.out.read_bytes()
        return text[:text.rfind(b"\n") + 1].decode(errors="replace").split("\n")

    def events(self, name=None, **fields):
        found = []
        for line in self.whole_lines():
            if line.startswith("{"):
                event = json.loads(line)
                if (name is None or event["event"] == name) and all(event.get(key) == value for key, value in fields.items()):
                    found.append(event)
        return found

    def wait_for(self, name, count=1, **fields):
        return wait_for(lambda: len(found := self.events(name, **fields)) >= count and found,
                        lambda: f"{self.name} does not tell {name} {fields}: {self.events()[-5:]}\n{self.log()}")[-1]

    def acks(self, more):
        """Waits for so many acks from now on."""
        self.wait_for("ack", len(self.events("ack")) + more)

    def log(self):
        return self.err.read_text(errors="replace")[-3000:]

    def signal(self, number):
        self.process.send_signal(number)

    def is_running(self):
        return self.process.poll() is None

    def status(self, limit=PATIENCE):
        """How it ended, when it ended."""
        return self.process.wait(limit)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def memory(self):
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.pid}/status").read_text())[1]) << 10

    def processor(self):
        """Seconds of a processor so far."""
        words = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        if self.is_running():
            self.signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()


class Server(Process):
    def __init__(self, field, name, *options, program=None, port=None, wrap=(), has_http=True, **named):
        self.port = port or free_port()
        self.socket = field.folder / f"{name}.sock"
        self.socket.unlink(missing_ok=True)
        command = [*wrap, program or os.environ["LUBDUB_SERVER"], "--listen", f"127.0.0.1:{self.port}", "--events", "json", *options]
        super().__init__(field, name, command + (["--http", f"unix:{self.socket}"] if has_http else []), **named)

    def listens(self):
        wait_for(lambda: not self.is_running() or self.events("listening"), lambda: f"{self.name} does not listen: {self.log()}")
        assert self.is_running(), f"{self.name} did not start: {self.log()}"
        return self

    def answers(self):
        """Waits until its page is served; for a server whose events go elsewhere."""
        def is_there():
            try:
                return self.get("/healthz")
            except OSError:
                return False

        wait_for(is_there, lambda: f"{self.name} does not serve: {self.log()}")
        return self

    def get(self, path):
        connection = UnixConnection(self.socket)
        connection.request("GET", path)
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    def metric(self, name):
        """The sum over the labels."""
        return sum(float(value) for value in re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", self.get("/metrics"), re.M))

    def leaves(self):
        """SIGTERM: it drains, and its sanitizers have nothing to say."""
        self.signal(signal.SIGTERM)
        assert self.status() == 0, f"{self.name} ended with {self.process.returncode}: {self.log()}"
        assert not any(word in self.err.read_text(errors="replace") for word in REPORTS), self.log()


class Field:
    """A server that one chapter's faults are done to, one after the other, with witnesses that nothing may happen to."""

    def __init__(self, folder, seed, *options, **named):
        self.folder, self.random = folder, random.Random(seed)
        self.processes, self.relays, self.wires, self.count = [], [], [], 0
        self.is_whole = True  # a fault that needs a server of its own says: this one is not judged by its counters
        self.server = self.new_server("--interval-min", "10ms", "--drain", "1s", *options, **named).listens()
        self.witnesses = [self.client(f"witness-{number}", "-i", "200ms", "-t", "20s", "--expiry", "60s") for number in range(WITNESSES)]
        for witness in self.witnesses:
            witness.acks(2)
        self.fresh = {"descriptors": self.server.descriptors(), "memory": self.server.memory()}

    # ---- what a fault may use ----

    def name(self, kind):
        self.count += 1
        return f"{kind}-{self.count}"

    def new_server(self, *options, **named):
        server = Server(self, self.name("server"), *options, **named)
        self.processes.append(server)
        return server

    def client(self, identity, *options, port=None, **named):
        """A client of ours: a probe each 50 ms and 1.5 s of silence, unless it is told otherwise."""
        defaults = [] if "-i" in options else ["-i", "50ms", "-t", "1500ms", "--expiry", "1500ms"]
        address = [] if port is False else [f"127.0.0.1:{port or self.server.port}"]
        client = Process(self, self.name("client"), [os.environ["LUBDUB_CLIENT"], "--id", identity, "--events", "json", *defaults, *options, *address],
                         **named)
        client.identity = identity
        self.processes.append(client)
        return client

    def victim(self, *options, **named):
        """The same, with an identity of its own, and up."""
        client = self.client(self.name("victim"), *options, **named)
        client.acks(1)
        return client

    def wire(self, port=None, **named):
        wire = Wire.to(port or self.server.port, **named)
        self.wires.append(wire)
        return wire

    def relay(self, port=None):
        relay = Relay(port or self.server.port)
        self.relays.append(relay)
        return relay

    def ended(self, identity, *causes):
        """Waits for the end of the session of an identity, which has one of these causes, and there is only one."""
        event = self.server.wait_for("disconnected", id=identity)
        assert not causes or event["cause"] in causes, event
        return event

    def pick(self, *choices):
        return self.random.choice(choices)

    def witnesses_go_on(self):
        for witness in self.witnesses:
            witness.acks(2)

    # ---- what must hold after each ----

    def end_victims(self):
        for thing in self.wires + self.relays:
            thing.close()
        for process in self.processes:
            if process is not self.server and process not in self.witnesses:
                process.end()
        self.processes = [self.server, *self.witnesses]
        self.wires, self.relays = [], []

    def judge(self):
        """No live session lost, no dead one kept, each identity with one owner, each event told once, all resources given back."""
        self.end_victims()
        server = self.server
        assert server.is_running(), f"the server ended with {server.process.returncode}: {server.log()}"
        wait_for(lambda: server.metric("lubdub_sessions") == WITNESSES and server.metric("lubdub_handshakes") == 0,
                 lambda: "a dead one is kept: " + server.get("/api/sessions"))
        for witness in self.witnesses:
            assert witness.is_running() and not witness.events("down"), f"a live one is lost: {witness.events('down')} {witness.log()}"
        self.witnesses_go_on()
        judge_story(server.events())
        wait_for(self.counters_agree, lambda: f"events are lost: {self.told()} of {self.counted()}")
        wait_for(lambda: server.descriptors() <= self.fresh["descriptors"],
                 lambda: f"{server.descriptors()} descriptors, {self.fresh['descriptors']} at the start")
        grown = server.memory() - self.fresh["memory"]
        assert grown <= MEMORY, f"{grown >> 10} KiB more than at the start"

    def told(self):
        return tuple(len(self.server.events(name)) for name in ("connected", "disconnected"))

    def counted(self):
        return tuple(int(self.server.metric(f"lubdub_sessions_{what}_total")) for what in ("started", "ended"))

    def counters_agree(self):
        return not self.is_whole or self.told() == self.counted()

    def leave(self):
        """The end of the field is a drain: the witnesses are told, and every session ends once."""
        self.end_victims()
        self.server.leaves()
        for witness in self.witnesses:
            witness.status()
            down = witness.events("down")
            assert [event["cause"] for event in down] == ["bye"] and down[0]["reason"] == 1, down
        owners = judge_story(self.server.events())
        assert not owners, f"without an end: {owners}"

    def close(self):
        self.end_victims()
        for process in self.processes:
            process.end()


def judge_story(events):
    """The events of a server, in order: an identity has one owner, and a session begins once and ends once. Returns the identities that are there."""
    there, owners, over = {}, {}, set()
    for event in events:
        session, identity = event.get("session"), event.get("id")
        if event["event"] == "connected":
            assert session not in there and session not in over, f"it begins twice: {event}"
            assert identity is None or identity not in owners, f"two owners of {identity}: {owners[identity]} and {session}"
            there[session] = identity
            if identity is not None:
                owners[identity] = session
        elif event["event"] == "disconnected":
            assert session in there, f"it ends twice, or without a beginning: {event}"
            over.add(session)
            owners.pop(there.pop(session), None)
    return there
