"""E. Peers that break the protocol, share an identity, or are no peers of this protocol at all."""

import time

from field import wait_for
from suite import fault
from wire import ACK, BYE, FakeServer, HELLO, MESSAGE, PROBE, PROTOCOL, UNAUTHORIZED, VERSION, WELCOME, frame, hello, option, welcome


@fault("E1")
def identity_comes_twice(field):
    name = field.name("twin")
    old = field.client(name, "-i", "50ms", "-t", "20s", "--expiry", "20s", "--incarnation", "5")
    old.acks(2)
    new = field.client(name, "-i", "50ms", "-t", "20s", "--expiry", "20s", "--incarnation", "6")
    new.acks(2)
    down = old.wait_for("down")
    assert down["cause"] == "replaced", down
    field.ended(name, "replaced")
    new.acks(2)
    assert not new.events("down")


@fault("E2", is_quick=False)
def two_fight_for_an_identity(field):
    """Each comes with a higher incarnation than the other, as fast as it can. What they do is told a few times a second only."""
    server = field.new_server("--interval-min", "10ms").listens()
    name, end, refused = field.name("twin"), time.monotonic() + 1.5, 0
    incarnation = 10
    while time.monotonic() < end:
        incarnation += 1
        wire = field.wire(server.port)
        wire.send(hello(name, incarnation=incarnation))
        got = wire.read()
        refused += got is None or got[0] == BYE
    assert refused > 0, "an identity changes hands without end"
    assert len(server.events("connected", id=name)) < 40
    server.wait_for("flapping")
    server.leaves()


@fault("E3")
def identity_is_stolen(field):
    tokens = field.folder / "tokens"
    tokens.write_text("mine pump-*\nother valve-*\n")
    tokens.chmod(0o600)
    server = field.new_server("--token-file", tokens, "--interval-min", "10ms").listens()
    held = field.wire(server.port).open("pump-1", token=b"mine")
    for token in (b"other", b"min", b"minf", b"mine ", None):
        thief = field.wire(server.port)
        thief.send(hello("pump-1", incarnation=99, token=token))
        assert thief.reason() == UNAUTHORIZED, token
    held.send(frame(PROBE, 1))
    assert held.next(ACK)[1] == 1
    assert not server.events("disconnected")
    held.close()
    server.wait_for("disconnected")
    server.leaves()


def judged(field, serve, cause, *options):
    """A client of ours at a fake server; returns its end."""
    fake = FakeServer(serve)
    client = field.client(field.name("judging"), "-i", "50ms", "-t", "20s", *options, port=fake.port)
    down = client.wait_for("down")
    assert down["cause"] == cause, down
    assert client.status() == 1
    fake.close()
    return client


def opened(wire):
    assert wire.read()[0] == HELLO
    wire.send(welcome())


@fault("E4")
def unknown_sequence_is_acknowledged(field):
    def serve(wire, _):
        opened(wire)
        wire.next(PROBE)
        wire.send(frame(ACK, field.pick(0, 2, 7, 2**63)))
        assert wire.reason() == PROTOCOL

    judged(field, serve, "protocol")


@fault("E5", "E9")
def acknowledgement_and_probe_come_twice(field):
    def serve(wire, _):
        opened(wire)
        got = wire.next(PROBE)
        wire.send(frame(ACK, got[1], got[2], got[3]) * 2)
        wire.reason()

    judged(field, serve, "protocol")
    wire = field.wire().open("again")
    wire.send(frame(PROBE, 1) * 2)
    assert wire.next(ACK)[1] == 1 and wire.reason() == PROTOCOL
    field.ended("again", "protocol")


@fault("E6", "E17")
def acknowledgement_of_another_connection_comes(field):
    """The probes count anew, and nothing of the old connection counts."""
    def serve(wire, number):
        opened(wire)
        if number == 1:
            for _ in range(3):
                got = wire.next(PROBE)
                wire.send(frame(ACK, got[1], got[2]))
            wire.reset()
            return
        assert wire.next(PROBE)[1] == 1
        wire.send(frame(ACK, 3))
        seen.append(wire.reason())
        wire.close()

    seen = []
    fake = FakeServer(serve)
    client = field.client(field.name("returning"), "-r", "-i", "50ms", "-t", "20s", "--backoff-min", "10ms", "--backoff-max", "20ms", port=fake.port)
    client.wait_for("down", cause="protocol")
    wait_for(lambda: seen, "it does not answer")
    assert seen[0] == PROTOCOL, seen
    client.end()
    fake.close()


@fault("E7", "E8")
def acknowledgement_is_changed_on_the_way(field):
    relay, bit = field.relay(), 1 << field.random.randint(0, 7)

    def change(is_from_client, data):
        if not is_from_client and data[3] == ACK and len(data) > 16:
            return data[:16] + bytes([data[16] ^ bit]) + data[17:]
        return data

    client = field.client(field.name("deceived"), "-i", "50ms", "-t", "20s", "--expiry", "20s", "--content", "abc", port=relay.port)
    client.acks(1)
    relay.change = change
    down = client.wait_for("down")
    assert down["cause"] == "protocol", down


