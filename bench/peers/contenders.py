"""Who is in the ring, and with what settings.

Each stands in up to three settings: `near` has the interval and the bound of Lubdub's defaults, 1 s and 3 s, or the nearest
to them that it has; `fast` has 100 ms and 300 ms, or the shortest of those who count in seconds; `shortest` is 10 ms, which
only some take, and which is honest only where nobody was given up in quiet.
"""

import dataclasses
import pathlib
import sys
import typing

import arena
import clients
import processes
import wires

_PORT = 3333
_HERE = pathlib.Path(__file__).resolve().parent
SERVER = (arena.SERVER, _PORT)


SPEEDS = {
    "near": "Nearest to Lubdub's defaults: 1 s between probes, 3 s to notice",
    "fast": "100 ms between probes and 300 ms to notice, or the shortest of those who count in seconds",
    "shortest": "10 ms between probes, of those who take that",
}


@dataclasses.dataclass
class Contender:
    name: str
    speed: str                # of SPEEDS
    setting: str              # in its own words, for the table
    interval: float           # seconds from beat to beat
    bound: float              # seconds: the latest by its own rule that it may notice; the stall is three of these
    patience: float           # seconds after which a fault counts as missed
    server: typing.Callable   # (namespace, folder) -> process number
    client: typing.Callable   # (cable, number) -> process number
    wire: typing.Callable     # () -> what one of a crowd says
    has_session_memory: bool = True
    side: str = "server"      # who notices


def programs(folder):
    """All of them, with the Lubdub programs from that folder. BFD and the client's side are no TCP servers to us."""
    folder = pathlib.Path(folder)
    return [*_lubdub(folder), *_lubdub_client(folder), *_mosquitto(), *_nats(), *_redis(), *_libzmq(), *_keepalive(),
            *_user_timeout(), *_bfd()]


def _text(seconds):
    return f"{seconds:g}s" if seconds >= 1 else f"{round(seconds * 1000)}ms"


def _branched(make_wire, interval):
    def client(cable, number):
        return processes.branch(clients.converse, cable.namespace, make_wire(), f"client-{cable.number}-{number}",
                                cable.address(number), SERVER, interval)
    return client


def lubdub_server(folder, namespace, interval, expiry, port=_PORT):
    return processes.start([folder / "lubdub-server", "--listen", f"{arena.SERVER}:{port}", "--workers", 1, "--max-per-address", 0,
                            "--interval", _text(interval), "--expiry", _text(expiry)], namespace)


def lubdub_client(folder, cable, number, interval, expiry, timeout, port=_PORT):
    return processes.start([folder / "lubdub-client", "--source", cable.address(number), "--interval", _text(interval),
                            "--expiry", _text(expiry), "--timeout", timeout, "--id",
                            f"client-{port}-{cable.number}-{number}", f"{arena.SERVER}:{port}"], cable.namespace)


def _lubdub(folder):
    for speed, interval, expiry in ("near", 1.0, 3.0), ("fast", 0.1, 0.3), ("shortest", 0.01, 0.03):
        # The client's own timeout is long: here the server is to be the one who notices.
        yield Contender(
            "lubdub-server", speed, f"interval {_text(interval)}, expiry {_text(expiry)}", interval, expiry, 2 * expiry + 2,
            lambda namespace, _, i=interval, e=expiry: lubdub_server(folder, namespace, i, e),
            lambda cable, number, i=interval, e=expiry: lubdub_client(folder, cable, number, i, e, "1m"),
            lambda i=interval, e=expiry: wires.Lubdub(i, e))


def _lubdub_client(folder):
    for speed, interval, timeout in ("near", 1.0, 2.0), ("fast", 0.1, 0.2), ("shortest", 0.01, 0.02):
        # The server's expiry is long: here the client is to be the one who notices.
        yield Contender(
            "lubdub-client", speed, f"interval {_text(interval)}, timeout {_text(timeout)}", interval, interval + timeout,
            2 * timeout + 3,
            lambda namespace, port, i=interval: lubdub_server(folder, namespace, i, 60, port),
            lambda cable, number, port, i=interval, t=timeout:
                lubdub_client(folder, cable, number, i, 60, _text(t), port),
            None, side="client")


