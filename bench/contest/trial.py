"""One way of giving peers up, tried by a swarm of its own on a network of its own: who was found, and who was wronged."""

import collections
import json
import math
import signal
import statistics
import subprocess
import tempfile

# Each way, of packets (lubdub-swarm --fault). How long outages last is drawn as the simulator does (tools/simulate/world/path.c).
NETWORKS = {
    "lan": {"conditions": ("delay:1ms+-1ms",), "outage_median": 0.5},
    "wan": {"conditions": ("delay:25ms+-5ms", "loss:0.1%"), "outage_median": 0.4},
}
OUTAGE_SIGMA = 1.0

# What is a frozen peer of theirs, one that is cut off, and one whose machine has lost its power. A server without power is nothing to
# its clients but a cut of all their cables: nothing of it arrives, and nothing answers.
OBSERVERS = {"client": ("server-freeze", "cut", "server-cut"), "server": ("freeze", "cut", "power")}
KINDS = "frozen", "cut", "power"

# Deadlines in intervals. A client's counts from its probe, a server's from the last probe that came, so that the same outage
# takes an interval less of a client's.
LEAST = {"client": 0.5, "server": 2}

SHARE = "20%"  # of the clients; when more than half are late at once, a server suspects itself


def outages_of(network, count):
    """So many lengths, in seconds, that together are as the distribution is: the middles of equally likely parts."""
    normal = statistics.NormalDist()
    return [NETWORKS[network]["outage_median"] * math.exp(OUTAGE_SIGMA * normal.inv_cdf((part + 0.5) / count))
            for part in range(count)]


def milliseconds(seconds):
    return f"{round(seconds * 1000)}ms"


# deadline in seconds; whether it adapts; over how many paths
Policy = collections.namedtuple("Policy", "word deadline adapts paths")


class Trial:
    """
    With two paths each length of an outage comes twice: of one cable, and of both. The observer has that deadline. The other side is
    patient beyond every outage, because the faster one ends the session for both.
    """

    def __init__(self, swarm, choice, network, observer, policy, patience):
        self.network, self.observer, self.policy = network, observer, policy
        self.clients = choice.clients
        self.outages = outages_of(network, choice.outages)
        timeout, expiry = (policy.deadline, patience) if observer == "client" else (patience, policy.deadline)
        faults = [*NETWORKS[network]["conditions"], *(_order(kind) for kind in OBSERVERS[observer] if not kind.startswith("server")),
                  *(f"outage:{milliseconds(length)}" for length in self.outages)]
        if policy.paths == 2:
            faults += [f"outage-one:{milliseconds(length)}" for length in self.outages]
        faults += [kind for kind in OBSERVERS[observer] if kind.startswith("server")]
        server = [*(["--detect", "adaptive"] if policy.adapts else []), *(["--mptcp"] if policy.paths == 2 else [])]
        self.command = [str(swarm), "--spawn-server" + ("=" + " ".join(server) if server else ""),
                        *(["--adaptive"] if policy.adapts else []), *(["--mptcp"] if policy.paths == 2 else []), "--report", "json", "--seed", str(choice.seed),
                        "--clients", str(choice.clients), "--interval", milliseconds(choice.interval),
                        "--timeout", milliseconds(timeout), "--expiry", milliseconds(expiry),
                        "--warmup", milliseconds(2 * choice.interval), "--duration", milliseconds(choice.duration)]
        self.command += [word for fault in faults for word in ("--fault", fault)]
        self.output, self.words = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.words)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def result(self, seconds):
        """Waits for its end. RuntimeError: what it said instead of a report."""
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired as late:
            raise RuntimeError(f"{' '.join(self.command)}: not over after {seconds:.0f} s") from late
        self.output.seek(0)
        self.words.seek(0)
        if status not in (0, 1):  # 1: somebody was missed or wronged, which is what we came to see
            raise RuntimeError(f"{' '.join(self.command)}: exit status {status}\n{self.words.read().strip()}")
        report = json.load(self.output)
        if report["server_lost"] or report["swarm_lost"] or report["interrupted"]:
            raise RuntimeError(f"{' '.join(self.command)}: did not run to its end\n" + "\n".join(report["notes"]))
        return self._read(report)

    def _read(self, report):
        rows = {(row["fault"], row["side"]): row for row in report["faults"]}
        found = {kind: _times(rows[fault, self.observer]) for kind, fault in zip(KINDS, OBSERVERS[self.observer])}
        network = report["network"]
        return {
            "network": self.network, "observer": self.observer, "policy": self.policy.word,
            "deadline_s": self.policy.deadline, "adapts": self.policy.adapts, "paths": self.policy.paths,
            "outages_s": self.outages,
            "packets_a_second": (network["carried"] + network["cut"] + network["lost"]) /
                                (report["lasted_ms"] / 1000) / self.clients,
            "false_alarms": _false_alarms(row for row in rows.values() if row["fault"] != "outage-one"),
            "false_alarms_of_one_path": _false_alarms(row for row in rows.values() if row["fault"] == "outage-one"), "exposures": self.clients * len(self.outages),
            **found, "wire_late_p99_ms": network["late_ms"]["p99"],
            "notes": report["notes"], "report": report,
        }


def _order(kind):
    return f"{kind}:{SHARE}"


def _false_alarms(rows):
    """Of either side. Of an outage also those that the swarm excuses, because the deadline allowed for them."""
    return sum(row["false_alarms"] + (row["detected"] if row["fault"] == "outage" else 0) for row in rows)


def _times(row):
    latency = row["latency_ms"] or {}
    return {"injected": row["injected"], "missed": row["missed"],
            "p50_s": latency.get("p50", math.nan) / 1000, "p99_s": latency.get("p99", math.nan) / 1000}
