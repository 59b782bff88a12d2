"""What is measured, in which runs, and what it should come to."""

import time
from dataclasses import dataclass
from statistics import median
from typing import Callable, Optional

from crowds import Deaths, Restart, Spread, children
from harness import LOAD_CORE, PORT, SERVER_CORE, Running, await_that, descriptors, load, resident

YARDSTICK_EXPIRY = 1000  # seconds: it never expires anybody here


def server_command(programs, interval_ms=1000, workers=1, port=PORT):
    """An expiry so long that the closed loop's bursts are within what a session may send."""
    return [programs.server, "--listen", f"127.0.0.1:{port}", "--workers", workers, "--events", "none", "--max-per-address", 0,
            "--log-level", "error", "--interval", f"{interval_ms}ms", "--expiry", "10000s"]


# ---- Scenarios: what one pair of runs is


@dataclass
class UnderLoad:
    """One life of the server under a load; the yardstick lives the same."""
    connections: int
    plan: str
    interval_ms: int = 1000
    workers: int = 1
    has_yardstick: bool = True
    repeats: int = 5
    identity: str = ""
    events: str = "none"

    def run_pair(self, programs, number, quick):
        sides = {"ours": self.ours, "yardstick": self.yardstick}
        if not self.has_yardstick:
            del sides["yardstick"]
        order = sorted(sides, reverse=number % 2 == 1)  # which side goes first changes with each pair
        return {side: sides[side](programs, quick) for side in order}

    def ours(self, programs, quick):
        command = server_command(programs, self.interval_ms, self.workers) + ["--events", self.events]
        greeting = ["--hello", self.identity] if self.identity else []
        with Running(command, SERVER_CORE, quick) as server:
            return load(programs, server.id, [*greeting, *self.arguments(quick)], quick)

    def yardstick(self, programs, quick):
        with Running([programs.yardstick, PORT, YARDSTICK_EXPIRY], SERVER_CORE, quick) as server:
            return load(programs, server.id, ["--echo", *self.arguments(quick)], quick)

    def arguments(self, quick):
        plan = ",".join(part.split(":")[0] + ":1" for part in self.plan.split(",")) if quick else self.plan
        connections = min(self.connections, 200) if quick else self.connections
        return ["--connections", connections, "--interval", self.interval_ms, "--plan", plan]


class IdleClient:
    """A client as it runs for months: a probe a second, a line an ack, to nowhere."""
    has_yardstick = False
    repeats = 2

    def run_pair(self, programs, number, quick):
        length = 1 if quick else 10
        with Running(server_command(programs), SERVER_CORE, quick), \
                Running([programs.client, "--reconnect", f"127.0.0.1:{PORT}"], LOAD_CORE, quick) as client:
            time.sleep(1.5)
            before = client.processor_time()
            time.sleep(length)
            used = client.processor_time() - before
            return {"ours": {"idle": {"resident_mb": resident(client.id) / 1e6, "percent": 100 * used / length}}}


class Swarm:
    """What one more idle client costs where thousands are in one process."""
    has_yardstick = False
    repeats = 2

    def run_pair(self, programs, number, quick):
        few, many = (50, 100) if quick else (1000, 15000)
        resident = {clients: self.resident(programs, clients, quick) for clients in (few, many)}
        return {"ours": {"idle": {"resident_each": (resident[many] - resident[few]) / (many - few)}}}

    def resident(self, programs, clients, quick):
        command = [programs.swarm, "--clients", clients, "--interval", "10s", "--ramp", 10000, "--warmup", "30s",
                   f"127.0.0.1:{PORT}"]
        with Running(server_command(programs), SERVER_CORE, quick) as server:
            await_that(lambda: listens(server.id), "the server listens")
            with Running(command, LOAD_CORE, quick) as swarm:
                def processes():
                    return [swarm.id, *children(swarm.id, "lubdub-swarm")]

                await_that(lambda: sum(map(descriptors, processes())) > clients, f"{clients} clients are connected")
                time.sleep(1)
                return sum(map(resident, processes()))


def listens(process_id):
    """Its port in hexadecimal, in state LISTEN."""
    with open(f"/proc/{process_id}/net/tcp", encoding="ascii") as table:
        return any(f":{PORT:04X} " in line and " 0A " in line for line in table)


