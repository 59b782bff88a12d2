"""One trial each: peers that freeze, peers that are cut, while messages flow; and paths cut behind a lost SYN."""

import fcntl
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import tempfile
import time

import arena
import frames
import harness
import processes
from crowd import Crowd

PORT = 4000
LIMIT = 30  # seconds, for anything to come about
_ADD_PORT = 0x89A2  # SIOCBRADDIF


class Trial:
    """A server at the middle of cables, and what it told. Ends all that was started here."""

    def __init__(self, programs, detect, is_quick):
        self.programs, self.is_quick = programs, is_quick
        self.ring = arena.Arena()
        self.folder = tempfile.TemporaryDirectory(prefix="verdicts-")
        self.events_file = pathlib.Path(self.folder.name) / "events"
        self.server = processes.start(
            [programs.server, "--listen", f"{arena.SERVER}:{PORT}", "--workers", "1", "--detect", detect,
             "--on-message", "broadcast", "--message-rate", "1000", "--message-burst", "1000", "--max-per-address", "0",
             "--events", "none", "--events-file", self.events_file], self.ring.namespace)
        if not is_quick:
            harness.put_ahead(self.server)
        self.wait(self.listens, "the server does not listen")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        processes.end()
        self.folder.cleanup()

    def listens(self):
        with socket.socket() as visitor:
            return visitor.connect_ex((arena.SERVER, PORT)) == 0

    def crowd(self, prefix, count, interval, expiry, talk=None):
        cable = self.ring.cable(count)
        return cable, Crowd(cable, (arena.SERVER, PORT), prefix, count, interval, expiry, talk)

    def events(self):
        """[event] of whole lines."""
        if not self.events_file.exists():
            return []
        return [json.loads(line) for line in self.events_file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]

    def ends(self, prefix):
        """{identity: event} of those that the server gave up."""
        return {event["id"]: event for event in self.events()
                if event["event"] == "disconnected" and event.get("id", "").startswith(prefix + "-")}

    def count(self, name, prefix=None):
        return sum(event["event"] == name and (prefix is None or event.get("id", "").startswith(prefix + "-"))
                   for event in self.events())

    def wait(self, condition, what, limit=LIMIT):
        end = time.monotonic() + limit
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(what)
            time.sleep(0.01)


def causes(programs, detect, rate, count, interval, expiry, is_quick):
    """Half of the peers freeze, half are cut, beside as many and half as many again that live; the server judges."""
    with Trial(programs, detect, is_quick) as trial:
        _, frozen = trial.crowd("frozen", count, interval, expiry)
        cable, cut = trial.crowd("cut", count, interval, expiry)
        _, living = trial.crowd("living", 3 * count, interval, expiry, (rate, 100))
        trial.wait(lambda: frozen.open == cut.open == count and living.open == 3 * count, "not all clients are up")
        time.sleep(2.5 * interval)
        os.kill(frozen.number, signal.SIGSTOP)
        trial.ring.cut(cable)
        at = time.monotonic_ns()
        trial.wait(lambda: len(trial.ends("frozen")) == len(trial.ends("cut")) == count, "not all were found dead",
                   3 * expiry + LIMIT)
        return {"frozen": _sorted_out(trial.ends("frozen"), "hung", at), "cut": _sorted_out(trial.ends("cut"), "unreachable", at),
                "living_lost": len(trial.ends("living"))}


