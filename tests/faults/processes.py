"""A. Processes that die, stop and come late."""

import contextlib
import os
import signal
import subprocess
import time

from field import judge_story
from suite import fault
from wire import BYE, PROBE, frame


def stopped(process, seconds):
    process.signal(signal.SIGSTOP)
    time.sleep(seconds)
    process.signal(signal.SIGCONT)


@fault("A1")
def client_is_killed(field):
    victim = field.victim()
    victim.signal(signal.SIGKILL)
    field.ended(victim.identity, "closed", "reset")


@fault("A2")
def client_stops_for_less_than_the_expiry(field):
    victim = field.victim("-i", "50ms", "-t", "20s", "--expiry", "30s")
    stopped(victim, field.random.uniform(0.2, 0.5))
    sent, began = len(victim.events("ack")), time.monotonic()
    victim.acks(2)
    came = len(victim.events("ack")) - sent
    assert not victim.events("down") and came < 20 + (time.monotonic() - began) / 0.05, f"a burst of {came}"


@fault("A3")
def client_stops_for_longer(field):
    victim = field.victim("-r", "-i", "50ms", "-t", "5s", "--expiry", "1s", "--backoff-min", "10ms", "--backoff-max", "50ms")
    victim.signal(signal.SIGSTOP)
    field.ended(victim.identity, "hung")
    victim.signal(signal.SIGCONT)
    victim.wait_for("up", 2)
    victim.acks(2)


@fault("A4", "A5")
def server_stops_beside_a_timeout(field):
    patient = field.victim("-i", "50ms", "-t", "30s", "--expiry", "60s")
    hasty = field.victim("-i", "50ms", "-t", "600ms", "--expiry", "60s")
    stopped(field.server, field.random.uniform(0.8, 1.2))
    assert hasty.wait_for("down")["cause"] == "hung"
    patient.acks(2)
    assert not patient.events("down")
    field.ended(hasty.identity)


@fault("A6")
def server_stops_for_many_expiries(field):
    victims = [field.victim("-i", "50ms", "-t", "30s", "--expiry", "1s") for _ in range(3)]
    stopped(field.server, field.pick(2, 3, 5))
    for victim in victims:
        victim.acks(3)
        assert not field.server.events("disconnected", id=victim.identity)


@fault("A7")
def both_stop(field):
    victims = [field.victim("-i", "50ms", "-t", "30s", "--expiry", "1s") for _ in range(2)]
    everybody = [field.server, *victims]
    field.random.shuffle(everybody)
    for process in everybody:
        process.signal(signal.SIGSTOP)
    time.sleep(2)
    for process in everybody:
        process.signal(signal.SIGCONT)
    for victim in victims:
        victim.acks(3)
        assert not victim.events("down") and not field.server.events("disconnected", id=victim.identity)


@fault("A8")
def client_dies_while_the_server_stands_still(field):
    victim = field.victim("-i", "50ms", "-t", "30s", "--expiry", "1s")
    field.server.signal(signal.SIGSTOP)
    victim.signal(signal.SIGKILL)
    time.sleep(1.5)
    field.server.signal(signal.SIGCONT)
    field.ended(victim.identity, "closed", "reset")


def returns(field, server, clients, restart):
    """Ends a server by force and starts the next on its port; all come back, to one owner each."""
    server.process.kill()
    server.status()
    judge_story(server.events())
    after = restart(server.port)
    for client in clients:
        after.wait_for("connected", id=client.identity)
        client.wait_for("up", 2)
    assert len(judge_story(after.events())) == len(clients)
    for client in clients:
        client.end()
    after.leaves()


def loyal(field, server, count):
    clients = [field.client(field.name("loyal"), "-r", "-i", "50ms", "-t", "5s", "--expiry", "10s", "--backoff-min", "20ms", "--backoff-max",
                            "100ms", port=server.port) for _ in range(count)]
    for client in clients:
        client.acks(1)
    return clients


@fault("A9")
def server_is_killed_and_started_again(field):
    state = field.folder / "state"
    server = field.new_server("--state", state, "--grace", "10s").listens()
    returns(field, server, loyal(field, server, 3), lambda port: field.new_server("--state", state, "--grace", "10s", port=port).listens())


@fault("A10")
def server_dies_at_named_points(field):
    """In an accept, in a read, in a write of an event, in an expiry: what it told stays true, and the next one goes on from there."""
    call, number = field.pick(("accept4", 3), ("recv", 12), ("write", 9), ("shutdown", 1), ("send", 12))
    state = field.folder / "state-of-the-dead"
    tortured = os.path.join(os.environ["LUBDUB_TORTURED"], "tortured-server")
    server = field.new_server("--state", state, "--grace", "10s", program=tortured, has_http=False,
                              env={"LUBDUB_TORTURE": f"{call}:{number}:abort", "ASAN_OPTIONS": "handle_abort=0:disable_coredump=1"}).listens()
    clients = [field.client(field.name("loyal"), "-r", "-i", "50ms", "-t", "5s", "--expiry", "10s", "--backoff-min", "20ms", "--backoff-max",
                            "100ms", port=server.port) for _ in range(3)]
    with contextlib.suppress(OSError, AssertionError):  # it may be dead already
        field.wire(server.port).open("silent", 50, 300)
    leaver = field.client(field.name("leaver"), "-c", "3", "-i", "50ms", "-t", "5s", "--expiry", "10s", port=server.port)
    assert server.status() == -signal.SIGABRT, f"{call}:{number}: {server.log()}"
    judge_story(server.events())
    after = field.new_server("--state", state, "--grace", "10s", port=server.port).listens()
    for client in clients:
        after.wait_for("connected", id=client.identity)
        client.acks(2)
        client.end()
    leaver.end()
    after.leaves()
    assert not judge_story(after.events())


@fault("A11", is_quick=False)
def processor_is_busy(field):
    """Neighbours that take what they get, while ours are the last in line."""
    victims = [field.victim("-i", "50ms", "-t", "30s", "--expiry", "3s") for _ in range(2)]
    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        for process in (field.server, *victims):
            os.setpriority(os.PRIO_PROCESS, process.pid, 19)
        time.sleep(3)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    for victim in victims:
        victim.acks(2)
        assert not victim.events("down") and not field.server.events("disconnected", id=victim.identity)


@fault("A15", is_quick=False)
def server_stops_in_a_handshake_a_reload_and_a_drain(field):
    server = field.new_server("--handshake-timeout", "400ms", "--drain", "5s").listens()
    wire = field.wire(server.port)
    wire.send(b"LD")
    stopped(server, 0.8)
    wire.send(frame(PROBE, 1)[2:])
    assert wire.next(4)[1] == 1, "its handshake time ran while the server stood still"
    server.signal(signal.SIGHUP)
    stopped(server, 0.2)
    wire.send(frame(PROBE, 2))
    assert wire.next(4)[1] == 2
    server.signal(signal.SIGTERM)
    stopped(server, 0.3)
    assert wire.next(BYE)[1] == 1
    wire.close()
    assert server.status() == 0, server.log()
