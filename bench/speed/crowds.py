"""The scenarios that take many processes: lubdub-swarm with its servers, crowds that come back, 100,000 at once."""

import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
from datetime import datetime
from dataclasses import dataclass

from harness import (LOAD_CORE, PATIENCE, PORT, SERVER_CORE, Running, apart, free_ports, kernel_counter, phases_of,
                     put_ahead, word_in)
from sides import command_of, in_turn, is_yardstick

ASKED_EVERY = 0.25  # seconds: what a running swarm and its servers are looked after
SLOWEST = 4  # times fewer probes a second than asked for, then a scenario has failed
PROCESSES = 6  # for 100,000 connections where one process may have 20,000 descriptors


# ---- lubdub-swarm


class TooMuch(RuntimeError):
    """The machine does not carry that many probes."""


def children(process_id, name):
    """Its children of that name."""
    try:
        ids = pathlib.Path(f"/proc/{process_id}/task/{process_id}/children").read_text(encoding="ascii").split()
        return [int(one) for one in ids if
                pathlib.Path(f"/proc/{one}/comm").read_text(encoding="ascii").strip() == name]
    except (FileNotFoundError, ProcessLookupError):  # it, or one of them, has just ended
        return []


def last_line(file):
    """Of what was written to it, or None."""
    file.seek(0)
    return next((line for line in reversed(file.read().splitlines()) if line.strip()), None)


def run_swarm(programs, arguments, quick, watch=lambda swarm_id: None, patience=PATIENCE, errors=None):
    """Its report. Its servers go before its clients; `watch` is called now and then while it runs. What the swarm and its
    servers say on standard error goes to `errors`, a file.

    A report of a machine that could not carry the load is none of what was to be measured: a RuntimeError, as all that
    a scenario fails by.
    """
    if errors is None:
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as own:
            return run_swarm(programs, arguments, quick, watch, patience, own)
    command = [str(word) for word in [programs.swarm, "--report", "json", *arguments]]
    ahead = set()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as swarm:
        try:
            end = time.monotonic() + patience
            output = None
            while output is None:
                if not quick:
                    for server in set(children(swarm.pid, "lubdub-server")) - ahead:
                        put_ahead(server)
                        ahead.add(server)
                watch(swarm.pid)
                try:
                    output = swarm.communicate(timeout=ASKED_EVERY)[0]
                except subprocess.TimeoutExpired:
                    if time.monotonic() > end:
                        raise TooMuch(f"lubdub-swarm did not end within {patience} s") from None
        finally:
            if swarm.poll() is None:
                swarm.terminate()
                try:
                    swarm.communicate(timeout=30)  # it has its report to write
                except subprocess.TimeoutExpired:
                    swarm.kill()
    if not output:
        raise RuntimeError(f"lubdub-swarm could not do it: {last_line(errors) or 'it said nothing'} ({' '.join(command)})")
    report = json.loads(output)
    if report["overloaded"]:
        raise TooMuch(next(note for note in report["notes"] if "could not carry the load" in note))
    return report


def fault_row(report, fault, side):
    return next((row for row in report["faults"] if row["fault"] == fault and row["side"] == side), None)


def ask_for_counters(swarm_id):
    """Each server writes a line of them, which the swarm passes on."""
    for server in children(swarm_id, "lubdub-server"):
        try:
            # Before it has its handler the signal would end it; it has it once it catches it.
            if int(word_in(f"/proc/{server}/status", "SigCgt"), 16) >> (signal.SIGUSR1 - 1) & 1:
                os.kill(server, signal.SIGUSR1)
        except (FileNotFoundError, ProcessLookupError):
            pass


def counter_in(line, name):
    """Of such a line; None in others."""
    found = re.search(rf" {name}=(\d+)", line)
    return found and found[1]


def moment_of(line):
    """When a line of the log was written, as time.time() has it."""
    return datetime.fromisoformat(line.split()[0].replace("Z", "+00:00")).timestamp()


