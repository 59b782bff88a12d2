"""F. TLS: handshakes that do not end, certificates that are wrong or change, connections that break."""

import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "presence"))
from certificates import Authority  # noqa: E402
from field import CannotBeInjected, free_port, wait_for  # noqa: E402
from suite import fault  # noqa: E402
from wire import ACK, PROBE, WELCOME, Wire, frame, hello  # noqa: E402

ISSUED = {}  # folder → its certificates


class Tls:
    """A server over TLS with certificates of its own authority."""

    def __init__(self, field, *options):
        if field.folder not in ISSUED:
            try:
                authority = Authority(str(field.folder))
                stranger = Authority(str(field.folder), "stranger")
                ISSUED[field.folder] = {"authority": authority, "stranger": stranger, "server": authority.issue("server", "IP:127.0.0.1"),
                                        "other": authority.issue("other", "IP:127.0.0.1"), "named": authority.issue("named", "DNS:elsewhere")}
            except (OSError, subprocess.SubprocessError) as wrong:
                raise CannotBeInjected("openssl is not installed") from wrong
        self.issued, self.field, self.port = ISSUED[field.folder], field, free_port()
        self.certificate, self.key = (field.folder / field.name(kind) for kind in ("certificate", "key"))
        self.take("server")
        self.server = field.new_server("--tls-listen", f"127.0.0.1:{self.port}", "--tls-cert", self.certificate, "--tls-key", self.key,
                                       "--interval-min", "10ms", *options)
        try:
            self.server.listens()
        except AssertionError:
            if "not built in" in self.server.log():
                raise CannotBeInjected("it is built without TLS") from None
            raise

    def take(self, name):
        certificate, key = self.issued[name]
        self.certificate.write_bytes(pathlib.Path(certificate).read_bytes())
        self.key.write_bytes(pathlib.Path(key).read_bytes())
        self.key.chmod(0o600)

    def client(self, *options, authority="authority", port=None):
        return self.field.client(self.field.name("sealed"), "-i", "50ms", "-t", "20s", "--expiry", "20s", "--tls", "--tls-ca",
                                 self.issued[authority].certificate, *options, port=port or self.port)

    def comes_in(self):
        client = self.client("-c", "2")
        assert client.status() == 0, client.log()

    def wire(self):
        context = ssl.create_default_context(cafile=self.issued["authority"].certificate)
        raw = socket.create_connection(("127.0.0.1", self.port), 30)
        wire = Wire(context.wrap_socket(raw, server_hostname="127.0.0.1"))
        self.field.wires.append(wire)
        return wire


