"""This tree's server beside an older one, run after run: what a probe, a session and an accept cost now and then.

older      the server of the other build, with those of our options that it knows
off        ours, told not to gather, as the older one may not be able to
ours       ours as it ships

The load is this tree's for all of them.
"""

import subprocess
from statistics import median

import harness
from figures import of_phase
from harness import SERVER_CORE, Running, load
from sides import server_command

SIDES = "older", "off", "ours"
CONNECTIONS, PLAN = 19000, "idle:1,paced:4"
MOST_CHANGE = 0.03

# Figure, its value of a run, and whether more is better.
FIGURES = [
    ("processor per probe, 19,000 sessions at 1/s, µs", of_phase("paced", "server_us"), False),
    ("bytes per idle session, 19,000", of_phase("idle", "resident_each"), False),
    ("accepts/s, of 19,000 connections", of_phase("connect", "rate"), True),
    ("  processor per accept, µs", of_phase("connect", "server_us"), False),
]


class Side:
    def __init__(self, program, gather):
        known = subprocess.run([str(program), "--help"], capture_output=True, text=True, check=True).stdout
        words = [str(word) for word in server_command(_Only(program), gather=gather)]
        self.command, self.left_out = words[:1], []
        for name, value in zip(words[1::2], words[2::2]):  # each option has a value
            if name == "--max-per-address":
                value = "100000"  # 0, no limit, was not allowed once
            if name + " " in known or name + "=" in known or name + "\n" in known:
                self.command += [name, value]
            else:
                self.left_out.append(name)

    def run(self, programs, quick):
        plan = "idle:0.5,paced:0.5" if quick else PLAN
        with Running(self.command, SERVER_CORE, quick) as server:
            return load(programs, server.id, ["--connections", 200 if quick else CONNECTIONS, "--interval", 1000,
                                              "--plan", plan], quick)


class _Only:
    def __init__(self, server):
        self.server = server


def measure(programs, older, pairs, quick, tell):
    """The runs of each side, in an order that changes with each round; and what the older server was not told."""
    sides = {"older": Side(older, "off"), "off": Side(programs.server, "off"), "ours": Side(programs.server, "auto")}
    runs = {name: [] for name in SIDES}
    for number in range(pairs):
        for name in SIDES[number % 3:] + SIDES[:number % 3]:
            tell(f"round {number + 1} of {pairs}: {name}")
            runs[name].append(sides[name].run(programs, quick))
    tell("")
    return runs, sides["older"].left_out


def evaluate(runs):
    rows = []
    for figure, values, is_more_better in FIGURES:
        of = {name: values(runs[name]) for name in SIDES}
        ratios = {name: median(one / before for one, before in zip(of[name], of["older"])) for name in ("off", "ours")}
        goal = f"at least {1 - MOST_CHANGE:.2f} ×" if is_more_better else f"at most {1 + MOST_CHANGE:.2f} ×"
        is_reached = ratios["ours"] >= 1 - MOST_CHANGE if is_more_better else ratios["ours"] <= 1 + MOST_CHANGE
        rows.append({"figure": figure, **{name: median(of[name]) for name in SIDES}, "off_ratio": ratios["off"],
                     "ratio": ratios["ours"], "goal": goal, "is_reached": is_reached})
    return rows


def print_rows(rows, pairs, quick, is_markdown):
    columns = "older", "off", "ours", "off_ratio", "ratio"
    harness.print_table(("figure", "older", "off", "ours", "off/older", "ours/older", "goal", ""),
                        [(row["figure"], *(harness.number(row[column]) for column in columns), row["goal"],
                          harness.verdict(row, quick)) for row in rows], pairs, quick, is_markdown)