def _sorted_out(ends, right, at):
    found = sorted((event["mono_ns"] - at) / 1e9 for event in ends.values())
    wrong = {}
    for event in ends.values():
        if event["cause"] != right:
            wrong[event["cause"]] = wrong.get(event["cause"], 0) + 1
    return {"count": len(ends), "right": len(ends) - sum(wrong.values()), "wrong": wrong,
            "median_s": found[len(found) // 2], "worst_s": found[-1]}


def bound(programs, detect, count, interval, expiry, is_quick):
    """100 kB a second are broadcast to frozen peers: how long after its last frame is each given up?"""
    with Trial(programs, detect, is_quick) as trial:
        _, frozen = trial.crowd("frozen", count, interval, expiry)
        _, living = trial.crowd("living", 3 * count, interval, expiry, (100, 1000))
        trial.wait(lambda: frozen.open == count and living.open == 3 * count, "not all clients are up")
        time.sleep(2.5 * interval)
        os.kill(frozen.number, signal.SIGSTOP)
        trial.wait(lambda: len(trial.ends("frozen")) == count, "not all were found dead", 3 * expiry + LIMIT)
        ends = list(trial.ends("frozen").values())
        # What adapts gives a verdict between two looks, long before the expiry; the bound is that of the expiry.
        at_expiry = [event for event in ends if "adaptive_ms" not in event]
        return {"count": count, "silent_ms": max(event["silent_ms"] for event in ends), "at_expiry": len(at_expiry),
                "late_ms": max(((event["mono_ns"] - event["deadline_ns"]) / 1e6 for event in at_expiry), default=0.0),
                "causes": sorted({event["cause"] for event in ends}), "living_lost": len(trial.ends("living"))}


def beside_silent(programs, silent, count):
    """Clients freeze beside connections that said HELLO and nothing more, all from one address, and are late for good. A server
    that took them for clients would suspect itself, and its adaptive verdicts would wait for the expiry."""
    interval, expiry = 0.25, 10.0
    with Trial(programs, "adaptive", False) as trial:
        cable = trial.ring.cable(1)
        _, frozen = trial.crowd("frozen", count, interval, expiry)
        _, living = trial.crowd("living", 4 * count, interval, expiry)
        trial.wait(lambda: frozen.open == count and living.open == 4 * count, "not all clients are up")
        processes.branch(_say_nothing_more, cable.namespace, cable.address(1), silent, interval)
        trial.wait(lambda: trial.count("late", "silent") >= silent, "the silent ones are not late")
        time.sleep(10 * interval)
        os.kill(frozen.number, signal.SIGSTOP)
        at = time.monotonic_ns()
        trial.wait(lambda: len(trial.ends("frozen")) == count, "not all were found dead", 3 * expiry + LIMIT)
        return {"frozen": _sorted_out(trial.ends("frozen"), "hung", at), "suspicions": trial.count("suspicious"),
                "living_lost": len(trial.ends("living"))}


def _say_nothing_more(address, count, interval):
    held = []
    for number in range(count):
        connection = socket.create_connection((arena.SERVER, PORT), LIMIT, (address, 0))
        connection.sendall(frames.hello(f"silent-{number}", None, round(interval * 1000), 60000))
        held.append(connection)
    while held:
        time.sleep(1)


def lost_syn(programs, detect, timeout, count, is_quick):
    """The first SYN of each client is lost, and the path is cut soon after its connection is there. Both sides judge."""
    interval = timeout / 3
    limit = f"{round(timeout * 1000)}ms"
    with Trial(programs, detect, is_quick) as trial:
        _, living = trial.crowd("living", 3 * count, 1.0, 3.0)
        trial.wait(lambda: living.open == 3 * count, "not all clients are up")
        cable = trial.ring.cable(count)
        # Who is where need not be asked: else it is that question which is lost, and not the SYN.
        subprocess.run(["ip", "neigh", "replace", arena.SERVER, "lladdr", "02:00:00:00:00:01", "dev", "cable", "nud",
                        "permanent"], check=True, preexec_fn=cable.namespace.enter)
        trial.ring.cut(cable)
        outputs = []
        for number in range(count):
            output = open(pathlib.Path(trial.folder.name) / f"client-{number}", "w+b")
            outputs.append(output)
            processes.start([programs.client, f"{arena.SERVER}:{PORT}", "--id", f"syn-{number}", "--source",
                             cable.address(number + 1), "--interval", f"{round(interval * 1000)}ms", "--timeout",
                             limit if detect == "fixed" else f"auto:{limit}", "--expiry", limit, "--events", "json"],
                            cable.namespace, output)
        trial.wait(lambda: len(_of(outputs, "connecting")) == count, "not all clients connect")
        time.sleep(0.5)
        _join(trial.ring, cable)
        began = time.monotonic()
        trial.wait(lambda: len(_of(outputs, "up")) == count, "not all clients are up")
        if time.monotonic() - began < 0.2:
            raise RuntimeError("no SYN was lost")
        time.sleep(interval * 2.5)
        trial.ring.cut(cable)
        at = time.monotonic_ns()
        trial.wait(lambda: len(_of(outputs, "down")) == count and len(trial.ends("syn")) == count, "not all gave up",
                   5 * timeout + LIMIT)
        downs = {str(number): event for number, event in enumerate(_of(outputs, "down"))}
        return {"client": _sorted_out(downs, "unreachable", at), "server": _sorted_out(trial.ends("syn"), "unreachable", at),
                "living_lost": len(trial.ends("living"))}


def _join(ring, cable):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _ADD_PORT, struct.pack("16si20x", b"bridge", cable.port_index))


def _of(outputs, name):
    """The first event of that name of each client that told one."""
    found = []
    for output in outputs:
        text = pathlib.Path(output.name).read_bytes()  # by itself: a position would be the client's, too
        for line in text[:text.rfind(b"\n") + 1].splitlines():
            if line.startswith(b"{") and json.loads(line)["event"] == name:
                found.append(json.loads(line))
                break
    return found