def _mosquitto():
    def server(namespace, folder):
        path = folder / "mosquitto.conf"
        path.write_text(f"listener {_PORT} {arena.SERVER}\nallow_anonymous true\npersistence false\nuser root\n"
                        "max_connections -1\nlog_type error\n", encoding="ascii")
        return processes.start(["/usr/sbin/mosquitto", "-c", path], namespace)

    for speed, keepalive, interval in ("near", 2, 1.0), ("fast", 1, 0.5):
        yield Contender("mosquitto", speed, f"keepalive {keepalive} s, pings every {_text(interval)}", interval,
                        1.5 * keepalive, 1.5 * keepalive + 8, server,
                        _branched(lambda k=keepalive: wires.Mqtt(k), interval), lambda k=keepalive: wires.Mqtt(k))


def _nats():
    for speed, interval, outstanding in ("near", 1.0, 2), ("fast", 0.1, 2), ("shortest", 0.01, 2):
        def server(namespace, folder, interval=interval, outstanding=outstanding):
            path = folder / "nats.conf"
            path.write_text(f'listen: "{arena.SERVER}:{_PORT}"\nping_interval: "{_text(interval)}"\n'
                            f"ping_max: {outstanding}\nmax_connections: 60000\n", encoding="ascii")
            return processes.start(["nats-server", "-c", path], namespace)

        bound = interval * (outstanding + 1)
        yield Contender("nats-server", speed, f"ping_interval {_text(interval)}, ping_max {outstanding}", interval, bound,
                        2 * bound + 4, server, _branched(wires.Nats, interval), wires.Nats)


def _redis():
    for speed, timeout, interval, rate in ("near", 3, 1.0, 10), ("fast", 1, 0.5, 500):
        def server(namespace, folder, timeout=timeout, rate=rate):
            return processes.start(["redis-server", "--port", _PORT, "--bind", arena.SERVER, "--protected-mode", "no",
                                    "--save", "", "--appendonly", "no", "--timeout", timeout, "--hz", rate,
                                    "--maxclients", 60000, "--dir", folder], namespace)

        yield Contender("redis", speed, f"timeout {timeout} s, hz {rate}, pings every {_text(interval)}", interval, timeout,
                        timeout + 5, server, _branched(wires.Redis, interval), wires.Redis)


def _libzmq():
    for speed, interval, timeout in ("near", 1.0, 2.0), ("fast", 0.1, 0.2), ("shortest", 0.01, 0.02):
        yield Contender(
            "libzmq", speed, f"HEARTBEAT_IVL {_text(interval)}, _TIMEOUT {_text(timeout)}", interval, interval + timeout,
            2 * timeout + 3,
            lambda namespace, _, i=interval, t=timeout: processes.start(
                [sys.executable, _HERE / "zmq_server.py", _PORT, round(i * 1000), round(t * 1000)], namespace),
            lambda cable, number: processes.branch(clients.dealer, cable.namespace, cable.address(number), SERVER),
            wires.Zmtp)


def _kernel(*words):
    return lambda namespace, _: processes.start([sys.executable, _HERE / "kernel_server.py", _PORT, *words], namespace)


def _keepalive():
    for speed, count in ("near", 2), ("fast", 1):
        yield Contender("kernel keepalive", speed, f"KEEPIDLE 1 s, KEEPINTVL 1 s, KEEPCNT {count}", 1.0, 1.0 + count,
                        count + 5, _kernel("keepalive", 1, 1, count), _branched(wires.Listener, 1.0), wires.Listener,
                        has_session_memory=False)


def _user_timeout():
    for speed, timeout, every in ("near", 2000, 1000), ("fast", 100, 50):
        yield Contender("TCP_USER_TIMEOUT", speed, f"{timeout} ms, 16 bytes sent every {every}ms", every / 1000,
                        (timeout + every) / 1000, 2 * timeout / 1000 + 4, _kernel("user-timeout", timeout, every),
                        _branched(wires.Listener, every / 1000), wires.Listener, has_session_memory=False)


def _bfd():
    for speed, interval, multiplier in ("near", 1.0, 3), ("fast", 0.1, 3), ("shortest", 0.01, 2):
        yield Contender("FRR bfdd", speed, f"{_text(interval)} x {multiplier}", interval, interval * multiplier,
                        2 * interval * multiplier + 3, None, None, None, side="bfd")
