"""B. The network between: what is lost, late, cut, forged and slow. In a network of the chapter's own, where that may be made."""

import os
import pathlib
import signal
import socket
import struct
import subprocess
import time

from field import CannotBeInjected, free_port, wait_for
from processes import loyal, returns
from resources import serves
from shim import Shim
from suite import fault
from wire import ACK, FakeServer, MESSAGE, PROBE, WELCOME, Wire, frame, hello, welcome

STRANGER = "127.0.0.5"  # the address of those whose packets are lost


def need_network():
    if os.environ.get("LUBDUB_FAULTS_NETWORK") != "own":
        raise CannotBeInjected("no network of our own may be made")


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def has_ipv6():
    try:
        return f"{1:032x}" in pathlib.Path("/proc/net/if_inet6").read_text()
    except FileNotFoundError:
        return False


class Loss:
    """Packets that are lost while it is entered. `rules` are those of nft for packets that come in over lo."""

    def __init__(self, *rules):
        need_network()
        self.rules = rules

    def __enter__(self):
        try:
            subprocess.run(["nft", "-f", "-"], check=True, stderr=subprocess.PIPE, input="\n".join(
                ["table ip loss {", "chain in { type filter hook input priority 0;", *self.rules, "}", "}"]).encode())
        except FileNotFoundError as wrong:
            raise CannotBeInjected("nft is not installed") from wrong
        except subprocess.CalledProcessError as wrong:
            raise CannotBeInjected(f"no rules of nft may be made: {wrong.stderr.decode()}") from wrong

    def __exit__(self, *_):
        subprocess.run(["nft", "delete", "table", "ip", "loss"], check=False)


def stranger(field, *options):
    """A victim whose packets can be told from those of the witnesses."""
    return field.victim("--source", STRANGER, *options)


FROM_STRANGER, TO_STRANGER = f"ip saddr {STRANGER} drop", f"ip daddr {STRANGER} drop"


@fault("B1")
def client_vanishes(field):
    need_network()
    wire = field.wire().open("powerless", 50, 400)
    wire.vanish()
    field.ended("powerless")


@fault("B2")
def server_vanishes(field):
    need_network()

    def serve(wire, _):
        wire.next(1)
        wire.send(welcome())
        got = wire.next(PROBE)
        wire.send(frame(ACK, got[1], got[2]))
        wire.vanish()

    fake = FakeServer(serve)
    with Loss("tcp flags rst drop"):  # a machine without power sends none
        client = field.client(field.name("left"), "-i", "50ms", "-t", "1s", port=fake.port)
        assert client.wait_for("down")["cause"] in ("unreachable", "hung")
    fake.close()


@fault("B3")
def link_is_down_for_less_than_the_expiry(field):
    need_network()
    victim = field.victim("-i", "50ms", "-t", "20s", "--expiry", "20s")
    ip("link", "set", "lo", "down")
    time.sleep(field.random.uniform(0.2, 0.5))
    ip("link", "set", "lo", "up")
    victim.acks(3)
    assert not victim.events("down")


@fault("B4")
def link_is_down_for_longer(field):
    need_network()
    victim = field.victim("-r", "-i", "50ms", "-t", "400ms", "--expiry", "400ms", "--backoff-min", "20ms", "--backoff-max", "50ms")
    ip("link", "set", "lo", "down")
    victim.wait_for("down")
    field.server.wait_for("disconnected", id=victim.identity)
    ip("link", "set", "lo", "up")
    victim.wait_for("up", 2)
    victim.acks(2)


@fault("B5")
def packets_of_the_client_are_lost(field):
    victim = stranger(field)
    with Loss(FROM_STRANGER):
        field.ended(victim.identity, "unreachable", "hung")
        victim.wait_for("down")


@fault("B6")
def packets_of_the_server_are_lost(field):
    victim = stranger(field)
    with Loss(TO_STRANGER):
        assert victim.wait_for("down")["cause"] in ("unreachable", "hung")
        field.ended(victim.identity)


@fault("B7", is_quick=False)
def packets_are_lost_at_random(field):
    share = field.pick(5, 20, 30)
    victim = stranger(field, "-i", "50ms", "-t", "20s", "--expiry", "20s")
    with Loss(f"ip saddr {STRANGER} numgen random mod 100 < {share} drop", f"ip daddr {STRANGER} numgen random mod 100 < {share} drop"):
        victim.acks(40)
    assert not victim.events("down") and not field.server.events("disconnected", id=victim.identity)


