"""A Redis with another clock, one that pauses, loads or evicts; and a path to it that is cut for one node of three."""

import os
import socket
import struct
import threading
import time

from stage import LEASE, run, wait_for

HOUR = 3600
SAME = ("--incarnation", "7")


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


def dropped_claims_are_written_again(stage):
    """Deleted under a Redis that says nothing of it; then evicted from a Redis that says so."""
    stage.start_redis()
    server = stage.server("a", "--grace", "2s")
    client = stage.client("pump-a", server, "-t", "30s", "--expiry", "30s")
    others = [stage.client(f"fan-{number}", server, "-t", "30s", "--expiry", "30s") for number in range(3)]
    await_all(stage, ("a",))
    for number in range(3):
        stage.wait_for_claim(f"fan-{number}", "a", "up")
    stage.ask("DEL", "lubdub:id:pump-a", "lubdub:id:fan-1")
    await_all(stage, ("a",))
    stage.wait_for_claim("fan-1", "a", "up")
    wait_for(lambda: "it has dropped what stood there" in stage.log(server), lambda: stage.log(server))
    stage.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
    stage.ask("CONFIG", "SET", "maxmemory", "1")
    wait_for(lambda: stage.claim("pump-a") is None, "nothing is evicted")
    stage.ask("CONFIG", "SET", "maxmemory", "0")
    await_all(stage, ("a",))
    nobody_is_lost(stage, [server], [client, *others])
    stage.leaves_cleanly(server)


class Path:
    """A path to Redis that can be cut: connections stay, and nothing passes; or whose connections end."""

    def __init__(self, stage, name):
        self.target = stage.path
        self.path = os.path.join(stage.folder, name)
        self.is_open = threading.Event()
        self.is_open.set()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.sockets = []
        threading.Thread(target=self.serve, daemon=True).start()

    def end_connections(self):
        for one in self.sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # it has ended already

    def serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.target)
            except OSError:
                return
            self.sockets += [near, far]
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


def session_that_moved_stays_where_redis_forgets_the_move(stage):
    """A replica that took over may name the session of before, at a node that does not know of it any more."""
    stage.start_redis()
    path = Path(stage, "path.sock")
    one = stage.server("a")
    other = stage.server("b", url=f"unix:{path.path}")
    first = stage.client("pump-7", one, *SAME)
    stage.wait_for_claim("pump-7", "a", "up")
    before = stage.ask("GET", "lubdub:id:pump-7")
    boots = [stage.ask("HGET", "lubdub:nodes", node).split(b" ")[0] for node in ("a", "b")]
    mover = stage.client("pump-7", other, *SAME)
    stage.wait_for_claim("pump-7", "b", "up")
    wait_for(lambda: stage.events(first, "down", cause="replaced"), "the old session goes on")
    stage.ask("SET", "lubdub:id:pump-7", before)
    path.end_connections()
    wait_for(lambda: stage.ask("HGET", "lubdub:nodes", "b").split(b" ")[0] != boots[1], "b does not come back")
    stage.wait_for_claim("pump-7", "b", "up")
    assert stage.ask("HGET", "lubdub:nodes", "a").split(b" ")[0] == boots[0]  # the claim of before was of a live boot
    assert not stage.events(mover, "down"), stage.output(mover)
    assert not stage.events(other, "disconnected"), stage.output(other)
    stage.leaves_cleanly(one)
    stage.leaves_cleanly(other)


def session_ends_for_none_that_has_ended_itself(stage):
    """The replica names a session that had ended, of a boot that its node is about to give up."""
    stage.start_redis()
    paths = [Path(stage, "one.sock"), Path(stage, "other.sock")]
    one, other = (stage.server(node, url=f"unix:{path.path}") for node, path in zip("ab", paths))
    first = stage.client("pump-7", one, *SAME)
    stage.wait_for_claim("pump-7", "a", "up")
    before = stage.ask("GET", "lubdub:id:pump-7")
    first.terminate()
    stage.wait_for_claim("pump-7", "a", "gone")
    client = stage.client("pump-7", other, *SAME)
    stage.wait_for_claim("pump-7", "b", "up")
    boot = stage.ask("HGET", "lubdub:nodes", "b").split(b" ")[0]
    paths[0].is_open.clear()  # b is back first
    stage.ask("SET", "lubdub:id:pump-7", before)
    paths[1].end_connections()
    wait_for(lambda: stage.ask("HGET", "lubdub:nodes", "b").split(b" ")[0] != boot, "b does not come back")
    stage.wait_for_claim("pump-7", "b", "up")
    assert not stage.events(client, "down"), stage.output(client)
    paths[0].is_open.set()
    wait_for(lambda: stage.nodes() == {"a": "live", "b": "live"}, lambda: f"they are {stage.nodes()}")
    stage.wait_for_claim("pump-7", "b", "up")
    assert not stage.events(other, "disconnected"), stage.output(other)
    stage.leaves_cleanly(one)
    stage.leaves_cleanly(other)


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
    redis_that_may_evict_is_warned_of, dropped_claims_are_written_again,
    session_that_moved_stays_where_redis_forgets_the_move, session_ends_for_none_that_has_ended_itself,
    node_that_is_cut_off_is_buried_once_and_comes_back)
