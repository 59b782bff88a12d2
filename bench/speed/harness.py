"""Runs programs beside each other without disturbing them: a network, processors and priorities of their own."""

import json
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ISOLATED = "LUBDUB_BENCH_ISOLATED"
PORT = 3333
SERVER_CORE, LOAD_CORE = 0, 1
PRIORITY = 50


class Programs:
    """Where they are."""

    def __init__(self, build):
        self.build = pathlib.Path(build) if build else ROOT / "build" / "release"
        if not build:
            subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            subprocess.run(["cmake", "--build", "--preset", "release"], cwd=ROOT, check=True,
                           stdout=subprocess.DEVNULL)
        self.server = self.build / "bin" / "lubdub-server"
        self.client = self.build / "bin" / "lubdub-client"
        self.load = self.build / "bench" / "speed" / "speed-load"
        self.libev = self.build / "bench" / "speed" / "speed-echo-libev"


def isolate():
    """Starts this program again in a network namespace, where it may, and sets that up."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        return
    if ISOLATED not in os.environ:
        os.environ[ISOLATED] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name, value in (("tcp_congestion_control", "reno"), ("ip_local_port_range", "10000 65000")):
        pathlib.Path("/proc/sys/net/ipv4", name).write_text(value, encoding="ascii")


def apart(core, quick):
    """What a child does before it becomes the program: its own core, ahead of everybody else."""
    def prepare():
        if quick:
            return
        if len(os.sched_getaffinity(0)) > 1:
            os.sched_setaffinity(0, {core})
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(PRIORITY))
        except PermissionError:
            pass
    return prepare


def start(command, core, quick):
    return subprocess.Popen([str(word) for word in command], preexec_fn=apart(core, quick),
                            stdout=subprocess.DEVNULL)


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def under_load(programs, server, extra, scenario, quick):
    """One server's life under a load: what the load printed, by phase."""
    process = start(server, SERVER_CORE, quick)
    command = [programs.load, "--port", PORT, "--server", process.pid, *extra, *scenario.load_arguments(quick)]
    try:
        done = subprocess.run([str(word) for word in command], preexec_fn=apart(LOAD_CORE, quick),
                              stdout=subprocess.PIPE, check=True, timeout=120)
    finally:
        stop(process)
    phases = {phase["phase"]: phase for phase in map(json.loads, done.stdout.splitlines())}
    lost = max(phase["lost"] for phase in phases.values())
    if lost > 0:
        print(f"\n{lost} connections were lost", file=sys.stderr)
    return phases


def run_pair(programs, scenario, number, quick):
    """Ours and the yardstick, in turn; who goes first changes with each pair."""
    sides = {
        "ours": lambda: under_load(programs, scenario.server(programs), [], scenario, quick),
        "reference": lambda: under_load(programs, [programs.libev, PORT, 1000], ["--echo"], scenario, quick),
    }
    if not scenario.has_reference:
        del sides["reference"]
    order = sorted(sides, reverse=number % 2 == 1)
    return {side: sides[side]() for side in order}


def machine():
    models = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8")
              if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.machine(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
        "kernel": platform.release(),
        "isolated": ISOLATED in os.environ,
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def print_table(rows, pairs, quick):
    facts = machine()
    print(f"{facts['processors']} × {facts['processor']}, {facts['memory_gib']} GiB, Linux {facts['kernel']}; "
          f"medians of {pairs}" + (" (quick: not a measurement)" if quick else "")
          + ("" if facts["isolated"] else "; not isolated"))
    header = ("figure", "ours", "yardstick", "ratio", "goal", "")
    cells = [header] + [
        (row["figure"], number(row["ours"]), number(row["reference"]), number(row["ratio"]), row["goal"],
         "" if quick else "reached" if row["is_reached"] else "MISSED")
        for row in rows
    ]
    widths = [max(len(line[column]) for line in cells) for column in range(len(header))]
    print()
    for line in cells:
        print("  ".join(cell.ljust(width) if column in (0, 4, 5) else cell.rjust(width)
                        for column, (cell, width) in enumerate(zip(line, widths))).rstrip())


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.0f}" if abs(value) >= 100 else f"{value:.2f}"
