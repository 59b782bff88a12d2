"""C. What runs out: descriptors, memory, room of peers and of disks, threads, stacks."""

import errno
import fcntl
import os
import resource
import signal
import socket
import subprocess
import time

from field import REPORTS, wait_for
from shim import Shim
from suite import fault
from wire import MESSAGE, OVERLOADED, PROBE, TOO_MANY, frame, hello


def tortured(side="server"):
    return os.path.join(os.environ["LUBDUB_TORTURED"], f"tortured-{side}")


def serves(field, server, identity="newcomer"):
    """A newcomer comes in and is answered."""
    client = field.client(field.name(identity), "-c", "2", "-i", "50ms", "-t", "20s", "--expiry", "60s", port=server.port)
    assert client.status() == 0, client.log()


@fault("C1")
def descriptors_run_out(field):
    server = field.new_server("--interval-min", "10ms").listens()
    serves(field, server)
    limits = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (server.descriptors(), limits[1]))
    before, began = server.processor(), time.monotonic()
    waiting = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(8)]
    wait_for(lambda: "accepting pauses" in server.log(), lambda: "nothing is said: " + server.log())
    time.sleep(0.5)
    used = (server.processor() - before) / (time.monotonic() - began)
    assert used < 0.5, f"it spins: {used:.0%} of a processor"
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limits)
    for one in waiting:
        one.close()
    serves(field, server)
    server.leaves()