@fault("B8", is_quick=False)
def packets_are_late(field):
    relay = field.relay()
    victim = field.client(field.name("late"), "-i", "50ms", "-t", "5s", "--expiry", "5s", port=relay.port)
    victim.acks(2)
    for _ in range(6):
        relay.delay = field.random.uniform(0.01, 0.15)
        victim.acks(2)
    assert not victim.events("down")
    assert all(event["rtt_us"] > 0 for event in victim.events("ack"))


def whole_checksum(source, target, tcp):
    """The segment with its checksum as the wire has it; a segment that is seen on lo has half of one."""
    tcp = tcp[:16] + b"\0\0" + tcp[18:]
    padded = source + target + struct.pack(">BBH", 0, 6, len(tcp)) + tcp + b"\0" * (len(tcp) % 2)
    return tcp[:16] + struct.pack(">H", checksum(padded)) + tcp[18:]


def wrong_segments():
    """How many segments with a wrong checksum this network has thrown away."""
    names, values = (line.split() for line in pathlib.Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Tcp:"))
    return int(values[names.index("InCsumErrors")])


@fault("B9", is_quick=False)
def segments_come_twice_and_corrupt(field):
    """Each segment of a client with bytes comes once more, and before that with a bit turned round: the kernel takes both away."""
    need_network()
    try:
        seen = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    except OSError as wrong:
        raise CannotBeInjected("no raw packets may be sent") from wrong
    seen.bind(("lo", 0x0800))
    seen.settimeout(30)
    victim = stranger(field, "-i", "50ms", "-t", "20s", "--expiry", "20s", "--content", "once")
    before, sent = wrong_segments(), set()
    while len(sent) < 20:
        packet = seen.recv(65536)
        if len(packet) < 40 or packet[9] != socket.IPPROTO_TCP:
            continue
        head, source, target = (packet[0] & 15) * 4, packet[12:16], packet[16:20]
        tcp = packet[head:]
        content = (tcp[12] >> 4) * 4
        if source != socket.inet_aton(STRANGER) or tcp[content:] == b"" or tcp[4:8] in sent:
            continue
        sent.add(tcp[4:8])  # by its sequence: what we send is seen, too
        tcp = whole_checksum(source, target, tcp)
        turned = field.random.randrange(content, len(tcp))
        for segment in (tcp[:turned] + bytes([tcp[turned] ^ 1 << field.random.randrange(8)]) + tcp[turned + 1:], tcp):
            raw.sendto(packet[:2] + struct.pack(">H", head + len(tcp)) + packet[4:10] + b"\0\0" + packet[12:head] + segment, ("127.0.0.1", 0))
    victim.acks(3)
    assert wrong_segments() - before >= 20, f"{wrong_segments() - before} of 20 corrupt ones came"
    assert not victim.events("down") and not field.server.events("disconnected", id=victim.identity)
    for one in (seen, raw):
        one.close()


@fault("B10")
def connection_is_reset_inside_a_frame(field):
    for name, head in (("early", b""), ("inside", hello("inside", 50, 10000))):
        wire = field.wire()
        if head:
            wire.send(head)
            wire.next(WELCOME)
        wire.send(frame(MESSAGE, 1, b"x" * 300)[:field.random.randint(1, 300)])
        time.sleep(0.05)
        wire.reset()
    field.ended("inside", "reset")
    assert not field.server.events("message", id="inside"), name


@fault("B11")
def client_closes_one_half(field):
    wire = field.wire().open("half")
    wire.send(b"".join(frame(PROBE, number) for number in range(1, 6)))
    wire.socket.shutdown(socket.SHUT_WR)
    assert [wire.next(ACK)[1] for _ in range(5)] == [1, 2, 3, 4, 5]
    assert wire.reason() in (None, 0)
    field.ended("half", "closed")


@fault("B12")
def connections_are_reset_before_they_are_accepted(field):
    field.server.signal(signal.SIGSTOP)
    for _ in range(40):
        wire = Wire.to(field.server.port)
        wire.reset()
    field.server.signal(signal.SIGCONT)
    serves(field, field.server)


@fault("B13", "B14")
def port_and_descriptor_are_used_again(field):
    """The same address and port, the same identity, in the next moment; the successor is served from its own bytes."""
    port = free_port()
    for turn in range(8):
        wire = field.wire(source=("127.0.0.1", port)).open("again", incarnation=turn + 1)
        wire.send(frame(PROBE, 1, b"%d" % turn) + frame(PROBE, 2)[:7])
        assert wire.next(ACK)[1:3] == (1, b"%d" % turn)
        wire.reset()
    wait_for(lambda: len(field.server.events("disconnected", id="again")) == 8, "an end is missing")


@fault("B15")
def link_is_slow(field):
    relay = field.relay()
    victim = field.client(field.name("slow"), "-i", "100ms", "-t", "20s", "--expiry", "20s", "--content", "x" * 200, port=relay.port)
    victim.acks(1)
    relay.piece, relay.delay = 100, 0.03  # some 3 kB a second
    victim.acks(4)
    assert not victim.events("down")


@fault("B16")
def packets_are_tiny(field):
    need_network()
    had_ipv6 = has_ipv6()
    try:
        for size in (576, 68):
            ip("link", "set", "lo", "mtu", str(size))
            victim = field.victim("-i", "50ms", "-t", "20s", "--expiry", "20s", "--content", "y" * 1000)
            victim.acks(3)
            assert not victim.events("down")
            victim.end()
    finally:
        ip("link", "set", "lo", "mtu", "65536")
        if had_ipv6:
            ip("address", "replace", "::1/128", "dev", "lo")  # the kernel takes it away below 1,280 bytes, and does not bring it back


@fault("B17")
def reads_and_writes_are_of_one_byte(field):
    with Shim(field) as shim:
        shim.set(piece=1)
        server = field.new_server("--interval-min", "10ms", env=shim.environment).listens()
        before = server.processor()
        client = field.client(field.name("nibbling"), "-i", "50ms", "-t", "30s", "--expiry", "30s", "--content", "abc" * 20, port=server.port,
                              env=shim.environment)
        client.acks(4)
        assert not client.events("down") and shim.hits() > 100
        shim.set(piece=field.random.randint(2, 17))
        client.acks(4)
        hits = shim.hits()
        shim.set(piece=0)
        assert server.processor() - before < 10, f"it spins: {hits} calls"
        client.end()
        server.wait_for("disconnected")
        server.leaves()


@fault("B18", "B20")
def middle_acknowledges_for_a_dead_peer(field):
    relay = field.relay()
    victim = field.client(field.name("behind"), "-i", "50ms", "-t", "1s", "--expiry", "1s", port=relay.port)
    victim.acks(2)
    relay.holds.clear()
    assert victim.wait_for("down")["cause"] == "hung"
    field.ended(victim.identity)
    relay.holds.set()


@fault("B19", is_quick=False)
def middle_holds_and_bursts(field):
    relay = field.relay()
    victim = field.client(field.name("held"), "-i", "50ms", "-t", "20s", "--expiry", "3s", port=relay.port)
    victim.acks(2)
    for _ in range(2):
        relay.holds.clear()
        time.sleep(field.random.uniform(0.5, 1.0))
        relay.holds.set()
        victim.acks(3)
    assert not victim.events("down") and not field.server.events("disconnected", id=victim.identity)


@fault("B21")
def address_is_claimed_in_a_header(field):
    """From a network that is not trusted, a PROXY header is another protocol."""
    header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2])
    wire = field.wire()
    wire.send(header + hello("spoofed"))
    assert wire.reason() is None
    assert not field.server.events("connected", id="spoofed")


