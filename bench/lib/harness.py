"""Runs programs beside each other without disturbing them: a network, processors and priorities of their own."""

import ctypes
import json
import os
import pathlib
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ISOLATED = "LUBDUB_BENCH_ISOLATED"
SERVER_CORE, LOAD_CORE = 0, 1
PRIORITY = 50
CLONE_NEWNET = 0x40000000  # os.unshare() comes with Python 3.12
PATIENCE = 120  # seconds, for anything


def free_port():
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        return somebody.getsockname()[1]


def free_ports(count):
    """In a network of our own those below what connecting sockets get: nobody else has them, not even for a minute."""
    return list(range(4000, 4000 + count)) if ISOLATED in os.environ else [free_port() for _ in range(count)]


PORT = free_ports(1)[0]


class Programs:
    """Where they are."""

    def __init__(self, build):
        self.build = pathlib.Path(build) if build else ROOT / "build" / "release"
        if not build:
            for step in (["cmake", "--preset", "release"], ["cmake", "--build", "--preset", "release"]):
                subprocess.run(step, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        self.server = self.build / "bin" / "lubdub-server"
        self.client = self.build / "bin" / "lubdub-client"
        self.swarm = self.build / "bin" / "lubdub-swarm"
        self.load = self.build / "bench" / "speed" / "speed-load"
        self.returning = self.build / "bench" / "speed" / "speed-return"
        # What programs of bench/ open by name; those in bin/ find it beside themselves.
        self.libraries = {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(
            str(library.resolve().parent) for library in self.build.glob("lib*/**/liblubdub-tls.so"))}
        self.yardstick = self.build / "bench" / "speed" / "speed-echo-libev"


def mind_json(parser, path):
    """A file that cannot be written is a usage error before anything is measured in vain. None: there is to be none."""
    try:
        if path:
            open(path, "a", encoding="utf-8").close()
    except OSError as failure:
        parser.error(f"--json {path}: {failure.strerror}")


def isolate():
    """Starts this program again in a network namespace, where it may, and sets that up."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        return
    if ISOLATED not in os.environ:
        os.environ[ISOLATED] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])
    _set_up_network()


def isolate_anew():
    """What is started from now on stands in a network namespace of its own, in which no connection has ended yet. Takes root."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    _set_up_network()


def _set_up_network():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name, value in (("tcp_congestion_control", "reno"), ("ip_local_port_range", "10000 65000")):
        pathlib.Path("/proc/sys/net/ipv4", name).write_text(value, encoding="ascii")


# ---- Processes


def apart(core, quick):
    """What a child does before it becomes the program: its own processor, ahead of everybody else."""
    def prepare():
        if quick:
            return
        if len(os.sched_getaffinity(0)) > 1:
            os.sched_setaffinity(0, {core})
        try:
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))
        except PermissionError:
            pass
    return prepare


def put_ahead(process_id):
    """One that runs already, with all its threads: ahead of everybody else, where we may."""
    try:
        for thread in os.listdir(f"/proc/{process_id}/task"):
            os.sched_setscheduler(int(thread), os.SCHED_RR, os.sched_param(PRIORITY))
    except (PermissionError, FileNotFoundError, ProcessLookupError):
        pass


class Running:
    """A program, for as long as the `with` lasts."""

    def __init__(self, command, core, quick):
        self.process = subprocess.Popen([str(word) for word in command], preexec_fn=apart(core, quick),
                                        stdout=subprocess.DEVNULL)
        self.id = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def processor_time(self):
        return sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) / 1e9
                   for task in pathlib.Path(f"/proc/{self.id}/task").iterdir())


def word_in(path, name):
    """The first word behind `name:` in a file of /proc that has such lines."""
    for line in pathlib.Path(path).read_text(encoding="ascii").splitlines():
        if line.startswith(name + ":"):
            return line.split()[1]
    raise RuntimeError(f"no {name} in {path}")


def resident(process_id):
    return int(word_in(f"/proc/{process_id}/smaps_rollup", "Rss")) * 1024


def descriptors(process_id):
    return len(os.listdir(f"/proc/{process_id}/fd"))


def await_that(condition, what):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"not within {PATIENCE} s: {what}")
        time.sleep(0.05)


def load(programs, server_id, arguments, quick):
    """Runs the load to its end: what it printed, by phase."""
    command = [programs.load, "--port", PORT, "--server", server_id, *arguments]
    done = subprocess.run([str(word) for word in command], preexec_fn=apart(LOAD_CORE, quick),
                          stdout=subprocess.PIPE, check=True, timeout=PATIENCE)
    return phases_of(done.stdout)


def phases_of(output):
    """What a load printed, by phase."""
    phases = {phase["phase"]: phase for phase in map(json.loads, output.splitlines())}
    lost = max(phase["lost"] for phase in phases.values())
    if lost > 0:
        raise RuntimeError(f"{lost} connections were lost")
    return phases


def kernel_counter(group, name):
    """One of /proc/net/netstat, of this network namespace."""
    lines = pathlib.Path("/proc/net/netstat").read_text(encoding="ascii").splitlines()
    for names, values in zip(lines[::2], lines[1::2]):
        if names.startswith(group + ":"):
            return int(dict(zip(names.split(), values.split()))[name])
    raise RuntimeError(f"no {group} in /proc/net/netstat")


# ---- The table


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


def print_table(header, rows, pairs, quick, is_markdown=False):
    """`header` has a name for each column; of the rows' cells those are text that stand below "figure", "goal" and ""."""
    facts = machine()
    print(f"{facts['processors']} × {facts['processor']}, {facts['memory_gib']} GiB, Linux {facts['kernel']}; "
          f"medians of up to {pairs}" + (" (quick: not a measurement)" if quick else "")
          + ("" if facts["isolated"] else "; not isolated"))
    is_text = [name in ("figure", "goal", "") for name in header]
    cells = [tuple(header)] + [tuple(row) for row in rows]
    if is_markdown:
        cells.insert(1, tuple("---" if left else "--:" for left in is_text))
    widths = [max(len(line[column]) for line in cells) for column in range(len(header))]
    print()
    for line in cells:
        words = [cell.ljust(width) if left else cell.rjust(width) for left, cell, width in zip(is_text, line, widths)]
        print("| " + " | ".join(words) + " |" if is_markdown else "  ".join(words).rstrip())


def verdict(row, quick):
    return "" if quick or not row["goal"] else "reached" if row["is_reached"] else "MISSED"


def number(value):
    if value is None:
        return "-"
    decimals = 0 if abs(value) >= 100 else 2 if abs(value) >= 0.1 else 4
    return f"{value:,.{decimals}f}"
