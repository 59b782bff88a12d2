"""One attack on one server: starts the server and the good clients, lets the attack loose, and measures."""

import json
import mmap
import os
import pathlib
import re
import signal
import socket
import tempfile
import time

import attacks
import good
import frames
import harness
import place
import processes
import subjects

LIMIT_DRAIN, LIMIT_RELOAD, LIMIT_CONNECT, LIMIT_TELL = 15.0, 5.0, 30.0, 60.0  # seconds; what takes that long is not waited for any longer
FIRST, SECOND = -20, -10  # niceness
VISITOR = "127.0.2.1"
_COUNTER = re.compile(rb"recent_turn_max_us=(\d+) recent_turn_processor_us=(\d+)")
_READ_AGAIN = b"configuration read again"


def go_first():
    """This process, which only looks now and then."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(harness.PRIORITY))
    except PermissionError:
        pass


def places(workers, is_quick):
    """(server, good clients, attack). A server with two loops needs two processors, which it shares with the others. The
    server and the good clients go far ahead of the attack."""
    if is_quick:
        return place.Place(), place.Place(), place.Place()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) == 1:
        return place.Place(None, FIRST), place.Place(None, FIRST), place.Place()
    others = set(cores[1:])
    ours, attack = ({cores[0]}, others) if workers == 1 else (set(cores), set(cores))
    return place.Place(ours, FIRST), place.Place(others, FIRST), place.Place(attack, SECOND)


def run(subject, attack, seconds, clients, is_quick):
    """The figures; those that do not exist for this server are not there, those that could not be had are None."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        trial = _Trial(subject, attack, seconds, clients, is_quick, pathlib.Path(folder))
        try:
            return trial.run()
        finally:
            processes.end(trial.started())