SCENARIOS = {
    "10k": UnderLoad(10000, "idle:1,paced:4"),
    "19k": UnderLoad(19000, "idle:1,paced:4,closed:3"),
    "1k": UnderLoad(1000, "closed:3"),
    "1k-fast": UnderLoad(1000, "paced:4", interval_ms=100),
    "100k": Spread(100000, "idle:1,paced:5", 10000, server_command),
    "memory-two-workers": UnderLoad(19000, "idle:1", workers=2, has_yardstick=False, repeats=2, events="json",
                                    identity="pump-house-"),
    "client": IdleClient(),
    "swarm": Swarm(),
    # 100,000 probes a second, both ends, are 2.8 of the two processors here: half of that, and a quarter beside it
    "lateness-25k/s": Deaths(100000, 4000, 0.05, 4000),
    "lateness-50k/s": Deaths(100000, 2000, 0.05, 4000),
    "death-25k/s": Deaths(100000, 4000, 0.5, 1),
    "death-50k/s": Deaths(100000, 2000, 0.5, 1),
    "restart": Restart(),
}


def choose(beginnings):
    if not beginnings:
        return list(SCENARIOS)
    return [name for name in SCENARIOS if any(name.startswith(beginning) for beginning in beginnings)]


# ---- Figures: what is read from the runs


@dataclass
class Figure:
    """`values` takes one side's runs of the scenario and makes a number of each."""
    name: str
    scenario: str
    values: Callable
    most: Optional[float] = None        # of ours
    most_ratio: Optional[float] = None  # to the yardstick's
    least_ratio: Optional[float] = None

    def goal(self):
        if self.most is not None:
            return f"at most {self.most:g}"
        if self.most_ratio is not None:
            return f"at most {self.most_ratio:.2f} ×"
        if self.least_ratio is not None:
            return f"at least {self.least_ratio:.2f} ×"
        return ""

    def is_reached(self, ours, ratio):
        if self.most is not None:
            return ours <= self.most
        if self.most_ratio is not None:
            return ratio <= self.most_ratio
        return self.least_ratio is None or ratio >= self.least_ratio

    def row(self, ours, yardstick=None, ratio=None):
        return {"figure": self.name, "ours": ours, "yardstick": yardstick, "ratio": ratio, "goal": self.goal(),
                "is_reached": self.is_reached(ours, ratio)}


def of_phase(phase, *path):
    def value(run):
        found = run[phase]
        for key in path:
            found = found[key]
        return found
    return lambda runs: [value(run) for run in runs]


def user_time(phase):
    """The tick that tells user from system time sees too little of one run: all runs together."""
    def values(runs):
        done = sum(run[phase]["done"] for run in runs)
        return [sum(run[phase]["server_user_us"] * run[phase]["done"] for run in runs) / done] * len(runs)
    return values


def missed_or_false(runs):
    return [run["swarm"]["missed"] + run["swarm"]["false"] for run in runs]


def lateness_figures(rate):
    name = "lateness-" + rate
    return [
        Figure(f"verdict after its deadline, 100,000 at {rate}, p99.9, ms", name, of_phase("swarm", "late_p999_ms"),
               most=5),
        Figure("  before its deadline, ms", name, of_phase("swarm", "early_ms"), most=0),
        Figure("  missed or false", name, missed_or_false, most=0),
        Figure("  probes/s that were carried", name, of_phase("swarm", "rate")),
    ]


def death_figures(rate):
    name = "death-" + rate
    return [
        Figure(f"half of 100,000 vanish at {rate}: last verdict late, ms", name, of_phase("swarm", "late_max_ms"),
               most=50),
        Figure("  missed, or live ones lost", name, missed_or_false, most=0),
        Figure("  longest turn of a loop until the last verdict, ms", name, of_phase("swarm", "turn_max_ms"), most=20),
        Figure("    as they connect and leave, too, ms", name, of_phase("swarm", "turn_max_ever_ms")),
        Figure("  longest round trip of the living, ms", name, of_phase("swarm", "ack_max_ms")),
    ]


