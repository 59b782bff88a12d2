"""G. Redis: away, slow, forgetful, split, and stopped in the middle of an answer. Heartbeats go on whatever it does."""

import os
import pathlib
import shutil
import signal
import socket
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "presence"))
import stage as presence_stage  # noqa: E402
from field import CannotBeInjected, judge_story, wait_for  # noqa: E402
from suite import fault  # noqa: E402

LEASE = 1000  # ms


class Stage(presence_stage.Stage):
    """Redis of our own below the folder of the field, and nodes and clients of it."""

    def __init__(self, field):
        if shutil.which("redis-check-rdb") is None:
            raise CannotBeInjected("redis is not installed")
        super().__init__()
        self.field, self.nodes_of_ours = field, []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for node in self.nodes_of_ours:
            if kind is None and node.is_running():
                node.leaves()
                assert not judge_story(node.events())
        self.remove()

    def node(self, name, url=None, *options):
        node = self.field.new_server("--redis", url or f"unix:{self.path}", "--node", name, "--redis-lease", f"{LEASE}ms", "--interval-min", "10ms",
                                     "--grace", "1s", *options)
        try:
            node.listens()
        except AssertionError:
            if "not built in" in node.log():
                raise CannotBeInjected("it is built without " + ("TLS towards " if "rediss:" in node.log() else "") + "Redis") from None
            raise
        node.node = name
        self.nodes_of_ours.append(node)
        return node

    def beating(self, node, identity=None):
        client = self.field.client(identity or self.field.name("present"), "-i", "50ms", "-t", "20s", "--expiry", "20s", port=node.port)
        client.acks(1)
        return client

    def at(self, path):
        """Asks another Redis from now on."""
        self.path = str(path)

    def end_client(self, node, client):
        client.end()
        node.wait_for("disconnected", id=client.identity)


def goes_on(*clients):
    for client in clients:
        client.acks(3)
        assert not client.events("down"), client.events("down")


@fault("G1")
def redis_is_not_there(field):
    with Stage(field) as stage:
        node = stage.node("a")
        client = stage.beating(node)
        goes_on(client)
        assert node.metric("lubdub_redis_up") == 0
        stage.start_redis()
        stage.wait_for_claim(client.identity, "a", "up")
        stage.redis.kill()
        wait_for(lambda: node.metric("lubdub_redis_up") == 0, "it is thought to be there")
        goes_on(client)
        client.end()


@fault("G2")
def redis_is_slow(field):
    with Stage(field) as stage:
        stage.start_redis()
        node = stage.node("a")
        client = stage.beating(node)
        stage.wait_for_claim(client.identity, "a", "up")
        stage.redis.send_signal(signal.SIGSTOP)
        second = stage.beating(node)
        goes_on(client, second)
        stage.redis.send_signal(signal.SIGCONT)
        stage.wait_for_claim(second.identity, "a", "up")
        client.end()
        second.end()


def start_another(stage, name, *options):
    path = os.path.join(stage.folder, f"{name}.sock")
    process = stage.start(name, stage.program, "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", stage.folder, *options)
    wait_for(lambda: os.path.exists(path), f"{name} does not listen")
    return process, path


def aim(link, target):
    """The symbolic link points at the socket of another Redis from now on."""
    os.symlink(target, link + ".new")
    os.rename(link + ".new", link)


@fault("G3")
def replica_that_lacks_the_last_writes_is_promoted(field):
    """The master dies, and its successor has not heard of the second client and still has one that left."""
    with Stage(field) as stage:
        master, first = start_another(stage, "master")
        _, second = start_another(stage, "replica")
        link = os.path.join(stage.folder, "link.sock")
        aim(link, first)
        stage.at(link)
        node = stage.node("a")
        stayed, left = stage.beating(node), stage.beating(node)
        stage.wait_for_claim(left.identity, "a", "up")
        for identity in (stayed.identity, left.identity):  # what the replica knew when it lost its master
            text = stage.ask("GET", f"lubdub:id:{identity}")
            stage.at(second)
            stage.ask("SET", f"lubdub:id:{identity}", text)
            stage.at(first)
        stage.end_client(node, left)
        late = stage.beating(node)
        stage.wait_for_claim(late.identity, "a", "up")
        aim(link, second)
        master.kill()
        stage.at(second)
        for client in (stayed, late):
            stage.wait_for_claim(client.identity, "a", "up")
        wait_for(lambda: stage.claim(left.identity) is None or stage.claim(left.identity)[1] != "up", lambda: f"{stage.claim(left.identity)}")
        goes_on(stayed, late)
        stayed.end()
        late.end()


@fault("G4")
def two_masters_are_written_to(field):
    """Each of two nodes has its own, and the same identity came to both; when there is one again, its newest connection has it."""
    with Stage(field) as stage:
        _, first = start_another(stage, "first")
        other, second = start_another(stage, "second")
        links = [os.path.join(stage.folder, f"link-{name}.sock") for name in "ab"]
        aim(links[0], first)
        aim(links[1], second)
        one, two = stage.node("a", f"unix:{links[0]}"), stage.node("b", f"unix:{links[1]}")
        name = field.name("split")
        old = field.client(name, "-i", "50ms", "-t", "20s", "--expiry", "20s", "--incarnation", "1", port=one.port)
        old.acks(2)
        stage.at(first)
        stage.wait_for_claim(name, "a", "up")
        new = field.client(name, "-i", "50ms", "-t", "20s", "--expiry", "20s", "--incarnation", "2", port=two.port)
        new.acks(2)
        stage.at(second)
        stage.wait_for_claim(name, "b", "up")
        goes_on(old, new)
        aim(links[1], first)
        other.kill()
        stage.at(first)
        stage.wait_for_claim(name, "b", "up")
        assert old.wait_for("down")["cause"] == "replaced"
        goes_on(new)
        new.end()