@fault("B22")
def both_families_are_there(field):
    if not has_ipv6():
        raise CannotBeInjected("the network has no IPv6")
    port = free_port()
    server = field.new_server("--listen", f"[::1]:{port}", "--interval-min", "10ms", port=port).listens()
    for host in (f"127.0.0.1:{port}", f"[::1]:{port}", f"localhost:{port}"):
        client = field.client(field.name("familiar"), "-c", "2", "-i", "50ms", "-t", "20s", "--expiry", "20s", host, port=False)
        assert client.status() == 0, client.log()
    server.wait_for("connected", 3)
    remotes = [event["remote"] for event in server.events("connected")]
    assert remotes[0].startswith("127.0.0.1:") and remotes[1].startswith("[::1]:"), remotes
    server.leaves()


@fault("B23")
def address_changes(field):
    name = field.name("moving")
    old = field.client(name, "--source", STRANGER, "-i", "50ms", "-t", "20s", "--expiry", "20s", "--incarnation", "1")
    old.acks(2)
    with Loss(FROM_STRANGER, TO_STRANGER):
        new = field.client(name, "--source", "127.0.0.6", "-i", "50ms", "-t", "20s", "--expiry", "20s", "--incarnation", "2")
        new.acks(2)
        field.ended(name, "replaced")
    new.acks(2)
    assert not new.events("down")


