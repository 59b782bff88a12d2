"""A node that dies, or only seems to: decided by the others' own clocks, and never while Redis itself was away."""

import signal
import time

from stage import LEASE, free_port, run, wait_for


def killed_node_is_buried_and_what_it_held_is_absent_after_the_grace(stage):
    stage.start_redis()
    one = stage.server("a", "--grace", "5s")
    other = stage.server("b", "--grace", "5s")
    stage.client("pump-7", other, "-r")
    stage.wait_for_claim("pump-7", "b", "up")
    other.kill()
    wait_for(lambda: stage.nodes()["b"] == "dead", lambda: f"it is {stage.nodes()}")
    assert stage.claim("pump-7") == ("b", "up")  # nobody knows; readers call it unknown
    stage.wait_for_claim("pump-7", "b", "absent")
    assert stage.nodes()["a"] == "live"
    stage.leaves_cleanly(one)


def client_that_comes_back_through_another_node_is_up_there(stage):
    stage.start_redis()
    one = stage.server("a", "--grace", "10s")
    other = stage.server("b", "--grace", "10s")
    client = stage.client("pump-7", one, "-r", "--backoff-max", "500ms", f"127.0.0.1:{other.port}")
    stage.wait_for_claim("pump-7", "b", "up")
    other.kill()
    stage.wait_for_claim("pump-7", "a", "up")
    wait_for(lambda: stage.nodes()["b"] == "dead", lambda: f"it is {stage.nodes()}")
    assert stage.claim("pump-7") == ("a", "up")
    client.terminate()
    stage.leaves_cleanly(one)


def node_that_was_buried_claims_again_and_never_exits(stage):
    stage.start_redis()
    one = stage.server("a", "--grace", "60s")
    other = stage.server("b", "--grace", "60s")
    stage.client("pump-7", other, "-t", "60s", "--expiry", "60s")
    stage.wait_for_claim("pump-7", "b", "up")
    before = stage.ask("HGET", "lubdub:nodes", "b").split(b" ")[0]
    other.send_signal(signal.SIGSTOP)
    wait_for(lambda: stage.nodes()["b"] == "dead", lambda: f"it is {stage.nodes()}")
    other.send_signal(signal.SIGCONT)
    wait_for(lambda: stage.nodes()["b"] == "live", lambda: f"it is {stage.nodes()}")
    assert stage.ask("HGET", "lubdub:nodes", "b").split(b" ")[0] != before
    wait_for(lambda: before not in stage.ask("GET", "lubdub:id:pump-7"), "it was not claimed again")
    assert stage.claim("pump-7") == ("b", "up")
    assert not stage.events(other, "disconnected", id="pump-7")
    stage.leaves_cleanly(one)
    stage.leaves_cleanly(other)


def session_that_was_replaced_elsewhere_does_not_take_the_identity_back(stage):
    """Its node was stopped meanwhile, and claims all again; the two have the same incarnation."""
    stage.start_redis()
    one = stage.server("a", "--grace", "60s")
    other = stage.server("b", "--grace", "60s")
    options = "--incarnation", "7", "-t", "60s", "--expiry", "60s"
    old = stage.client("pump-7", one, *options)
    stage.wait_for_claim("pump-7", "a", "up")
    one.send_signal(signal.SIGSTOP)
    wait_for(lambda: stage.nodes()["a"] == "dead", lambda: f"it is {stage.nodes()}")
    fresh = stage.client("pump-7", other, *options)
    stage.wait_for_claim("pump-7", "b", "up")
    one.send_signal(signal.SIGCONT)
    wait_for(lambda: stage.events(old, "down", cause="replaced"), "the old session goes on")
    time.sleep(0.5)  # for what must not happen
    assert stage.claim("pump-7") == ("b", "up")
    assert not stage.events(fresh, "down")
    stage.leaves_cleanly(one)
    stage.leaves_cleanly(other)


def connection_to_redis_has_a_boot_of_its_own(stage):
    """What was sent over the one before may still be on its way: it is of a boot that is over."""
    stage.start_redis()
    server = stage.server("a")
    client = stage.client("pump-7", server)
    stage.wait_for_claim("pump-7", "a", "up")
    before = stage.ask("HGET", "lubdub:nodes", "a").split(b" ")[0]
    stage.ask("CLIENT", "KILL", "TYPE", "normal")
    wait_for(lambda: stage.ask("HGET", "lubdub:nodes", "a").split(b" ")[0] != before, "it goes on under its boot")
    wait_for(lambda: before not in stage.ask("GET", "lubdub:id:pump-7"), "it was not claimed again")
    assert stage.claim("pump-7") == ("a", "up")
    wait_for(lambda: b"claiming" not in stage.ask("HGET", "lubdub:nodes", "a"), "it claims for ever")
    assert not stage.events(client, "down")
    stage.leaves_cleanly(server)


def redis_that_stopped_for_longer_than_the_lease_proves_nothing(stage):
    stage.start_redis()
    one = stage.server("a", "--grace", "1s")
    other = stage.server("b", "--grace", "1s")
    stage.client("pump-7", one)
    stage.client("pump-8", other)
    stage.wait_for_claim("pump-7", "a", "up")
    stage.wait_for_claim("pump-8", "b", "up")
    stage.redis.send_signal(signal.SIGSTOP)
    time.sleep(3 * LEASE)
    stage.redis.send_signal(signal.SIGCONT)
    time.sleep(2 * LEASE)  # for what must not happen
    assert stage.nodes() == {"a": "live", "b": "live"}, stage.nodes()
    assert stage.claim("pump-7") == ("a", "up") and stage.claim("pump-8") == ("b", "up")
    for server in (one, other):
        assert not stage.events(server, "disconnected"), stage.output(server)
        assert "is buried" not in stage.log(server), stage.log(server)
    stage.leaves_cleanly(one)
    stage.leaves_cleanly(other)


def restarted_node_claims_under_a_new_boot(stage):
    stage.start_redis()
    first = stage.server("a")
    stage.client("pump-7", first)
    stage.wait_for_claim("pump-7", "a", "up")
    before = stage.ask("HGET", "lubdub:nodes", "a").split(b" ")[0]
    first.kill()
    second = stage.server("a")
    wait_for(lambda: stage.ask("HGET", "lubdub:nodes", "a").split(b" ")[0] != before, "its entry is the old one")
    stage.wait_for_claim("pump-7", "a", "absent")  # it did not come back
    stage.leaves_cleanly(second)


def two_processes_of_one_name_are_told(stage):
    stage.start_redis()
    one = stage.server("a")
    other = stage.start("twin", *twin_of(one))
    wait_for(lambda: "another process lives under the name of this node" in stage.log(one) + stage.log(other),
             lambda: stage.log(one) + stage.log(other))
    other.kill()
    stage.leaves_cleanly(one)


def twin_of(server):
    command = list(server.args)
    command[command.index("--listen") + 1] = f"127.0.0.1:{free_port()}"
    return command


run(killed_node_is_buried_and_what_it_held_is_absent_after_the_grace,
    client_that_comes_back_through_another_node_is_up_there, node_that_was_buried_claims_again_and_never_exits,
    session_that_was_replaced_elsewhere_does_not_take_the_identity_back, connection_to_redis_has_a_boot_of_its_own,
    redis_that_stopped_for_longer_than_the_lease_proves_nothing, restarted_node_claims_under_a_new_boot,
    two_processes_of_one_name_are_told)