@fault("G5", is_quick=False)
def lease_ends_while_the_server_stands_still(field):
    with Stage(field) as stage:
        stage.start_redis()
        node, other = stage.node("a"), stage.node("b")
        client = stage.beating(node)
        stage.wait_for_claim(client.identity, "a", "up")
        node.signal(signal.SIGSTOP)
        wait_for(lambda: stage.nodes().get("a") == "dead", lambda: f"{stage.nodes()}")
        node.signal(signal.SIGCONT)
        stage.wait_for_claim(client.identity, "a", "up")
        goes_on(client)
        client.end()
        assert other.is_running()


@fault("G6", is_quick=False)
def node_dies(field):
    with Stage(field) as stage:
        stage.start_redis()
        node, other = stage.node("a"), stage.node("b")
        client = stage.beating(node)
        stage.wait_for_claim(client.identity, "a", "up")
        node.process.kill()
        node.status()
        wait_for(lambda: stage.claim(client.identity) is None or stage.claim(client.identity)[1] != "up", lambda: f"{stage.claim(client.identity)}")
        assert other.is_running()


@fault("G7", is_quick=False)
def redis_refuses(field):
    with Stage(field) as stage:
        stage.start_redis("--maxmemory-policy", "noeviction")
        node = stage.node("a")
        client = stage.beating(node)
        stage.wait_for_claim(client.identity, "a", "up")
        for refuse, allow in ((("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
                              (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"))):
            stage.ask(*refuse)
            late = stage.beating(node)
            goes_on(client, late)
            stage.ask(*allow)
            stage.wait_for_claim(late.identity, "a", "up")
        client.end()


@fault("G8", is_quick=False)
def redis_is_emptied(field):
    with Stage(field) as stage:
        stage.start_redis()
        node = stage.node("a")
        clients = [stage.beating(node) for _ in range(3)]
        for client in clients:
            stage.wait_for_claim(client.identity, "a", "up")
        stage.ask("FLUSHALL")
        stage.ask("SCRIPT", "FLUSH")
        for client in clients:
            stage.wait_for_claim(client.identity, "a", "up")
        goes_on(*clients)


@fault("G9", is_quick=False)
def subscriber_does_not_read(field):
    """A node stands still while its channel is flooded, until Redis drops it; later it hears again what became of its sessions."""
    with Stage(field) as stage:
        stage.start_redis("--client-output-buffer-limit", "pubsub", "65536", "65536", "1")
        still, other = stage.node("a"), stage.node("b")
        name = field.name("moved")
        old = field.client(name, "-i", "50ms", "-t", "20s", "--expiry", "20s", "--incarnation", "1", port=still.port)
        old.acks(2)
        stage.wait_for_claim(name, "a", "up")
        wait_for(lambda: stage.ask("PUBSUB", "NUMSUB", "lubdub:node:a")[1] == 1, "it does not listen")
        still.signal(signal.SIGSTOP)
        wait_for(lambda: stage.ask("PUBLISH", "lubdub:node:a", b"x" * 65536) == 0, "Redis does not drop it")
        still.signal(signal.SIGCONT)
        wait_for(lambda: stage.ask("PUBSUB", "NUMSUB", "lubdub:node:a")[1] == 1, "it does not listen again")
        goes_on(old)
        new = field.client(name, "-i", "50ms", "-t", "20s", "--expiry", "20s", "--incarnation", "2", port=other.port)
        assert old.wait_for("down")["cause"] == "replaced"
        stage.wait_for_claim(name, "b", "up")
        goes_on(new)
        new.end()


@fault("G10", is_quick=False)
def very_many_are_told_again(field):
    """Not at once: at the rate that was set, in batches, and heartbeats beside them."""
    count, rate = 300, 100
    with Stage(field) as stage:
        stage.start_redis()
        node = stage.node("a", None, "--redis-rate", str(rate), "--max-per-address", "0")
        wires = [field.wire(node.port).open(f"one-of-many-{number}", 5000, 60000) for number in range(count)]
        client = stage.beating(node)
        wait_for(lambda: stage.ask("DBSIZE") >= count, lambda: f"{stage.ask('DBSIZE')} keys")
        stage.ask("FLUSHALL")
        began = time.monotonic()
        goes_on(client)
        wait_for(lambda: stage.ask("DBSIZE") >= count, lambda: f"{stage.ask('DBSIZE')} keys")
        took = time.monotonic() - began
        assert took > 0.5 * count / rate, f"{count} in {took:.2f} s: a thundering refresh"
        assert stage.ask("INFO", "clients").decode().count("connected_clients") == 1
        goes_on(client)
        client.end()
        for wire in wires:
            wire.close()
        wait_for(lambda: node.metric("lubdub_sessions") == 0, "dead ones are kept")


@fault("G11")
def redis_does_not_answer_the_door(field):
    """Its name, its port, or its handshake hang: no loop waits for any of them."""
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    port = full.getsockname()[1]
    crowd = [socket.socket() for _ in range(4)]
    for one in crowd:  # behind these, connecting hangs
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", port))
    quiet = socket.create_server(("127.0.0.1", 0), backlog=64)
    with Stage(field) as stage:
        for url in (f"redis://127.0.0.1:{port}", f"rediss://127.0.0.1:{quiet.getsockname()[1]}", "redis://no-such-host.invalid:6379"):
            began = time.monotonic()
            try:
                node = stage.node("a", url)
            except CannotBeInjected:
                continue  # rediss:// is no part of every build
            client = stage.beating(node)
            goes_on(client)
            stage.end_client(node, client)
            node.leaves()
            assert time.monotonic() - began < 20, f"{url}: it waits"
    for one in (*crowd, full, quiet):
        one.close()
