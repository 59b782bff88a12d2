"""H. What operators do: reload, drain, upgrade, scrape, watch."""

import os
import resource
import signal
import socket
import time

from field import free_port, wait_for
from resources import serves
from suite import fault
from wire import ACK, BYE, PROBE, UNAUTHORIZED, frame, hello


def configured(field, text, *options, **named):
    path = field.folder / field.name("config")
    path.write_text(text)
    path.chmod(0o600)
    server = field.new_server("--config", path, *options, **named).listens()
    return server, path


def reload(server):
    """HUP, and whether it went well: each is told in the log."""
    def told():
        return [line for line in server.err.read_text(errors="replace").splitlines() if "configuration" in line]

    before = len(told())
    server.signal(signal.SIGHUP)
    wait_for(lambda: len(told()) > before, lambda: "nothing comes of it: " + server.log())
    return "read again" in told()[-1]


@fault("H1")
def settings_change(field):
    server, path = configured(field, "[server]\ninterval-min = 100ms\n")
    old = field.wire(server.port).open("old", 50, 5000)
    path.write_text("[server]\ninterval-min = 300ms\n")
    assert reload(server)
    new = field.wire(server.port).open("new", 50, 5000)
    server.wait_for("connected", 2)
    told = [event["interval_ms"] for event in server.events("connected")]
    assert told == [100, 300], told
    for wire in (old, new):
        wire.send(frame(PROBE, 1))
        wire.next(ACK)
        wire.close()
    server.leaves()


@fault("H2", is_quick=False)
def settings_are_wrong(field):
    server, path = configured(field, "[server]\ninterval-min = 100ms\n")
    held = field.wire(server.port).open("held", 50, 5000)
    for text in ("[server]\ninterval-min = nonsense\n", "[server]\nno-such = 1\n", "[server\n", "\0\0\0", "[server]\ninterval-min", "x" * 100000):
        path.write_text(text)
        assert not reload(server), text[:20]
    path.unlink()
    assert not reload(server)
    path.mkdir()
    assert not reload(server)
    path.rmdir()
    field.wire(server.port).open("new", 50, 5000)
    server.wait_for("connected", 2)
    assert [event["interval_ms"] for event in server.events("connected")] == [100, 100]
    held.send(frame(PROBE, 1))
    held.next(ACK)
    path.write_text("[server]\ninterval-min = 100ms\n")
    assert reload(server)
    server.leaves()


@fault("H3", is_quick=False)
def descriptors_are_out_at_a_reload(field):
    """The old tokens hold: security is not forgotten with the file that cannot be opened."""
    tokens = field.folder / "tokens-of-old"
    tokens.write_text("secret\n")
    tokens.chmod(0o600)
    server, _ = configured(field, f"[server]\ntoken-file = {tokens}\n")
    limits = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, (0, limits[1]))
    lines = server.err.read_text().count("\n")
    server.signal(signal.SIGHUP)
    wait_for(lambda: server.err.read_text().count("\n") > lines, "nothing is said")
    resource.prlimit(server.pid, resource.RLIMIT_NOFILE, limits)
    assert server.metric("lubdub_config_last_reload_successful") == 0
    thief = field.wire(server.port)
    thief.send(hello("thief"))
    assert thief.reason() == UNAUTHORIZED
    field.wire(server.port).open("friend", token=b"secret")
    server.leaves()


@fault("H4")
def hang_ups_come_in_a_storm(field):
    server, _ = configured(field, "[server]\ninterval-min = 100ms\n")
    fresh = server.descriptors()
    for _ in range(300):
        server.signal(signal.SIGHUP)
    serves(field, server)
    assert reload(server)
    wait_for(lambda: server.descriptors() <= fresh, "descriptors are left open")
    server.leaves()


