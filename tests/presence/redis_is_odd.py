"""A Redis with another clock, one that pauses, loads or evicts; and a path to it that is cut for one node of three."""

import os
import socket
import struct
import threading
import time

from stage import LEASE, run, wait_for

HOUR = 3600


def nobody_is_lost(stage, servers, clients):
    for server in servers:
        assert not stage.events(server, "disconnected"), stage.output(server)
        assert "is buried" not in stage.log(server), stage.log(server)
    for client in clients:
        assert not stage.events(client, "down"), stage.output(client)


def prepare(stage, *nodes, **options):
    """(servers, clients): one client of each node, pump-NODE, which is up."""
    servers = [stage.server(node, "--grace", "2s", **options) for node in nodes]
    clients = [stage.client(f"pump-{server.name}", server, "-t", "30s", "--expiry", "30s") for server in servers]
    await_all(stage, nodes)
    return servers, clients


def await_all(stage, nodes):
    for node in nodes:
        stage.wait_for_claim(f"pump-{node}", node, "up")


def set_clock(stage, seconds):
    path = os.path.join(stage.folder, "clock")
    with open(path, "r+b" if os.path.exists(path) else "wb") as file:  # Redis has it in its memory
        file.write(struct.pack("=q", seconds))


def time_of_redis(stage):
    return int(stage.ask("TIME")[0])


def clock_of_redis_decides_nothing(stage):
    set_clock(stage, 0)
    stage.start_redis(environment={**os.environ, "LD_PRELOAD": os.environ["LUBDUB_OTHER_CLOCK_LIBRARY"],
                                   "LUBDUB_OTHER_CLOCK": os.path.join(stage.folder, "clock")})
    servers, clients = prepare(stage, "a", "b")
    for off in (HOUR, -HOUR, HOUR):
        set_clock(stage, off)
        wait_for(lambda: abs(time_of_redis(stage) - time.time() - off) < 60, lambda: f"it is {time_of_redis(stage)}")
        time.sleep(1.2 * LEASE)  # for what must not happen
        assert stage.nodes() == {"a": "live", "b": "live"}, stage.nodes()
        assert stage.claim("pump-a") == ("a", "up") and stage.claim("pump-b") == ("b", "up")
    nobody_is_lost(stage, servers, clients)
    servers[1].kill()  # and a death is found as ever
    wait_for(lambda: stage.nodes()["b"] == "dead", lambda: f"it is {stage.nodes()}")
    stage.wait_for_claim("pump-b", "b", "absent")
    stage.leaves_cleanly(servers[0])


def paused_redis_loses_nobody(stage):
    stage.start_redis()
    servers, clients = prepare(stage, "a", "b")
    stage.ask("CLIENT", "PAUSE", 1500 * LEASE, "ALL")
    late = stage.client("pump-c", servers[0])  # comes while Redis pauses
    wait_for(lambda: len(stage.events(late, "ack")) > 3, "heartbeats stand still")
    time.sleep(1.5 * LEASE)
    wait_for(lambda: stage.nodes() == {"a": "live", "b": "live"}, lambda: f"they are {stage.nodes()}")
    stage.wait_for_claim("pump-c", "a", "up")
    await_all(stage, ("a", "b"))
    nobody_is_lost(stage, servers, clients)
    for server in servers:
        stage.leaves_cleanly(server)


def loading_redis_is_awaited(stage):
    """A fake one says it is loading; then the real one is there."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(stage.path)
    listener.listen()

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(b"-LOADING Redis is loading the dataset in memory\r\n")
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    server = stage.server("a")
    client = stage.client("pump-a", server)
    wait_for(lambda: "LOADING" in stage.log(server), lambda: stage.log(server))
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    os.unlink(stage.path)
    stage.start_redis()
    await_all(stage, ("a",))
    nobody_is_lost(stage, [server], [client])
    stage.leaves_cleanly(server)


def redis_that_may_evict_is_warned_of(stage):
    stage.start_redis("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    servers, clients = prepare(stage, "a", "b")
    for server in servers:
        wait_for(lambda: "maxmemory-policy allkeys-lru" in stage.log(server), lambda: stage.log(server))
    stage.ask("DEL", "lubdub:nodes")  # evicted
    await_all(stage, ("a", "b"))
    wait_for(lambda: stage.nodes() == {"a": "live", "b": "live"}, lambda: f"they are {stage.nodes()}")
    nobody_is_lost(stage, servers, clients)
    for server in servers:
        stage.leaves_cleanly(server)


class Path:
    """A path to Redis that can be cut: connections stay, and nothing passes."""

    def __init__(self, stage, name):
        self.target = stage.path
        self.path = os.path.join(stage.folder, name)
        self.is_open = threading.Event()
        self.is_open.set()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.target)
            except OSError:
                return
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self.pass_on, args=(source, target), daemon=True).start()

    def pass_on(self, source, target):
        try:
            while data := source.recv(65536):
                self.is_open.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def node_that_is_cut_off_is_buried_once_and_comes_back(stage):
    stage.start_redis()
    path = Path(stage, "path.sock")
    one, other = (stage.server(node, "--grace", "2s") for node in ("a", "b"))
    third = stage.server("c", "--grace", "2s", url=f"unix:{path.path}")
    clients = [stage.client(f"pump-{server.name}", server, "-t", "30s", "--expiry", "30s")
               for server in (one, other, third)]
    await_all(stage, ("a", "b", "c"))
    boot = stage.ask("HGET", "lubdub:nodes", "c").split(b" ")[0]
    path.is_open.clear()
    wait_for(lambda: stage.nodes()["c"] == "dead", lambda: f"they are {stage.nodes()}")
    stage.wait_for_claim("pump-c", "c", "absent")
    wait_for(lambda: "away, heartbeats go on" in stage.log(third), lambda: stage.log(third))
    assert sum("node c stood still for its lease" in stage.log(server) for server in (one, other)) == 1
    path.is_open.set()
    wait_for(lambda: stage.nodes() == {"a": "live", "b": "live", "c": "live"}, lambda: f"they are {stage.nodes()}")
    await_all(stage, ("a", "b", "c"))
    assert stage.ask("HGET", "lubdub:nodes", "c").split(b" ")[0] != boot  # a new one
    for server in (one, other, third):
        assert not stage.events(server, "disconnected"), stage.output(server)
    for client in clients:
        assert not stage.events(client, "down"), stage.output(client)
    for server in (one, other, third):
        stage.leaves_cleanly(server)


run(clock_of_redis_decides_nothing, paused_redis_loses_nobody, loading_redis_is_awaited,
    redis_that_may_evict_is_warned_of, node_that_is_cut_off_is_buried_once_and_comes_back)
