"""HAProxy before two nodes, and tells them the clients' addresses by PROXY v2: clients move, and are nobody's twice."""

import os
import signal
import socket

from stage import free_port, needed, run, wait_for

needed.need("haproxy")

CLIENTS = 5
SOURCE = "127.0.0.5"

# The nodes are asked, not only connected to: the kernel of a stopped process accepts for it.
RULES = """
global
    stats socket {control} level admin
defaults
    mode tcp
    timeout connect 2s
    timeout client 1m
    timeout server 1m
    retries 3
    option redispatch
listen nodes
    bind 127.0.0.1:{port}
    balance first
    option httpchk GET /readyz
    timeout check 2s
    default-server check inter 300ms fall 2 rise 2 on-marked-down shutdown-sessions send-proxy-v2
    server a 127.0.0.1:{a} port {a_http}
    server b 127.0.0.1:{b} port {b_http}
"""


class Balancer:
    """`port` is where it listens."""

    def __init__(self, stage, one, other):
        self.stage = stage
        self.port = free_port()
        self.control = os.path.join(stage.folder, "haproxy.sock")
        rules = stage.write("haproxy.cfg", RULES.format(control=self.control, port=self.port, a=one.port, b=other.port,
                                                        a_http=one.http, b_http=other.http))
        stage.start("haproxy", "haproxy", "-f", rules)
        wait_for(lambda: self.state("a") == self.state("b") == "UP", "the nodes are not up for HAProxy")

    def say(self, *lines):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(self.control)
            connection.sendall(("; ".join(lines) + "\n").encode())
            return connection.makefile().read()

    def state(self, node):
        try:
            rows = [line.split(",") for line in self.say("show stat").splitlines()]
        except OSError:
            return None
        return next(row[17] for row in rows if row[:2] == ["nodes", node])

    def send_away(self, node):
        self.say(f"set server nodes/{node} state maint", f"shutdown sessions server nodes/{node}")

    def take_back(self, node):
        self.say(f"set server nodes/{node} state ready")
        wait_for(lambda: self.state(node) == "UP", f"{node} is {self.state(node)}")


def serve(stage, node):
    port = free_port()
    server = stage.server(node, "--proxy-from", "127.0.0.1", "--grace", "30s", "--http", f"127.0.0.1:{port}")
    server.http = port
    return server


def prepare(stage):
    stage.start_redis()
    one, other = serve(stage, "a"), serve(stage, "b")
    balancer = Balancer(stage, one, other)
    clients = {f"pump-{number}": stage.client(f"pump-{number}", balancer, "-r", "--backoff-max", "300ms", "--source",
                                              SOURCE) for number in range(CLIENTS)}
    await_all(stage, clients, "a")
    return balancer, one, other, clients


def await_all(stage, clients, node):
    for identity in clients:
        stage.wait_for_claim(identity, node, "up")
        address = stage.ask("GET", f"lubdub:id:{identity}").decode().split(" ")[8]
        assert address.startswith(SOURCE + ":"), address  # the client's, not HAProxy's


def clients_move_there_and_back(stage):
    balancer, one, other, clients = prepare(stage)
    for old, new in (("a", "b"), ("b", "a"), ("a", "b")):
        balancer.send_away(old)
        await_all(stage, clients, new)
        balancer.take_back(old)
    for identity, client in clients.items():
        wait_for(lambda: len(stage.events(client, "up")) == 4, lambda: f"{identity}: " + stage.output(client))
        assert not stage.events(client, "down", cause="replaced"), (identity, stage.output(client))
    stage.leaves_cleanly(one)
    stage.leaves_cleanly(other)


def node_that_is_stopped_gives_its_clients_up_when_it_wakes(stage):
    """For it they are up while they come in at the other; what it writes when it wakes must not undo that."""
    balancer, one, other, clients = prepare(stage)
    one.send_signal(signal.SIGSTOP)
    await_all(stage, clients, "b")
    one.send_signal(signal.SIGCONT)
    wait_for(lambda: len({end["id"] for end in stage.events(one, "disconnected")}) == CLIENTS, lambda: stage.output(one))
    wait_for(lambda: stage.nodes() == {"a": "live", "b": "live"}, lambda: f"it is {stage.nodes()}")
    await_all(stage, clients, "b")
    assert not stage.events(other, "disconnected"), stage.output(other)
    assert balancer.state("b") == "UP"
    stage.leaves_cleanly(one)
    stage.leaves_cleanly(other)


def killed_node_loses_nobody(stage):
    _, one, other, clients = prepare(stage)
    one.kill()
    await_all(stage, clients, "b")
    wait_for(lambda: stage.nodes()["a"] == "dead", lambda: f"it is {stage.nodes()}")
    await_all(stage, clients, "b")
    stage.leaves_cleanly(other)


run(clients_move_there_and_back, node_that_is_stopped_gives_its_clients_up_when_it_wakes, killed_node_loses_nobody)