@fault("C2")
def accept_lacks_files_buffers_and_memory(field):
    with Shim(field) as shim:
        server = field.new_server(env=shim.environment).listens()
        for number in (errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
            shim.fail("accept4", number, field.random.randint(1, 5))
            serves(field, server)
        assert shim.hits() >= 3
        server.leaves()


@fault("C3", is_quick=False)
def allocations_fail(field):
    """Three of them, drawn by the seed; tests/torture/torture lets each fail."""
    for _ in range(3):
        call, number = field.pick("malloc", "calloc", "realloc"), field.random.randint(1, 60)
        server = field.new_server(program=tortured(), has_http=False, env={"LUBDUB_TORTURE": f"{call}:{number}:{errno.ENOMEM}"})
        wait_for(lambda: not server.is_running() or server.events("listening"), lambda: f"{call}:{number}: {server.log()}")
        if not server.is_running():
            assert server.status() in (2, 3) and server.log().strip(), f"{call}:{number} leaves with {server.status()}: {server.log()}"
        else:
            ends = [field.client(field.name("newcomer"), "-c", "1", "-t", "20s", port=server.port).status() for _ in range(4)]
            assert ends.count(0) >= 3, f"{call}:{number} harms more than the one that it hits: {ends}"
            server.leaves()
        assert not any(word in server.log() for word in REPORTS), server.log()


@fault("C5", "C6")
def clients_do_not_read(field):
    """They send messages that come back, and never read; what they cost is bounded, and they are told as what they are."""
    server = field.new_server("--interval-min", "10ms", "--message-rate", "0", "--output-buffer", "32k").listens()
    before = server.memory()
    for number in range(20):
        wire = field.wire(server.port, receive_buffer=4096)
        wire.send(hello(f"deaf-{number}", 100, 400))
        wire.socket.setblocking(False)
        try:
            for sequence in range(1, 20000):
                wire.socket.send(frame(MESSAGE, sequence, b"x" * 1000))
        except OSError:
            pass
    for number in range(20):
        server.wait_for("disconnected", id=f"deaf-{number}")
    ends = {event["cause"] for event in server.events("disconnected")}
    assert "slow-reader" in ends <= {"slow-reader", "reset", "hung"}, ends
    assert server.memory() - before < 48 << 20, f"{(server.memory() - before) >> 20} MiB more"
    serves(field, server)
    server.leaves()


@fault("C7", is_quick=False)
def bytes_drip(field):
    """A frame that comes a byte at a time is no sign of life, neither before nor in a session."""
    server = field.new_server("--handshake-timeout", "500ms", "--interval-min", "10ms").listens()
    early, late = field.wire(server.port), field.wire(server.port).open("dripping", 50, 300)
    began = time.monotonic()
    for byte in frame(PROBE, 1, b"x" * 200):
        for wire in (early, late):
            try:
                wire.send(bytes([byte]))
            except OSError:
                pass
        if server.events("disconnected", id="dripping") and server.events("rejected"):
            break
        time.sleep(0.02)
    assert time.monotonic() - began < 20
    server.wait_for("rejected")
    server.wait_for("disconnected", id="dripping")
    server.leaves()


@fault("C8", is_quick=False)
def many_connect_and_say_nothing(field):
    server = field.new_server("--handshake-timeout", "300ms").listens()
    fresh = server.descriptors()
    wires = [field.wire(server.port) for _ in range(60)]
    serves(field, server)
    wait_for(lambda: server.metric("lubdub_handshakes") == 0, "they are kept")
    for wire in wires:
        assert wire.reason() in (None, 10)
        wire.close()
    wait_for(lambda: server.descriptors() <= fresh, "their descriptors are kept")
    server.leaves()


@fault("C9")
def probes_come_as_fast_as_they_can(field):
    wire = field.wire().open("flooding", 1000, 3000)
    try:
        for sequence in range(1, 2000):
            wire.send(frame(PROBE, sequence))
    except OSError:
        pass
    assert wire.reason() in (TOO_MANY, None)
    field.ended("flooding", "protocol", "reset")


@fault("C10")
def one_too_many_comes(field):
    server = field.new_server("--max-sessions", "4").listens()
    held = [field.wire(server.port).open(f"held-{number}") for number in range(4)]
    late = field.wire(server.port)
    late.send(hello("late"))
    assert late.reason() == OVERLOADED
    held[0].close()
    server.wait_for("disconnected", id="held-0")
    serves(field, server)
    server.leaves()


@fault("C11")
def disk_is_full(field):
    with open("/dev/full", "wb") as full:
        server = field.new_server(stdout=full)
    server.answers()
    serves(field, server)
    wait_for(lambda: server.metric("lubdub_events_lost_total") > 0, "the loss is not counted")
    serves(field, server)
    server.leaves()


def stopped_reader(field, kind):
    """A server whose events go to a reader that does not read, and how many it says are lost."""
    if kind == "pipe":
        end, stdout = os.pipe()
        fcntl.fcntl(stdout, fcntl.F_SETPIPE_SZ, 4096)
    else:
        pair = socket.socketpair()
        pair[1].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        end, stdout = pair[0].detach(), pair[1].detach()
    events = field.folder / f"events-{kind}"
    server = field.new_server("--events-file", events, "--message-rate", "0", stdout=stdout)
    os.close(stdout)
    wait_for(lambda: events.exists() and "listening" in events.read_text(), server.log)
    wire = field.wire(server.port).open("talker", 100, 60000)
    sequence = 0

    def talks():
        nonlocal sequence
        for _ in range(50):
            sequence += 1
            wire.send(frame(MESSAGE, sequence, b"hello"))
            assert wire.next(MESSAGE)[1] == sequence, "its heartbeat waits for the log"
        return server.metric("lubdub_events_lost_total") > 0 or sequence > 5000

    wait_for(talks, "nothing is lost")
    serves(field, server)
    wire.close()
    wait_for(lambda: server.metric("lubdub_sessions") == 0, "it is kept")
    server.signal(signal.SIGTERM)
    while os.read(end, 65536):
        pass
    assert server.status() == 0, server.log()
    os.close(end)


@fault("C12")
def log_blocks(field):
    stopped_reader(field, "pipe")


@fault("C15", is_quick=False)
def socket_of_the_journal_is_not_read(field):
    stopped_reader(field, "socket")


@fault("C13")
def folder_of_the_log_goes_and_comes(field):
    folder = field.folder / "logs"
    folder.mkdir()
    server = field.new_server("--events-file", folder / "events").listens()
    os.rename(folder / "events", folder / "events.1")
    server.signal(signal.SIGHUP)
    wait_for((folder / "events").exists, "it is not opened anew")
    os.rename(folder, field.folder / "gone")
    server.signal(signal.SIGHUP)
    serves(field, server)
    wait_for(lambda: "events" in server.log(), lambda: "nothing is said: " + server.log())
    folder.mkdir()
    server.signal(signal.SIGHUP)
    wait_for((folder / "events").exists, "it does not come back")
    server.leaves()


@fault("C14", is_quick=False)
def log_is_flooded_by_peers(field):
    server = field.new_server("--log-rate", "5").listens()
    began = time.monotonic()
    for _ in range(300):
        wire = field.wire(server.port)
        wire.send(b"GET / HTTP/1.0\r\n\r\n")
        wire.close()
    serves(field, server)
    seconds = time.monotonic() - began + 2
    lines = server.err.read_text().count("\n")
    assert lines <= 8 * seconds + 20, f"{lines} lines in {seconds:.1f} s"
    told = len(server.events("rejected"))
    assert told < 300 or seconds > 30, "each is an event"
    server.leaves()


@fault("C16")
def streams_are_closed_or_broken(field):
    server = field.new_server(before=lambda: os.closerange(0, 3))
    server.answers()
    serves(field, server)
    server.signal(signal.SIGTERM)
    assert server.status() == 0
    end, stdout = os.pipe()
    os.close(end)
    client = field.client(field.name("broken"), "-i", "20ms", stdout=stdout)
    os.close(stdout)
    assert client.status() in (1, 3, -signal.SIGPIPE, 128 + signal.SIGPIPE), client.log()


@fault("C17")
def threads_cannot_be_made(field):
    server = field.new_server("--workers", "2", program=tortured(), has_http=False, env={"LUBDUB_TORTURE": f"pthread_create:{field.random.randint(1, 2)}:11"})
    wait_for(lambda: not server.is_running() or server.events("listening"), server.log)
    if server.is_running():
        serves(field, server)
        server.leaves()
    else:
        assert server.status() == 3 and server.log().strip(), server.log()


@fault("C18")
def stack_is_small(field):
    """Of all threads: a deep recursion, or a large array of the stack, does not fit. The sanitizer needs some room of its own."""
    limit = (256 << 10, 256 << 10)
    server = field.new_server("--workers", "2", "--on-message", "echo",
                              before=lambda: resource.setrlimit(resource.RLIMIT_STACK, limit)).listens()
    wire = field.wire(server.port).open("large", 100, 10000)
    wire.send(frame(MESSAGE, 1, b"x" * 1024) + frame(PROBE, 1, b"y" * 1024))
    assert wire.next(MESSAGE)[2] == b"x" * 1024 and wire.next(4)[2] == b"y" * 1024
    assert "sessions" in server.get("/api/sessions")
    client = field.client(field.name("small"), "-c", "2", "-i", "50ms", "-t", "20s", "--expiry", "20s", "--content", "z" * 1000, port=server.port,
                          before=lambda: resource.setrlimit(resource.RLIMIT_STACK, limit))
    assert client.status() == 0, client.log()
    server.leaves()


@fault("C19")
def watching_a_socket_fails(field):
    """A connection that cannot be watched is not served for ever, and no other one is harmed."""
    with Shim(field) as shim:
        server = field.new_server("--handshake-timeout", "500ms", env=shim.environment).listens()
        old = field.client(field.name("old"), "-i", "50ms", "-t", "20s", "--expiry", "60s", port=server.port)
        old.acks(1)
        fresh = server.descriptors()
        shim.fail("epoll_ctl", errno.ENOSPC, 1)
        wire = field.wire(server.port)
        wire.send(frame(PROBE, 1))
        wire.read()  # an answer, or the end within its handshake time
        wire.close()
        assert shim.hits() == 1
        serves(field, server)
        old.acks(2)
        wait_for(lambda: server.descriptors() <= fresh, "its descriptor is kept")
        server.leaves()


@fault("C20")
def there_are_no_random_numbers(field):
    for number in (1, 2):
        server = field.new_server(program=tortured(), has_http=False, env={"LUBDUB_TORTURE": f"getrandom:{number}:{errno.ENOSYS}"})
        wait_for(lambda: not server.is_running() or server.events("listening"), server.log)
        if server.is_running():
            server.leaves()
        else:
            assert server.status() == 3 and "random" in server.log(), server.log()


@fault("C21", is_quick=False)
def system_calls_fail(field):
    """Some, drawn by the seed; tests/torture/torture has all."""
    torture = os.path.join(os.path.dirname(__file__), "..", "torture", "torture")
    done = subprocess.run([torture, os.environ["LUBDUB_TORTURED"], os.path.dirname(os.environ["LUBDUB_SERVER"]), "--at-most", "6", "--seed",
                           str(field.random.randint(1, 1 << 20))], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240, check=False)
    assert done.returncode == 0, done.stdout.decode()[-2000:]