@fault("E11")
def answer_comes_behind_its_timeout(field):
    relay = field.relay()
    client = field.client(field.name("late"), "--stay", "-i", "50ms", "-t", "200ms", "--expiry", "20s", port=relay.port)
    client.acks(2)
    relay.holds.clear()
    wait_for(lambda: client.events("timed-out") or client.events("down") or client.events("timeout"), lambda: str(client.events()[-3:]))
    relay.holds.set()
    client.wait_for("late-ack")
    client.acks(2)
    acked = [event["sequence"] for event in client.events("ack")]
    assert not set(acked) & {event["sequence"] for event in client.events("late-ack")}, "both"


@fault("E12", is_quick=False)
def server_answers_its_first_probes_only(field):
    def serve(wire, _):
        opened(wire)
        for _ in range(2):
            got = wire.next(PROBE)
            wire.send(frame(ACK, got[1], got[2]))
        wire.reason()

    client = judged(field, serve, "hung", "-t", "300ms")
    assert len(client.events("ack")) == 2


@fault("E13", is_quick=False)
def frame_is_out_of_its_state(field):
    for first in (frame(WELCOME, 1), frame(ACK, 1), frame(PROBE, 2), frame(MESSAGE, 5), frame(9, 1), frame(0, 1)):
        wire = field.wire()
        wire.send(first)
        assert wire.reason() == PROTOCOL, first
    for later in (hello("twice"), frame(WELCOME, 1), frame(ACK, 1), frame(PROBE, 3), frame(77, 1)):
        name = field.name("wrong")
        wire = field.wire().open(name)
        wire.send(later)
        assert wire.reason() == PROTOCOL, later
        field.ended(name, "protocol")
    for reply in (frame(HELLO, 1), frame(ACK, 1), frame(PROBE, 1)):
        def serve(wire, _, reply=reply):
            wire.read()
            wire.send(reply)
            wire.reason()

        judged(field, serve, "protocol")


@fault("E14")
def version_is_another(field):
    for version in (0, 2, 255):
        wire = field.wire()
        wire.send(b"LD" + bytes([version]) + hello("other")[3:])
        got = wire.read()
        assert got[:2] == (BYE, VERSION), got

    def serve(wire, _):
        wire.read()
        wire.send(b"LD\2" + welcome()[3:])
        wire.reason()

    judged(field, serve, "protocol")


@fault("E15")
def option_and_flag_are_unknown(field):
    content = hello("modern")[16:] + option(200, b"?" * field.random.randint(0, 300))
    wire = field.wire()
    wire.send(frame(HELLO, 1, content, 0xfff8))
    wire.next(WELCOME)
    wire.send(frame(PROBE, 1, b"x", 0xfffc))
    got = wire.next(ACK)
    assert got[1:3] == (1, b"x"), got


@fault("E16", is_quick=False)
def grant_is_another_than_was_asked(field):
    server = field.new_server("--interval-min", "200ms", "--expiry-max", "2s").listens()
    client = field.client(field.name("greedy"), "-i", "10ms", "-t", "20s", "--expiry", "1h", port=server.port)
    up = client.wait_for("up")
    assert (up["interval_ms"], up["expiry_ms"]) == (200, 2000), up
    client.acks(4)
    times = [event["mono_ns"] for event in client.events("ack")]
    assert times[-1] - times[0] > (len(times) - 1) * 150_000_000, "it does not keep to the grant"
    client.end()
    server.leaves()


BANNERS = [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220 mail ESMTP\r\n", b"-ERR unknown command\r\n",
           b"\x15\x03\x01\x00\x02\x02\x46", b"\0" * 64]
REQUESTS = [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"SSH-2.0-x\r\n", b"EHLO x\r\n",
            b"*1\r\n$4\r\nPING\r\n", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", b"\r\n\r\n\0\r\nQUIT\n"]


@fault("E18", is_quick=False)
def service_is_the_wrong_one(field):
    for banner in BANNERS:
        def serve(wire, _, banner=banner):
            wire.send(banner)
            wire.socket.recv(4096)

        fake = FakeServer(serve)
        client = field.client(field.name("astray"), "-t", "20s", port=fake.port)
        down = client.wait_for("down")
        assert down["cause"] in ("protocol", "tls"), (banner, down)
        assert client.status() == 1
        fake.close()
    before = field.server.metric("lubdub_connections_rejected_total")
    for request in REQUESTS:
        wire = field.wire()
        wire.send(request)
        try:
            assert wire.socket.recv(1) == b"", request  # closed, with nothing written
        except ConnectionError:
            pass
    wait_for(lambda: field.server.metric("lubdub_connections_rejected_total") == before + len(REQUESTS), "they are not counted")