@fault("B24")
def names_fail(field):
    client = field.client(field.name("lost"), "--connect-timeout", "5s", "no-such-host.invalid:3333", port=False)
    assert client.status() == 1 and client.events("down")[0]["cause"] == "resolve", client.events()
    other = field.client(field.name("lost"), "-c", "1", "-i", "50ms", "-t", "20s", "--expiry", "20s", "no-such-host.invalid:3333", f"127.0.0.1:{field.server.port}", port=False)
    assert other.status() == 0, other.log()


@fault("B25")
def connections_come_in_a_storm(field):
    wires = []
    for _ in range(200):
        wires.append(Wire.to(field.server.port))
    field.witnesses_go_on()
    serves(field, field.server)
    for wire in wires:
        wire.close()


@fault("B26", is_quick=False)
def all_come_back_at_once(field):
    server = field.new_server("--interval-min", "10ms").listens()
    returns(field, server, loyal(field, server, 8), lambda port: field.new_server("--interval-min", "10ms", port=port).listens())


@fault("B27", is_quick=False)
def one_of_two_servers_is_cut_off(field):
    first, second = (field.new_server("--interval-min", "10ms").listens() for _ in range(2))
    client = field.client(field.name("moving"), "-r", "-i", "50ms", "-t", "400ms", "--expiry", "400ms", "--backoff-min", "20ms", "--backoff-max", "50ms",
                          f"127.0.0.1:{first.port}", f"127.0.0.1:{second.port}", port=False)
    first.wait_for("connected")
    first.signal(signal.SIGSTOP)
    second.wait_for("connected")
    client.wait_for("up", 2)
    first.signal(signal.SIGCONT)
    first.wait_for("disconnected")
    client.acks(2)
    client.end()
    for server in (first, second):
        server.leaves()


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


@fault("B28")
def packets_are_forged(field):
    """RST with sequences out of the window, and ICMP that calls the server unreachable: the kernel knows better, and so do we."""
    need_network()
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    except OSError as wrong:
        raise CannotBeInjected("no raw packets may be sent") from wrong
    victim = stranger(field, "-i", "50ms", "-t", "20s", "--expiry", "20s")
    remote = field.server.wait_for("connected", id=victim.identity)["remote"]
    ours, theirs = socket.inet_aton("127.0.0.1"), socket.inet_aton(STRANGER)
    ports = struct.pack(">HH", field.server.port, int(remote.rsplit(":", 1)[1]))
    for _ in range(20):
        tcp = ports + struct.pack(">IIBBHHH", field.random.getrandbits(32), 0, 0x50, 0x04, 0, 0, 0)
        sum_of = checksum(ours + theirs + struct.pack(">BBH", 0, 6, len(tcp)) + tcp)
        tcp = tcp[:16] + struct.pack(">H", sum_of) + tcp[18:]
        raw.sendto(struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, ours, theirs) + tcp, (STRANGER, 0))
        inner = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 60, 0, 0, 64, 6, 0, theirs, ours) + ports[2:] + ports[:2] + struct.pack(
            ">I", field.random.getrandbits(32))
        icmp = struct.pack(">BBHI", 3, field.pick(0, 1, 3), 0, 0) + inner
        icmp = icmp[:2] + struct.pack(">H", checksum(icmp)) + icmp[4:]
        raw.sendto(struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(icmp), 0, 0, 64, 1, 0, ours, theirs) + icmp, (STRANGER, 0))
    raw.close()
    victim.acks(3)
    assert not victim.events("down") and not field.server.events("disconnected", id=victim.identity)


@fault("E19")
def client_connects_to_itself(field):
    """With one port to connect from, which is the one to connect to, TCP opens simultaneously: the client hears itself."""
    need_network()
    path = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
    before, port = path.read_text(), free_port()
    try:
        path.write_text(f"{port} {port}")
    except OSError as wrong:
        raise CannotBeInjected("the range of ports cannot be set") from wrong
    try:
        client = field.client(field.name("narcissus"), "-t", "2s", f"127.0.0.1:{port}", port=False)
        down = client.wait_for("down")
        assert client.status() == 1
        assert not client.events("up") and down["cause"] == "refused" and "met itself" in down["text"], down
    finally:
        path.write_text(before)