def first_bytes():
    """A ClientHello, as OpenSSL writes it."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="x").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


@fault("F1", "F2")
def handshakes_do_not_end(field):
    tls = Tls(field, "--handshake-timeout", "2s")
    fresh = tls.server.descriptors()
    client = tls.client()
    client.acks(1)
    bytes_of = first_bytes()
    wires = [field.wire(tls.port) for _ in range(30)]
    for wire in wires:
        wire.send(bytes_of[:field.random.randint(1, len(bytes_of) - 1)])
    client.acks(2)
    tls.comes_in()
    for wire in wires:
        try:
            while wire.socket.recv(4096):
                pass
        except ConnectionError:
            pass
        wire.close()
    client.end()
    wait_for(lambda: tls.server.descriptors() <= fresh, "their descriptors are kept")
    tls.server.leaves()


@fault("F3", "F11", is_quick=False)
def handshakes_begin_anew_and_early(field):
    """Neither renegotiation nor early data is offered: what the ticket of a session says about it."""
    tls = Tls(field)
    context = ssl.create_default_context(cafile=tls.issued["authority"].certificate)
    if not context.options & ssl.OP_NO_RENEGOTIATION:
        context.options |= ssl.OP_NO_RENEGOTIATION
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{tls.port}", "-tls1_2", "-CAfile", tls.issued["authority"].certificate],
                          input=b"R\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
    assert b"RENEGOTIATING" in done.stdout, done.stdout[-500:]
    assert b"no renegotiation" in done.stdout or b"handshake failure" in done.stdout, done.stdout[-800:]
    session = field.folder / "ticket"
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{tls.port}", "-tls1_3", "-sess_out", session, "-CAfile",
                           tls.issued["authority"].certificate], input=b"", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
    assert b"Max Early Data: 0" in done.stdout or b"Max Early Data" not in done.stdout, done.stdout[-500:]
    tls.comes_in()
    tls.server.leaves()


@fault("F4", is_quick=False)
def certificates_are_wrong(field):
    tls = Tls(field)
    client = tls.client("-c", "1", authority="stranger")
    assert client.status() == 1 and client.events("down")[0]["cause"] == "tls", client.events()
    tls.take("named")
    tls.server.signal(signal.SIGHUP)
    wait_for(lambda: "read again" in tls.server.log(), tls.server.log)
    client = tls.client("-c", "1")
    assert client.status() == 1 and client.events("down")[0]["cause"] == "tls", client.events()
    assert not client.events("up")
    tls.server.leaves()


@fault("F5")
def certificate_expires_soon(field):
    """It is told ahead; a live session stays."""
    tls = Tls(field)
    client = tls.client()
    client.acks(2)
    ahead = tls.server.metric("lubdub_tls_certificate_not_after_timestamp_seconds") - time.time()
    assert 0 < ahead < 60 * 86400, ahead
    client.acks(2)
    client.end()
    tls.server.leaves()


@fault("F6")
def certificates_change(field):
    tls = Tls(field)
    old = tls.client()
    old.acks(1)
    serial = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", tls.port)))
    tls.take("other")
    tls.server.signal(signal.SIGHUP)
    wait_for(lambda: ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", tls.port))) != serial, "the old one is shown")
    new = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", tls.port)))
    tls.certificate.write_text("nonsense")
    tls.server.signal(signal.SIGHUP)
    wait_for(lambda: "not taken" in tls.server.log(), tls.server.log)
    assert ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", tls.port))) == new
    old.acks(2)
    assert not old.events("down")
    old.end()
    tls.server.leaves()


@fault("F7")
def keys_cannot_be_used(field):
    tls = Tls(field)
    other = tls.issued["other"][1]
    encrypted = field.folder / "encrypted"
    subprocess.run(["openssl", "ec", "-in", other, "-aes128", "-passout", "pass:x", "-out", encrypted], check=True, stderr=subprocess.DEVNULL)
    for key in (other, field.folder, field.folder / "missing", encrypted, "/dev/null"):
        server = field.new_server("--tls-listen", f"127.0.0.1:{free_port()}", "--tls-cert", tls.issued["server"][0], "--tls-key", key)
        assert server.status() == 3 and server.log().strip(), f"{key}: {server.process.returncode} {server.log()}"
    tls.server.leaves()


@fault("F8", is_quick=False)
def plain_and_tls_meet(field):
    tls = Tls(field)
    plain = field.client(field.name("plain"), "-t", "20s", port=tls.port)
    assert plain.status() == 1 and "TLS" in plain.events("down")[0]["text"], plain.events()
    sealed = tls.client(port=field.server.port)
    assert sealed.status() == 1 and sealed.events("down")[0]["cause"] == "tls", sealed.events()
    tls.server.wait_for("rejected")
    tls.comes_in()
    tls.server.leaves()


@fault("F9")
def connection_breaks_inside_a_record(field):
    tls = Tls(field)
    for name in ("cut", "reset"):
        wire = tls.wire()
        wire.open(name)
        wire.send(frame(PROBE, 1))
        wire.next(ACK)
        raw = Wire(socket.socket(fileno=wire.socket.detach()))
        raw.send(b"\x17\x03\x03\x00\x40" + bytes(10))
        raw.close() if name == "cut" else raw.reset()
        event = tls.server.wait_for("disconnected", id=name)
        assert event["cause"] in ("closed", "reset", "tls"), event
    tls.comes_in()
    tls.server.leaves()


@fault("F10")
def records_come_byte_by_byte(field):
    tls = Tls(field)
    relay = field.relay(tls.port)
    relay.piece = 1
    client = tls.client("-c", "2", port=relay.port)
    assert client.status() == 0, client.log()
    wire = tls.wire()
    for byte in hello("nibbled"):
        wire.send(bytes([byte]))  # a record each
    wire.next(WELCOME)
    wire.send(b"".join(frame(PROBE, number, b"z" * 900) for number in range(1, 16)))  # one record of 13 kB
    assert [wire.next(ACK)[1] for _ in range(15)] == list(range(1, 16))
    wire.close()
    tls.server.wait_for("disconnected", id="nibbled")
    tls.server.leaves()
