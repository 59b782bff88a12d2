"""A million sessions, both ends on this machine: how far it goes, at what price, and what stops it."""

import pathlib
import socket
import time

import harness
from crowds import children, fault_row, run_swarm
from harness import resident, word_in

WATCHED_EVERY = 5  # seconds
KERNEL_BYTES = 10 * 1024  # of a session's two ends, as measured; the goal's own figure


def meminfo(name):
    return int(word_in("/proc/meminfo", name)) * 1024


def sockstat(word):
    """Of this namespace's TCP sockets, but `mem`, which is all namespaces' pages."""
    for line in pathlib.Path("/proc/net/sockstat").read_text(encoding="ascii").splitlines():
        words = line.split()
        if words[0] == "TCP:":
            return int(words[words.index(word) + 1])
    return 0


def number_in(path):
    try:
        return [int(word) for word in pathlib.Path(path).read_text(encoding="ascii").split()]
    except FileNotFoundError:
        return None


def limits():
    """Those that a million sockets may meet."""
    return {"file-max": number_in("/proc/sys/fs/file-max"), "nr_open": number_in("/proc/sys/fs/nr_open"),
            "tcp_mem": number_in("/proc/sys/net/ipv4/tcp_mem"),
            "conntrack_max": number_in("/proc/sys/net/netfilter/nf_conntrack_max"),
            "max_user_watches": number_in("/proc/sys/fs/epoll/max_user_watches"),
            "memory": meminfo("MemTotal")}


class Watch:
    """Looks at memory and sockets while the swarm runs."""

    def __init__(self, clients):
        self.clients = clients
        self.rows = []
        self.began = time.monotonic()
        self.empty = {name: meminfo(name) for name in ("Slab", "MemAvailable")}
        self.next = 0
        self.servers = set()

    def __call__(self, swarm_id):
        now = time.monotonic() - self.began
        if now < self.next:
            return
        self.next = now + WATCHED_EVERY
        servers = children(swarm_id, "lubdub-server")
        try:
            memory = sum(map(resident, servers))
        except (FileNotFoundError, RuntimeError, ProcessLookupError):
            return
        self.rows.append({"at_s": round(now, 1), "sockets": sockstat("inuse"), "tcp_pages": sockstat("mem"),
                          "servers": len(servers), "resident": memory, "slab": meminfo("Slab"),
                          "available": meminfo("MemAvailable"), "files": number_in("/proc/sys/fs/file-nr")[0]})
        row = self.rows[-1]
        print(f"{row['at_s']:8.0f} s  {row['sockets']:>9,} sockets  servers {row['resident'] / 2**20:7,.0f} MiB  "
              f"slab {row['slab'] / 2**20:8,.0f} MiB  available {row['available'] / 2**20:8,.0f} MiB  "
              f"files {row['files']:>9,}", flush=True)

    def complete(self, deaths):
        """The rows from the moment when everybody was there to the moment when they leave; some die in between."""
        everybody = min(2 * self.clients, max(row["sockets"] for row in self.rows))
        arrived = next(number for number, row in enumerate(self.rows) if row["sockets"] >= everybody)
        return [row for row in self.rows[arrived:] if row["sockets"] >= everybody - 2 * deaths]


def are_connections_tracked():
    """Whether this namespace's firewall follows connections: only where some rule asks for it."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        count = number_in("/proc/sys/net/netfilter/nf_conntrack_count")
    return count is not None and count[0] > 0


def why_not(clients):
    """The limit that would be met, before anything is begun; None where there is none."""
    facts = limits()
    if facts["conntrack_max"] and facts["conntrack_max"][0] < clients and are_connections_tracked():
        return f"nf_conntrack_max is {facts['conntrack_max'][0]}"
    if facts["file-max"][0] < 2 * clients:
        return f"fs.file-max is {facts['file-max'][0]}, and both ends take {2 * clients} files"
    if facts["max_user_watches"] and facts["max_user_watches"][0] < 2 * clients:
        return f"fs.epoll.max_user_watches is {facts['max_user_watches'][0]}"
    needed = clients * (KERNEL_BYTES + 2 * 256)
    if meminfo("MemAvailable") < needed:
        return f"{meminfo('MemAvailable') / 2**30:.1f} GiB of memory are available, and it takes some {needed / 2**30:.1f}"
    return None


def print_rows(rows, quick, is_markdown):
    harness.print_table(("figure", "ours", "goal", ""),
                        [(row["figure"], harness.number(row["ours"]), row["goal"], harness.verdict(row, quick))
                         for row in rows], 1, quick, is_markdown)


def run(programs, clients, minutes, interval, deaths, ramp, gather, quick):
    """All of it once. Returns the swarm's report and the watch."""
    watch = Watch(clients)
    share = deaths / 2 / clients
    report = run_swarm(programs, [
        f"--spawn-server=--workers=1 --max-opening=0 --gather={gather}", "--gather", gather, "--clients", clients, "--ramp", ramp, "--interval", f"{interval}s",
        "--expiry", f"{3 * interval}s", "--timeout", f"{3 * interval}s", "--warmup", f"{interval + 5}s",
        "--duration", f"{round(minutes * 60)}s", "--fault", f"freeze:{share:.6f}", "--fault", f"kill:{share:.6f}"],
        quick, watch=watch, patience=clients / ramp + minutes * 60 + 10 * interval + 300)
    return report, watch


def rows_of(report, watch, clients):
    """As the rows of the table."""
    totals, costs = report["totals"], report["costs"]
    complete = watch.complete(totals["injected"])
    last = complete[-1]
    each = [row["resident"] / max(row["sockets"] // 2, 1) for row in complete]
    drift = max((100 * abs(one / each[0] - 1) for one in each), default=0) if each[0] else 0
    frozen = fault_row(report, "freeze", "server")
    late = frozen["late_ms"]["p99_9"] if frozen and frozen["late_ms"] else None

    def row(figure, ours, most=None, unit_goal=None):
        goal = unit_goal or ("" if most is None else f"at most {most:g}")
        return {"figure": figure, "ours": ours, "goal": goal,
                "is_reached": ours is not None and (most is None or ours <= most)}

    return [
        row("live sessions at once", max(one["sockets"] for one in watch.rows) // 2),
        row("bytes per idle session, servers together", costs["server_bytes_per_session"], 256),
        row("bytes per client of the swarm", costs["swarm_bytes_per_client"], 256),
        row("kernel memory of a session's two ends (slab), bytes",
            (last["slab"] - watch.empty["Slab"]) / max(last["sockets"] // 2, 1)),
        row("servers' memory per living session, drift from its beginning at most, %", drift, 1),
        row("  watched with everybody there, minutes", (last["at_s"] - complete[0]["at_s"]) / 60),
        row("deaths", totals["injected"]),
        row("  missed", totals["missed"], 0),
        row("  false verdicts", totals["false_alarms"], 0),
        row("  wrong cause", totals["wrong_cause"], 0),
        row("  verdict after its deadline, p99.9, ms", late, 5),
        row("processor per probe, µs", costs["server_processor_us_per_probe"]),
        row("round trip p50, ms", totals["round_trip_ms"]["p50"]),
        row("round trip p99, ms", totals["round_trip_ms"]["p99"]),
    ]
