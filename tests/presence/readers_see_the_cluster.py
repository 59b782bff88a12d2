"""The nodes and Redis, in /api/summary and /metrics; the page is in page_shows_the_cluster.py."""

import json
import re
import signal
import urllib.request

from stage import free_port, run, wait_for


def fetch(server, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.http}{path}", timeout=30) as answer:
        return answer.read().decode()


def cluster_of(server):
    return json.loads(fetch(server, "/api/summary")).get("cluster")


def nodes_of(server):
    """node → (state, sessions)"""
    return {node["node"]: (node["state"], node.get("sessions")) for node in cluster_of(server)["nodes"]}


def metric(server, name):
    return int(re.search(rf"^{re.escape(name)} ([0-9]+)$", fetch(server, "/metrics"), re.M)[1])


def serve(stage, node, *options):
    port = free_port()
    server = stage.server(node, "--http", f"127.0.0.1:{port}", *options)
    server.http = port
    return server


def nodes_and_redis_are_shown(stage):
    stage.start_redis()
    one = serve(stage, "a", "--grace", "60s")
    other = stage.server("b", "--grace", "60s", "--redis-lease", "6s")  # suspect for three seconds: long enough to be seen
    stage.client("pump-7", other, "-t", "60s", "--expiry", "60s")
    wait_for(lambda: nodes_of(one) == {"a": ("live", 0), "b": ("live", 1)}, lambda: f"they are {nodes_of(one)}")
    assert cluster_of(one)["redis"] == "up"
    assert [node["node"] for node in cluster_of(one)["nodes"] if node["is_self"]] == ["a"]
    other.send_signal(signal.SIGSTOP)
    wait_for(lambda: nodes_of(one)["b"] == ("suspect", 1), lambda: f"they are {nodes_of(one)}")
    wait_for(lambda: nodes_of(one)["b"] == ("dead", 1), lambda: f"they are {nodes_of(one)}")
    other.send_signal(signal.SIGCONT)
    wait_for(lambda: nodes_of(one)["b"] == ("live", 1), lambda: f"they are {nodes_of(one)}")
    stage.redis.send_signal(signal.SIGSTOP)
    wait_for(lambda: cluster_of(one)["redis"] == "away", "Redis is up")
    assert nodes_of(one) == {"a": ("live", 0), "b": ("unknown", None)}, nodes_of(one)
    stage.redis.send_signal(signal.SIGCONT)
    wait_for(lambda: nodes_of(one)["b"] == ("live", 1), lambda: f"they are {nodes_of(one)}")
    stage.leaves_cleanly(other)
    wait_for(lambda: nodes_of(one)["b"][0] == "left", lambda: f"they are {nodes_of(one)}")
    stage.leaves_cleanly(one)


def what_happened_is_counted(stage):
    stage.start_redis()
    one = serve(stage, "a")
    other = stage.server("b")
    for name in ("lubdub_redis_moved_total", "lubdub_redis_buried_total", 'lubdub_events_lost_total{sink="redis"}'):
        assert metric(one, name) == 0, name
    stage.client("pump-7", one)
    stage.wait_for_claim("pump-7", "a", "up")
    stage.client("pump-7", other)
    stage.wait_for_claim("pump-7", "b", "up")
    wait_for(lambda: metric(one, "lubdub_redis_moved_total") == 1, "no move is counted")
    one.send_signal(signal.SIGSTOP)
    wait_for(lambda: stage.nodes()["a"] == "dead", lambda: f"it is {stage.nodes()}")
    one.send_signal(signal.SIGCONT)
    wait_for(lambda: metric(one, "lubdub_redis_buried_total") == 1, "no burial is counted")
    stage.leaves_cleanly(one)
    stage.leaves_cleanly(other)


run(nodes_and_redis_are_shown, what_happened_is_counted)
