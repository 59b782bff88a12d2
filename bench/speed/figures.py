"""What is measured, in which runs, and what it should come to."""

import time
from dataclasses import dataclass
from statistics import median
from typing import Callable, Optional

import harness
from crowds import Deaths, Restart, Spread, children
from harness import LOAD_CORE, PORT, SERVER_CORE, Running, await_that, descriptors, load, resident
from sides import SIDES, command_of, in_turn, is_yardstick, server_command

# ---- Scenarios: what one run of all sides is


@dataclass
class UnderLoad:
    """One life of the server under a load; each side lives the same."""
    connections: int
    plan: str
    interval_ms: int = 1000
    workers: int = 1
    has_yardstick: bool = True
    repeats: int = 5
    identity: str = ""
    events: str = "none"

    def run_pair(self, programs, number, quick):
        return {side: self.run(programs, side, quick) for side in (in_turn(number) if self.has_yardstick else ["ours"])}

    def run(self, programs, side, quick):
        command = command_of(side, programs, self.interval_ms, self.workers)
        greeting = ["--echo"]
        if not is_yardstick(side):
            command += ["--events", self.events]
            greeting = ["--hello", self.identity] if self.identity else []
        with Running(command, SERVER_CORE, quick) as server:
            return load(programs, server.id, [*greeting, *self.arguments(quick)], quick)

    def arguments(self, quick):
        plan = ",".join(part.split(":")[0] + ":0.5" for part in self.plan.split(",")) if quick else self.plan
        connections = min(self.connections, 200) if quick else self.connections
        return ["--connections", connections, "--interval", self.interval_ms, "--plan", plan]


class IdleClient:
    """A client as it runs for months: a probe a second, a line an ack, to nowhere."""
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
    "few": UnderLoad(100, "paced:8"),
    "10k": UnderLoad(10000, "idle:1,paced:4"),
    "19k": UnderLoad(19000, "idle:1,paced:4,closed:3"),
    "1k": UnderLoad(1000, "closed:3"),
    "1k-fast": UnderLoad(1000, "paced:4", interval_ms=100),
    "100k": Spread(100000, "idle:1,paced:5", 10000),
    "full": Spread(100000, "idle:1,paced:8", 1000, repeats=3),  # whether the machine carries so many at all
    "memory-two-workers": UnderLoad(19000, "idle:5", interval_ms=10000, workers=2, has_yardstick=False, repeats=2,
                                    events="json", identity="pump-house-"),
    "client": IdleClient(),
    "swarm": Swarm(),
    # Without gathering, 100,000 probes a second of both ends take 2.8 processors
    "lateness-25k/s": Deaths(100000, 4000, 0.05, 4000),
    "lateness-50k/s": Deaths(100000, 2000, 0.05, 4000),
    "lateness-100k/s": Deaths(100000, 1000, 0.05, 4000),
    "death-25k/s": Deaths(100000, 4000, 0.5, 1),
    "death-50k/s": Deaths(100000, 2000, 0.5, 1),
    "death-100k/s": Deaths(100000, 1000, 0.5, 1),
    "restart": Restart(),
}


def choose(beginnings):
    if not beginnings:
        return list(SCENARIOS)
    return [name for name in SCENARIOS if any(name.startswith(beginning) for beginning in beginnings)]


# ---- Figures: what is read from the runs