@dataclass
class Deaths:
    """Clients of many processes fall silent, over a while or at one moment, and the others go on."""
    clients: int
    interval_ms: int
    share: float
    within_ms: int
    repeats: int = 3
    is_long = True

    def run_pair(self, programs, number, quick):
        """What the machine does not carry in time is done again with half as many probes a second, and that is told."""
        slower = 1
        while True:
            try:
                found = self.run(programs, slower, quick)
                break
            except TooMuch as failure:
                if slower == SLOWEST:
                    raise RuntimeError(str(failure)) from None
                slower *= 2
        found["asked"] = 1000 * self.clients / self.interval_ms / slower
        found["is_less"] = slower > 1
        return {"ours": {"swarm": found}}

    def run(self, programs, slower, quick):
        began = time.time()
        with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
            report = run_swarm(programs, self.arguments(slower, quick), quick, watch=ask_for_counters, errors=log)
            log.seek(0)
            turns = [(moment_of(line), int(turn)) for line in log if (turn := counter_in(line, "recent_turn_max_us"))]
        ended = began + report["lasted_ms"] / 1000  # then they leave
        died = ended - (3 * report["settings"]["interval_ms"] + report["settings"]["duration_ms"]) / 1000
        turns_meanwhile = [turn for moment, turn in turns if died - ASKED_EVERY <= moment <= ended]
        if quick:  # they die in a moment, in which a busy machine may not have let anybody ask
            turns_meanwhile = turns_meanwhile or [turn for _, turn in turns[-1:]]
        if not turns_meanwhile:
            raise RuntimeError("no server told its counters while the clients died")
        frozen, totals, costs = fault_row(report, "freeze", "server"), report["totals"], report["costs"]
        if not frozen or not frozen["late_ms"]:
            raise RuntimeError(f"no frozen client was found: {report['notes']}")
        return {
            "late_p50_ms": frozen["late_ms"]["p50"], "late_p999_ms": frozen["late_ms"]["p99_9"],
            "late_max_ms": frozen["late_ms"]["max"], "early_ms": max(0.0, -frozen["late_ms"]["min"]),
            "missed": totals["missed"], "false": totals["false_alarms"], "wrong": totals["wrong_cause"],
            "rate": totals["probes_per_second"],
            "ack_p50_ms": totals["round_trip_ms"]["p50"], "ack_p99_ms": totals["round_trip_ms"]["p99"],
            "ack_max_ms": totals["round_trip_ms"]["max"],
            "turn_max_ms": max(turns_meanwhile) / 1000,
            "turn_max_ever_ms": max(turn for _, turn in turns) / 1000,
            "server_us": costs["server_processor_us_per_probe"],
            "resident_each": costs["server_bytes_per_session"], "client_each": costs["swarm_bytes_per_client"]}

    def arguments(self, slower, quick):
        processes = 2 if quick else PROCESSES
        interval_ms = slower * (100 if quick else self.interval_ms)
        within_ms = min(self.within_ms, 200) if quick else self.within_ms
        return ["--processes", processes, "--server-processes", processes, "--spawn-server=--workers=1 --max-opening=0",
                "--clients", 200 if quick else self.clients, "--ramp", 20000, "--interval", f"{interval_ms}ms",
                "--expiry", f"{3 * interval_ms}ms", "--timeout", f"{3 * interval_ms}ms", "--warmup", f"{interval_ms}ms",
                "--duration", f"{within_ms}ms", "--fault", f"freeze:{self.share:.0%}"]


# ---- clients that come back


class Restart:
    """The server dies under clients that come back by themselves, and is there again at once."""
    repeats = 1

    def run_pair(self, programs, number, quick):
        parts, clients = 2, 100 if quick else 10000  # a process may have 20,000 descriptors
        command = [programs.server, "--listen", f"127.0.0.1:{PORT}", "--reuse-port", "--workers", 1, "--events", "none",
                   "--max-per-address", 0, "--max-opening", 0, "--log-level", "error"]

        servers, crowds = [], []  # each is in it before the next begins: whatever fails, all are ended

        def start_servers():
            for _ in range(parts):
                servers.append(Running(command, SERVER_CORE, quick))

        try:
            start_servers()
            for _ in range(parts):
                crowds.append(subprocess.Popen([programs.returning, str(PORT), str(clients)], stdout=subprocess.PIPE,
                                               text=True, preexec_fn=apart(LOAD_CORE, quick)))
            for crowd in crowds:
                if not crowd.stdout.readline():
                    raise RuntimeError("the clients could not connect")
            before = {name: kernel_counter("TcpExt", name) for name in ("ListenOverflows", "ListenDrops")}
            for server in servers:
                server.process.kill()
                server.process.wait()
            start_servers()
            rows = [json.loads(crowd.stdout.readline()) for crowd in crowds]
        finally:
            for crowd in crowds:
                crowd.kill()
                crowd.wait()
            for server in servers:
                server.process.kill()
                server.process.wait()
        lost = sum(kernel_counter("TcpExt", name) - count for name, count in before.items())
        return {"ours": {"restart": {"back_s": max(row["back_s"] for row in rows), "overflows": lost,
                                     "attempts_each": sum(row["attempts_each"] for row in rows) / parts}}}


# ---- one crowd over many servers, each with a load of its own


@dataclass
class Spread:
    """As UnderLoad, over as many servers and loads as it takes; all servers on one processor, all loads on another."""
    connections: int
    plan: str
    interval_ms: int
    repeats: int = 1

    def run_pair(self, programs, number, quick):
        return {side: self.run(programs, side, quick) for side in in_turn(number)}

    def run(self, programs, side, quick):
        parts = 2 if quick else PROCESSES
        connections = 100 if quick else self.connections // parts
        interval_ms = 1000 if quick else self.interval_ms
        plan = "idle:0.5,paced:0.5" if quick else self.plan
        ports = free_ports(parts)
        servers, loads = [], []
        try:
            for port in ports:
                servers.append(Running(command_of(side, programs, interval_ms, port=port), SERVER_CORE, quick))
            for port, server in zip(ports, servers):
                command = [programs.load, "--port", port, "--server", server.id, "--connections", connections,
                           "--interval", interval_ms, "--plan", plan] + (["--echo"] if is_yardstick(side) else [])
                loads.append(subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                                              preexec_fn=apart(LOAD_CORE, quick)))
            runs = [phases_of(load.communicate(timeout=PATIENCE)[0]) for load in loads]
        finally:
            for one in loads + [server.process for server in servers]:
                one.kill()
                one.wait()
        return {phase: self.together([run[phase] for run in runs]) for phase in runs[0]}

    @staticmethod
    def together(phases):
        done = sum(phase["done"] for phase in phases)
        connections = sum(phase["connections"] for phase in phases)
        return {
            "done": done,
            "connections": connections,
            "rate": sum(phase["rate"] for phase in phases),
            "server_us": sum(phase["server_us"] * phase["done"] for phase in phases) / max(done, 1),
            "server_user_us": sum(phase["server_user_us"] * phase["done"] for phase in phases) / max(done, 1),
            "resident_each": sum(phase["resident_each"] * phase["connections"] for phase in phases) / connections,
        }
