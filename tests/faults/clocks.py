"""D. Clocks that step, stand still, go back and begin anywhere; timers that are coarse."""

import ctypes
import subprocess
import time

from field import CannotBeInjected
from shim import Shim
from suite import fault

HOUR = 3600 * 10**9
PATIENT = ("-i", "50ms", "-t", "20s", "--expiry", "30s")


def lived(field, server, clients, count=3):
    for client in clients:
        client.acks(count)
        assert not client.events("down") and not server.events("disconnected", id=client.identity), client.events("down")


def ends(field, server, clients):
    """One is killed, and found: deadlines are not merely switched off."""
    clients[0].process.kill()
    server.wait_for("disconnected", id=clients[0].identity)
    for client in clients[1:]:
        client.end()
    server.leaves()


@fault("D1")
def wall_clock_steps(field):
    with Shim(field) as shim:
        server = field.new_server("--interval-min", "10ms", env=shim.environment).listens()
        clients = [field.client(field.name("stepped"), *PATIENT, port=server.port, env=shim.environment) for _ in range(2)]
        lived(field, server, clients)
        now = int(time.time()) * 10**9
        for step in field.random.sample([HOUR, -HOUR, -now, (4294967296 - now // 10**9) * 10**9, 0], 5):
            shim.set(realtime=step)
            lived(field, server, clients, 2)
        assert shim.hits() > 0
        for event in server.events("disconnected"):
            assert 0 <= event["connected_ms"] < 600_000
        ends(field, server, clients)


@fault("D2", is_quick=False)
def monotonic_clock_begins_near_a_wrap(field):
    """In a namespace of time, whose monotonic clock is somewhere else."""
    seconds = field.pick(2**31 // 1000, 2**32 // 1000, 2**32, 2**31) - int(time.clock_gettime(time.CLOCK_MONOTONIC)) - field.random.randint(0, 2)
    wrap = ["unshare", "--user", "--map-root-user", "--time", f"--monotonic={seconds}", f"--boottime={seconds}"]
    if subprocess.run([*wrap, "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        raise CannotBeInjected("no namespace of time may be made")
    server = field.new_server("--interval-min", "10ms", wrap=[*wrap, "--fork", "--kill-child"]).listens()
    clients = [field.client(field.name("wrapped"), *PATIENT, port=server.port) for _ in range(2)]
    lived(field, server, clients, 40)
    reached = server.events("listening")[0]["mono_ns"] // 10**9
    assert abs(reached - seconds - time.clock_gettime(time.CLOCK_MONOTONIC)) < 60, reached
    clients[0].process.kill()
    server.wait_for("disconnected", id=clients[0].identity)
    server.end()


@fault("D3")
def machine_is_suspended(field):
    """The clock that counts a suspension jumps, and the other does not."""
    with Shim(field) as shim:
        server = field.new_server("--interval-min", "10ms", env=shim.environment).listens()
        clients = [field.client(field.name("suspended"), *PATIENT, port=server.port, env=shim.environment) for _ in range(2)]
        lived(field, server, clients)
        for jump in (HOUR, 10 * HOUR):
            shim.set(boottime=jump)
            lived(field, server, clients, 4)
        ends(field, server, clients)


@fault("D4")
def monotonic_clock_goes_back_a_little(field):
    with Shim(field) as shim:
        shim.set(back=field.random.randint(1, 3) * 10**6)
        server = field.new_server("--interval-min", "10ms", env=shim.environment).listens()
        clients = [field.client(field.name("shaken"), *PATIENT, port=server.port, env=shim.environment) for _ in range(2)]
        lived(field, server, clients, 20)
        assert shim.hits() > 0
        for client in clients:
            assert all(0 <= event["rtt_us"] < 10**8 for event in client.events("ack"))
        ends(field, server, clients)


@fault("D5", is_quick=False)
def timers_are_coarse(field):
    def slack():
        ctypes.CDLL(None).prctl(29, ctypes.c_ulong(50_000_000))  # PR_SET_TIMERSLACK: 50 ms

    server = field.new_server("--interval-min", "10ms", before=slack).listens()
    clients = [field.client(field.name("coarse"), "-i", "50ms", "-t", "5s", "--expiry", "1s", port=server.port, before=slack) for _ in range(2)]
    lived(field, server, clients, 10)
    wire = field.wire(server.port).open("silent", 50, 300)
    event = server.wait_for("disconnected", id="silent")
    assert event["silent_ms"] >= 300, f"too early: {event}"
    wire.close()
    ends(field, server, clients)


@fault("D8", is_quick=False)
def time_zone_is_odd(field):
    zones = ["Antarctica/Troll", "right/UTC", "no such zone", ":/dev/null", "XYZ+24:59:59", ""]
    env = {"TZ": field.pick(*zones), "LC_ALL": field.pick("de_DE.UTF-8", "C", "no_SUCH")}
    server = field.new_server("--interval-min", "10ms", env=env).listens()
    clients = [field.client(field.name("zoned"), *PATIENT, port=server.port, env=env) for _ in range(2)]
    lived(field, server, clients)
    event = server.events("connected")[0]
    utc = time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() - 60)), time.strftime("%Y-%m-%dT%H", time.gmtime())
    assert event["time"].startswith(utc) and event["time"].endswith("Z"), event
    ends(field, server, clients)