@dataclass
class Figure:
    """`values` takes one side's runs of the scenario and makes a number of each. The goals are of ours."""
    name: str
    scenario: str
    values: Callable
    most: Optional[float] = None
    least: Optional[float] = None
    most_ratio: Optional[float] = None      # to the yardstick's
    least_ratio: Optional[float] = None
    most_to_gathers: Optional[float] = None  # to that of the yardstick that gathers
    most_to_off: Optional[float] = None      # to our own without gathering

    def goals(self):
        """Each as its text, which value it is of, and whether that value reaches it."""
        return [(text.format(limit), of, reaches, limit) for limit, text, of, reaches in (
            (self.most, "at most {:g}", "ours", float.__le__),
            (self.least, "at least {:,g}", "ours", float.__ge__),
            (self.most_ratio, "at most {:.2f} ×", "ratio", float.__le__),
            (self.least_ratio, "at least {:.2f} ×", "ratio", float.__ge__),
            (self.most_to_gathers, "at most {:.2f} × gathers", "to_gathers", float.__le__),
            (self.most_to_off, "at most {:.2f} × off", "to_off", float.__le__)) if limit is not None]

    def row(self, values):
        """Of the sides' medians, and of the ratios' that there are."""
        goals = self.goals()
        return {"figure": self.name, **values, "goal": ", ".join(goal[0] for goal in goals),
                "is_reached": all(values.get(of) is not None and reaches(float(values[of]), float(limit))
                                  for _, of, reaches, limit in goals)}


RATIOS = {"ratio": ("ours", "yardstick"), "off_ratio": ("off", "yardstick"), "to_gathers": ("ours", "gathers"),
          "to_off": ("ours", "off")}


def compare(values):
    """The medians of each side's values, and the medians of the ratios of each run."""
    medians = {side: median(of_side) for side, of_side in values.items()}
    for name, (one, other) in RATIOS.items():
        if one in values and other in values:
            medians[name] = median(a / b if b else 0 for a, b in zip(values[one], values[other]))
    return medians


COLUMNS = {"ours": "ours", "off": "off", "yardstick": "yardstick", "gathers": "gathers", "ratio": "ours/yardst.",
           "off_ratio": "off/yardst.", "to_gathers": "ours/gathers", "to_off": "ours/off"}


def print_rows(rows, pairs, quick, is_markdown):
    harness.print_table(
        ("figure", *COLUMNS.values(), "goal", ""),
        [(row["figure"], *(harness.number(row.get(column)) for column in COLUMNS), row["goal"], harness.verdict(row, quick))
         for row in rows], pairs, quick, is_markdown)


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


def carried(name, asked):
    """A run that the machine did not carry is done again with half as much to do (crowds.py)."""
    return Figure("  probes/s that were carried", name, of_phase("swarm", "rate"), least=0.95 * asked)


def lateness_figures(rate, asked):
    name = "lateness-" + rate
    return [
        Figure(f"verdict after its deadline, 100,000 at {rate}, p99.9, ms", name, of_phase("swarm", "late_p999_ms"),
               most=5),
        Figure("  before its deadline, ms", name, of_phase("swarm", "early_ms"), most=0),
        Figure("  missed or false", name, missed_or_false, most=0),
        carried(name, asked),
        Figure("  processor of the servers per probe, µs", name, of_phase("swarm", "server_us")),
    ]


def death_figures(rate, asked):
    name = "death-" + rate
    return [
        Figure(f"half of 100,000 vanish at {rate}: last verdict late, ms", name, of_phase("swarm", "late_max_ms"),
               most=50),
        Figure("  missed, or live ones lost", name, missed_or_false, most=0),
        Figure("  longest turn of a loop until the last verdict, ms", name, of_phase("swarm", "turn_max_ms"), most=20),
        Figure("    as they connect and leave, too, ms", name, of_phase("swarm", "turn_max_ever_ms")),
        Figure("  longest round trip of the living, ms", name, of_phase("swarm", "ack_max_ms")),
        carried(name, asked / 2),
    ]