@fault("H5", "H6")
def server_drains(field):
    server = field.new_server("--drain", "20s").listens()
    wires = [field.wire(server.port).open(f"drained-{number}") for number in range(4)]
    server.signal(signal.SIGTERM)
    for wire in wires[:3]:
        assert wire.next(BYE)[1] == 1
        wire.close()
    wait_for(lambda: server.metric("lubdub_draining") == 1, "it does not say so")
    try:
        socket.create_connection(("127.0.0.1", server.port), 5).close()
        raise AssertionError("it still accepts")
    except ConnectionRefusedError:
        pass
    wires[3].bytes = b""  # it stays until the second signal
    server.signal(field.pick(signal.SIGTERM, signal.SIGINT))
    began = time.monotonic()
    server.status()
    assert time.monotonic() - began < 10, "the second signal is not heard"
    ended = server.events("disconnected")
    assert len({event["session"] for event in ended}) == len(ended) == 4, ended


@fault("H7")
def servers_take_turns_on_a_port(field):
    """The next one listens before the last one drains: nobody is refused, and nobody is without a server for long."""
    port = free_port()
    servers = [field.new_server("--reuse-port", "--drain", "5s", port=port).listens()]
    client = field.client(field.name("loyal"), "-r", "-i", "50ms", "-t", "10s", "--expiry", "10s", "--backoff-min", "10ms", "--backoff-max", "50ms",
                          port=port)
    client.acks(1)
    for turn in range(3):
        servers.append(field.new_server("--reuse-port", "--drain", "5s", port=port).listens())
        servers[-2].signal(signal.SIGTERM)
        assert servers[-2].status() == 0
        socket.create_connection(("127.0.0.1", port), 5).close()
        client.wait_for("up", turn + 2)
    assert not [event for event in client.events("down") if event["cause"] not in ("bye", "closed")], client.events("down")
    client.end()
    servers[-1].leaves()


@fault("H8", is_quick=False)
def second_server_comes_to_the_same_port(field):
    second = field.new_server(port=field.server.port)
    assert second.status() == 3 and str(field.server.port) in second.log(), second.log()
    other = field.new_server("--http", f"unix:{field.server.socket}", has_http=False)
    assert other.status() == 3 and str(field.server.socket) in other.log(), other.log()
    stale = field.folder / "stale.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(stale))
    field.new_server("--http", f"unix:{stale}", has_http=False).listens().leaves()


@fault("H11", is_quick=False)
def readers_of_the_page_do_not_read(field):
    readers = []
    for number in range(16):
        reader = socket.socket(socket.AF_UNIX)
        reader.settimeout(5)
        try:
            reader.connect(str(field.server.socket))
            reader.sendall([b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20, b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n",
                            b"GET / HT", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\n\r\n"][number % 4])
        except OSError:
            pass
        readers.append(reader)
    field.witnesses_go_on()
    serves(field, field.server)
    for reader in readers:
        reader.close()


@fault("H12", is_quick=False)
def service_manager_watches(field):
    """Signs of life come from the loop: they stop where it stands still, and only then."""
    path = field.folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(10)
        server = field.new_server(env={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "400000"}).listens()
        seen = ""
        while seen.count("WATCHDOG=1") < 3:
            seen += manager.recv(4096).decode() + "\n"
        assert "READY=1" in seen
        server.signal(signal.SIGSTOP)
        time.sleep(0.1)
        manager.settimeout(0.5)
        try:
            while True:
                manager.recv(4096)  # those from before it stood still
        except TimeoutError:
            pass
        server.signal(signal.SIGCONT)
        manager.settimeout(10)
        while "WATCHDOG=1" not in manager.recv(4096).decode():
            pass
        server.signal(signal.SIGTERM)
        while "STOPPING=1" not in manager.recv(4096).decode():
            pass
        assert server.status() == 0


@fault("H14")
def environment_is_hostile(field):
    gone = field.folder / "gone-folder"
    gone.mkdir()

    def before():
        os.chdir(gone)
        os.rmdir(gone)
        os.umask(0o777)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    env = {"HOME": "/" * 60000, "LANG": "\xff", "LC_ALL": "tr_TR.UTF-8", "LUBDUB_EVENT": "x" * 1000, "LD_BIND_NOW": "1", "TMPDIR": "/nowhere",
           "LISTEN_FDS": "99", "LISTEN_PID": "1", "NOTIFY_SOCKET": "/nowhere", "PATH": ""}
    server = field.new_server(env=env, before=before).listens()
    serves(field, server)
    server.leaves()