FIGURES = [
    Figure("processor per probe, 10,000 sessions at 1/s, µs", "10k", of_phase("paced", "server_us"), most_ratio=1.10),
    Figure("  of that user time", "10k", user_time("paced"), most=1.0),
    Figure("processor per probe, 19,000 sessions at 1/s, µs", "19k", of_phase("paced", "server_us"), most_ratio=1.10),
    Figure("  of that user time", "19k", user_time("paced"), most=1.0),
    Figure("closed loop, 1,000 sessions, probes/s", "1k", of_phase("closed", "rate"), least_ratio=0.95),
    Figure("  processor per probe, µs", "1k", of_phase("closed", "server_us")),
    Figure("  of that user time", "1k", user_time("closed")),
    Figure("closed loop, 19,000 sessions, probes/s", "19k", of_phase("closed", "rate"), least_ratio=0.95),
    Figure("  processor per probe, µs", "19k", of_phase("closed", "server_us")),
    Figure("  of that user time", "19k", user_time("closed")),
    Figure("round trip p50, 10,000 probes/s, µs", "10k", of_phase("paced", "round_trip_us", "p50"), most_ratio=1.10),
    Figure("round trip p99, 10,000 probes/s, µs", "10k", of_phase("paced", "round_trip_us", "p99"), most_ratio=1.10),
    Figure("accepts/s, of 19,000 connections", "19k", of_phase("connect", "rate"), least_ratio=0.90),
    Figure("  processor per accept, µs", "19k", of_phase("connect", "server_us")),
    Figure("  processor per first probe, µs", "19k", of_phase("greet", "server_us")),
    Figure("bytes per idle session, 19,000", "19k", of_phase("idle", "resident_each"), most=256),
    Figure("  after the closed loop", "19k", of_phase("closed", "resident_each")),
    Figure("  2 workers, identities, JSON events", "memory-two-workers", of_phase("idle", "resident_each"), most=256),
    Figure("bytes per idle session, 100,000", "100k", of_phase("idle", "resident_each"), most=256),
    Figure("bytes per idle client of a swarm", "swarm", of_phase("idle", "resident_each"), most=256),
    Figure("idle client, MB resident", "client", of_phase("idle", "resident_mb"), most=3),
    Figure("idle client, % of a processor", "client", of_phase("idle", "percent"), most=0.05),
    *lateness_figures("25k/s"),
    *lateness_figures("50k/s"),
    *death_figures("25k/s"),
    *death_figures("50k/s"),
    Figure("20,000 after a restart: all back, s", "restart", of_phase("restart", "back_s"), most=30),
    Figure("  connections that the listen queue lost", "restart", of_phase("restart", "overflows"), most=0),
    Figure("  attempts of each", "restart", of_phase("restart", "attempts_each"), most=2),
]

GROWTHS = {name: Figure(f"cost of a probe, {count} sessions over 1,000, same rate", "", None, most_ratio=1.15)
           for name, count in (("10k", "10,000"), ("100k", "100,000"))}


def growth(results, side, scenario):
    few, many = (median(of_phase("paced", "server_us")([pair[side] for pair in results[name]]))
                 for name in ("1k-fast", scenario))
    return many / few


def slowdowns(results):
    """Round trips of the living while half of them die, over those of the same crowd while a few do."""
    for rate in ("25k/s", "50k/s"):
        calm, death = (results.get(name + rate) for name in ("lateness-", "death-"))
        for key, word in (("ack_p50_ms", "p50"), ("ack_p99_ms", "p99")):
            if calm and death:
                before, meanwhile = (median(of_phase("swarm", key)([pair["ours"] for pair in pairs]))
                                     for pairs in (calm, death))
                figure = Figure(f"  round trip {word} at {rate}, ms, over a calm crowd's", "", None, most_ratio=2.0)
                yield figure.row(meanwhile, before, meanwhile / before)


def evaluate(results):
    rows = []
    for figure in FIGURES:
        if figure.scenario not in results:
            continue
        pairs = results[figure.scenario]
        ours = figure.values([pair["ours"] for pair in pairs])
        if SCENARIOS[figure.scenario].has_yardstick:
            theirs = figure.values([pair["yardstick"] for pair in pairs])
            ratio = median(one / other if other else 0 for one, other in zip(ours, theirs))
            rows.append(figure.row(median(ours), median(theirs), ratio))
        else:
            rows.append(figure.row(median(ours)))
    for scenario, figure in GROWTHS.items():
        if "1k-fast" in results and scenario in results:
            ours, theirs = growth(results, "ours", scenario), growth(results, "yardstick", scenario)
            rows.append(figure.row(ours, theirs, ours / theirs))
    rows.extend(slowdowns(results))
    return rows