FIGURES = [
    Figure("processor per probe, 10,000 sessions at 1/s, µs", "10k", of_phase("paced", "server_us"), most_ratio=0.60,
           most_to_gathers=1.05),
    Figure("  of that user time", "10k", user_time("paced"), most=1.0),
    Figure("processor per probe, 19,000 sessions at 1/s, µs", "19k", of_phase("paced", "server_us"), most_ratio=0.75,
           most_to_gathers=1.05),
    Figure("  of that user time", "19k", user_time("paced"), most=1.0),
    Figure("closed loop, 1,000 sessions, probes/s", "1k", of_phase("closed", "rate"), least_ratio=1.0),
    Figure("  processor per probe, µs", "1k", of_phase("closed", "server_us")),
    Figure("  of that user time", "1k", user_time("closed")),
    Figure("closed loop, 19,000 sessions, probes/s", "19k", of_phase("closed", "rate"), least_ratio=1.0),
    Figure("  processor per probe, µs", "19k", of_phase("closed", "server_us")),
    Figure("  of that user time", "19k", user_time("closed")),
    Figure("round trip p50, 100 sessions at 1/s, µs", "few", of_phase("paced", "round_trip_us", "p50"), most_to_off=1.05),
    Figure("  processor per probe, µs", "few", of_phase("paced", "server_us")),
    Figure("round trip p50, 10,000 probes/s, µs", "10k", of_phase("paced", "round_trip_us", "p50")),
    Figure("round trip p99, 10,000 probes/s, µs", "10k", of_phase("paced", "round_trip_us", "p99"), most=1500),
    Figure("accepts/s, of 19,000 connections", "19k", of_phase("connect", "rate"), least_ratio=0.90),
    Figure("  processor per accept, µs", "19k", of_phase("connect", "server_us")),
    Figure("  processor per first probe, µs", "19k", of_phase("greet", "server_us")),
    Figure("bytes per idle session, 19,000", "19k", of_phase("idle", "resident_each"), most=256),
    Figure("  after the closed loop", "19k", of_phase("closed", "resident_each")),
    Figure("  2 workers, identities, JSON events", "memory-two-workers", of_phase("idle", "resident_each"), most=256),
    Figure("bytes per idle session, 100,000", "100k", of_phase("idle", "resident_each"), most=256),
    Figure("100,000 sessions at 1/s: probes/s that were carried", "full", of_phase("paced", "rate"), least_ratio=0.95),
    Figure("  processor per probe, µs", "full", of_phase("paced", "server_us"), most_to_gathers=1.05),
    Figure("bytes per idle client of a swarm", "swarm", of_phase("idle", "resident_each"), most=256),
    Figure("idle client, MB resident", "client", of_phase("idle", "resident_mb"), most=3),
    Figure("idle client, % of a processor", "client", of_phase("idle", "percent"), most=0.03),
    *lateness_figures("25k/s", 25000),
    *lateness_figures("50k/s", 50000),
    *lateness_figures("100k/s", 100000),
    *death_figures("25k/s", 25000),
    *death_figures("50k/s", 50000),
    *death_figures("100k/s", 100000),
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
    for rate in ("25k/s", "50k/s", "100k/s"):
        calm, death = (results.get(name + rate) for name in ("lateness-", "death-"))
        for key, word in (("ack_p50_ms", "p50"), ("ack_p99_ms", "p99")):
            if calm and death:
                before, meanwhile = (median(of_phase("swarm", key)([pair["ours"] for pair in pairs]))
                                     for pairs in (calm, death))
                figure = Figure(f"  round trip {word} at {rate}, ms, over a calm crowd's", "", None, most_ratio=2.0)
                yield figure.row({"ours": meanwhile, "yardstick": before, "ratio": meanwhile / before})


def stepped_down(pairs):
    """How many probes a second a scenario was done with in the end, where that is less than was asked for."""
    return min((pair["ours"]["swarm"]["asked"] for pair in pairs
                if "swarm" in pair["ours"] and pair["ours"]["swarm"].get("is_less")), default=None)


def evaluate(results):
    rows = []
    for figure in FIGURES:
        if figure.scenario not in results:
            continue
        pairs = results[figure.scenario]
        row = figure.row(compare({side: figure.values([pair[side] for pair in pairs]) for side in pairs[0]}))
        less = stepped_down(pairs)
        if less is not None:
            row["figure"] += f" [at {less:,.0f}/s]"
            row["is_reached"] = False
        rows.append(row)
    for scenario, figure in GROWTHS.items():
        if "1k-fast" in results and scenario in results:
            values = {side: growth(results, side, scenario) for side in SIDES}
            rows.append(figure.row({**values, **{name: values[one] / values[other]
                                                 for name, (one, other) in RATIOS.items()}}))
    rows.extend(slowdowns(results))
    return rows
