"""What is measured, in which runs, and what it should come to."""

from dataclasses import dataclass
from statistics import median
from typing import Callable, Optional

from harness import PORT


@dataclass
class Scenario:
    """One life of a server under a load; the yardstick lives the same."""
    connections: int
    plan: str
    interval_ms: int = 1000
    workers: int = 1
    has_reference: bool = True

    def server(self, programs):
        # An expiry so long that the closed loop's bursts are within what a session may send.
        return [programs.server, "--listen", f"127.0.0.1:{PORT}", "--workers", self.workers, "--events", "none",
                "--log-level", "error", "--interval", f"{self.interval_ms}ms", "--expiry", "1000s"]

    def load_arguments(self, quick):
        plan = ",".join(part.split(":")[0] + ":1" for part in self.plan.split(",")) if quick else self.plan
        connections = min(self.connections, 500) if quick else self.connections
        return ["--connections", connections, "--interval", self.interval_ms, "--plan", plan]


SCENARIOS = {
    "10k": Scenario(10000, "idle:1,paced:4"),
    "19k": Scenario(19000, "idle:1,paced:4,closed:3"),
    "1k": Scenario(1000, "closed:3"),
    "1k-fast": Scenario(1000, "paced:4", interval_ms=100),
    "memory-15k": Scenario(15000, "idle:1", has_reference=False),
    "memory-two-workers": Scenario(19000, "idle:1", workers=2, has_reference=False),
}


@dataclass
class Figure:
    """`value` takes one side's runs of the scenarios named and makes a number of them."""
    name: str
    scenarios: tuple
    value: Callable
    most: Optional[float] = None        # of ours
    most_ratio: Optional[float] = None  # to the yardstick's
    least_ratio: Optional[float] = None

    def goal(self):
        if self.most is not None:
            return f"at most {self.most:g}"
        if self.most_ratio is not None:
            return f"at most {self.most_ratio:.2f} ×"
        return f"at least {self.least_ratio:.2f} ×"

    def is_reached(self, ours, ratio):
        if self.most is not None:
            return ours <= self.most
        if self.most_ratio is not None:
            return ratio <= self.most_ratio
        return ratio >= self.least_ratio


def of_phase(phase, *path):
    def value(runs):
        found = []
        for run in runs:
            number = run[phase]
            for key in path:
                number = number[key]
            found.append(number)
        return found
    return value


def user_time(phase):
    """The tick tells user from system time, and sees too little of one run: all runs together."""
    def value(runs):
        done = sum(run[phase]["done"] for run in runs)
        return [sum(run[phase]["server_user_us"] * run[phase]["done"] for run in runs) / done] * len(runs)
    return value


def capacity(phase):
    """What one processor could do a second if it did nothing else; the load itself is slower than that."""
    return lambda runs: [1e6 / run[phase]["server_us"] for run in runs]


FIGURES = [
    Figure("processor per probe, 10,000 sessions at 1/s, µs", ("10k",), of_phase("paced", "server_us"),
           most_ratio=1.10),
    Figure("  of that user time", ("10k",), user_time("paced"), most=1.0),
    Figure("processor per probe, 19,000 sessions at 1/s, µs", ("19k",), of_phase("paced", "server_us"),
           most_ratio=1.10),
    Figure("  of that user time", ("19k",), user_time("paced"), most=1.0),
    Figure("closed loop, 1,000 sessions, probes/s", ("1k",), of_phase("closed", "rate"), least_ratio=0.95),
    Figure("closed loop, 19,000 sessions, probes/s", ("19k",), of_phase("closed", "rate"), least_ratio=0.95),
    Figure("round trip p50, 10,000 probes/s, µs", ("10k",), of_phase("paced", "round_trip_us", "p50"),
           most_ratio=1.10),
    Figure("round trip p99, 10,000 probes/s, µs", ("10k",), of_phase("paced", "round_trip_us", "p99"),
           most_ratio=1.10),
    Figure("bytes per idle session, 15,000", ("memory-15k",), of_phase("idle", "resident_each"), most=256),
    Figure("bytes per idle session, 19,000", ("19k",), of_phase("idle", "resident_each"), most=256),
    Figure("bytes per idle session, 19,000, 2 workers", ("memory-two-workers",), of_phase("idle", "resident_each"),
           most=256),
    Figure("accepts/s that a processor can do", ("19k",), capacity("connect"), least_ratio=0.90),
    Figure("sessions/s begun that a processor can do", ("19k",), capacity("greet"), least_ratio=0.90),
]


def growth(results, side):
    """Cost of a probe at the same rate with ten times the sessions."""
    few, many = (median(of_phase("paced", "server_us")([pair[side] for pair in results[name]]))
                 for name in ("1k-fast", "10k"))
    return many / few


def choose(beginnings):
    if not beginnings:
        return list(SCENARIOS)
    return [name for name in SCENARIOS if any(name.startswith(beginning) for beginning in beginnings)]


def row(figure, ours, reference, ratio):
    return {"figure": figure.name, "ours": ours, "reference": reference, "ratio": ratio, "goal": figure.goal(),
            "is_reached": figure.is_reached(ours, ratio)}


def evaluate(results):
    rows = []
    for figure in FIGURES:
        (name,) = figure.scenarios
        if name not in results:
            continue
        ours = figure.value([pair["ours"] for pair in results[name]])
        reference = ratio = None
        if SCENARIOS[name].has_reference:
            theirs = figure.value([pair["reference"] for pair in results[name]])
            reference = median(theirs)
            ratio = median(one / other if other else 0 for one, other in zip(ours, theirs))
        rows.append(row(figure, median(ours), reference, ratio))
    if "1k-fast" in results and "10k" in results:
        figure = Figure("10,000 probes/s from 10,000 sessions against 1,000", (), None, most_ratio=1.15)
        ours, theirs = growth(results, "ours"), growth(results, "reference")
        rows.append(row(figure, ours, theirs, ours / theirs))
    return rows
