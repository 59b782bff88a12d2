"""The servers that are attacked: how each is started, and which clients it takes."""

import pathlib

import frames
import processes

HOST = "127.0.0.1"
TOKEN, REVOKED = b"good-token-of-everybody", b"token-that-is-taken-away"
TOKENS = 10000


class Lubdub:
    wire, name = frames.Lubdub, "lubdub"

    def __init__(self, program, detect, workers):
        self.program, self.detect, self.workers = program, detect, workers
        self.setting = f"{detect}, {workers}"

    def start(self, namespace, port, folder, attack, http=()):
        self.tokens, self.log, self.events = folder / "tokens", folder / "log", folder / "events"
        self.many = [f"another-{number:06}" for number in range(TOKENS if attack.many_tokens else 0)]
        self.write_tokens([TOKEN, REVOKED])
        over_http = ["--http", f"{http[0]}:{http[1]}"] if http else []
        with self.log.open("wb") as log:
            return processes.start([self.program, "--listen", f"{HOST}:{port}", "--workers", self.workers, "--detect", self.detect,
                                    "--interval", "1s", "--expiry", "3s", "--drain", "2s", "--token-file", self.tokens,
                                    "--events", "none", "--events-file", self.events, *attack.options, *over_http], namespace, log)

    def write_tokens(self, tokens):
        new = self.tokens.with_suffix(".new")
        new.write_text("\n".join([*self.many, *(token.decode() for token in tokens)]) + "\n", encoding="ascii")
        new.chmod(0o600)
        new.replace(self.tokens)

    def make_wire(self, hears_all):
        return lambda identity: frames.Lubdub(identity, TOKEN)


class _Peer:
    detect, workers, events = "", "", None

    def make_wire(self, hears_all):
        return lambda identity: self.wire(identity, None, hears_all)


class Mosquitto(_Peer):
    wire, name, setting = frames.Mqtt, "mosquitto", "keepalive 2 s"
    program = "/usr/sbin/mosquitto"

    def start(self, namespace, port, folder, attack, http=()):
        path = folder / "mosquitto.conf"
        path.write_text(f"listener {port} {HOST}\nallow_anonymous true\npersistence false\nuser root\nmax_connections -1\n"
                        "log_type error\n", encoding="ascii")
        return processes.start([self.program, "-c", path], namespace)


class NatsServer(_Peer):
    wire, name, setting = frames.Nats, "nats-server", "ping 1 s, 2 out"
    program = "/usr/sbin/nats-server"

    def start(self, namespace, port, folder, attack, http=()):
        path = folder / "nats.conf"
        path.write_text(f'listen: "{HOST}:{port}"\nping_interval: "1s"\nping_max: 2\nmax_connections: 60000\n', encoding="ascii")
        return processes.start([self.program, "-c", path], namespace)


PEERS = Mosquitto, NatsServer


def is_there(peer):
    return pathlib.Path(peer.program).exists()