class _Trial:
    def __init__(self, subject, attack, seconds, clients, is_quick, folder):
        self.subject, self.attack, self.seconds, self.clients = subject, attack, seconds, clients
        self.is_quick, self.folder = is_quick, folder
        self.is_ours = isinstance(subject, subjects.Lubdub)
        self.address = subjects.HOST, harness.free_port()
        self.http = (subjects.HOST, harness.free_port()) if attack.over_http else ()
        self.server = self.crowd = None
        self.attackers = []
        self.most_memory = 0
        self.counters = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("q")

    def started(self):
        return [*([self.server] if self.server else []), *self.attackers, *([self.crowd.number] if self.crowd else [])]

    def run(self):
        for_server, for_good, for_attack = places(self.subject.workers or 1, self.is_quick)
        self.server = self.subject.start(for_server, self.address[1], self.folder, self.attack, self.http)
        self.wait(self.listens, LIMIT_CONNECT, "the server does not listen")
        self.crowd = good.Crowd(for_good, self.address, self.subject.make_wire(self.attack.hears_all), self.clients,
                                self.folder / "good")
        self.wait(lambda: self.crowd[good.OPEN] >= self.clients * 0.9 and self.crowd[good.WELCOMED] >= self.clients,
                  LIMIT_CONNECT, "the good clients cannot connect")
        self.pause(0.5 if self.is_quick else 2)
        if self.is_ours:
            self.longest_turn()  # what comes from here on counts
        figures = {"baseline_bytes": self.memory()}
        self.most_memory = figures["baseline_bytes"]
        events_from = self.events_size()
        self.crowd.enter(good.MEASURED)

        for number in range(self.attack.processes):
            mine = self.counters[2 * number:2 * number + 2]
            target = attacks.Target(self.address, self.subject.wire, subjects.TOKEN if self.is_ours else None, mine,
                                    time.monotonic() + self.seconds + 20, self.is_quick, self.http)
            self.attackers.append(processes.branch(self.attack.function, for_attack, target, number))
        began = time.monotonic()
        self.pause(self.seconds / 2)
        if self.is_ours:
            figures["reload_s"] = self.reload()
        self.pause(began + self.seconds - time.monotonic())
        figures["attack_bytes"] = sum(self.counters[0:2 * self.attack.processes:2].tolist())
        figures["attack_connections"] = sum(self.counters[1:2 * self.attack.processes:2].tolist())
        if self.is_ours:
            figures["longest_turn_ms"], figures["turn_work_ms"] = self.longest_turn()
        if not processes.runs(self.server):
            raise RuntimeError("the server ended during the attack")
        figures["growth_mib"] = (self.most_memory - figures["baseline_bytes"]) / 2**20
        events_to = self.events_size()
        round_trips = self.crowd.round_trips()
        figures["round_trips"] = len(round_trips)
        figures["p99_ms"] = round_trips[int(len(round_trips) * 0.99)] / 1000 if round_trips else None
        figures["worst_ms"] = round_trips[-1] / 1000 if round_trips else None

        self.crowd.enter(good.DRAINING)
        figures["drain_s"] = self.drain()
        time.sleep(0.1)
        report = self.crowd.end()
        self.crowd = None
        lost = report["lost"]
        if self.is_ours:
            self.judge_events(figures, lost, report["welcomed"], events_from, events_to)
        figures["lost"], figures["causes"] = len(lost), lost
        return figures

    # ---- Waiting, while the memory is watched

    def memory(self):
        return int(harness.word_in(f"/proc/{self.server}/status", "VmRSS")) * 1024

    def watch(self):
        try:
            self.most_memory = max(self.most_memory, self.memory())
        except (OSError, RuntimeError):
            pass

    def wait(self, condition, limit, what):
        end = time.monotonic() + limit
        while not condition():
            if time.monotonic() > end or not processes.runs(self.server):
                raise RuntimeError(what)
            self.watch()
            time.sleep(0.005)

    def pause(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.watch()
            time.sleep(min(left, 0.05))

    def listens(self):
        with socket.socket() as visitor:
            return visitor.connect_ex(self.address) == 0

    # ---- What the server is asked

    def longest_turn(self):
        """By the clock and of processor time, in ms, since the last time it was asked; None: it did not say."""
        before = len(_COUNTER.findall(self.subject.log.read_bytes()))
        os.kill(self.server, signal.SIGUSR1)
        try:
            self.wait(lambda: len(_COUNTER.findall(self.subject.log.read_bytes())) > before, LIMIT_TELL, "no counters")
        except RuntimeError:
            return None, None
        return [int(found) / 1000 for found in _COUNTER.findall(self.subject.log.read_bytes())[-1]]

    def reload(self):
        """Seconds from SIGHUP until the log says that it was read, and a token taken away is refused."""
        self.subject.write_tokens([subjects.TOKEN])
        began = time.monotonic()
        os.kill(self.server, signal.SIGHUP)
        number = 0
        while time.monotonic() < began + LIMIT_RELOAD:
            number += 1
            is_refused = self.visit(number)
            if is_refused and _READ_AGAIN in self.subject.log.read_bytes():
                return time.monotonic() - began
            self.pause(0.01)
        return LIMIT_RELOAD

    def visit(self, number):
        """Whether one with the token that was taken away is told that it is not authorized."""
        wire = frames.Lubdub(f"visitor-{number}", subjects.REVOKED)
        try:
            with socket.create_connection(self.address, 0.5, (VISITOR, 0)) as visitor:
                visitor.sendall(wire.opening())
                wire.take(visitor.recv(4096))
        except OSError:
            return False
        return wire.reason == 6

    def drain(self):
        began = time.monotonic()
        os.kill(self.server, signal.SIGTERM)
        while processes.runs(self.server):
            if time.monotonic() > began + LIMIT_DRAIN:
                return LIMIT_DRAIN
            time.sleep(0.002)
        return time.monotonic() - began

    # ---- What the server told

    def events_size(self):
        return self.subject.events.stat().st_size if self.is_ours else 0

    def judge_events(self, figures, lost, welcomed, begin, end):
        """Every session of a good client has a beginning and an end; until the drain nobody ends but by goodbye."""
        told = {"connected": 0, "disconnected": 0}
        size_of_attack = position = 0
        for line in self.subject.events.read_bytes().splitlines(keepends=True):
            position += len(line)
            event = json.loads(line)
            identity = str(event.get("id", ""))
            if identity.startswith("good-"):
                if event["event"] in told:
                    told[event["event"]] += 1
                is_bye = event.get("cause") == "bye" and event.get("reason") in (None, 0, "normal")
                if event["event"] == "disconnected" and position <= end and not is_bye:
                    lost.setdefault(identity, f"server: {event.get('cause')}")
            elif begin < position <= end and not identity.startswith("visitor-"):
                size_of_attack += len(line)
        figures["events_lost"] = sum(max(0, welcomed - count) for count in told.values())
        figures["events_bytes"] = size_of_attack
        figures["events_per_byte"] = size_of_attack / figures["attack_bytes"] if figures["attack_bytes"] else 0.0
