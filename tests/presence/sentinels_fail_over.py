"""A master that fails, a replica that a real sentinel makes the master, and nodes that follow it."""

import os
import signal
import socket
import subprocess

from stage import free_port, read_reply, run, wait_for

CLIENTS = 10


class Masters:
    """A master (stage.path), its replica, and a sentinel that watches them."""

    def __init__(self, stage):
        self.stage = stage
        self.ports = [free_port() for _ in range(3)]
        self.first, self.second = stage.path, os.path.join(stage.folder, "replica.sock")
        stage.start_redis("--port", str(self.ports[0]), "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0")
        self.master = stage.redis
        self.replica = stage.start("replica", stage.program, "--port", str(self.ports[1]), "--bind", "127.0.0.1",
                                   "--unixsocket", self.second, "--save", "", "--appendonly", "no", "--dir",
                                   stage.folder, "--dbfilename", "replica.rdb", "--replicaof", "127.0.0.1",
                                   str(self.ports[0]))
        wait_for(lambda: self.at(self.ports[1], "INFO", "replication").find(b"master_link_status:up") > 0,
                 "the replica does not follow")
        # The replica is named here: a sentinel asks the master for its replicas every ten seconds only.
        rules = stage.write("sentinel.conf", f"""
port {self.ports[2]}
bind 127.0.0.1
dir {stage.folder}
sentinel monitor mymaster 127.0.0.1 {self.ports[0]} 1
sentinel down-after-milliseconds mymaster 2000
sentinel failover-timeout mymaster 5000
sentinel known-replica mymaster 127.0.0.1 {self.ports[1]}
""")
        self.sentinel = stage.start("sentinel", stage.program, rules, "--sentinel")
        wait_for(self.replica_is_known, "the sentinel does not know the replica")
        self.url = f"sentinel://127.0.0.1:1,127.0.0.1:{self.ports[2]}/mymaster"  # nobody listens at the first

    def at(self, port, *words):
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as connection:
                parts = [str(word).encode() for word in words]
                connection.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
                return read_reply(connection.makefile("rb"))
        except OSError:
            return b""

    def replica_is_known(self):
        replicas = self.at(self.ports[2], "SENTINEL", "REPLICAS", "mymaster")
        known = [dict(zip(one[::2], one[1::2])) for one in replicas]
        return any(one[b"flags"] == b"slave" and one[b"master-link-status"] == b"ok" for one in known)

    def has_turned(self):
        answer = self.at(self.ports[2], "SENTINEL", "get-master-addr-by-name", "mymaster")
        return isinstance(answer, list) and answer[1] == str(self.ports[1]).encode()

    def await_turn(self):
        wait_for(self.has_turned, "the sentinel does not fail over", 60)
        self.stage.path = self.second  # what is asked from here on

    def is_replica(self, port):
        return b"role:slave" in self.at(port, "INFO", "replication")


def prepare(stage):
    masters = Masters(stage)
    one = stage.server("a", "--grace", "30s", url=masters.url)
    other = stage.server("b", "--grace", "30s", url=masters.url)
    clients = {f"pump-{number}": stage.client(f"pump-{number}", (one, other)[number % 2]) for number in range(CLIENTS)}
    await_all(stage, clients)
    return masters, one, other, clients


def node_of(identity):
    return "ab"[int(identity.split("-")[1]) % 2]


def await_all(stage, clients):
    for identity in clients:
        stage.wait_for_claim(identity, node_of(identity), "up")


def nobody_was_lost(stage, clients, *servers):
    for server in servers:
        assert not stage.events(server, "disconnected"), stage.output(server)
        assert "is buried" not in stage.log(server), stage.log(server)
    for client in clients.values():
        assert not stage.events(client, "down"), stage.output(client)


def views_converge(stage, masters, clients):
    """A reader that asks the sentinel finds every client up, at one node."""
    done = subprocess.run([os.environ["LUBDUB_PRESENCE"], "--redis", masters.url, "list"], timeout=60,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()}
    assert seen == {identity: "up" for identity in clients}, done.stdout


def killed_master_loses_nobody(stage):
    masters, one, other, clients = prepare(stage)
    masters.master.kill()
    masters.await_turn()
    # What the old master had not passed on is lost: here all of it, and all is claimed again.
    stage.ask("DEL", *(f"lubdub:id:{identity}" for identity in clients))
    await_all(stage, clients)
    wait_for(lambda: stage.nodes() == {"a": "live", "b": "live"}, lambda: f"it is {stage.nodes()}")
    nobody_was_lost(stage, clients, one, other)
    views_converge(stage, masters, clients)
    # A move is heard of through the new master.
    mover = stage.client("pump-0", other)
    stage.wait_for_claim("pump-0", "b", "up")
    wait_for(lambda: stage.events(clients["pump-0"], "down", cause="replaced"), "the old session goes on")
    assert not stage.events(mover, "down")
    stage.leaves_cleanly(one)
    stage.leaves_cleanly(other)


def stopped_master_that_wakes_is_not_written_to(stage):
    masters, one, other, clients = prepare(stage)
    masters.master.send_signal(signal.SIGSTOP)
    masters.await_turn()
    await_all(stage, clients)
    mover = stage.client("pump-1", one)  # while the old master sleeps
    stage.wait_for_claim("pump-1", "a", "up")
    masters.master.send_signal(signal.SIGCONT)
    wait_for(lambda: masters.is_replica(masters.ports[0]), "the old master does not become a replica", 60)
    for node in (one, other):
        assert stage.events(node, "disconnected") == stage.events(node, "disconnected", id="pump-1", cause="replaced")
    del clients["pump-1"]
    await_all(stage, clients)
    assert stage.claim("pump-1") == ("a", "up") and not stage.events(mover, "down")
    wait_for(lambda: stage.nodes() == {"a": "live", "b": "live"}, lambda: f"it is {stage.nodes()}")
    stage.leaves_cleanly(one)
    stage.leaves_cleanly(other)


def sentinel_has_a_password_of_its_own(stage):
    stage.start_redis("--port", str(port := free_port()), "--bind", "127.0.0.1", "--requirepass", "of redis")
    at = free_port()
    rules = stage.write("sentinel.conf", f"""
port {at}
bind 127.0.0.1
dir {stage.folder}
sentinel monitor mymaster 127.0.0.1 {port} 1
sentinel auth-pass mymaster "of redis"
user default off
user ops on >of-sentinel allcommands allchannels allkeys
""")
    stage.start("sentinel", stage.program, rules, "--sentinel")
    url = f"redis-sentinel://127.0.0.1:{at}/mymaster"
    files = ("--redis-password-file", stage.write("redis-password", "of redis\n"))
    bare = stage.server("bare", *files, url=url)
    wait_for(lambda: "the sentinel refuses us: NOAUTH" in stage.log(bare), lambda: stage.log(bare))
    stage.leaves_cleanly(bare)
    ours = ("--redis-sentinel-user", "ops", "--redis-sentinel-password-file", stage.write("password", "of-sentinel\n"))
    good = stage.server("good", *files, *ours, url=url)
    wait_for(lambda: "joined node=good" in stage.log(good), lambda: stage.log(good))
    assert "of-sentinel" not in stage.log(good) and "of redis" not in stage.log(good), stage.log(good)
    done = subprocess.run([os.environ["LUBDUB_PRESENCE"], "--redis", url, "--token-file", files[1], *ours, "list"],
                          timeout=60, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done
    stage.leaves_cleanly(good)


run(killed_master_loses_nobody, stopped_master_that_wakes_is_not_written_to,
    sentinel_has_a_password_of_its_own)
